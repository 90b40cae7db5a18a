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
