"""The knowledge base: myths with their facts, harm and sources, one readable YAML file a topic.

`load` reads the built-in files (or another folder) and says exactly what is wrong with which field of
which myth. Myths from elsewhere (`--myths`, the `myths` topic) become the same `Myth` with less in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import yaml

BUILT_IN = Path(__file__).with_name("knowledge")
LANGUAGES = ("en", "nl", "de", "es", "fr")
HARMS = ("low", "moderate", "high")
SPECIALTIES = frozenset(
    {
        *("paediatrics", "infectious-diseases", "oncology", "cardiology", "endocrinology", "nephrology"),
        *("gastroenterology", "dermatology", "dentistry", "ophthalmology", "obstetrics", "gynaecology", "psychiatry"),
        *("neurology", "addiction", "pain", "orthopaedics", "emergency", "pharmacy", "nutrition", "general-practice"),
        *("haematology", "transplantation", "rheumatology", "respiratory"),
    }
)
LEAST_SAID_AS = 5


class KnowledgeError(ValueError):
    """A knowledge file is wrong. The message names the file, the myth, the field and the fix."""


@dataclass(frozen=True)
class Source:
    """Who states the fact, and in which document."""

    organisation: str
    title: str
    url: str = ""


@dataclass(frozen=True)
class Myth:
    """One myth. `claim` and `fact` are by language; only `id` and `claim` are always there."""

    id: str
    claim: dict[str, str]
    topic: str = ""
    said_as: tuple[str, ...] = ()
    near_misses: tuple[str, ...] = ()
    fact: dict[str, str] = field(default_factory=dict)
    why_misleading: str = ""
    harm: str = ""
    harm_reason: str = ""
    specialty: str = ""
    sources: tuple[Source, ...] = ()
    reviewed: str = ""

    def title(self, language: str = "en") -> str:
        """The claim in `language`, else in English, else in whatever language there is."""
        return self.claim.get(language) or self.claim.get("en") or next(iter(self.claim.values()))

    def bare(self) -> Myth:
        """The myth as a stranger's file may give it: id and the English claim."""
        return Myth(id=self.id, claim={"en": self.title("en")})

    def wordings(self) -> list[str]:
        """Every way the myth is stated: claims in each language, then `said_as`; no wording twice."""
        return list(dict.fromkeys([*self.claim.values(), *self.said_as]))


def load(folder: Path = BUILT_IN) -> list[Myth]:
    """All myths of a folder, by file name and order in the file. Raises KnowledgeError for the first mistake."""
    myths, problems = read(folder)
    if problems:
        raise KnowledgeError(problems[0])
    return myths


def read(folder: Path = BUILT_IN) -> tuple[list[Myth], list[str]]:
    """The valid myths of a folder and one line for each mistake."""
    files = sorted(folder.glob("*.yaml"))
    if not files:
        return [], [f"{folder}: no knowledge files (*.yaml)"]
    myths: list[Myth] = []
    problems: list[str] = []
    for path in files:
        found, wrong = _read_file(path)
        myths += found
        problems += wrong
    return myths, problems + _twice(myths)


def _read_file(path: Path) -> tuple[list[Myth], list[str]]:
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        return [], [f"{path.name}: not UTF-8"]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark else ""
        return [], [f"{path.name}{line}: not YAML ({getattr(error, 'problem', 'unreadable')})"]
    if not isinstance(raw, dict) or not isinstance(raw.get("myths"), list):
        return [], [f"{path.name}: must hold `topic` and a list `myths`"]
    problems = []
    if raw.get("topic") != path.stem:
        problems.append(f"{path.name}: topic must be {path.stem!r}, like the file")
    myths = []
    for place, entry in enumerate(raw["myths"], start=1):
        wrong = list(_problems(entry))
        name = entry.get("id") if isinstance(entry, dict) and entry.get("id") else f"number {place}"
        problems += [f"{path.name}: myth {name}: {one}" for one in wrong]
        if not wrong:
            myths.append(_myth(entry, str(raw.get("topic"))))
    return myths, problems


def _problems(entry: Any) -> Iterable[str]:
    """One sentence for each mistake of one entry."""
    if not isinstance(entry, dict):
        yield "must be a mapping"
        return
    identifier = entry.get("id")
    if not isinstance(identifier, str) or not identifier or identifier != _kebab(identifier):
        yield "id: must be kebab-case (a-z, 0-9, hyphens)"
    for name in ("claim", "fact"):
        yield from _by_language(name, entry.get(name))
    said_as = entry.get("said_as")
    yield from _texts("said_as", said_as, LEAST_SAID_AS)
    yield from _texts("near_misses", entry.get("near_misses"), 1)
    if not _text(entry.get("why_misleading")):
        yield "why_misleading: must be one or two sentences"
    harm = entry.get("harm")
    if not isinstance(harm, dict) or harm.get("level") not in HARMS:
        yield f"harm.level: must be one of {', '.join(HARMS)}"
    elif not _text(harm.get("reason")):
        yield "harm.reason: must say what a believer would do"
    if entry.get("specialty") not in SPECIALTIES:
        yield f"specialty: {entry.get('specialty')!r} is unknown; one of {', '.join(sorted(SPECIALTIES))}"
    yield from _sources(entry.get("sources"))
    if not _date(entry.get("reviewed")):
        yield "reviewed: must be a date, YYYY-MM-DD"


def _by_language(name: str, value: Any) -> Iterable[str]:
    if not isinstance(value, dict):
        yield f"{name}: must give a text for each of {', '.join(LANGUAGES)}"
        return
    # YAML 1.1 reads a bare `no` as false: such a key is not a language either.
    for language in LANGUAGES:
        if not _text(value.get(language)):
            yield f"{name}.{language}: missing"
    for language in value:
        if language not in LANGUAGES:
            yield f"{name}.{language}: unknown language; use {', '.join(LANGUAGES)}"


def _texts(name: str, value: Any, least: int) -> Iterable[str]:
    if not isinstance(value, list) or len(value) < least:
        yield f"{name}: must list at least {least}"
        return
    for place, one in enumerate(value, start=1):
        if not _text(one):
            yield f"{name}[{place}]: must be text; quote it when it holds a colon"


def _sources(value: Any) -> Iterable[str]:
    if not isinstance(value, list) or not value:
        yield "sources: must list at least one, with organisation and title"
        return
    for place, one in enumerate(value, start=1):
        if not isinstance(one, dict) or not _text(one.get("organisation")) or not _text(one.get("title")):
            yield f"sources[{place}]: needs organisation and title"
        elif one.get("url") and not str(one["url"]).startswith("https://"):
            yield f"sources[{place}].url: must start with https://"


def _twice(myths: list[Myth]) -> list[str]:
    seen: dict[str, str] = {}
    problems = []
    for myth in myths:
        if myth.id in seen:
            problems.append(f"{myth.topic}.yaml: myth {myth.id}: id is used in {seen[myth.id]}.yaml too")
        seen.setdefault(myth.id, myth.topic)
    return problems


def _myth(entry: dict[str, Any], topic: str) -> Myth:
    return Myth(
        id=entry["id"],
        topic=topic,
        claim={language: entry["claim"][language].strip() for language in LANGUAGES},
        said_as=tuple(one.strip() for one in entry["said_as"]),
        near_misses=tuple(one.strip() for one in entry["near_misses"]),
        fact={language: entry["fact"][language].strip() for language in LANGUAGES},
        why_misleading=entry["why_misleading"].strip(),
        harm=entry["harm"]["level"],
        harm_reason=entry["harm"]["reason"].strip(),
        specialty=entry["specialty"],
        sources=tuple(
            Source(one["organisation"].strip(), one["title"].strip(), str(one.get("url") or ""))
            for one in entry["sources"]
        ),
        reviewed=str(entry["reviewed"]),
    )


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _date(value: Any) -> bool:
    if isinstance(value, date):
        return True
    try:
        date.fromisoformat(str(value))
    except ValueError:
        return False
    return True


def _kebab(text: str) -> str:
    kept = "".join(character if character.isascii() and character.isalnum() else "-" for character in text.lower())
    return "-".join(part for part in kept.split("-") if part)
