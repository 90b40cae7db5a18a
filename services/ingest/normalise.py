"""Plain text out of whatever a platform calls text: Unicode NFC, no markup, no invisible characters, bounded length."""

from __future__ import annotations

import html
import re
import unicodedata

from services.ingest.post import TooLong
from services.stream.failures import Invalid

MAX_CHARACTERS = 10_000
# Markup included. Work grows with the length, and nothing that people write needs ten characters of markup for each of text.
MAX_RAW_CHARACTERS = 100_000
# Escaped twice is common in feeds, more often is an attack.
MAX_ROUNDS = 5

# Only real HTML elements: "2 < 3 and 5 > 4" and "<3" are words.
_BLOCKS = "p|div|br|hr|li|ul|ol|tr|table|blockquote|h[1-6]|section|article|pre"
_INLINE = (
    "a|abbr|b|big|body|button|cite|code|dd|del|details|dl|dt|em|figure|figcaption|font|footer|form|head|header|html|i|iframe|"
    "img|input|ins|kbd|label|link|main|mark|meta|nav|object|option|q|s|samp|select|small|source|span|strike|strong|sub|"
    "summary|sup|svg|tbody|td|textarea|tfoot|th|thead|title|tt|u|var|video|audio|wbr"
)
_UNSEEN = re.compile(
    r"<(script|style|noscript|template)\b[^<>]*>.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)|<!doctype[^<>]*>|<\?xml[^<>]*>",
    re.I | re.S,
)
_BLOCK = re.compile(rf"</?(?:{_BLOCKS})(?:\s[^<>]*)?/?>", re.I)
_TAG = re.compile(rf"</?(?:{_INLINE}|script|style|noscript|template)(?:\s[^<>]*)?/?>", re.I)
_JOINER = re.compile(r"(?<=[0-9A-Za-z])[\u200c\u200d]|[\u200c\u200d](?=[0-9A-Za-z])")
_SPACES = re.compile(r"[^\S\n]+")
_LINES = re.compile(r" *\n *(?:\n *)*")
# Joiners shape emoji and several scripts; every other format character is invisible.
_KEEP_FORMAT = frozenset("\u200c\u200d")


def normalise(text: str) -> str:
    """The words of `text`; the same for every way of encoding them, and for its own result.

    Raises Invalid when nothing is left and TooLong when more than 10,000 characters are.
    """
    if len(text) > MAX_RAW_CHARACTERS:
        raise TooLong(f"text: has {len(text):,} characters, markup included; send at most {MAX_CHARACTERS:,} of text")
    plain = plain_text(text)
    if not plain:
        raise Invalid("text: is empty once markup and spaces are gone; send the post's words")
    if len(plain) > MAX_CHARACTERS:
        raise TooLong(f"text: has {len(plain):,} characters; send at most {MAX_CHARACTERS:,}")
    return plain


def plain_text(text: str) -> str:
    """As `normalise`, without a limit: the result may be empty or long."""
    for _ in range(MAX_ROUNDS):
        before = text
        text = html.unescape(_without_tags(text))
        if text == before:
            break
    # Taking a character out may bring two together that compose: NFC once more, on what stays.
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
    seen = "".join(map(_visible, text))
    seen = unicodedata.normalize("NFC", _JOINER.sub("", seen))
    return _LINES.sub(_line_break, _SPACES.sub(" ", seen)).strip()


def _without_tags(text: str) -> str:
    if "<" not in text:
        return text
    return _TAG.sub("", _BLOCK.sub("\n", _UNSEEN.sub(" ", text)))


def _visible(character: str) -> str:
    if character in "\n\t":
        return character
    if character in "\r\x0b\x0c\x85\u2028\u2029":
        return "\n"
    category = unicodedata.category(character)
    if category in ("Cc", "Cs") or (category == "Cf" and character not in _KEEP_FORMAT):
        return ""
    return character


def _line_break(match: re.Match[str]) -> str:
    return "\n\n" if match.group().count("\n") > 1 else "\n"
