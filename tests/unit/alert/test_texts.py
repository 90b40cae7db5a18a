"""What people read in another language: every sentence of the code has its translation, which fills the same gaps."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from configparser import ConfigParser
from email.message import EmailMessage
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po
from jinja2 import Environment

from services.alert import texts
from services.alert.cases import Status, Triage
from services.alert.digest import CaseLine, Contents, title
from services.alert.email_message import compose
from services.alert.settings import AlertSettings
from services.alert.slack_blocks import message
from services.alert.wording import number
from tests.unit.alert.examples import NOW, view
from tests.unit.alert.test_email_message import job, part

ALERT = Path(texts.__file__).parent
KEYWORDS = {**DEFAULT_KEYWORDS, "later": None, "number": (2, 3)}
_TAG = re.compile(r"<[^>]*>")
_GAP = re.compile(r"%\((\w+)\)s|%%|%")


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    yield
    texts.use("en")


def in_code() -> set[tuple[str | None, str]]:
    """(context, sentence) of everything that is marked in code and templates, as `make texts` finds it."""
    config = ConfigParser()
    config.read(texts.LOCALE / "extract.cfg")
    method, options = [], {}
    for section in config.sections():
        kind, pattern = section.split(": ")
        method.append((pattern, kind))
        options[pattern] = dict(config[section])
    found = extract_from_dir(ALERT, method, options, KEYWORDS)
    return {(context, one if isinstance(one, str) else one[0]) for _, _, one, _, context in found}


def translated(language: str) -> list[Message]:
    with (texts.LOCALE / f"{language}.po").open("rb") as file:
        return [message for message in read_po(file, locale=language) if message.id]


def gaps(sentence: str) -> set[str]:
    """Names of what is filled in, of both ways to write it."""
    braces = {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}
    return braces | {found[1] or found[0] for found in _GAP.finditer(sentence) if found[0] != "%"}


@pytest.mark.parametrize("language", [one for one in texts.languages() if one != "en"])
def test_a_translation_has_every_sentence_and_no_other(language: str) -> None:
    known = {
        (message.context, message.id if isinstance(message.id, str) else message.id[0])
        for message in translated(language)
    }
    wanted = in_code()
    assert len(wanted) > 150
    assert sorted(map(str, wanted - known)) == [], "run `make texts` and translate these"
    assert sorted(map(str, known - wanted)) == [], "run `make texts`: nothing says these any more"


@pytest.mark.parametrize("language", [one for one in texts.languages() if one != "en"])
def test_a_translation_fills_the_same_gaps(language: str) -> None:
    for one in translated(language):
        originals = [one.id] if isinstance(one.id, str) else list(one.id)
        said = [one.string] if isinstance(one.string, str) else list(one.string)
        assert all(said), one.id
        assert not one.fuzzy, one.id
        wanted = set.union(*(gaps(one) for one in originals))
        assert gaps(said[-1]) == gaps(originals[-1]), one.id
        assert all(gaps(form) <= wanted for form in said), one.id
        # A template takes a message for markup: a translation has the tags of the original, and breaks out of no attribute.
        assert all(_TAG.findall(form) == _TAG.findall(originals[-1]) for form in said), one.id
        assert all('"' not in _TAG.sub("", form) for form in said), one.id


def test_an_alert_in_dutch() -> None:
    texts.use("nl")
    found = view()
    mail = compose(job(), found, "mythwatch@hospital.example", "http://console", "nl")
    assert isinstance(mail, EmailMessage)
    plain, html = part(mail, "plain"), part(mail, "html")
    assert str(mail["Subject"]).startswith("Mythemelding: ")
    for words in ("Verspreiding: ", "Open de zaak: http://console", "Bron: WHO"):
        assert words in plain
    assert '<html lang="nl">' in html
    assert "Waarom het misleidt" in html
    text, blocks = message(found, "http://console", "nl", buttons=True)
    assert "bericht" in text
    assert blocks[-1]["elements"][0]["text"]["text"] == "Oppakken"
    line = CaseLine("c" * 32, "Zonnebrand geeft kanker.", Triage.MONITOR, Status.OPEN, 3)
    assert (
        title(True, Contents((), (line,), (line,), 1_234, 1, 0))
        == "De week in mythen: 1 nieuwe zaak, 1.234 berichten, 1 beantwoord"
    )


def test_dates_numbers_and_names_of_languages() -> None:
    assert (texts.moment(NOW), texts.count(12_345), texts.language_name("de")) == (
        "21 Sep 2026, 14:13 UTC", "12,345", "German",
    )  # fmt: skip
    texts.use("nl")
    assert (texts.moment(NOW), texts.count(12_345), texts.language_name("de")) == (
        "21 sep 2026, 14:13 UTC", "12.345", "Duits",
    )  # fmt: skip
    assert (number(1, "post", "posts"), number(2, "post", "posts")) == ("1 bericht", "2 berichten")


def test_without_a_translation_people_read_english() -> None:
    texts.use("de")
    assert (texts.language(), texts.gettext("Respond"), texts.count(1_000)) == ("en", "Respond", "1,000")


def test_a_language_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="'qq' is no language"):
        texts.use("qq")
    with pytest.raises(ValueError, match="'qq' is no language"):
        AlertSettings(language="qq")


def test_what_is_filled_into_a_template_is_escaped() -> None:
    page = Environment(autoescape=True)
    texts.translate(page)
    assert page.from_string('{{ _("by %(who)s", who=name) }}').render(name="<b>") == "by &lt;b&gt;"


_JINJA = re.compile(r"\{#.*?#\}|\{%-?\s*trans\b.*?endtrans\s*-?%\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
_SHOWN = re.compile(r'\b(?:aria-label|placeholder|title|data-news|data-page)="([^"]*)"')
AS_THEY_ARE = {"Mythwatch", "https", "cases"}
"""Our name, and parts of addresses."""


@pytest.mark.parametrize("path", sorted(ALERT.glob("**/templates/*.*")), ids=lambda path: path.name)
def test_a_template_says_nothing_that_is_not_translated(path: Path) -> None:
    plain = _JINJA.sub("§", path.read_text(encoding="utf-8"))
    outside = re.sub(r"<[^>]*>|&\w+;", "§", plain).split("§")
    shown = [part for found in _SHOWN.findall(plain) for part in found.split("§")]
    words = {part.strip(" \n·:().,<>-/=\"'") for part in [*outside, *shown] if re.search(r"[A-Za-z]{2}", part)}
    assert {one for one in words if one not in AS_THEY_ARE} == set()
