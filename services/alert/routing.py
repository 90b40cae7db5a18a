"""Who is told of a case now, where, from when on, and why; and who isn't, and why not. Pure: routes, facts and the time are passed in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from services.alert.cases import Destination, Harm, Triage
from services.alert.hours import Hours, opens, quiet_until
from services.alert.routes import Person, Routes, Rule
from services.alert.texts import _
from services.alert.wording import number


@dataclass(frozen=True)
class Facts:
    """What routing knows of a case. `waiting_ms`: since people were first told, while nobody has acknowledged it; 0 otherwise."""

    triage: Triage
    harm: Harm
    specialty: str = ""
    topic: str = ""
    languages: tuple[str, ...] = ()
    waiting_ms: int = 0


@dataclass(frozen=True)
class Window:
    """When a place may be interrupted: within the hours of a rule, and outside somebody's quiet hours, each in its zone."""

    zone: ZoneInfo
    hours: Hours | None
    days: tuple[str, ...]
    own_zone: ZoneInfo
    quiet: Hours | None

    def begins(self, at_ms: int, why: str) -> tuple[int, str]:
        """(not before, ms UTC; 0: at once, `why` with what holds it back) of what is due at `at_ms`."""
        from_ms = opens(at_ms, self.zone, self.hours, self.days)
        if from_ms:
            why = _("{reason}, held until its hours begin").format(reason=why)
        quiet = quiet_until(from_ms or at_ms, self.own_zone, self.quiet) if self.quiet else 0
        return (quiet, _("{reason}, held over their quiet hours").format(reason=why)) if quiet else (from_ms, why)


@dataclass(frozen=True)
class Tell:
    """One place to tell, and why. `window`: None where no time is wrong. `cap`: cases of this harm a day, None without one, of
    which it was first told of `told` others.
    """

    destination: Destination
    who: str
    why: str
    window: Window | None = None
    cap: int | None = None
    told: int = 0

    @property
    def capped(self) -> bool:
        """Too many today, so it goes into the digest."""
        return self.cap is not None and self.told >= self.cap

    def begins(self, at_ms: int) -> tuple[int, str]:
        """(not before, ms UTC; 0: at once, why) of what is due at `at_ms`."""
        return self.window.begins(at_ms, self.why) if self.window else (0, self.why)

    def words(self, at_ms: int) -> str:
        """Why it is told, or why not one by one."""
        why = self.begins(at_ms)[1]
        if not self.capped:
            return why
        words = _("{why}, but {cases} of this harm were told today already: into the digest")
        return words.format(why=why, cases=number(self.told, "case", "cases"))


@dataclass(frozen=True)
class NotTold:
    """A rule that doesn't apply, and why."""

    rule: str
    why: str


@dataclass(frozen=True)
class Plan:
    """The answer; each destination once, by the first rule that names it."""

    tell: tuple[Tell, ...]
    not_told: tuple[NotTold, ...]


def plan(routes: Routes, facts: Facts, now_ms: int, told_today: Mapping[tuple[Destination, Harm], int]) -> Plan:
    """`told_today`: other cases of each harm that a destination was first told of in the last 24 hours."""
    found: dict[Destination, Tell] = {}
    not_told = []
    stopped = ""
    for rule in routes.rules:
        why_not = f"“{stopped}” was the last to apply" if stopped else _mismatch(rule, facts)
        if why_not:
            not_told.append(NotTold(rule.name, why_not))
            continue
        names = [(name, f"“{rule.name}”") for name in rule.tell]
        if rule.escalate and facts.triage is Triage.RESPOND and facts.waiting_ms >= rule.escalate.after:
            minutes = facts.waiting_ms // 60_000
            late = _("nobody acknowledged it for {minutes} min (“{rule}”)").format(minutes=minutes, rule=rule.name)
            names += [(name, late) for name in rule.escalate.to]
        for name, why in names:
            for tell in _tellings(routes, rule, name, why, facts, now_ms, told_today):
                found.setdefault(tell.destination, tell)
        stopped = rule.name if rule.last else ""
    return Plan(tuple(found.values()), tuple(not_told))


def escalates(routes: Routes) -> bool:
    """Does any rule tell somebody else after a while."""
    return any(rule.escalate for rule in routes.rules)


def _tellings(
    routes: Routes,
    rule: Rule,
    name: str,
    why: str,
    facts: Facts,
    now_ms: int,
    told_today: Mapping[tuple[Destination, Harm], int],
) -> list[Tell]:
    who, found = routes.who(name, now_ms)
    reason = f"{why}, {name}: {found.name}" if isinstance(found, Person) and name != who else why
    quiet = found.quiet_hours if isinstance(found, Person) and not rule.at_night else None
    own_zone = routes.zone(found if isinstance(found, Person) else None)
    window = Window(routes.zone(), rule.hours, tuple(rule.days), own_zone, quiet)
    cap = routes.daily_cap.get(facts.harm.value)
    return [Tell(one, who, reason, window, cap, told_today.get((one, facts.harm), 0)) for one in found.destinations]


def _mismatch(rule: Rule, facts: Facts) -> str:
    """Why a rule isn't about this case; empty when it is."""
    wanted = rule.when
    checks = (
        ("specialty", wanted.specialty, (facts.specialty,)),
        ("topic", wanted.topic, (facts.topic,)),
        ("language", wanted.language, facts.languages),
        ("harm", wanted.harm, (facts.harm.value,)),
        ("advice", wanted.advice, (facts.triage.value,)),
    )
    for name, any_of, has in checks:
        if any_of and not set(any_of) & set(has):
            return f"{name} is {' and '.join(one for one in has if one) or 'not known'}, not {' or '.join(any_of)}"
    return ""
