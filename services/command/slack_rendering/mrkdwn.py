"""Slack's mrkdwn and plain text as HTML. Everything is escaped; only http, https and mailto links become links.

https://docs.slack.dev/messaging/formatting-message-text
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from markupsafe import Markup, escape

from services.command.slack_rendering.emoji import EMOJI

NO_NAMES: Mapping[str, str] = {}
FENCE = re.compile(r"```\n?(.*?)\n?```", re.DOTALL)
# Bold, italic and strike begin and end at a word's edge, on one line; a zero-width space inside the mark switches it off.
INLINE = re.compile(
    r"`(?P<code>[^`\n]+)`"
    r"|<(?P<angle>[^<>\n]+)>"
    r"|(?<![\w*])\*(?P<bold>(?=[^\s\u200b])[^*\n]+(?<=[^\s\u200b]))\*(?![\w*])"
    r"|(?<![\w_])_(?P<italic>(?=[^\s\u200b])[^_\n]+(?<=[^\s\u200b]))_(?![\w_])"
    r"|(?<![\w~])~(?P<strike>(?=[^\s\u200b])[^~\n]+(?<=[^\s\u200b]))~(?![\w~])"
    r"|:(?P<emoji>[a-z0-9_+'-]+):(?::skin-tone-[2-6]:)?"
    r"|(?P<url>https?://[^\s<>|]*[^\s<>|.,;:!?)\]'\"*_~])"
)
STYLES = {"bold": Markup("<b>{}</b>"), "italic": Markup("<i>{}</i>"), "strike": Markup("<s>{}</s>")}
SAFE_LINK = re.compile(r"(?:https?://|mailto:)\S+\Z", re.IGNORECASE)


def mrkdwn(text: str, names: Mapping[str, str] = NO_NAMES, verbatim: bool = False) -> Markup:
    """`text` as Slack would show it; `names` gives people and channels by id; `verbatim` leaves bare addresses as text."""
    parts: list[Markup] = []
    for number, piece in enumerate(FENCE.split(text)):
        if number % 2:
            parts.append(Markup("<pre>{}</pre>").format(_decoded(piece)))
        else:
            parts.append(_lines(piece, names, verbatim))
    return Markup("").join(parts)


def plain_text(text: str, emoji: bool = True) -> Markup:
    """A plain_text object: nothing but emoji names and line ends is markup."""
    shown = re.sub(r":([a-z0-9_+'-]+):", lambda found: EMOJI.get(found[1], found[0]), text) if emoji else text
    return Markup("<br>").join(escape(_entities(line)) for line in shown.split("\n"))


def _lines(text: str, names: Mapping[str, str], verbatim: bool) -> Markup:
    parts: list[Markup] = []
    quote: list[Markup] = []
    lines: list[Markup] = []

    def flush() -> None:
        if quote:
            parts.append(Markup("<blockquote>{}</blockquote>").format(Markup("<br>").join(quote)))
            quote.clear()
        if lines:
            parts.append(Markup("<br>").join(lines))
            lines.clear()

    for line in text.split("\n"):
        quoted = re.match(r"(?:>|&gt;) ?", line)
        if bool(quoted) != bool(quote):
            flush()
        if quoted:
            quote.append(_inline(line[quoted.end() :], names, verbatim))
        else:
            lines.append(_inline(line, names, verbatim))
    flush()
    return Markup("").join(parts)


def _inline(text: str, names: Mapping[str, str], verbatim: bool) -> Markup:
    parts: list[Markup] = []
    at = 0
    for found in INLINE.finditer(text):
        parts.append(_decoded(text[at : found.start()]))
        parts.append(_marked(found, names, verbatim))
        at = found.end()
    parts.append(_decoded(text[at:]))
    return Markup("").join(parts)


def _marked(found: re.Match[str], names: Mapping[str, str], verbatim: bool) -> Markup:
    kind = found.lastgroup or ""
    inner = found[kind]
    if kind == "code":
        return Markup("<code>{}</code>").format(_decoded(inner))
    if kind == "emoji":
        symbol = EMOJI.get(inner)
        return (
            Markup('<span class="emoji" title=":{}:">{}</span>').format(inner, symbol) if symbol else escape(found[0])
        )
    if kind == "url":
        return escape(inner) if verbatim else _link(inner, inner)
    if kind == "angle":
        return _angle(inner, names)
    return STYLES[kind].format(_inline(inner, names, verbatim))


def _angle(inner: str, names: Mapping[str, str]) -> Markup:
    """What stands in <...>: a link, a mention, a channel, a date, a group."""
    target, _, label = inner.partition("|")
    if target.startswith("@"):
        return Markup('<span class="mention">@{}</span>').format(label or names.get(target[1:], target[1:]))
    if target.startswith("#"):
        return Markup('<span class="mention">#{}</span>').format(label or names.get(target[1:], target[1:]))
    if target.startswith("!date^"):
        return _date(target, label)
    if target.startswith("!"):
        return Markup('<span class="mention">@{}</span>').format(label or target[1:].split("^")[0])
    return _link(target, label or target)


def _link(target: str, label: str) -> Markup:
    target = _entities(target)
    if not SAFE_LINK.match(target):
        return _decoded(label)
    return Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>').format(target, _decoded(label))


def _date(target: str, fallback: str) -> Markup:
    """<!date^epoch^format^link|fallback>, shown in UTC."""
    try:
        _, stamp, form, *_ = target.split("^")
        when = datetime.fromtimestamp(int(stamp), UTC)
    except (ValueError, OverflowError, OSError):
        return _decoded(fallback)
    for token, value in {
        "{date_num}": f"{when:%Y-%m-%d}", "{date_short_pretty}": f"{when:%d %b %Y}", "{date_long_pretty}": f"{when:%A, %d %B %Y}",
        "{date_pretty}": f"{when:%d %B %Y}", "{date_short}": f"{when:%d %b %Y}", "{date_long}": f"{when:%A, %d %B %Y}",
        "{date}": f"{when:%d %B %Y}", "{time_secs}": f"{when:%H:%M:%S}", "{time}": f"{when:%H:%M}",
    }.items():  # fmt: skip
        form = form.replace(token, value)
    return Markup('<time title="{}">{}</time>').format(when.isoformat(), form)


def _entities(text: str) -> str:
    """Slack's three entities as characters; the last one first would decode twice."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _decoded(text: str) -> Markup:
    return escape(_entities(text))
