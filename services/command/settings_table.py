"""`mythwatch settings`: every setting, its default and meaning, from the code; the README holds this table."""

from __future__ import annotations

from pathlib import Path

import typer

from services.command.embedded_kafka import PROJECT

BEGIN, END = "<!-- settings: written by `mythwatch settings --write` -->", "<!-- end of settings -->"


def settings(
    write: bool = typer.Option(False, "--write", help="put the table into the README"),
) -> None:
    """Print the settings of all services as a Markdown table."""
    table = settings_table()
    if not write:
        print(table)
        return
    readme = PROJECT / "README.md"
    readme.write_text(with_table(readme.read_text(), table))
    print(f"wrote {Path(readme).name}")


def settings_table() -> str:
    """Markdown: one table a service, in the order of a post's journey."""
    from services.alert.settings import AlertSettings
    from services.classify.settings import ClassifySettings
    from services.command.demo_settings import DemoSettings
    from services.ingest.settings import IngestSettings
    from services.stream.settings import StreamSettings, describe

    parts = []
    for title, cls in (
        ("Every service", StreamSettings),
        ("Ingest", IngestSettings),
        ("Classify", ClassifySettings),
        ("Alert", AlertSettings),
        ("The demo", DemoSettings),
    ):
        rows = "\n".join(
            f"| `{name}` | {default or '(empty)'} | {meaning} |" for name, default, meaning in describe(cls)
        )
        parts.append(f"**{title}**\n\n| variable | default | meaning |\n| --- | --- | --- |\n{rows}")
    return "\n\n".join(parts)


def with_table(readme: str, table: str) -> str:
    """`readme` with the table between its two marks."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{after}"
