"""What a verdict does: wrong ones are named with the field, late ones do nothing, deletes always win."""

from __future__ import annotations

import pytest

from services.alert.grouping import Gone, Held, Step, case_id, mistake, step
from services.stream import events_pb2 as events
from tests.unit.alert.examples import CREATE, DELETE, HOUR, MYTH, NOW, UPDATE, verdict


def held(**more: object) -> Held:
    values: dict[str, object] = {
        "case_id": case_id(MYTH), "verdict_id": "v", "author": "a1", "received_ms": NOW, "classified_ms": NOW + 5, "edited": False,
    }  # fmt: skip
    return Held(**{**values, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("post.id", {"id": ""}), ("post.id", {"id": "x" * 501}), ("post.action", {"action": 0}),
        ("post.received_ms", {"received_ms": 0}), ("future", {"received_ms": NOW + 2 * HOUR}),
        ("future", {"created_ms": NOW + 48 * HOUR}), ("NUL", {"text": "a\0b"}), ("NUL", {"author": "\0"}),
        ("post.text", {"text": " \n"}), ("post.text", {"text": "x" * 10_001}), ("post.author", {"author": "x" * 201}),
    ],
)  # fmt: skip
def test_a_mistake_names_the_field(field: str, change: dict[str, object]) -> None:
    wrong = verdict().verdict
    for name, value in change.items():
        setattr(wrong.post, name, value)
    assert field in mistake(wrong, NOW)


@pytest.mark.parametrize(
    ("field", "change"), [("id", {"id": ""}), ("myth_id", {"myth_id": ""}), ("myth_id", {"myth_id": "x" * 201})]
)
def test_a_mistake_in_the_verdict_itself(field: str, change: dict[str, str]) -> None:
    wrong = verdict().verdict
    for name, value in change.items():
        setattr(wrong, name, value)
    assert mistake(wrong, NOW).startswith(f"{field}:")


def test_an_empty_verdict_is_a_mistake_and_good_ones_are_not() -> None:
    assert mistake(events.ClaimVerdict(), NOW)
    for good in (
        verdict(),
        verdict(action=DELETE),
        verdict(action=UPDATE, flag=False),
        verdict(action=DELETE, account_gone="a"),
    ):
        assert mistake(good.verdict, NOW) == ""


def test_duplicates_and_overtaken_verdicts_do_nothing() -> None:
    found = verdict().verdict
    assert step(found, None, None, None) is Step.HOLD
    assert step(found, held(verdict_id=found.id), None, None) is Step.NOTHING
    assert step(found, held(received_ms=NOW + 1), None, None) is Step.NOTHING
    assert step(found, held(received_ms=NOW - 1, edited=True), None, None) is Step.NOTHING
    assert step(verdict(action=UPDATE, at_ms=NOW + 9).verdict, held(edited=True), None, None) is Step.HOLD


def test_a_delete_always_wins() -> None:
    gone = verdict(action=DELETE, at_ms=NOW - 5).verdict
    assert step(gone, held(), None, None) is Step.DELETE
    assert step(gone, None, Gone("deleted", NOW), None) is Step.DELETE


def test_tombstones() -> None:
    late = verdict(at_ms=NOW).verdict
    assert step(late, None, Gone("deleted", NOW), None) is Step.NOTHING
    assert step(late, None, None, Gone("author", NOW)) is Step.NOTHING
    again = verdict(at_ms=NOW + 500, created_ms=NOW - 500).verdict
    assert step(again, None, Gone("deleted", NOW), None) is Step.NOTHING
    assert step(again, None, Gone("withdrawn", NOW), None) is Step.NOTHING
    edited_back = verdict(at_ms=NOW + 500, created_ms=NOW - 500, action=UPDATE).verdict
    assert step(edited_back, None, Gone("withdrawn", NOW), None) is Step.HOLD


def test_an_unflagged_edit_leaves_and_an_unflagged_creation_is_nothing() -> None:
    assert step(verdict(action=UPDATE, flag=False, at_ms=NOW + 1).verdict, held(), None, None) is Step.WITHDRAW
    assert step(verdict(action=CREATE, flag=False).verdict, None, None, None) is Step.NOTHING
