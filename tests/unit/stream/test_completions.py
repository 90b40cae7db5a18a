"""What any chat-completions endpoint is sent and answers, and how often it is asked; the client: test_verifier.py, test_draft_form.py."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from services.stream.completion_wire import NotACompletion, completion_text, retry_after_s
from services.stream.completions import Budget, Patience

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<html>502</html>", b'{"choices": []}', b"[]", b"null", b"\xff\xfe", b"[" * 60_000, b"{",
        b'{"choices": [{"message": null}]}', b'{"choices": [{"message": {}}]}', b'{"error": {"message": "no"}}',
        b'{"choices": [{"message": {"content": ["does_not_spread"]}}]}',
        b'{"choices": [{"message": {"content": 0}}]}', b'{"choices": {"message": {"content": "x"}}}',
    ],
)  # fmt: skip
def test_what_is_no_completion_is_told_apart(body: bytes) -> None:
    with pytest.raises(NotACompletion):
        completion_text(body)


@pytest.mark.parametrize(("content", "text"), [('"x"', "x"), ('""', ""), ("null", "")])
def test_what_the_model_wrote_is_read_and_nothing_when_it_refused(content: str, text: str) -> None:
    assert completion_text(b'{"choices": [{"message": {"content": %s}}]}' % content.encode()) == text


def test_a_request_is_counted_for_an_hour() -> None:
    budget = Budget(2)
    taken = [budget.take(at) for at in (0.0, 10.0, 3_599.9, 3_600.0, 3_600.1, 3_610.0)]
    assert taken == [True, True, False, True, False, True]
    assert not Budget(0).take(0.0)


def test_a_longer_silence_is_not_cut_short_by_a_shorter_one() -> None:
    patience = Patience()
    assert patience.failed(0.0, 300.0) == 300.0
    assert [patience.failed(1.0) for _ in range(4)] == [0.0, 0.0, 0.0, 60.0]
    assert patience.is_silent(299.9)
    assert not patience.is_silent(300.0)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("", 0), ("7", 7), ("0", 0), ("-5", 0), ("1.5", 0), ("inf", 0), ("soon", 0), ("٣", 0), ("9" * 5_000, 0),
        ("999999", 3600), (format_datetime(NOON + timedelta(seconds=90), usegmt=True), 90),
        (format_datetime(NOON - timedelta(seconds=90), usegmt=True), 0), ("Fri, 02 Jan 2026 12:01:00 -0000", 60),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600), ("Fri, 31 Dec 99999 23:59:59 +2400", 0),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date_and_never_more_than_an_hour(header: str, seconds: float) -> None:
    assert retry_after_s(header, NOON) == seconds
