"""The e-mail: one thread a case, escaped HTML, headers that cannot be broken out of."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.alert.cases import CaseView, Channel, Job, Source
from services.alert.email_message import compose
from tests.unit.alert.examples import NOW, myth, post, view

ATTACK = "<script>alert(1)</script><img src=x onerror=alert(1)>\" onmouseover='x'\r\nBcc: victim@example.com\r\n\r\n{{ 7*7 }}"


def job(**more: object) -> Job:
    values: dict[str, object] = {
        "id": "a" * 32, "case_id": "c" * 32, "channel": Channel.EMAIL, "recipient": "officer@hospital.example",
        "sequence": 1, "action": "post", "reason": "3 posts by 3 authors", "attempts": 1, "unsure": False,
        "external_id": "", "thread_id": "", "cause_ms": NOW, "first_ms": NOW, "created_ms": NOW, "trace": "",
    }  # fmt: skip
    return Job(**{**values, **more})  # type: ignore[arg-type]


def sent(found: CaseView, **more: object) -> EmailMessage:
    """The mail as the other side reads it from the wire."""
    mail = compose(job(**more), found, "mythwatch@hospital.example", "http://console", "en")
    parsed = message_from_bytes(mail.as_bytes(), policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def part(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content())


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name == "href"]


def test_says_what_an_officer_needs_in_both_parts() -> None:
    mail = sent(view())
    assert mail["Subject"] == "Myth alert: Sunscreen causes cancer."
    for text in (part(mail, "plain"), part(mail, "html")):
        for words in (
            "5 posts by 4 accounts", "Sunscreen gave my aunt cancer", "Moderate. People stop protecting their skin.",
            "WHO, Sun protection", "87%", "http://console/cases/", "Regular use halves melanoma",
        ):  # fmt: skip
            assert words in text, words


def hostile(text: str) -> CaseView:
    return view(
        evidence=[post(1, text, url=text, platform=text, language=text)],
        myth=myth(
            claim={"en": text}, fact={"en": text}, why_misleading=text, harm_reason=text, specialty=text,
            sources=(Source(text, text, text), Source("x", "y", "javascript:alert(1)")),
        ),
        case={"claim": text, "triage_reason": text, "decided_by": text},
    )  # fmt: skip


ALLOWED = {
    "html", "head", "meta", "title", "body", "div", "table", "tr", "td", "br", "a", "span",
}  # fmt: skip


def check_harmless(found: CaseView) -> None:
    mail = sent(found, reason=ATTACK, action="update", thread_id="<t@x>", external_id="<e@x>")
    assert mail["Bcc"] is None
    assert {name.lower() for name in mail.keys()} == {  # noqa: SIM118
        "subject", "from", "to", "date", "message-id", "in-reply-to", "references", "auto-submitted",
        "x-auto-response-suppress", "x-mythwatch-case", "mime-version", "content-type",
    }  # fmt: skip
    tags = Tags(part(mail, "html"))
    assert tags.names <= ALLOWED
    assert not {name for name in tags.attributes if name.startswith("on")}
    assert all(url.startswith(("http://", "https://")) for url in tags.links)


def test_markup_and_headers_in_every_field_do_nothing() -> None:
    check_harmless(hostile(ATTACK))
    assert "49" not in part(sent(hostile("{{ 7*7 }}")), "plain").replace("http://console", "")


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=2_000))
def test_any_text_is_harmless(text: str) -> None:
    check_harmless(hostile(text))


def test_one_thread_a_case_and_the_same_mail_has_the_same_id() -> None:
    first = sent(view())
    again = sent(view(case={"counts": {"posts": 9}}), attempts=2)
    assert first["Message-ID"] == again["Message-ID"] == f"<{'a' * 32}@hospital.example>"
    more = sent(view(), id="b" * 32, action="update", thread_id="<first@x>", external_id="<second@x>")
    assert more["In-Reply-To"] == "<second@x>"
    assert more["References"].split() == ["<first@x>", "<second@x>"]
    assert more["Subject"] == f"Re: {first['Subject']}"


@pytest.mark.parametrize("claim", ["x" * 5_000, "é" * 300, "a\u2028b\u0000c"])
def test_long_and_odd_subjects(claim: str) -> None:
    subject = sent(view(case={"claim": claim}))["Subject"]
    assert 10 < len(subject) <= 150
    assert subject.isprintable()
