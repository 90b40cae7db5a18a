"""The Slack message: within Block Kit's limits, and nothing from outside comes alive in it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.alert.cases import CaseView, Source, Status
from services.alert.slack_blocks import escaped, link, message
from services.command.local_slack.block_limits import MAX_ALL_TEXT, problems_of, text_length
from tests.unit.alert.examples import NOW, myth, post, view

# Links and dates that we make ourselves; everything else between angle brackets would be a post's.
OURS = re.compile(
    r"<!date\^\d+\^\{date_short_pretty\} \{time\}\|[^<>|]+>|<https?://[^<>| ]+\|(?:see the post|open)>|<@[UW][A-Z0-9]+>"
)
ATTACK = "<!channel> <!here> <@U04DOCTOR01> <#C1|x> <https://evil.example|click> &lt;!channel&gt; *b* _i_ ~s~ `c` ```d``` \n> q"


def rendered(found: CaseView, buttons: bool = True) -> tuple[str, list[dict[str, Any]]]:
    text, blocks = message(found, "http://console", "en", buttons)
    assert problems_of(blocks) == []
    assert text_length(blocks) <= MAX_ALL_TEXT
    assert 0 < len(text) < 4_000
    return text, blocks


def mrkdwn_of(blocks: Any) -> list[str]:
    if isinstance(blocks, dict):
        own = [blocks["text"]] if blocks.get("type") == "mrkdwn" else []
        return own + [text for value in blocks.values() for text in mrkdwn_of(value)]
    return [text for value in blocks for text in mrkdwn_of(value)] if isinstance(blocks, list) else []


def hostile(text: str) -> CaseView:
    """A case that says `text` wherever somebody outside has a say."""
    return view(
        evidence=[post(n, text, language=text, platform=text, url=text, author=text) for n in range(3)],
        myth=myth(
            claim={"en": text}, fact={"en": text}, why_misleading=text, harm_reason=text, specialty=text,
            sources=(Source(text, text, text),) * 5,
        ),
        case={
            "claim": text, "decided_by": text, "decided_ms": NOW, "status": Status.ACKNOWLEDGED,
            "counts": {"platforms": {text: 3}, "languages": {text: 3}},
        },
    )  # fmt: skip


def test_says_what_an_officer_needs() -> None:
    text, blocks = rendered(view())
    everything = text + str(blocks)
    for words in (
        "🔶 Monitor: Sunscreen causes cancer.", "5 posts by 4 accounts", "> Sunscreen gave my aunt cancer",
        "Moderate. People stop protecting their skin.", "Bluesky 5", "English 3, Dutch 2", "WHO, Sun protection", "87%",
        "Why it misleads", "You may have read otherwise", "http://console/cases/",
    ):  # fmt: skip
        assert words in everything, words
    assert [e["action_id"] for e in blocks[-1]["elements"]] == [
        "acknowledge",
        "respond",
        "ask_assign",
        "ask_not_a_myth",
        "ask_mute",
        "open",
    ]


@pytest.mark.parametrize("text", [ATTACK, ATTACK * 400, "&" * 9_000, "\n" * 500 + "x", "​" * 400 + "x", "|>" * 300])
def test_nothing_from_outside_comes_alive(text: str) -> None:
    fallback, blocks = rendered(hostile(text))
    for shown in [fallback, *mrkdwn_of(blocks)]:
        left = OURS.sub("", shown)
        assert "<" not in left, left[:300]
        assert ">" not in re.sub(r"(?m)^> ", "", left)
    assert "`c`" not in "".join(mrkdwn_of(blocks))


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=4_000))
def test_any_text_stays_within_the_limits(text: str) -> None:
    for status in ("acknowledged", "muted", "dismissed", "open"):
        found = hostile(text)
        found = view(evidence=found.evidence, myth=found.myth, case={"claim": text, "status": Status(status)})
        fallback, blocks = rendered(found)
        assert all("<!c" not in shown and "<@" not in shown for shown in [fallback, *mrkdwn_of(blocks)])


def test_buttons_follow_the_status() -> None:
    def actions(status: Status, buttons: bool = True) -> list[str]:
        _, blocks = rendered(view(case={"status": status, "decided_by": "U1AB", "muted_until_ms": NOW}), buttons)
        return [element["action_id"] for element in blocks[-1]["elements"]]

    assert actions(Status.ACKNOWLEDGED) == ["respond", "ask_assign", "ask_not_a_myth", "ask_mute", "open"]
    assert actions(Status.MERGED) == ["open"]
    assert actions(Status.MUTED) == actions(Status.DISMISSED) == ["reopen", "open"]
    assert actions(Status.OPEN, buttons=False) == ["open"]


def test_a_dismissed_case_quotes_nobody() -> None:
    _, blocks = rendered(view(case={"status": Status.DISMISSED}))
    assert "my aunt" not in str(blocks)


def test_without_posts_or_myth() -> None:
    _, blocks = rendered(view(evidence=[], myth=None, hours=[0] * 24, case={"counts": {"posts": 0, "platforms": {}}}))
    assert "deleted or taken back" in str(blocks)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "ftp://x/y",
        "//x",
        "https://",
        "http://[::1",
        "data:text/html,x",
        "https:// x|y>",
        "x" * 2_000,
    ],
)
def test_only_web_addresses_become_links(url: str) -> None:
    made = link(url, "see")
    assert made == "" or OURS.fullmatch(made.replace("|see>", "|open>"))


def test_escaped_shows_exactly_the_words() -> None:
    shown = escaped("a <b> & *c*").replace("\u200b", "")
    assert shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == "a <b> & *c*"
