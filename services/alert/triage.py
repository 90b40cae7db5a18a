"""What the officer is advised to do, and why: harm against spread, and what is new about it.

After the impact-spread matrices of public-health infodemic guidance (WHO/UNICEF): below the tipping point an answer
reaches more people than the myth did, so a niche myth is left alone unless believing it could do grave harm.

|          | niche   | spreading | wide    |
|----------|---------|-----------|---------|
| low      | ignore  | monitor   | monitor |
| moderate | ignore  | monitor   | respond |
| high     | monitor | respond   | respond |

Novelty lowers *respond* by one step where another answer would help nobody: one was given in the last days, or the narrative
has long been there at its usual pace. A pace well above its own past undoes that.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from services.alert.cases import DAY_MS, Counts, Harm, Triage
from services.alert.texts import Said, _, later, ngettext
from services.alert.texts import count as written
from services.alert.wording import capital, number

_NICHE, _SPREADING, _WIDE = 0, 1, 2
_ADVICE = {
    1: (Triage.IGNORE, Triage.MONITOR, Triage.MONITOR),
    2: (Triage.IGNORE, Triage.MONITOR, Triage.RESPOND),
    3: (Triage.MONITOR, Triage.RESPOND, Triage.RESPOND),
}
ANSWER_LASTS_MS = 7 * DAY_MS
"""How long a published answer is given to work."""

LONG_KNOWN_MS = 30 * DAY_MS


class Novelty(StrEnum):
    """What is new about a narrative."""

    NEW = "new"
    FASTER = "faster"  # well above its own past
    ANSWERED = "answered"
    LONG_KNOWN = "long known"


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


def novelty(counts: Counts, answered_ms: int, now_ms: int) -> Novelty:
    """What is new, `answered_ms` being when an answer was published (0: never)."""
    if counts.pace and (answered_ms or now_ms - counts.first_seen_ms > DAY_MS):
        return Novelty.FASTER
    if answered_ms and now_ms - answered_ms < ANSWER_LASTS_MS:
        return Novelty.ANSWERED
    if counts.first_seen_ms and now_ms - counts.first_seen_ms > LONG_KNOWN_MS:
        return Novelty.LONG_KNOWN
    return Novelty.NEW


def advise(harm: Harm, counts: Counts, rules: TriageRules, what_is_new: Novelty = Novelty.NEW) -> Advice:
    """Advice for a narrative of `harm` that has spread by `counts`."""
    spread = _spread(counts, rules)
    triage = _ADVICE[harm.rank][spread]
    # Grave harm stays worth an answer, however long it has been told.
    old = what_is_new is Novelty.ANSWERED or (what_is_new is Novelty.LONG_KNOWN and harm is not Harm.HIGH)
    if triage is Triage.RESPOND and old:
        return Advice(Triage.MONITOR, f"{_so_far(counts, spread)}; {_NOT_AGAIN[what_is_new]}.")
    return Advice(triage, f"{_so_far(counts, spread)}; {_because(triage, harm, spread)}.")


def advise_candidate(counts: Counts, rules: TriageRules) -> Advice:
    """Advice for a candidate narrative: nobody has judged it yet, so it is never more than watched, and only once it grows."""
    if counts.authors >= rules.candidate_authors:
        why = _("no known myth explains it, so read it: it may be a new one")
        return Advice(Triage.MONITOR, f"{_so_far(counts, _SPREADING)}; {why}.")
    why = _("no known myth explains it, and few have posted it")
    return Advice(Triage.IGNORE, f"{_so_far(counts, _NICHE)}; {why}.")


_NOT_AGAIN = Said(
    {
        Novelty.ANSWERED: later(
            "it was answered in the last days, so watch whether that works before you answer again"
        ),
        Novelty.LONG_KNOWN: later(
            "it has been told for over a month at its usual pace, so a new answer would only remind people of it"
        ),
    }
)


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
        return _("No post repeats it any more")
    people = _("one account") if counts.authors == 1 else number(counts.authors, "account", "accounts")
    times = _("once") if counts.posts == 1 else number(counts.posts, "time", "times")
    words = ngettext("{people} posted it {times}", "{people} posted it {times}", counts.authors)
    words = capital(words.format(people=people, times=times))
    if counts.last_hour and counts.posts > 1:
        words += _(", {posts} in the last hour").format(posts=written(counts.last_hour))
        if counts.pace >= 2:
            words += _(" ({times} times its usual pace)").format(times=f"{counts.pace:.0f}")
    if counts.shares and spread == _WIDE:
        words += _(", reposted {times}").format(times=number(counts.shares, "time", "times"))
    return words


def _because(triage: Triage, harm: Harm, spread: int) -> str:
    if triage is Triage.RESPOND:
        if harm is Harm.HIGH:
            return _("believing it could do grave harm, so answer before it goes further")
        return _("it has passed the tipping point, so an answer now helps more people than it introduces to the myth")
    if triage is Triage.IGNORE:
        return _("so few have seen it that an answer would spread it further")
    if harm is Harm.LOW:
        return _("it spreads but does little harm, so watch it and keep your voice for what matters")
    if spread == _NICHE:
        return _("few have seen it, but believing it could do grave harm, so keep an answer ready")
    return _("it is spreading but still small, so watch it and keep an answer ready")
