"""A myth as people write it in a form, to the record of the topic `myths` and back. Pure.

Lists are a line each; a source is "organisation | title | address", the last two optional.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from urllib.parse import urlsplit

from services.alert.cases import Harm
from services.alert.grouping import is_candidate
from services.alert.responses import LANGUAGES
from services.alert.texts import _, count
from services.stream import events_pb2 as events

MOST = {"claim": 300, "fact": 2_000, "why_misleading": 1_000, "harm_reason": 500, "topic": 60, "specialty": 60}
MOST_LINES, MOST_LINE = 60, 300
_KEBAB = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
HARMS = (Harm.LOW, Harm.MODERATE, Harm.HIGH)


class WrongMyth(ValueError):
    """The form can't be taken; the message names the field and the fix."""


def record_of(form: Mapping[str, str], myth_id: str, today: date) -> events.Myth:
    """The myth that a form describes; `myth_id` empty for a new one, whose id is made from its claim. Raises WrongMyth."""
    claim = {code: text for code in LANGUAGES if (text := _text(form, f"claim_{code}", MOST["claim"]))}
    fact = {code: text for code in LANGUAGES if (text := _text(form, f"fact_{code}", MOST["fact"]))}
    if "en" not in claim:
        raise WrongMyth(_("claim in English: say in one sentence what the myth claims; matching begins with it"))
    if "en" not in fact:
        raise WrongMyth(_("fact in English: say what is true; answers are drafted from it"))
    said_as = _lines(form, "said_as")
    if not said_as:
        raise WrongMyth(_("how people say it: give at least one way, a line each"))
    harm = form.get("harm", "")
    if harm not in HARMS:
        raise WrongMyth(_("harm: one of {all}").format(all=", ".join(HARMS)))
    topic, specialty = (_kebab(form, name) for name in ("topic", "specialty"))
    found = myth_id or slug(claim["en"])
    if is_candidate(found):
        raise WrongMyth(_("claim in English: begin with another word"))
    return events.Myth(
        id=found, topic=topic, claim=claim, said_as=said_as, near_misses=_lines(form, "near_misses"), fact=fact,
        why_misleading=_needed(form, "why_misleading", _("why it misleads")), harm=f"HARM_{harm.upper()}",
        harm_reason=_needed(form, "harm_reason", _("harm")), specialty=specialty, sources=_sources(form),
        reviewed=today.isoformat(),
    )  # fmt: skip


def form_of(myth: events.Myth) -> dict[str, str]:
    """What a form shows of a myth."""
    values = {f"claim_{code}": myth.claim.get(code, "") for code in LANGUAGES}
    values |= {f"fact_{code}": myth.fact.get(code, "") for code in LANGUAGES}
    sources = [" | ".join(part for part in (one.organisation, one.title, one.url) if part) for one in myth.sources]
    harm = events.Harm.Name(myth.harm).removeprefix("HARM_").lower() if myth.harm in events.Harm.values() else ""
    return values | {
        "said_as": "\n".join(myth.said_as), "near_misses": "\n".join(myth.near_misses), "sources": "\n".join(sources),
        "topic": myth.topic, "specialty": myth.specialty, "why_misleading": myth.why_misleading,
        "harm_reason": myth.harm_reason, "harm": harm,
    }  # fmt: skip


def slug(claim: str) -> str:
    """An id from a claim: kebab-case, at most 80 characters."""
    plain = unicodedata.normalize("NFKD", claim).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall(r"[a-z0-9]+", plain))[:80].strip("-") or "myth"


def _text(form: Mapping[str, str], name: str, most: int) -> str:
    text = form.get(name, "").replace("\r\n", "\n").strip()
    if len(text) > most or "\0" in text:
        raise WrongMyth(_("{field}: at most {most} characters").format(field=name.replace("_", " "), most=count(most)))
    return text


def _needed(form: Mapping[str, str], name: str, called: str) -> str:
    text = _text(form, name, MOST[name])
    if not text:
        raise WrongMyth(_("{field}: say it in a sentence or two").format(field=called))
    return text


def _kebab(form: Mapping[str, str], name: str) -> str:
    text = _text(form, name, MOST[name]).lower().replace(" ", "-")
    if not _KEBAB.fullmatch(text):
        raise WrongMyth(_("{field}: letters, digits and dashes, such as infectious-diseases").format(field=name))
    return text


def _lines(form: Mapping[str, str], name: str) -> list[str]:
    lines = [line.strip() for line in form.get(name, "").split("\n") if line.strip()]
    if len(lines) > MOST_LINES or any(len(line) > MOST_LINE or "\0" in line for line in lines):
        raise WrongMyth(
            _("{field}: at most {lines} lines of {most} characters").format(
                field=name.replace("_", " "), lines=MOST_LINES, most=MOST_LINE
            )
        )
    return list(dict.fromkeys(lines))


def _sources(form: Mapping[str, str]) -> list[events.Source]:
    sources = []
    for line in _lines(form, "sources"):
        parts = [part.strip() for part in line.split("|")]
        url = parts.pop() if "://" in parts[-1] else ""
        if url and not _is_web(url):
            raise WrongMyth(_("sources: {address} is not a web address").format(address=url[:80]))
        if not parts or not parts[0] or len(parts) > 2:
            raise WrongMyth(_("sources: a line each, as organisation | title | address"))
        sources.append(events.Source(organisation=parts[0], title=parts[1] if len(parts) > 1 else "", url=url))
    if not sources:
        raise WrongMyth(_("sources: who states the fact? A line each, as organisation | title | address"))
    return sources


def _is_web(url: str) -> bool:
    try:
        return urlsplit(url).scheme in ("http", "https") and bool(urlsplit(url).hostname)
    except ValueError:
        return False
