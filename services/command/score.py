"""`mythwatch score`: classify posts from a file, without Kafka."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from services.command.classify_errors import one_line


def score(
    myths: Annotated[
        Path | None,
        typer.Option(
            help='Myths to match: schema.org ClaimReview (JSON or JSON lines) or lines of {"id", "text"}; '
            "without it the built-in knowledge base.",
            exists=True,
            dir_okay=False,
            readable=True,
        ),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Add each stage's answer and the words that mattered (slow).")
    ] = False,
) -> None:
    """Read posts from standard input, one JSON object a line, and write one verdict a line in the same order.

    A post has an id, a text and, if known, a language. A line that is no post gets an answer with "error"; the run
    goes on and ends with exit code 2.

    Example: mythwatch score --myths claims.jsonl < posts.jsonl > verdicts.jsonl
    """
    with one_line("score"):
        from services.classify.claim_review import read_myths

        listed = read_myths(myths) if myths else None
        # Only now what takes seconds to load.
        from services.classify.pipeline import Classifier
        from services.classify.score import score_lines
        from services.classify.settings import ClassifySettings
        from services.stream.settings import load

        settings = load(ClassifySettings)
        classifier = Classifier.load(settings, listed)
    all_good = True
    for line, good in score_lines(sys.stdin.buffer, classifier, explain):
        sys.stdout.buffer.write(line.encode() + b"\n")
        all_good = all_good and good
    sys.stdout.buffer.flush()
    if not all_good:
        raise typer.Exit(2)
