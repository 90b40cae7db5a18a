"""The pictures of the flag score: numbers worked out by hand, and SVG that any reader takes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from xml.etree import ElementTree

import pytest

from services.classify.evaluation import plots
from services.classify.evaluation.chart import BLUE, Axis, Chart, notice
from services.classify.evaluation.figures import Share, precision_at_share
from services.classify.evaluation.plots import Alerts, Flagged, Scores, alerts, bins

TRUTH = [True, True, False, True, False, False]
SCORES = [0.9, 0.8, 0.8, 0.4, 0.3, 0.1]
SVG = "{http://www.w3.org/2000/svg}"

DRAWN: list[Callable[[], str]] = [
    lambda: plots.precision_recall(TRUTH, SCORES, 0.5),
    lambda: plots.precision_recall(TRUTH, SCORES, 1.0),
    lambda: plots.reliability(TRUTH, SCORES),
    lambda: plots.reliability([True, False], [0.0, 1.0]),
    lambda: plots.reliability([place % 3 == 0 for place in range(30_000)], [place / 30_000 for place in range(30_000)]),
    lambda: plots.alerts_a_day([0.1, 0.6], [0.4, 0.9], 0.5),
    lambda: plots.alerts_a_day([0.0], [0.0], 1.0),
    lambda: plots.alerts_a_day([1.0], [1.0], 0.0),
    lambda: plots.alerts_a_day([0.2], [0.7], 0.5, health=1e-6, spreading=1e-6),
]
MISSING: list[tuple[Callable[[], str], str]] = [
    (lambda: plots.precision_recall([], [], 0.5), "There are no posts"),
    (lambda: plots.precision_recall([False] * 3, [0.1, 0.2, 0.3], 0.5), "None of the 3 posts spreads"),
    (lambda: plots.precision_recall([True] * 2, [0.1, 0.2], 0.5), "All of the 2 posts spread"),
    (lambda: plots.reliability([], []), "There are no posts"),
    (lambda: plots.reliability([True], [0.5]), "All of the 1 posts spread"),
    (lambda: plots.alerts_a_day([], [], 0.5), "There are no posts"),
    (lambda: plots.alerts_a_day([], [0.5], 0.5), "All of the 1 posts spread"),
    (lambda: plots.alerts_a_day([0.5], [], 0.5), "None of the 1 posts spreads"),
]


def words(svg: str) -> str:
    return " ".join("".join(part.itertext()) for part in ElementTree.fromstring(svg).iter(f"{SVG}text"))


def cut_off(root: ElementTree.Element) -> list[str]:
    """Words that reach beyond the picture, in a wide font (0.57 of its size a letter)."""
    width, height = map(float, root.attrib["viewBox"].split()[2:])
    plot = root.find(f"{SVG}g")
    left, top = map(float, plot.attrib["transform"][10:-1].split()) if plot is not None else (0.0, 0.0)
    found = []
    for parent, across, down in ((root, 0.0, 0.0), (plot, left, top)):
        for part in parent.findall(f"{SVG}text") if parent is not None else ():
            text = part.text or ""
            long = 0.57 * float(part.attrib["font-size"]) * len(text)
            start = float(part.attrib["x"]) + across
            start -= {"start": 0.0, "middle": long / 2, "end": long}[part.attrib["text-anchor"]]
            if start < 0 or start + long > width or float(part.attrib["y"]) + down > height:
                found.append(text)
    return found


def test_a_post_is_flagged_when_its_score_reaches_the_threshold() -> None:
    measured = Scores.of(TRUTH, SCORES)
    assert measured.flagged(0.8) == Flagged(Share(2, 3), Share(1, 3))
    assert measured.flagged(0.81) == Flagged(Share(1, 3), Share(0, 3))
    assert measured.flagged(0.95) == Flagged(Share(0, 3), Share(0, 3))


def test_precision_is_weighted_to_the_share_that_spreads() -> None:
    at = Scores.of(TRUTH, SCORES).flagged(0.5)
    # 2/3 of what spreads and 1/3 of the rest: 2/3 * 1/3 of 2/3 * 1/3 + 1/3 * 2/3, and 2 of 2 + 99.
    assert at.precision(1 / 3) == pytest.approx(1 / 2)
    assert at.precision(0.01) == pytest.approx(2 / 101)
    assert at.precision(0.01) == pytest.approx(precision_at_share(TRUTH, [score >= 0.5 for score in SCORES], 0.01))
    assert Scores.of(TRUTH, SCORES).flagged(0.95).precision(0.01) is None


def test_the_interval_of_precision_is_that_of_the_wrong_flags() -> None:
    low, high = Flagged(Share(50, 100), Share(0, 260)).precision_interval(0.01)
    assert low == pytest.approx(0.005 / (0.005 + 0.99 * 0.01456), rel=1e-3)  # 1.456%: Wilson's limit for 0 of 260
    assert high == 1


def test_the_curve_has_a_point_for_each_score_and_equal_scores_count_together() -> None:
    curve = Scores.of(TRUTH, SCORES).precision_curve(1 / 2)
    assert curve == [
        (pytest.approx(1 / 3), 1),
        (pytest.approx(2 / 3), pytest.approx(2 / 3)),
        (1, pytest.approx(3 / 4)),
        (1, pytest.approx(3 / 5)),
        (1, pytest.approx(1 / 2)),
    ]


def test_bins_hold_equally_many_posts() -> None:
    low, high = bins([False, True, True, True], [0.1, 0.3, 0.6, 0.8], count=2)
    assert (low.lowest, low.highest, low.mean, low.spread) == (0.1, 0.3, pytest.approx(0.2), Share(1, 2))
    assert (high.lowest, high.highest, high.mean, high.spread) == (0.6, 0.8, pytest.approx(0.7), Share(2, 2))


def test_equal_scores_share_a_bin_whatever_their_order() -> None:
    scores = [0.0, 0.0, 0.0, 0.5]
    for truth in ([True, False, False, True], [False, False, True, True]):
        assert [one.spread for one in bins(truth, scores, count=4)] == [Share(1, 3), Share(1, 1)]
    assert [one.spread.total for one in bins([True] * 3, [0.1, 0.2, 0.3])] == [1, 1, 1]
    assert bins([], []) == []


def test_alerts_of_a_day_follow_from_the_shares() -> None:
    # 25 a second are 2,160,000 a day; a tenth of them 216,000, of which 2,160 spread a myth.
    found = alerts(Flagged(Share(1, 2), Share(1, 4)), health=0.1, spreading=0.01)
    low, high = Share(1, 4).interval
    wanted = Alerts(1_080, 213_840 / 4, 213_840 * low, 213_840 * high)
    assert vars(found) == pytest.approx(vars(wanted))


def test_the_pictures_say_the_figures() -> None:
    said = words(plots.precision_recall(TRUTH, SCORES, 0.5))
    assert "a third of the posts spread a myth: precision 50.0%" in said
    assert "1% of the posts spread a myth: precision 2.0%" in said
    assert "67% (2 of 3; 21% to 94%)" in said
    assert "nothing reaches the threshold" in words(plots.precision_recall(TRUTH, SCORES, 1.0))
    assert "0.800 to 0.800: 50% (1 of 2; 9% to 91%)" in words(plots.reliability(TRUTH, SCORES))
    said = words(plots.alerts_a_day([0.1, 0.6], [0.4, 0.9], 0.5, health=0.1, spreading=0.01))
    assert "right: 1,080 a day" in said
    assert "wrong: 107,000 a day" in said
    for assumption in ("2,160,000 posts a day", "10% of them about health", "1% of those spreading", "2 ordinary"):
        assert assumption in said


@pytest.mark.parametrize("draw", DRAWN)
def test_a_picture_is_svg_with_a_title_and_finite_numbers(draw: Callable[[], str]) -> None:
    svg = draw()
    root = ElementTree.fromstring(svg)
    assert root.tag == f"{SVG}svg"
    assert root.findtext(f"{SVG}title")
    assert root.findtext(f"{SVG}desc")
    assert not re.search(r"\b(nan|inf)\b", svg, re.IGNORECASE)
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")
    assert svg == draw()
    assert cut_off(root) == []


@pytest.mark.parametrize(("draw", "said"), MISSING)
def test_where_posts_are_missing_the_picture_says_so(draw: Callable[[], str], said: str) -> None:
    assert said in words(draw())
    assert "nan" not in draw()


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -0.1, 1.1])
def test_what_is_no_score_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        plots.precision_recall([True, False], [0.5, wrong], 0.5)
    with pytest.raises(ValueError, match="between 0 and 1"):
        plots.precision_recall([True, False], [0.5, 0.4], wrong)
    with pytest.raises(ValueError, match="between 0 and 1"):
        plots.reliability([True, False], [0.5, wrong])
    with pytest.raises(ValueError, match="between 0 and 1"):
        plots.alerts_a_day([0.5], [0.5], 0.5, health=wrong)
    with pytest.raises(ValueError, match="between 0 and 1"):
        plots.alerts_a_day([0.5], [0.5], wrong)


def test_truth_is_as_long_as_the_scores() -> None:
    with pytest.raises(ValueError, match="argument 2"):
        plots.reliability([True], [0.5, 0.4])


def test_words_are_escaped() -> None:
    hostile = "<script>\"&'\x00\ud800"
    axis = Axis(hostile, 0, 1, (0,), lambda tick: hostile)
    chart = Chart(hostile, axis, axis)
    chart.legend(BLUE, hostile)
    chart.side(hostile)
    chart.note(hostile)
    chart.upright(0.5, hostile)
    for svg in (chart.svg(), notice(hostile, hostile)):
        assert ElementTree.fromstring(svg).findtext(f"{SVG}title") == "<script>\"&'"
        assert "<script" not in svg


def test_values_land_where_they_belong() -> None:
    logarithmic = Axis("", 1, 100, (), str, logarithmic=True)
    assert [logarithmic.place(value) for value in (0, 1, 10, 100, 1_000)] == [0, 0, pytest.approx(0.5), 1, 1]
    chart = Chart("", Axis("", 0, 2, (), str), Axis("", 0, 1, (), str), wide=100)
    chart.line([(0, 0), (1, 0.5), (2, 1)], BLUE)
    assert 'points="0.0,360.0 50.0,180.0 100.0,0.0"' in chart.svg()
