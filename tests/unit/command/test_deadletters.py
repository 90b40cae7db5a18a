"""Listing dead letters shows a reason as it stands, whatever somebody sent."""

from __future__ import annotations

import pytest

from services.command import deadletters
from services.stream import events_pb2 as events


def test_a_reason_is_shown_as_it_is_not_as_markup(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    letter = events.DeadLetter(id="ab12", topic="posts", reason="ce_type: '[/x]' [red]")
    monkeypatch.setattr(deadletters, "_read", lambda topic: [letter])
    monkeypatch.setenv("COLUMNS", "200")
    deadletters.list_letters(topic="", as_json=False)
    assert "'[/x]' [red]" in capsys.readouterr().out


def test_what_is_no_dead_letter_is_left_out_and_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def read(bootstrap: str, names: list[str]) -> list[bytes]:
        return [
            b"\xff\xffrubbish",
            events.DeadLetter(id="ab12", topic="posts", reason="text: empty").SerializeToString(),
        ]

    monkeypatch.setattr("services.command.read_topics.read_to_end", read)
    deadletters.list_letters(topic="", as_json=True)
    shown = capsys.readouterr()
    assert '"id": "ab12"' in shown.out
    assert shown.out.count("\n") == 1
    assert "1 records are no dead letters" in shown.err
