"""The README's settings are those of the code."""

from __future__ import annotations

from services.command.embedded_kafka import PROJECT
from services.command.settings_table import BEGIN, END, settings_table, with_table


def test_the_readme_holds_the_table_of_the_code() -> None:
    readme = (PROJECT / "README.md").read_text()
    assert BEGIN in readme
    assert END in readme
    assert readme == with_table(readme, settings_table()), "run `mythwatch settings --write`"


def test_no_secret_and_no_machine_is_in_it() -> None:
    table = settings_table()
    assert str(PROJECT) not in table
    assert "MYTHWATCH_ALERT_SLACK_TOKEN" in table
    for line in table.splitlines():
        if any(word in line for word in ("TOKEN`", "SECRET`", "PASSWORD`", "KEY`")):
            assert line.split("|")[2].strip() in ("required", "none (secret)")
