"""Is a notification due? One message, edited; e-mails only when it matters; a deleted quote leaves at once."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alert.cases import Case, Channel, Harm, Status, Triage
from services.alert.due import Due, DueRules, Told, due
from tests.unit.alert.examples import NOW, case

RULES = DueRules()


def told(**more: Any) -> Told:
    values: dict[str, Any] = {
        "posts": 5, "triage": Triage.MONITOR, "status": Status.OPEN, "decided_ms": 0, "muted_until_ms": 0,
        "myth_digest": "d", "sent_ms": NOW - 1_000,
    }  # fmt: skip
    return Told(**{**values, **more})


def slack(found: Case, before: Told | None = None, now: int = NOW) -> Due:
    return due(Channel.SLACK, found, before, RULES, now)


def email(found: Case, before: Told | None = None, now: int = NOW) -> Due:
    return due(Channel.EMAIL, found, before, RULES, now)


@pytest.mark.parametrize("ask", [slack, email])
@pytest.mark.parametrize(
    ("posts", "authors", "harm", "triage", "action"),
    [
        (2, 2, Harm.MODERATE, Triage.MONITOR, "none"),
        (3, 1, Harm.MODERATE, Triage.MONITOR, "none"),
        (3, 2, Harm.MODERATE, Triage.MONITOR, "post"),
        (3, 2, Harm.LOW, Triage.IGNORE, "none"),
        (2, 1, Harm.HIGH, Triage.MONITOR, "post"),
        (1, 1, Harm.HIGH, Triage.MONITOR, "none"),
        (1, 1, Harm.MODERATE, Triage.RESPOND, "post"),
    ],
)
def test_the_first_telling(ask: Any, posts: int, authors: int, harm: Harm, triage: Triage, action: str) -> None:
    found = case(counts={"posts": posts, "authors": authors}, harm=harm, triage=triage)
    answer = ask(found)
    assert answer.action == action
    assert answer.reason


@pytest.mark.parametrize("status", [Status.MUTED, Status.DISMISSED, Status.ACKNOWLEDGED])
def test_nothing_new_is_told_of_a_case_that_people_have_decided_on(status: Status) -> None:
    assert slack(case(status=status, triage=Triage.RESPOND)).action == "none"
    assert email(case(status=status, triage=Triage.RESPOND)).action == "none"


def test_growth_waits_for_the_interval_and_then_is_due() -> None:
    answer = slack(case(counts={"posts": 9}), told(sent_ms=NOW - 1_000))
    assert (answer.action, answer.at_ms) == ("update", NOW - 1_000 + RULES.edit_interval_ms)
    answer = slack(case(counts={"posts": 9}), told(sent_ms=NOW - 60_000))
    assert (answer.action, answer.at_ms) == ("update", NOW)


@pytest.mark.parametrize(
    ("found", "before"),
    [
        (case(triage=Triage.RESPOND), told()),
        (case(status=Status.ACKNOWLEDGED, decided_ms=NOW), told()),
        (case(status=Status.ACKNOWLEDGED, decided_ms=NOW), told(status=Status.ACKNOWLEDGED, decided_ms=NOW - 5)),
        (case(status=Status.DISMISSED, decided_ms=NOW), told()),
        (case(), told(lost_evidence=True)),
        (case(status=Status.DISMISSED), told(status=Status.DISMISSED, lost_evidence=True)),
        (case(status=Status.MUTED), told(status=Status.MUTED, lost_evidence=True)),
        (case(counts={"posts": 0, "authors": 0}), told()),
    ],
)
def test_what_people_must_see_does_not_wait(found: Case, before: Told) -> None:
    answer = slack(found, before)
    rises = found.triage.rank > before.triage.rank
    assert (answer.action, answer.at_ms) == ("rise" if rises else "update", NOW)


def test_a_rise_is_told_whatever_else_changed_but_never_of_a_silenced_case() -> None:
    rising = {"triage": Triage.RESPOND, "decided_ms": NOW}
    assert slack(case(status=Status.ACKNOWLEDGED, **rising), told()).action == "rise"
    assert slack(case(**rising), told(lost_evidence=True)).urgent
    assert slack(case(triage=Triage.IGNORE), told()).action == "update"
    for status in (Status.MUTED, Status.DISMISSED, Status.MERGED):
        assert slack(case(status=status, **rising), told()).action == "update"
    assert slack(case(counts={"posts": 0, "authors": 0}, **rising), told()).action == "update"


@pytest.mark.parametrize("status", [Status.MUTED, Status.DISMISSED])
def test_growth_of_a_muted_or_dismissed_case_is_silent(status: Status) -> None:
    found = case(status=status, counts={"posts": 500}, triage=Triage.RESPOND)
    assert slack(found, told(status=status)).action == "none"
    assert email(found, told()).action == "none"


def test_e_mail_follows_only_doublings_and_rises() -> None:
    assert email(case(counts={"posts": 9}), told(posts=5)).action == "none"
    doubled = email(case(counts={"posts": 10}), told(posts=5))
    assert (doubled.action, doubled.at_ms) == ("update", NOW - 1_000 + RULES.email_interval_ms)
    assert email(case(counts={"posts": 10}, status=Status.ACKNOWLEDGED), told(posts=5)).action == "none"
    assert email(case(triage=Triage.RESPOND), told()).at_ms == NOW
    assert email(case(triage=Triage.IGNORE), told()).action == "none"
    assert email(case(), told(lost_evidence=True)).action == "none"  # an e-mail cannot be unsent


cases = st.builds(
    lambda posts, authors, triage, status, harm, decided: case(
        counts={"posts": posts, "authors": min(posts, authors)}, triage=triage, status=status, harm=harm, decided_ms=decided
    ),
    st.integers(0, 300), st.integers(0, 300), st.sampled_from(Triage), st.sampled_from(Status), st.sampled_from(Harm),
    st.integers(0, 3),
)  # fmt: skip


def shown(found: Case) -> Told:
    """What people see right after `found` was sent."""
    return Told(
        found.counts.posts, found.triage, found.status, found.decided_ms, found.muted_until_ms, found.myth_digest, NOW
    )


@given(cases, st.sampled_from(Channel))
def test_after_telling_there_is_nothing_more_to_tell(found: Case, channel: Channel) -> None:
    assert due(channel, found, shown(found), RULES, NOW).action == "none"


@given(cases, cases, st.sampled_from(Channel))
def test_told_is_never_posted_again_and_untold_is_never_edited(before: Case, after: Case, channel: Channel) -> None:
    assert due(channel, after, shown(before), RULES, NOW).action != "post"
    assert due(channel, after, None, RULES, NOW).action != "update"


@given(cases, cases)
def test_slack_ends_up_showing_the_truth_unless_people_silenced_it(before: Case, after: Case) -> None:
    differs = dataclasses.replace(shown(before), sent_ms=0) != dataclasses.replace(shown(after), sent_ms=0)
    silenced = after.status in (Status.MUTED, Status.DISMISSED, Status.MERGED)
    answer = due(Channel.SLACK, after, shown(before), RULES, NOW)
    if differs and not silenced:
        rises = after.triage.rank > before.triage.rank and after.counts.posts > 0
        assert answer.action == ("rise" if rises else "update")
        assert answer.at_ms <= NOW + RULES.edit_interval_ms


@given(cases, st.sampled_from(Channel), st.booleans())
def test_every_answer_has_a_reason(found: Case, channel: Channel, lost: bool) -> None:
    assert due(channel, found, None, RULES, NOW).reason
    assert due(channel, found, dataclasses.replace(shown(found), lost_evidence=lost), RULES, NOW).reason
