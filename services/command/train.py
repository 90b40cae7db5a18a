"""`mythwatch train`: make the classifier's weights."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from services.command.classify_errors import one_line

PARTS = ("matching", "heads", "stance", "gate", "policy")


def train(
    data: Annotated[Path, typer.Option(help="Folder with the public data files.")] = Path("../shared/data"),
    out: Annotated[
        Path | None, typer.Option(help="Folder for the weights; default: the one that classify reads.")
    ] = None,
    threads: Annotated[int, typer.Option(help="Threads; 0: one a core.", min=0)] = 0,
    part: Annotated[
        list[str] | None, typer.Option(help=f"Train only this part ({', '.join(PARTS)}); may be repeated.")
    ] = None,
) -> None:
    """Train every part of the classifier from the authored posts and the public data; seeded, about 40 minutes on 2 cores.

    Example: mythwatch train --data ../shared/data --out services/classify/weights
    """
    unknown = [name for name in part or () if name not in PARTS]
    if unknown:
        raise typer.BadParameter(f"--part {unknown[0]}: unknown; one of {', '.join(PARTS)}")
    with one_line("train"):
        from services.classify.model_files import WEIGHTS
        from services.classify.training import build

        shop = build.open_workshop(data, out or WEIGHTS, threads)
        wanted = tuple(name for name in PARTS if not part or name in part)
        build.train(shop, datetime.now(UTC).date().isoformat(), wanted)
