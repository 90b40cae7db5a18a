"""A chart as SVG text: two axes, lines, marks and words around them. Knows nothing of what it shows."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape

Point = tuple[float, float]

WIDTH, PLOT_HEIGHT = 800, 360  # pixels
LEFT, RIGHT, TOP = 92, 24, 48  # pixels around the plot
ROW = 20  # pixels from one line of text to the next
NOTE_LETTERS = 112  # fit across in the widest of the fonts below
FONTS = "-apple-system, 'Segoe UI', Helvetica, Arial, 'DejaVu Sans', sans-serif"
DARK, GREY, PALE = "#1f2328", "#59636e", "#e4e7eb"


@dataclass(frozen=True)
class Ink:
    """How a line is drawn; `dashes` tells lines apart without colour."""

    colour: str
    dashes: str = ""
    width: float = 2


BLUE, ORANGE = Ink("#0067a3"), Ink("#c14a00", "7 3")
"""Told apart by colour-blind people too, and dark enough for text on white."""


@dataclass(frozen=True)
class Axis:
    """From `low` to `high` in the unit of `label`; `words` writes a tick. `low` is above 0 when logarithmic."""

    label: str
    low: float
    high: float
    ticks: Sequence[float]
    words: Callable[[float], str]
    logarithmic: bool = False

    def place(self, value: float) -> float:
        """0-1 along the axis; at its end for what lies beyond."""
        low, high, at = self.low, self.high, min(max(value, self.low), self.high)
        if self.logarithmic:
            low, high, at = math.log10(low), math.log10(high), math.log10(at)
        return (at - low) / (high - low)


@dataclass
class Chart:
    """What is drawn on it, in order; `svg` gives the text. `wide` is the plot's width in pixels."""

    title: str
    x: Axis
    y: Axis
    wide: float = WIDTH - LEFT - RIGHT
    _shapes: list[str] = field(default_factory=list)
    _legend: list[tuple[Ink, str]] = field(default_factory=list)
    _side: list[str] = field(default_factory=list)
    _notes: list[str] = field(default_factory=list)

    def line(self, points: Sequence[Point], ink: Ink) -> None:
        """Through the points, in their order."""
        if len(points) > 1:
            self._shapes.append(f'<polyline points="{self._path(points)}" fill="none" {_stroke(ink)}/>')

    def band(self, points: Sequence[tuple[float, float, float]], ink: Ink) -> None:
        """Filled between the second and the third of each (x, low, high)."""
        edge = [(x, high) for x, _, high in points] + [(x, low) for x, low, _ in reversed(points)]
        if len(points) > 1:
            self._shapes.append(f'<polygon points="{self._path(edge)}" fill="{ink.colour}" fill-opacity="0.15"/>')

    def whisker(self, x: float, low: float, high: float, ink: Ink) -> None:
        """An interval of y, with a bar at each end."""
        (across, bottom), (_, top) = self._pixels((x, low)), self._pixels((x, high))
        ends = "".join(f"M{across - 4:.1f} {end:.1f}h8" for end in (bottom, top))
        self._shapes.append(f'<path d="M{across:.1f} {bottom:.1f}V{top:.1f}{ends}" {_stroke(Ink(ink.colour))}/>')

    def mark(self, at: Point, ink: Ink, radius: float = 5) -> None:
        """A dot; the radius in pixels."""
        x, y = self._pixels(at)
        self._shapes.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{ink.colour}" stroke="#ffffff" stroke-width="1.5"/>'
        )

    def upright(self, x: float, words: str) -> None:
        """A line from bottom to top; the words stand above the plot."""
        across, _ = self._pixels((x, self.y.low))
        anchor = "start" if self.x.place(x) < 0.2 else "end" if self.x.place(x) > 0.8 else "middle"
        self._shapes.append(f'<path d="M{across:.1f} {PLOT_HEIGHT}V-4" {_stroke(Ink(DARK, "3 3", 1.5))}/>')
        self._shapes.append(_text(across, -10, words, anchor=anchor))

    def legend(self, ink: Ink, words: str) -> None:
        """A row above the plot."""
        self._legend.append((ink, words))

    def side(self, words: str) -> None:
        """A row to the right of the plot, which `wide` must leave room for."""
        self._side.append(words)

    def note(self, words: str) -> None:
        """A paragraph below the plot."""
        self._notes.append(words)

    def svg(self) -> str:
        """The whole as one <svg> element, with what it says as its description."""
        said = [f"{self.y.label} against {self.x.label}", *(words for _, words in self._legend), *self._side]
        below = [line for note in self._notes for line in textwrap.wrap(note, NOTE_LETTERS)]
        top = TOP + ROW * len(self._legend) + 24
        under = top + PLOT_HEIGHT + 68
        return _document(
            self.title,
            [". ".join(said) + ".", *self._notes],
            under + ROW * len(below),
            [
                *self._legend_rows(),
                f'<g transform="translate({LEFT} {top})">',
                *self._grid(),
                *self._shapes,
                *(_text(self.wide + 20, 12 + ROW * 1.2 * row, words, 12) for row, words in enumerate(self._side)),
                "</g>",
                *(_text(RIGHT, under + ROW * row, line, 12, GREY) for row, line in enumerate(below)),
            ],
        )

    def _legend_rows(self) -> list[str]:
        rows = []
        for row, (ink, words) in enumerate(self._legend):
            y = TOP + ROW * row + 10
            rows.append(f'<path d="M{LEFT} {y - 4}h32" {_stroke(ink)}/>')
            rows.append(_text(LEFT + 42, y, words))
        return rows

    def _grid(self) -> list[str]:
        parts = []
        for tick in self.x.ticks:
            x, _ = self._pixels((tick, self.y.low))
            parts.append(f'<path d="M{x:.1f} 0V{PLOT_HEIGHT}" {_stroke(Ink(PALE, width=1))}/>')
            parts.append(_text(x, PLOT_HEIGHT + 18, self.x.words(tick), 12, GREY, "middle"))
        for tick in self.y.ticks:
            _, y = self._pixels((self.x.low, tick))
            parts.append(f'<path d="M0 {y:.1f}H{self.wide}" {_stroke(Ink(PALE, width=1))}/>')
            parts.append(_text(-8, y + 4, self.y.words(tick), 12, GREY, "end"))
        parts.append(f'<path d="M0 0V{PLOT_HEIGHT}H{self.wide}" fill="none" {_stroke(Ink(GREY, width=1))}/>')
        parts.append(_text(self.wide / 2, PLOT_HEIGHT + 40, self.x.label, anchor="middle"))
        turned = _text(0, 0, self.y.label, anchor="middle")
        parts.append(f'<g transform="translate({20 - LEFT} {PLOT_HEIGHT / 2:.0f}) rotate(-90)">{turned}</g>')
        return parts

    def _pixels(self, point: Point) -> Point:
        return (self.x.place(point[0]) * self.wide, (1 - self.y.place(point[1])) * PLOT_HEIGHT)

    def _path(self, points: Sequence[Point]) -> str:
        placed = [f"{x:.1f},{y:.1f}" for x, y in map(self._pixels, points)]
        return " ".join(now for before, now in zip(["", *placed], placed, strict=False) if now != before)


def notice(title: str, words: str) -> str:
    """A picture that says why there is no chart, as SVG."""
    return _document(title, [words], 88, [_text(RIGHT, 64, words)])


def _document(title: str, description: Sequence[str], height: float, parts: Sequence[str]) -> str:
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="title description" width="{WIDTH}" '
        f'height="{height:.0f}" viewBox="0 0 {WIDTH} {height:.0f}" font-family="{FONTS}">',
        f'<title id="title">{_plain(title)}</title>',
        f'<desc id="description">{_plain(" ".join(description))}</desc>',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        _text(RIGHT, 30, title, 17, weight="600"),
        *parts,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _text(
    x: float, y: float, words: str, size: int = 13, colour: str = DARK, anchor: str = "start", weight: str = "400"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" fill="{colour}" '
        f'text-anchor="{anchor}">{_plain(words)}</text>'
    )


def _stroke(ink: Ink) -> str:
    dashes = f' stroke-dasharray="{ink.dashes}"' if ink.dashes else ""
    return f'stroke="{ink.colour}" stroke-width="{ink.width}" stroke-linejoin="round"{dashes}'


def _plain(words: str) -> str:
    return escape("".join(letter for letter in words if letter.isprintable()))
