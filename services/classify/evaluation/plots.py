"""Three pictures of the flag score as SVG text: precision and recall, reliability, alerts a day.

All flag scores and thresholds are 0-1 (ValueError otherwise); a post is flagged when its score reaches the threshold.
Where posts of one sort are missing, the picture says so in words.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from services.classify.evaluation.chart import BLUE, GREY, ORANGE, Axis, Chart, Ink, Point, notice
from services.classify.evaluation.figures import Share, share

POSTS_A_DAY = 25 * 86_400
HEALTH = 0.05
"""Share of the stream that is about health. Assumed, not measured."""
SPREADING = 0.01
"""Share of health posts that spread a myth, in an ordinary stream."""
BINS = 10
STEPS = 200  # thresholds along the axis of alerts_a_day
FIFTHS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


@dataclass(frozen=True)
class Flagged:
    """What a threshold flags: `caught` of the posts that spread a myth, `wrong` of the others."""

    caught: Share
    wrong: Share

    def precision(self, spreading: float) -> float | None:
        """As it would be if `spreading` (0-1) of the posts spread; None when nothing is flagged."""
        return _precision(self.caught.value, self.wrong.value, spreading)

    def precision_interval(self, spreading: float) -> tuple[float, float]:
        """From the 95% interval of the share wrongly flagged, recall as measured; only when something is flagged."""
        few, many = self.wrong.interval
        return (
            _precision(self.caught.value, many, spreading) or 0.0,
            _precision(self.caught.value, few, spreading) or 0.0,
        )


@dataclass(frozen=True)
class Alerts:
    """Flags in a day, with the 95% interval of the wrong ones."""

    right: float
    wrong: float
    wrong_low: float
    wrong_high: float


@dataclass(frozen=True)
class Bin:
    """Posts with neighbouring scores."""

    lowest: float
    highest: float
    mean: float
    spread: Share


class Scores:
    """Flag scores of posts that spread and of all others. Raises ValueError for a score that isn't 0-1."""

    def __init__(self, spreading: Sequence[float], others: Sequence[float]) -> None:
        _check([*spreading, *others])
        self.spreading, self.others = sorted(map(float, spreading)), sorted(map(float, others))

    @classmethod
    def of(cls, truth: Sequence[bool], scores: Sequence[float]) -> Scores:
        """`truth` says which spread; as long as `scores`, or ValueError."""
        rows = list(zip(truth, scores, strict=True))
        return cls([score for spreads, score in rows if spreads], [score for spreads, score in rows if not spreads])

    @property
    def missing(self) -> str:
        """What keeps a picture from being made; empty when nothing does."""
        if not self.spreading and not self.others:
            return "There are no posts to measure."
        if not self.spreading:
            return f"None of the {len(self.others):,} posts spreads a myth; the picture needs posts of both sorts."
        if not self.others:
            return f"All of the {len(self.spreading):,} posts spread a myth; the picture needs posts of both sorts."
        return ""

    def flagged(self, threshold: float) -> Flagged:
        """At this threshold."""
        caught, wrong = (
            Share(len(ordered) - bisect_left(ordered, threshold), len(ordered))
            for ordered in (self.spreading, self.others)
        )
        return Flagged(caught, wrong)

    def precision_curve(self, spreading: float) -> list[Point]:
        """(recall, precision) at each score that occurs, the highest first; recall never falls."""
        each = [self.flagged(score) for score in sorted({*self.spreading, *self.others}, reverse=True)]
        found = [(one.caught.value, one.precision(spreading)) for one in each]
        return [(recall, precision) for recall, precision in found if precision is not None]


def bins(truth: Sequence[bool], scores: Sequence[float], count: int = BINS) -> list[Bin]:
    """Of equally many posts by score, the lowest first; equal scores share a bin, so there may be fewer."""
    _check(scores)
    ordered = sorted(zip(map(float, scores), truth, strict=True))
    found, start = [], 0
    for place in range(1, count + 1):
        end = max(start, place * len(ordered) // count)
        while start < end < len(ordered) and ordered[end][0] == ordered[end - 1][0]:
            end += 1
        if rows := ordered[start:end]:
            mean = math.fsum(score for score, _ in rows) / len(rows)
            found.append(Bin(rows[0][0], rows[-1][0], mean, share([spreads for _, spreads in rows])))
        start = end
    return found


def alerts(flagged: Flagged, health: float = HEALTH, spreading: float = SPREADING) -> Alerts:
    """In a day, if `health` of the posts are about health and `spreading` of those spread a myth (0-1 both)."""
    posts = POSTS_A_DAY * health
    right = posts * spreading * flagged.caught.value
    wrong, low, high = (posts * (1 - spreading) * rate for rate in (flagged.wrong.value, *flagged.wrong.interval))
    return Alerts(right, wrong, low, high)


def precision_recall(truth: Sequence[bool], scores: Sequence[float], threshold: float) -> str:
    """Precision against recall, if a third of the posts spread and if 1% do, as SVG. Raises ValueError as above."""
    _check([threshold])
    title, measured = "Precision and recall of the flag", Scores.of(truth, scores)
    if measured.missing:
        return notice(title, measured.missing)
    chart = Chart(title, Axis("recall", 0, 1, FIFTHS, _percent), Axis("precision", 0, 1, FIFTHS, _percent))
    at = measured.flagged(threshold)
    for name, spreading, ink, radius in (("a third", 1 / 3, BLUE, 7), ("1%", SPREADING, ORANGE, 4.5)):
        chart.line(_stairs(measured.precision_curve(spreading)), ink)
        precision = at.precision(spreading)
        if precision is None:
            chart.legend(ink, f"{name} of the posts spread a myth: nothing reaches the threshold")
            continue
        low, high = at.precision_interval(spreading)
        chart.whisker(at.caught.value, low, high, ink)
        chart.mark((at.caught.value, precision), ink, radius)
        chart.legend(
            ink, f"{name} of the posts spread a myth: precision {precision:.1%} ({low:.1%} to {high:.1%}) at the mark"
        )
    chart.note(
        f"Mark: threshold {threshold:.3g}. Flagged there of the posts that spread: {at.caught}; of the others: {at.wrong}."
    )
    chart.note(
        "Both curves use the same posts; the others are weighted until the share that spreads is the one named. "
        "Whiskers: 95% interval of the share wrongly flagged alone."
    )
    return chart.svg()


def reliability(truth: Sequence[bool], scores: Sequence[float]) -> str:
    """Share that spreads against the flag score, in ten bins, as SVG. Raises ValueError as above."""
    title, measured = "Reliability of the flag score", Scores.of(truth, scores)
    if measured.missing:
        return notice(title, measured.missing)
    across = Axis("flag score (mean of a bin)", 0, 1, FIFTHS, lambda tick: f"{tick:.1f}")
    chart = Chart(title, across, Axis("share that spreads a myth", 0, 1, FIFTHS, _percent), wide=340)
    found, diagonal = bins(truth, scores), Ink(GREY, "4 4", 1.5)
    chart.line([(0, 0), (1, 1)], diagonal)
    chart.line([(one.mean, one.spread.value) for one in found], Ink(BLUE.colour, width=1))
    chart.side("flag score: share that spreads")
    for one in found:
        chart.whisker(one.mean, *one.spread.interval, BLUE)
        chart.mark((one.mean, one.spread.value), BLUE)
        chart.side(f"{one.lowest:.3f} to {one.highest:.3f}: {one.spread}")
    chart.legend(BLUE, "measured, with the 95% interval")
    chart.legend(diagonal, "where the score equals the share")
    total = share(truth)
    chart.note(
        f"{total.total:,} posts, {total.hits:,} of which spread a myth, in bins of equally many posts by score (equal "
        "scores share a bin). Where fewer posts spread than here, the same score stands for a smaller share."
    )
    return chart.svg()


def alerts_a_day(
    ordinary_scores: Sequence[float],
    spreading_scores: Sequence[float],
    threshold: float,
    *,
    health: float = HEALTH,
    spreading: float = SPREADING,
) -> str:
    """Alerts a day against the threshold at 25 posts a second, as SVG.

    `ordinary_scores` are those of health posts that spread nothing; `health` is the share of the stream that is about
    health, `spreading` the share of those that spreads a myth. Raises ValueError as above, and for a share that isn't
    between 0 and 1.
    """
    _check([threshold])
    if not 0 < health <= 1 or not 0 < spreading < 1:
        raise ValueError(f"shares are between 0 and 1, not {health} and {spreading}")
    title, measured = "Alerts a day at 25 posts a second", Scores(spreading_scores, ordinary_scores)
    if measured.missing:
        return notice(title, measured.missing)
    places = sorted({*(step / STEPS for step in range(STEPS + 1)), threshold})
    days = [(place, alerts(measured.flagged(place), health, spreading)) for place in places]
    chart = Chart(
        title, Axis("threshold", 0, 1, FIFTHS, lambda tick: f"{tick:.1f}"), _decades([day for _, day in days])
    )
    chart.band([(place, day.wrong_low, day.wrong_high) for place, day in days], ORANGE)
    chart.line([(place, day.right) for place, day in days if day.right], BLUE)
    chart.line([(place, day.wrong) for place, day in days if day.wrong], ORANGE)
    now = alerts(measured.flagged(threshold), health, spreading)
    chart.upright(threshold, f"threshold {threshold:.3g}: about {_count(now.right + now.wrong)} alerts a day")
    for count, ink in ((now.right, BLUE), (now.wrong, ORANGE)):
        if count:
            chart.mark((threshold, count), ink)
    chart.legend(BLUE, f"right: {_count(now.right)} a day at the threshold")
    between = f"{_count(now.wrong_low)} to {_count(now.wrong_high)}"
    chart.legend(ORANGE, f"wrong: {_count(now.wrong)} a day at the threshold (95% interval: {between})")
    chart.note(
        f"Assumed: {POSTS_A_DAY:,} posts a day; {100 * health:.3g}% of them about health, {100 * spreading:.3g}% of those spreading a "
        "myth; no post about anything else is flagged; each flagged post is one alert (an officer sees fewer: flags on "
        "one narrative become one case)."
    )
    chart.note(
        f"Shares flagged were measured on {len(measured.others):,} ordinary health posts and {len(measured.spreading):,} "
        "that spread a myth. A line ends where not one of them is flagged; the band is the 95% interval of the wrong alerts."
    )
    return chart.svg()


def _precision(recall: float, false_rate: float, spreading: float) -> float | None:
    right, wrong = recall * spreading, false_rate * (1 - spreading)
    return right / (right + wrong) if right + wrong else None


def _stairs(points: Sequence[Point]) -> list[Point]:
    # Between two recalls that occur, precision is that of the higher one: a straight line would promise more.
    steps, before = [], 0.0
    for recall, precision in points:
        steps += [(before, precision), (recall, precision)]
        before = recall
    return steps


def _decades(days: Sequence[Alerts]) -> Axis:
    counts = [count for day in days for count in (day.right, day.wrong) if count]
    first = math.floor(math.log10(min(counts)))
    high = max(1.25 * max(counts), 10.0 ** (first + 1))
    ticks = [10.0**power for power in range(first, math.floor(math.log10(high)) + 1)]
    return Axis("alerts a day (logarithmic)", ticks[0], high, ticks, _count, logarithmic=True)


def _check(values: Sequence[float]) -> None:
    for value in values:
        if not 0 <= value <= 1:
            raise ValueError(f"flag scores and thresholds are between 0 and 1, not {value}")


def _percent(value: float) -> str:
    return f"{value:.0%}"


def _count(value: float) -> str:
    # Three digits: the shares behind a count are no surer than that.
    return f"{float(f'{value:.3g}'):,.0f}" if value >= 10 or not value else f"{value:.2g}"
