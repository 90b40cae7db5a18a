"""What the officer is advised to do, and why: harm against spread.

After the impact-spread matrices of public-health infodemic guidance (WHO/UNICEF): below the tipping point an answer
reaches more people than the myth did, so a niche myth is left alone unless believing it could do grave harm.

|          | niche   | spreading | wide    |
|----------|---------|-----------|---------|
| low      | ignore  | monitor   | monitor |
| moderate | ignore  | monitor   | respond |
| high     | monitor | respond   | respond |
"""

from __future__ import annotations

from dataclasses import dataclass

from services.alert.cases import Counts, Harm, Triage

_NICHE, _SPREADING, _WIDE = 0, 1, 2
_ADVICE = {
    1: (Triage.IGNORE, Triage.MONITOR, Triage.MONITOR),
    2: (Triage.IGNORE, Triage.MONITOR, Triage.RESPOND),
    3: (Triage.MONITOR, Triage.RESPOND, Triage.RESPOND),
}


@dataclass(frozen=True)
class TriageRules:
    """Thresholds of spread; see the settings of the same names."""

    min_posts: int = 3
    min_authors: int = 2
    respond_authors: int = 10
    respond_per_hour: int = 10
    respond_shares: int = 100
    candidate_authors: int = 8


@dataclass(frozen=True)
class Advice:
    """The advice and its reason, one sentence."""

    triage: Triage
    reason: str


def advise(harm: Harm, counts: Counts, rules: TriageRules) -> Advice:
    """Advice for a narrative of `harm` that has spread by `counts`."""
    spread = _spread(counts, rules)
    triage = _ADVICE[harm.rank][spread]
    return Advice(triage, f"{_so_far(counts, spread)}; {_because(triage, harm, spread)}.")


def advise_candidate(counts: Counts, rules: TriageRules) -> Advice:
    """Advice for a candidate narrative: nobody has judged it yet, so it is never more than watched, and only once it grows."""
    if counts.authors >= rules.candidate_authors:
        return Advice(
            Triage.MONITOR,
            f"{_so_far(counts, _SPREADING)}; no known myth explains it, so read it: it may be a new one.",
        )
    return Advice(Triage.IGNORE, f"{_so_far(counts, _NICHE)}; no known myth explains it, and few have posted it.")


def _spread(counts: Counts, rules: TriageRules) -> int:
    shared = counts.shares >= rules.respond_shares
    many = counts.authors >= rules.respond_authors
    # A high rate by one or two voices is noise, not spread.
    fast = counts.last_hour >= rules.respond_per_hour and counts.authors * 2 >= rules.respond_authors
    if counts.posts and (shared or many or fast):
        return _WIDE
    if counts.posts >= rules.min_posts and counts.authors >= rules.min_authors:
        return _SPREADING
    return _NICHE


def _so_far(counts: Counts, spread: int) -> str:
    if not counts.posts:
        return "No post repeats it any more"
    people = "one account" if counts.authors == 1 else f"{counts.authors:,} accounts"
    times = "once" if counts.posts == 1 else f"{counts.posts:,} times"
    pace = f", {counts.last_hour:,} in the last hour" if counts.last_hour and counts.posts > 1 else ""
    shares = f", reposted {counts.shares:,} times" if counts.shares and spread == _WIDE else ""
    return f"{people[0].upper()}{people[1:]} posted it {times}{pace}{shares}"


def _because(triage: Triage, harm: Harm, spread: int) -> str:
    if triage is Triage.RESPOND:
        if harm is Harm.HIGH:
            return "believing it could do grave harm, so answer before it goes further"
        return "it has passed the tipping point, so an answer now helps more people than it introduces to the myth"
    if triage is Triage.IGNORE:
        return "so few have seen it that an answer would spread it further"
    if harm is Harm.LOW:
        return "it spreads but does little harm, so watch it and keep your voice for what matters"
    if spread == _NICHE:
        return "few have seen it, but believing it could do grave harm, so keep an answer ready"
    return "it is spreading but still small, so watch it and keep an answer ready"
