"""`mythwatch bench`: figures that anyone can print again, each with the machine that it was measured on."""

from __future__ import annotations

import json
from typing import Any

import typer

app = typer.Typer(
    help="Benchmarks; each prints the machine's CPU and compares within one run.",
    no_args_is_help=True,
    epilog="Example: mythwatch bench stream --quick",
)


@app.command(epilog="Example: mythwatch bench stream --quick")
def stream(
    quick: bool = typer.Option(False, "--quick", help="fewer posts, under 60 seconds"),
    as_json: bool = typer.Option(False, "--json", help="one JSON object"),
) -> None:
    """Posts through the real broker and all three services, against the plain Hugging Face pipeline on the same posts."""
    from services.command.bench_stream import bench_stream

    figures = bench_stream(quick)
    if as_json:
        print(json.dumps(figures, indent=2))
        return
    _print(figures)


@app.command(epilog="Example: mythwatch bench classify --quick")
def classify(
    quick: bool = typer.Option(False, "--quick", help="fewer posts, under 60 seconds"),
    as_json: bool = typer.Option(False, "--json", help="one JSON object"),
) -> None:
    """The classifier alone: each engine, and the cascade on health posts and on a firehose, against the plain pipeline."""
    from services.command.bench_classify import bench_classify

    figures = bench_classify(quick)
    if as_json:
        print(json.dumps(figures, indent=2))
        return
    _print(figures)


@app.command(epilog="Example: mythwatch bench alert --quick")
def alert(
    quick: bool = typer.Option(False, "--quick", help="a store a tenth the size, under 60 seconds"),
    server: str = typer.Option(
        "",
        help="a PostgreSQL server, postgresql+psycopg://USER:PASSWORD@HOST/postgres; each part makes a database there and drops it",
    ),
    as_json: bool = typer.Option(False, "--json", help="one JSON object"),
) -> None:
    """The alert service alone: verdicts taken in against one commit each, pages from a full store, verdict to Slack."""
    from services.command.bench_alert import bench_alert

    figures = bench_alert(quick, server)
    if as_json:
        print(json.dumps(figures, indent=2))
        return
    _print(figures)


def _print(figures: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    view = Table("figure", "value", title=f"{figures['machine']['cpu']}, {figures['machine']['cores']} cores")
    for group, values in figures.items():
        for name, value in values.items():
            if group != "machine" or name not in ("cpu", "cores"):
                view.add_row(
                    f"{group}: {name.replace('_', ' ')}", f"{value:,}" if isinstance(value, int) else str(value)
                )
    Console(width=110).print(view)
