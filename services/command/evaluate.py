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
    write: Annotated[
        Path | None,
        typer.Option(help="Also write the report to this Markdown file, its pictures and figures beside it."),
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(
            help="Measure only what is checked, and fail when a figure fell by more than its tolerance from this file.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
) -> None:
    """Print the figures on held-out myths: stance, false flags by kind of post, matching, heads, the worst mistakes.

    Example: mythwatch evaluate --write docs/evaluation.md   (or: mythwatch evaluate --check docs/evaluation.json)
    """
    with one_line("evaluate"):
        from services.classify.evaluation import held_out, kept_figures, report
        from services.classify.settings import ClassifySettings
        from services.stream.settings import load

        if check:
            now = held_out.checked(load(ClassifySettings))
            for name, value in now.items():
                typer.echo(f"{name}: {value:.4f}")
            fallen = kept_figures.fallen(now, check.read_text(encoding="utf-8"))
            for sentence in fallen:
                typer.echo(sentence, err=True)
            if fallen:
                raise typer.Exit(1)
            return
        found = held_out.evaluate(load(ClassifySettings), data if data.is_dir() else None)
        text = report.markdown(found)
        print(text, end="")
        if write:
            write.write_text(text, encoding="utf-8")
            pictures = write.parent / "pictures"
            pictures.mkdir(exist_ok=True)
            for name, picture in found.plots.items():
                (pictures / f"{name}.svg").write_text(picture, encoding="utf-8")
            write.with_suffix(".json").write_text(kept_figures.as_text(found.checked), encoding="utf-8")
