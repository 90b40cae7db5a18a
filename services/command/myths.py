"""`mythwatch myths`: look at, check, import and export the knowledge base."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from services.command.classify_errors import one_line
from services.stream.service import CannotStart

app = typer.Typer(
    help="The knowledge base: list, show, check, import and export myths.",
    no_args_is_help=True,
    epilog="Example: mythwatch myths list",
)


@app.command("list")
def list_myths(
    topic: Annotated[str, typer.Option(help="Only this topic.")] = "",
    language: Annotated[str, typer.Option(help="Language of the claims.")] = "en",
) -> None:
    """List every myth: id, harm, specialty and claim, by topic.

    Example: mythwatch myths list --topic vaccines
    """
    from services.classify.knowledge_base import load

    with one_line("myths list"):
        myths = load()
    shown = [myth for myth in myths if not topic or myth.topic == topic]
    if not shown:
        topics = ", ".join(sorted({myth.topic for myth in myths}))
        raise CannotStart(f"myths list: no topic {topic!r}; one of {topics}")
    last = ""
    for myth in shown:
        if myth.topic != last:
            print(f"{myth.topic}")
            last = myth.topic
        print(f"  {myth.id}  [{myth.harm}, {myth.specialty}]\n    {myth.title(language)}")
    print(f"{len(shown)} myths, {len({myth.topic for myth in shown})} topics")


@app.command()
def show(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="Id of a myth.")],
    language: Annotated[str, typer.Option(help="Language of claim and fact.")] = "en",
) -> None:
    """Show one myth: claim, fact, why it misleads, harm and sources.

    Example: mythwatch myths show vaccines-cause-autism --language nl
    """
    from difflib import get_close_matches

    from services.classify.knowledge_base import load

    with one_line("myths show"):
        myths = {myth.id: myth for myth in load()}
    if identifier not in myths:
        close = get_close_matches(identifier, myths, n=1, cutoff=0.4)
        hint = f"; did you mean {close[0]}?" if close else "; see `mythwatch myths list`"
        raise CannotStart(f"myths show: no myth {identifier!r}{hint}")
    myth = myths[identifier]
    fact = myth.fact.get(language) or myth.fact.get("en", "")
    print(f"{myth.id} ({myth.topic}, {myth.specialty}, reviewed {myth.reviewed})")
    print(f"\nMyth: {myth.title(language)}\nFact: {fact}\nWhy it misleads: {myth.why_misleading}")
    print(f"Harm: {myth.harm}. {myth.harm_reason}")
    print("\nSaid as:", *(f"  - {text}" for text in myth.said_as), sep="\n")
    print("True, though alike:", *(f"  - {text}" for text in myth.near_misses), sep="\n")
    print(
        "Sources:",
        *(f"  - {source.organisation}: {source.title} {source.url}".rstrip() for source in myth.sources),
        sep="\n",
    )


@app.command()
def check(
    folder: Annotated[Path | None, typer.Argument(help="Folder of YAML files; default: the built-in one.")] = None,
) -> None:
    """Check the knowledge base; each mistake is a line that names file, myth and field (exit code 2).

    Example: mythwatch myths check services/classify/knowledge
    """
    from services.classify.knowledge_base import BUILT_IN, read

    myths, problems = read(folder or BUILT_IN)
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        raise typer.Exit(2)
    print(f"{len(myths)} myths, {len({myth.topic for myth in myths})} topics: nothing wrong")


@app.command("import")
def import_myths(
    file: Annotated[
        Path, typer.Argument(help="schema.org ClaimReview (JSON or JSON lines).", exists=True, dir_okay=False)
    ],
) -> None:
    """Read a ClaimReview file as `score --myths` does, and print what it holds as lines of {"id", "text"}.

    Example: mythwatch myths import reviews.json > myths.jsonl
    """
    from services.classify.claim_review import read_myths

    with one_line("myths import"):
        myths = read_myths(file)
    for myth in myths:
        typer.echo(json.dumps({"id": myth.id, "text": myth.title()}, ensure_ascii=False))
    typer.echo(f"{len(myths)} myths", err=True)


@app.command("export")
def export_myths(
    out: Annotated[Path | None, typer.Option(help="File to write; default: standard output.")] = None,
) -> None:
    """Write the knowledge base as a JSON array of schema.org ClaimReview.

    Example: mythwatch myths export --out mythwatch-claimreview.json
    """
    from services.classify.claim_review import to_claim_review
    from services.classify.knowledge_base import load

    with one_line("myths export"):
        reviews = to_claim_review(load())
    text = json.dumps(reviews, indent=2, ensure_ascii=False)
    if out is None:
        print(text)
    else:
        with one_line("myths export"):
            out.write_text(text + "\n", encoding="utf-8")
        print(f"{len(reviews)} myths in {out}")
