"""mrkdwn as HTML: what Slack marks up is marked up, what anybody else writes is only text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from services.command.slack_rendering import mrkdwn, plain_text


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("*bold* _italic_ ~gone~ `code`", "<b>bold</b> <i>italic</i> <s>gone</s> <code>code</code>"),
        ("*bold _and italic_*", "<b>bold <i>and italic</i></b>"),
        ("snake_case_name and 2 * 3 * 4", "snake_case_name and 2 * 3 * 4"),
        ("one\ntwo", "one<br>two"),
        ("> said\n> twice\nnot", "<blockquote>said<br>twice</blockquote>not"),
        ("&gt; escaped quote", "<blockquote>escaped quote</blockquote>"),
        ("```\n*raw* <b>\n```", "<pre>*raw* &lt;b&gt;</pre>"),
        ("`*raw*`", "<code>*raw*</code>"),
        ("\u200b*\u200bnot bold\u200b*\u200b", "\u200b*\u200bnot bold\u200b*\u200b"),
        (":no_such_emoji:", ":no_such_emoji:"),
        ("a &amp;lt; b", "a &amp;lt; b"),
        ("<@U1> in <#C1> <!here>", '<span class="mention">@sanne</span> in <span class="mention">#alerts</span> '
         '<span class="mention">@here</span>'),
        ("<!date^0^{date_num} {time}|then>", '<time title="1970-01-01T00:00:00+00:00">1970-01-01 00:00</time>'),
        ("<!date^x^{date}|then>", "then"),
    ],
)  # fmt: skip
def test_markup(text: str, html: str) -> None:
    assert mrkdwn(text, {"U1": "sanne", "C1": "alerts"}) == html


def test_emoji_names_become_emoji() -> None:
    assert "🚨" in mrkdwn(":rotating_light: new")
    assert plain_text(":warning: <b>") == "⚠️ &lt;b&gt;"


def test_links_open_outside_and_only_safe_ones_are_links() -> None:
    link = mrkdwn("<https://who.int/a?b=1&amp;c=2|the *fact*>")
    assert link == ('<a href="https://who.int/a?b=1&amp;c=2" target="_blank" rel="noopener noreferrer">the *fact*</a>')
    assert mrkdwn("see https://who.int/x.").startswith('see <a href="https://who.int/x"')
    assert "<a" not in mrkdwn("see https://who.int/x", verbatim=True)
    for unsafe in ("javascript:alert(1)", "data:text/html,x", "JaVaScRiPt:alert(1)", "file:///etc/passwd"):
        assert "<a" not in mrkdwn(f"<{unsafe}|click>")
        assert mrkdwn(f"<{unsafe}|click>") == "click"


@given(st.text(alphabet=st.sampled_from("<>&\"'*_~`:|@#! \nab/"), max_size=60))
def test_nothing_from_outside_becomes_a_tag(text: str) -> None:
    """Whatever is written, once escaped as Slack asks apps to, the only tags are ours."""
    html = str(mrkdwn(str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")))
    for tag in ("<script", "<img", "onerror", "<a "):
        assert tag not in html
    bare = html
    for ours in ("b", "i", "s", "code", "pre", "blockquote"):
        bare = bare.replace(f"<{ours}>", "").replace(f"</{ours}>", "")
    bare = bare.replace("<br>", "")
    assert "<" not in bare


def test_script_in_a_post_is_text() -> None:
    attack = "<script>alert(1)</script>"
    assert mrkdwn(attack.replace("<", "&lt;").replace(">", "&gt;")) == escape(attack)
    assert "<script" not in mrkdwn(attack)
    assert "<img" not in mrkdwn("<https://x|<img src=x onerror=alert(1)>>")
