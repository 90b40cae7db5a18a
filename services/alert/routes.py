"""The routes file: who is told of what, when, and who is next. YAML that people who don't program read and write.

`deploy/routes.example.yaml` shows every part. A mistake is named by its line; `mythwatch routes check` finds it before the service does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from services.alert.cases import Channel, Destination
from services.alert.hours import Hours, clock
from services.alert.mail_address import is_mail_address

MOST_BYTES = 1_000_000
ON_CALL = "on call "
_SPAN = re.compile(r"(\d+)\s*(min|h|days?)")
_UNITS = {"min": 60_000, "h": 3_600_000, "day": 86_400_000, "days": 86_400_000}


class RoutesError(ValueError):
    """The file can't be used; the message names the line and the fix."""


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError('not a time zone; write one such as "Europe/Amsterdam"')
    return name


def _hours(text: Any) -> Any:
    return Hours.read(text) if isinstance(text, str) else text


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _span(text: Any) -> Any:
    found = _SPAN.fullmatch(text.strip()) if isinstance(text, str) else None
    if not found:
        raise ValueError('write a time span as "30 min", "2 h" or "1 day"')
    return int(found[1]) * _UNITS[found[2]]


def _mail(text: str) -> str:
    if text and not is_mail_address(text):
        raise ValueError("not an e-mail address; write it bare, such as anna@hospital.example")
    return text


def _time(text: Any) -> Any:
    if isinstance(text, str):
        clock(text)
    return text


Mail = Annotated[str, AfterValidator(_mail)]
Zone = Annotated[str, AfterValidator(_zone)]
HoursOfDay = Annotated[Hours, BeforeValidator(_hours)]
Names = Annotated[list[str], BeforeValidator(_listed)]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Days = Annotated[list[Day], BeforeValidator(_listed)]
EVERY_DAY: list[Day] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Span = Annotated[int, BeforeValidator(_span)]
TimeOfDay = Annotated[str, BeforeValidator(_time)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, arbitrary_types_allowed=True)


class Person(_Part):
    """Somebody who is told directly, by Slack (a message to them) or e-mail or both."""

    name: str
    email: Mail = ""
    slack: str = Field("", pattern=r"^([UW][A-Z0-9]{2,20})?$")
    time_zone: Zone = Field("", alias="time zone")
    quiet_hours: HoursOfDay | None = Field(None, alias="quiet hours")

    @property
    def destinations(self) -> tuple[Destination, ...]:
        ways = ((Channel.SLACK, self.slack), (Channel.EMAIL, self.email))
        return tuple(Destination(channel, to) for channel, to in ways if to)

    @model_validator(mode="after")
    def _reachable(self) -> Person:
        if not self.destinations:
            raise ValueError("give an email or a slack id, or nobody is told")
        return self


class Place(_Part):
    """A Slack channel, a shared mailbox, or another chat or webhook by its name in the settings."""

    slack: str = Field("", pattern=r"^([CG][A-Z0-9]{2,20})?$")
    email: Mail = ""
    chat: str = Field("", max_length=100)
    webhook: str = Field("", max_length=100)

    @property
    def destinations(self) -> tuple[Destination, ...]:
        ways = (
            (Channel.SLACK, self.slack),
            (Channel.EMAIL, self.email),
            (Channel.CHAT, self.chat),
            (Channel.WEBHOOK, self.webhook),
        )
        return tuple(Destination(channel, to) for channel, to in ways if to)

    @model_validator(mode="after")
    def _reachable(self) -> Place:
        if not self.destinations:
            raise ValueError("give a slack channel id, an email, or the name of a chat or webhook of the settings")
        return self


class Override(_Part):
    """Somebody else is on call for a while: from the handover on `first` to that on `until`."""

    who: str
    first: date = Field(alias="from")
    until: date


class Rota(_Part):
    """Who is on call, by turns that begin at the handover on the first day."""

    people: Names = Field(min_length=1)
    first: date = Field(alias="from")
    handover: TimeOfDay = "09:00"
    days: int = Field(7, ge=1, le=90)
    time_zone: Zone = Field("", alias="time zone")
    overrides: list[Override] = []

    def on_call(self, now_ms: int, zone: ZoneInfo) -> str:
        """Who it is at `now_ms`, ms UTC."""
        now = datetime.fromtimestamp(now_ms / 1000, zone)
        day = now.date() if now.time() >= clock(self.handover) else now.date() - timedelta(days=1)
        for one in self.overrides:
            if one.first <= day < one.until:
                return one.who
        return self.people[(day - self.first).days // self.days % len(self.people)]


class When(_Part):
    """What a rule is about; what isn't named doesn't matter."""

    specialty: Names = []
    topic: Names = []
    language: Names = []
    harm: Annotated[list[Literal["low", "moderate", "high", "unknown"]], BeforeValidator(_listed)] = []
    advice: Annotated[list[Literal["monitor", "respond"]], BeforeValidator(_listed)] = []


class Escalation(_Part):
    """Whom to tell when nobody has acknowledged a case worth answering in time."""

    after: Span
    to: Names = Field(min_length=1)


class Rule(_Part):
    """Cases like these go to these people and places, in these hours."""

    name: str
    when: When = When()
    tell: Names = Field(min_length=1)
    hours: HoursOfDay | None = None
    days: Days = EVERY_DAY
    at_night: bool = Field(False, alias="even in quiet hours")
    escalate: Escalation | None = None
    last: bool = Field(False, alias="no further rules")


class Digest(_Part):
    """A summary of what wasn't told one by one, and of what is open."""

    at: TimeOfDay = "08:00"
    days: Days = ["mon", "tue", "wed", "thu", "fri"]
    weekly: Day | None = None
    to: Names = Field(min_length=1)


class Routes(_Part):
    """The whole file."""

    time_zone: Zone = Field("UTC", alias="time zone")
    people: dict[str, Person] = {}
    places: dict[str, Place] = {}
    rotas: dict[str, Rota] = {}
    rules: list[Rule] = Field(min_length=1)
    daily_cap: dict[Literal["low", "moderate", "high", "unknown"], Annotated[int, Field(ge=0)]] = Field(
        {}, alias="daily cap"
    )
    digest: Digest | None = None

    def zone(self, part: Person | Rota | None = None) -> ZoneInfo:
        """The time zone of a person or rota, or that of the file."""
        return ZoneInfo((part.time_zone if part else "") or self.time_zone)

    def who(self, name: str, now_ms: int) -> tuple[str, Person | Place]:
        """The person or place that a name stands for now; "on call ROTA" is whoever has the turn."""
        if name.startswith(ON_CALL):
            rota = self.rotas[name.removeprefix(ON_CALL)]
            name = rota.on_call(now_ms, self.zone(rota))
        return name, self.people.get(name) or self.places[name]


def read_routes(path: Path) -> Routes:
    """Raises RoutesError naming the line of the first mistake and the fix."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise RoutesError(f"{path}: cannot be read ({error.strerror})") from None
    if len(raw) > MOST_BYTES:
        raise RoutesError(f"{path}: larger than {MOST_BYTES:,} bytes")
    return parse_routes(raw.decode("utf-8", "replace"), str(path))


def parse_routes(text: str, name: str = "routes") -> Routes:
    """The same of the file's text."""
    try:
        node, content = yaml.compose(text, yaml.SafeLoader), yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise RoutesError(f"{name}, line {line}: {error.problem or 'not YAML'}; check indentation and quotes") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise RoutesError(f"{name}, line 1: not YAML ({str(error).splitlines()[0]})") from None
    try:
        routes = Routes.model_validate(content if content is not None else {})
    except ValidationError as wrong:
        first = wrong.errors()[0]
        raise RoutesError(f"{name}, line {_line(node, first['loc'])}: {_where(first['loc'])}: {_what(first)}") from None
    for where, unknown in _unknown(routes):
        known = (
            ", ".join(sorted([*routes.people, *routes.places, *(f"{ON_CALL}{one}" for one in routes.rotas)]))
            or "nobody yet"
        )
        raise RoutesError(
            f"{name}, line {_line(node, where)}: {_where(where)}: nobody is called {unknown!r}; known: {known}"
        )
    return routes


def _unknown(routes: Routes) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """(where, name) of names that stand for nobody."""

    def wrong(
        names: list[str], *where: str | int, only_people: bool = False
    ) -> Iterator[tuple[tuple[str | int, ...], str]]:
        for place, one in enumerate(names):
            rota = one.removeprefix(ON_CALL) if one.startswith(ON_CALL) else None
            known = one in routes.people or (not only_people and (one in routes.places or rota in routes.rotas))
            if not known:
                yield (*where, place), one

    for name, rota in routes.rotas.items():
        yield from wrong(rota.people, "rotas", name, "people", only_people=True)
        for place, one in enumerate(rota.overrides):
            yield from wrong([one.who], "rotas", name, "overrides", place, "who", only_people=True)
    for place, rule in enumerate(routes.rules):
        yield from wrong(rule.tell, "rules", place, "tell")
        if rule.escalate:
            yield from wrong(rule.escalate.to, "rules", place, "escalate", "to")
    if routes.digest:
        yield from wrong(routes.digest.to, "digest", "to")


def _line(node: Any, where: tuple[str | int, ...]) -> int:
    """The line of the part of the document that `where` leads to, as far as it does; of a key that shouldn't be there, its own."""
    line = node.start_mark.line + 1 if node is not None else 1
    for step in where:
        if isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == str(step)]
            if not found:
                break
            line, node = found[0][0].start_mark.line + 1, found[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            break
    return line


def _where(where: tuple[str | int, ...]) -> str:
    return " > ".join(f"number {step + 1}" if isinstance(step, int) else step for step in where) or "the file"


def _what(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "unknown; check the spelling against deploy/routes.example.yaml"
    if error["type"] == "missing":
        return "missing; add it"
    if error["type"] == "literal_error":
        return f"must be one of {error['ctx']['expected']}"
    return str(error["msg"]).removeprefix("Value error, ")
