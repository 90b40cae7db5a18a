"""`mythwatch evaluate`: the figures on what no model was trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from services.command.classify_errors import one_line


def evaluate(
    data: Annotated[
        Path, typer.Option(help="Folder with the public data; where it is missing, only authored posts are measured.")
    ] = Path("../shared/data"),
    write: Annotated[Path | None, typer.Option(help="Also write the report to this Markdown file.")] = None,
) -> None:
    """Print the figures on held-out myths: stance, false flags by kind of post, matching, heads, the worst mistakes.

    Example: mythwatch evaluate --write docs/evaluation.md
    """
    with one_line("evaluate"):
        from services.classify.evaluation import held_out, report
        from services.classify.settings import ClassifySettings
        from services.stream.settings import load

        text = report.markdown(held_out.evaluate(load(ClassifySettings), data if data.is_dir() else None))
        print(text, end="")
        if write:
            write.write_text(text, encoding="utf-8")
