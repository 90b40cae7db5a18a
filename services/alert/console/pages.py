"""Templates to pages. Everything is escaped as it is filled in; sentences live in the templates, in English, and are translated there."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from services.alert import lengths, outages, texts, wording
from services.alert.cases import Action, Status, Triage
from services.alert.console import spread, words
from services.alert.names import called
from services.alert.subjects import subject
from services.alert.why_flagged import carried, reason

HERE = Path(__file__).parent
STATIC = HERE / "static"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, auto_reload=False,
    )  # fmt: skip
    texts.translate(environment)
    environment.filters |= {
        "exact": words.exact, "iso": words.iso, "span": words.length, "percent": words.percent,
        "web_link": words.web_link, "site": words.site, "pseudonym": words.pseudonym, "language": texts.language_name,
        "platform": wording.platform, "shortened": wording.shortened, "place_name": lengths.NAMES.get,
        "capital": wording.capital, "subject": subject, "why": reason, "called": called,
    }  # fmt: skip
    environment.globals |= {
        "ago": words.ago, "asset": asset, "bars": spread.bars, "places": wording.places, "platform": wording.platform,
        "number": wording.number, "trend": wording.trend, "growth": wording.growth,
        "standing": wording.standing, "ADVICE": wording.ADVICE, "HARM": wording.HARM, "STATUS": wording.STATUS, "TRIAGE": wording.TRIAGE,
        "CHANNELS": outages.NAMES, "ROLES": words.ROLES, "VERSION_STATES": words.VERSION_STATES,
        "script_words": words.for_script, "carried": carried,
        "Status": Status, "Triage": Triage, "Action": Action,
    }  # fmt: skip
    return environment


@cache
def asset(name: str) -> str:
    """Address of a static file, which changes with its content."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


def fill(template: str, **values: Any) -> str:
    """The text of a filled template."""
    return _environment().get_template(template).render(**values)


def page(template: str, status_code: int = 200, headers: dict[str, str] | None = None, **values: Any) -> HTMLResponse:
    """A filled template as an answer."""
    return HTMLResponse(fill(template, **values), status_code=status_code, headers=headers)


def digest(*shown: object) -> str:
    """Changes when what is shown changes; the page sends it back, so that an unchanged page is not sent again."""
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:20]
