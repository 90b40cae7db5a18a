"""When a failing channel is told on the others, once, and that it works again; and how long it rests."""

from __future__ import annotations

from services.alert.cases import Channel, Destination
from services.alert.outages import STALE_MS, TOLD_AFTER_MS, Outages, everybody
from services.alert.rests import Rests
from services.alert.retry import BREAKS_AFTER, Attempt, Ending, break_s, channel_failed
from services.alert.routes import parse_routes

NOW = 1_790_000_000_000
SLACK, EMAIL = Channel.SLACK, Channel.EMAIL


def test_a_short_failure_is_nobody_s_business() -> None:
    outages = Outages()
    outages.failed(SLACK, "C1", "503", NOW)
    assert outages.due(EMAIL, NOW + TOLD_AFTER_MS - 1) is None
    outages.worked(SLACK, "C1", NOW + TOLD_AFTER_MS)
    assert outages.due(EMAIL, NOW + 10 * TOLD_AFTER_MS) is None


def test_an_outage_is_told_once_on_the_other_channel_with_its_latest_error_and_so_is_its_end() -> None:
    outages = Outages()
    outages.failed(SLACK, "C1", "503", NOW)
    outages.failed(SLACK, "C1", "Slack refuses: token_revoked", NOW + TOLD_AFTER_MS)
    assert outages.due(SLACK, NOW + TOLD_AFTER_MS) is None, "it can't say so itself"
    notice = outages.due(EMAIL, NOW + TOLD_AFTER_MS)
    assert notice is not None
    assert "token_revoked" in notice.text
    assert "e-mail" not in notice.title
    outages.told(EMAIL, notice)
    assert outages.due(EMAIL, NOW + 2 * TOLD_AFTER_MS) is None
    outages.worked(SLACK, "C1", NOW + TOLD_AFTER_MS)
    over = outages.due(EMAIL, NOW + 2 * TOLD_AFTER_MS)
    assert over is not None
    assert over.over
    assert over.title == "Slack works again"
    outages.told(EMAIL, over)
    assert outages.due(EMAIL, NOW + 9 * TOLD_AFTER_MS) is None


def test_an_outage_that_ends_while_it_is_being_told_is_told_to_be_over() -> None:
    outages = Outages()
    outages.failed(EMAIL, "a@x.example", "no answer", NOW)
    outages.failed(EMAIL, "a@x.example", "no answer", NOW + TOLD_AFTER_MS)
    notice = outages.due(SLACK, NOW + TOLD_AFTER_MS)
    assert notice is not None
    outages.worked(EMAIL, "a@x.example", NOW + TOLD_AFTER_MS)
    outages.told(SLACK, notice)
    over = outages.due(SLACK, NOW + TOLD_AFTER_MS)
    assert over is not None
    assert over.title == "E-mail works again"


def test_one_message_that_is_refused_is_no_outage() -> None:
    assert not channel_failed(Attempt(Ending.REJECTED))
    assert not channel_failed(Attempt(Ending.GONE))
    assert not channel_failed(Attempt(Ending.REFUSED, retry_after_s=3.0)), "being asked to slow down is no failure"
    assert all(channel_failed(Attempt(one)) for one in (Ending.REFUSED, Ending.UNSURE, Ending.BROKEN))


def test_one_place_that_fails_is_named_and_the_others_that_work_do_not_end_it() -> None:
    outages = Outages()
    for at_ms in range(NOW, NOW + TOLD_AFTER_MS + 1, 60_000):
        outages.failed(SLACK, "C0ARCHIVED", "is_archived", at_ms)
        outages.worked(SLACK, "C0DESK", NOW + TOLD_AFTER_MS)
    notice = outages.due(EMAIL, NOW + TOLD_AFTER_MS)
    assert notice is not None
    assert "for C0ARCHIVED: is_archived" in notice.text
    outages.told(EMAIL, notice)
    outages.worked(SLACK, "C0DESK", NOW + TOLD_AFTER_MS)
    assert outages.due(EMAIL, NOW + TOLD_AFTER_MS + 1) is None
    outages.worked(SLACK, "C0ARCHIVED", NOW + TOLD_AFTER_MS)
    over = outages.due(EMAIL, NOW + TOLD_AFTER_MS + 2)
    assert over is not None
    assert over.over


def test_an_outage_ends_although_one_place_has_nothing_more_to_be_told() -> None:
    outages = Outages()
    for at_ms in (NOW, NOW + TOLD_AFTER_MS):
        for recipient in ("a@x.example", "b@x.example"):
            outages.failed(EMAIL, recipient, "the relay is down", at_ms)
    notice = outages.due(SLACK, NOW + TOLD_AFTER_MS)
    assert notice is not None
    outages.told(SLACK, notice)
    outages.worked(EMAIL, "a@x.example", NOW + TOLD_AFTER_MS + 1)
    assert outages.due(SLACK, NOW + TOLD_AFTER_MS + 1) is None, "the other one may still fail"
    outages.worked(EMAIL, "a@x.example", NOW + TOLD_AFTER_MS + STALE_MS)
    over = outages.due(SLACK, NOW + TOLD_AFTER_MS + STALE_MS)
    assert over is not None
    assert over.over


def test_what_failed_once_and_was_not_tried_since_is_no_outage() -> None:
    outages = Outages()
    outages.failed(SLACK, "C1", "503", NOW)
    assert outages.due(EMAIL, NOW + STALE_MS) is None
    outages.failed(SLACK, "C1", "503", NOW + STALE_MS)
    assert outages.due(EMAIL, NOW + STALE_MS + 1) is None, "it begins anew"


def test_a_place_that_keeps_failing_rests_while_the_others_are_told() -> None:
    rests, failed = Rests(), Attempt(Ending.BROKEN, error="410")
    for _ in range(BREAKS_AFTER - 1):
        rests.note("gone", failed, 100.0)
    assert rests.resting(100.0) == []
    rests.note("gone", failed, 100.0)
    rests.note("busy", Attempt(Ending.REFUSED, retry_after_s=3_600), 100.0)
    rests.note("rejects", Attempt(Ending.REJECTED), 100.0)
    assert rests.resting(100.0) == ["busy", "gone"]
    assert rests.resting(110.0) == ["busy"]
    rests.note("busy", Attempt(Ending.SENT), 120.0)
    assert rests.resting(120.0) == []


def test_a_place_rests_longer_the_longer_it_fails() -> None:
    assert break_s(BREAKS_AFTER - 1) == 0
    rests = [break_s(BREAKS_AFTER + more) for more in range(6)]
    assert rests == sorted(rests)
    assert 0 < rests[0] < rests[-1] == 60


def test_everybody_is_whom_the_routes_name_now() -> None:
    always = (Destination(SLACK, "C1"), Destination(EMAIL, "a@x.example"))
    assert everybody(None, always, EMAIL, NOW) == ["a@x.example"]
    routes = parse_routes(
        """
people:
  anna: {name: Anna, email: anna@x.example}
  bert: {name: Bert, email: bert@x.example}
  boss: {name: Boss, email: boss@x.example}
places:
  desk: {slack: C0123456789}
rotas:
  week: {people: [anna, bert], from: 2026-01-05}
rules:
  - {name: all, tell: [desk, on call week]}
  - {name: again, tell: [desk], escalate: {after: 1 h, to: boss}}
"""
    )
    assert everybody(routes, always, SLACK, NOW) == ["C0123456789"]
    assert len(everybody(routes, always, EMAIL, NOW)) == 2
    assert "boss@x.example" in everybody(routes, always, EMAIL, NOW)
