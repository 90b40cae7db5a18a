"""The language of what people read: alerts, digests and the console. Set once, at start; English without a translation.

`locale/LANGUAGE.po` holds a translation (gettext); a new file is a new language. `make texts` brings the files up to date.
"""

from __future__ import annotations

import gettext as catalogues
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TypeVar

from babel import Locale
from babel.dates import format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from jinja2 import Environment

LOCALE = Path(__file__).with_name("locale")
ENGLISH = "en"
Key = TypeVar("Key")
_LAST_MS = 253_402_300_799_000  # the year 9999 is as far as a date goes

_language = ENGLISH


def use(language: str) -> None:
    """Say everything in `language` (ISO 639-1) from now on. Raises ValueError for a language that nobody knows."""
    global _language
    locale_of(language)
    _language = language


def language() -> str:
    """What pages and mails are written in, for their `lang`: English when there is no translation."""
    return _language if _language in languages() else ENGLISH


def languages() -> list[str]:
    """Those there is a translation for."""
    return sorted({ENGLISH, *(path.stem for path in LOCALE.glob("*.po"))})


def gettext(message: str) -> str:
    """The translation."""
    return _catalogue(_language).gettext(message)


def pgettext(context: str, message: str) -> str:
    """The translation of what means something else elsewhere."""
    return _catalogue(_language).pgettext(context, message)


def ngettext(one: str, many: str, count: int) -> str:
    """The translation for so many."""
    return _catalogue(_language).ngettext(one, many, count)


def npgettext(context: str, one: str, many: str, count: int) -> str:
    """The translation for so many of what means something else elsewhere."""
    return _catalogue(_language).npgettext(context, one, many, count)


_ = gettext


def later(message: str) -> str:
    """Marks a constant for translation; it is translated where it is read."""
    return message


class Said(Mapping[Key, str]):
    """Words by key, in the language of the moment they are read in."""

    def __init__(self, words: Mapping[Key, str]) -> None:
        self._words = words

    def __getitem__(self, key: Key) -> str:
        return gettext(self._words[key])

    def __iter__(self) -> Iterator[Key]:
        return iter(self._words)

    def __len__(self) -> int:
        return len(self._words)


def count(number: int) -> str:
    """ "2,345"."""
    return format_decimal(number, locale=locale_of(language()))


def date(at_ms: int) -> str:
    """ "21 Nov 2026"."""
    return _written(at_ms, "d MMM y")


def moment(at_ms: int) -> str:
    """ "21 Nov 2026, 14:05 UTC"."""
    return _written(at_ms, "d MMM y, HH:mm 'UTC'")


def second(at_ms: int) -> str:
    """ "21 Nov 2026, 14:05:09 UTC"."""
    return _written(at_ms, "d MMM y, HH:mm:ss 'UTC'")


def language_name(code: str, within: str = "") -> str:
    """Name of a language, in the language `within` or that of the pages; its code when it has none."""
    if not code or code == "und":
        return _("unknown language")
    return locale_of(within or language()).languages.get(code) or code


def translate(templates: Environment) -> None:
    """Lets templates say `_("...")`, `ngettext` and `{% trans %}`; whitespace around and within counts as one space."""
    templates.policies["ext.i18n.trimmed"] = True
    templates.add_extension("jinja2.ext.i18n")
    templates.install_gettext_callables(  # type: ignore[attr-defined]
        gettext, ngettext, newstyle=True, pgettext=pgettext, npgettext=npgettext
    )
    templates.globals |= {"lang": language, "count": count}


def _written(at_ms: int, pattern: str) -> str:
    moment = datetime.fromtimestamp(min(max(at_ms, 0), _LAST_MS) / 1000, UTC)
    return format_datetime(moment, pattern, tzinfo=UTC, locale=locale_of(language()))


@cache
def locale_of(language: str) -> Locale:
    """How a language writes dates and numbers. Raises ValueError for a code that is none."""
    try:
        return Locale(language)
    except Exception as unknown:
        raise ValueError(f"{language!r} is no language; give a code of ISO 639-1, such as en or nl") from unknown


@cache
def _catalogue(language: str) -> catalogues.NullTranslations:
    path = LOCALE / f"{language}.po"
    if not path.is_file():
        return catalogues.NullTranslations()
    with path.open("rb") as file:
        catalogue = read_po(file, locale=language, abort_invalid=True)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return catalogues.GNUTranslations(compiled)
