"""The routes file and what it decides."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from services.alert.cases import Channel, Destination, Harm, Triage
from services.alert.routes import Routes, RoutesError, parse_routes, read_routes
from services.alert.routing import Facts, plan

EXAMPLE = Path(__file__).parents[3] / "deploy" / "routes.example.yaml"
ROUTES = read_routes(EXAMPLE)
CHILD = Facts(Triage.RESPOND, Harm.HIGH, "paediatrics", "vaccines", ("nl",))
DESK, ANNA, HEAD = (
    Destination(Channel.SLACK, "C0000DESK"),
    Destination(Channel.SLACK, "U0000ANNA"),
    "head@hospital.example",
)
MINIMAL = "places: {desk: {slack: C123}}\nrules: [{name: all, tell: desk}]\n"


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Amsterdam")).timestamp() * 1000)


THURSDAY = at("2026-11-26T12:00")


def told(facts: Facts, now_ms: int = THURSDAY, routes: Routes = ROUTES) -> dict[str, int]:
    """When each recipient is told, ms UTC; 0 at once."""
    return {one.destination.recipient: one.begins(now_ms)[0] for one in plan(routes, facts, now_ms, {}).tell}


def test_a_case_goes_to_the_desk_and_to_who_has_the_turn() -> None:
    assert set(told(CHILD)) == {"C0000DESK", "U0000ANNA", "anna@hospital.example", "press@hospital.example"}
    assert "bram@hospital.example" in told(CHILD, at("2026-11-30T10:00"))
    # Before the handover the turn is still the other's; over Christmas somebody else has it.
    assert "anna@hospital.example" in told(CHILD, at("2026-11-30T08:59"))
    assert "bram@hospital.example" in told(CHILD, at("2026-12-25T10:00"))


def test_everybody_gets_a_reason_and_every_rule_that_does_not_apply_too() -> None:
    found = plan(ROUTES, dataclasses.replace(CHILD, specialty="oncology", triage=Triage.MONITOR), THURSDAY, {})
    assert [one.why for one in found.tell] == ["“Everything”"]
    assert [other.why for other in found.not_told] == [
        "specialty is oncology, not paediatrics or neonatology", "specialty is oncology, not paediatrics or neonatology",
        "advice is monitor, not respond",
    ]  # fmt: skip


def test_quiet_hours_hold_back_and_grave_harm_does_not_wait() -> None:
    night = at("2026-11-26T23:00")
    moderate = dataclasses.replace(CHILD, harm=Harm.MODERATE)
    assert told(moderate, night)["U0000ANNA"] == at("2026-11-27T07:00")
    assert told(CHILD, night)["U0000ANNA"] == 0
    assert told(moderate, night)["C0000DESK"] == 0


def test_working_hours_hold_back_until_they_begin() -> None:
    assert told(CHILD, at("2026-11-28T12:00"))["press@hospital.example"] == at("2026-11-30T08:00")


def test_after_a_while_without_acknowledgement_the_next_is_told() -> None:
    assert HEAD not in told(dataclasses.replace(CHILD, waiting_ms=29 * 60_000))
    late = dataclasses.replace(CHILD, waiting_ms=31 * 60_000)
    reason = next(one.why for one in plan(ROUTES, late, THURSDAY, {}).tell if one.destination.recipient == HEAD)
    assert reason == "nobody acknowledged it for 31 min (“Grave harm to children”)"
    assert HEAD not in told(dataclasses.replace(late, triage=Triage.MONITOR))


def test_over_the_daily_cap_a_case_goes_into_the_digest() -> None:
    low = Facts(Triage.MONITOR, Harm.LOW)
    (one,) = plan(ROUTES, low, THURSDAY, {(DESK, Harm.LOW): 2, (DESK, Harm.HIGH): 90}).tell
    assert one.capped
    assert "2 cases of this harm were told today already" in one.words(THURSDAY)
    assert not plan(ROUTES, low, THURSDAY, {(DESK, Harm.LOW): 1}).tell[0].capped


def test_a_last_rule_ends_the_list() -> None:
    routes = parse_routes(
        "places: {a: {slack: C111}, b: {slack: C222}}\nrules:\n- {name: one, tell: a, no further rules: yes}\n- {name: two, tell: b}\n"
    )
    found = plan(routes, CHILD, THURSDAY, {})
    assert [one.destination.recipient for one in found.tell] == ["C111"]
    assert found.not_told[0].why == "“one” was the last to apply"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (MINIMAL.replace("tell: desk", "tell: dsk"), 2, "nobody is called 'dsk'; known: desk"),
        ("rules:\n- name: all\n  tell: [desk]\n  hourz: 1\n", 4, "unknown; check the spelling"),
        ("rules:\n- name: all\n  tell: [desk]\n  when: {harm: grave}\n", 4, "must be one of 'low', 'moderate'"),
        ("people:\n  anna:\n    name: Anna\n" + MINIMAL, 2, "give an email or a slack id"),
        ("people:\n  a:\n    name: A\n    email: a@x.example\n    quiet hours: 22-7\n" + MINIMAL, 5, '"22:00-07:00"'),
        ("time zone: Amsterdam\n" + MINIMAL, 1, "not a time zone"),
        ("people:\n  a:\n    name: A\n    email: A <a@x.example>\n" + MINIMAL, 4, "not an e-mail address; write it bare"),
        ("people:\n  a:\n    name: A\n    email: josé@x.example\n" + MINIMAL, 4, "not an e-mail address"),
        ("rules: []\n", 1, "at least 1 item"),
        ("", 1, "missing; add it"),
        ("rules: [\n", 2, "check indentation and quotes"),
        ("rules:\n- name: all\n  tell: desk\n  escalate: {after: soon, to: desk}\n", 4, '"30 min"'),
    ],
)  # fmt: skip
def test_a_mistake_is_named_by_its_line_with_the_fix(text: str, line: int, says: str) -> None:
    with pytest.raises(RoutesError) as wrong:
        parse_routes(text, "routes.yaml")
    assert f"routes.yaml, line {line}:" in str(wrong.value)
    assert says in str(wrong.value)
