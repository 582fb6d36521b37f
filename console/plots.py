"""Plots as geometry: numbers in, places of bars and lines out, for the SVG of a page.

The law: nothing of a plot is only in the plot. Bars and points carry their words as titles, and
whoever draws one puts the table of the same numbers beside it. Units are those of the drawing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Bar", "Dot", "Line", "Plot", "Tick", "lines", "ranked", "stacked"]

WIDTH, HEIGHT = 720, 200
LEFT, RIGHT, TOP, BOTTOM = 52, 8, 10, 26
# At most so many labels stand below without touching each other.
_LABELS = 8


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle of one series, with its words."""

    x: float
    y: float
    width: float
    height: float
    series: str
    words: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A point of one series, with its words."""

    x: float
    y: float
    words: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of one series: runs of points, interrupted where a number is unknown."""

    series: str
    runs: tuple[str, ...]
    dots: tuple[Dot, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis."""

    at: float
    words: str


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot of `width` by `height` with its axes' marks."""

    bars: tuple[Bar, ...]
    lines: tuple[Line, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    bottom: int = HEIGHT - BOTTOM


def stacked(
    labels: Sequence[str], columns: Sequence[Mapping[str, int]], order: Sequence[str]
) -> Plot:
    """Bars side by side, each made of its series in `order` from the bottom up."""
    top = _ceiling(max((sum(column.values()) for column in columns), default=0))
    step = (WIDTH - LEFT - RIGHT) / max(1, len(columns))
    bars: list[Bar] = []
    for n, column in enumerate(columns):
        base = float(HEIGHT - BOTTOM)
        for series in order:
            if count := column.get(series, 0):
                tall = _tall(count, top)
                base -= tall
                words = f"{labels[n]}: {count:,} {series}"
                x = LEFT + n * step + step * 0.12
                bars.append(Bar(_r(x), _r(base), _r(step * 0.76), _r(tall), series, words))
    return Plot(tuple(bars), (), _across(labels, step), _up(top, "{:,.0f}"))


def lines(labels: Sequence[str], series: Mapping[str, Sequence[float | None]], unit: str) -> Plot:
    """Lines over the same places; what is unknown interrupts them."""
    known = [value for values in series.values() for value in values if value is not None]
    top = _ceiling(max(known, default=0))
    step = (WIDTH - LEFT - RIGHT) / max(1, len(labels))
    made = tuple(_line(name, values, labels, step, top, unit) for name, values in series.items())
    return Plot((), made, _across(labels, step), _up(top, "{:,g}"))


def ranked(counts: Sequence[tuple[str, int]], width: int = 260) -> list[tuple[str, int, float]]:
    """Names, counts, and the length of each one's bar, of `width` for the most."""
    most = max((count for _, count in counts), default=0)
    return [(name, count, _r(width * count / most) if most else 0.0) for name, count in counts]


def _line(
    name: str,
    values: Sequence[float | None],
    labels: Sequence[str],
    step: float,
    top: float,
    unit: str,
) -> Line:
    runs: list[list[str]] = [[]]
    dots: list[Dot] = []
    for n, value in enumerate(values):
        if value is None:
            runs.append([])
            continue
        x, y = _r(LEFT + (n + 0.5) * step), _r(HEIGHT - BOTTOM - _tall(value, top))
        runs[-1].append(f"{x},{y}")
        dots.append(Dot(x, y, f"{labels[n]}: {name} {value:,.0f} {unit}"))
    return Line(name, tuple(" ".join(run) for run in runs if len(run) > 1), tuple(dots))


def _tall(value: float, top: float) -> float:
    return (HEIGHT - TOP - BOTTOM) * value / top if top else 0.0


def _across(labels: Sequence[str], step: float) -> tuple[Tick, ...]:
    every = max(1, math.ceil(len(labels) / _LABELS))
    return tuple(
        Tick(_r(LEFT + (n + 0.5) * step), label) for n, label in enumerate(labels) if n % every == 0
    )


def _up(top: float, shape: str) -> tuple[Tick, ...]:
    return tuple(
        Tick(_r(HEIGHT - BOTTOM - _tall(top * share, top)), shape.format(top * share))
        for share in (0.0, 0.5, 1.0)
        if top
    )


def _ceiling(most: float) -> float:
    """The least round number, of 1, 2 or 5 and zeros, that is not less; even from 2 on."""
    if most <= 0:
        return 0.0
    if most <= 2:
        return 2.0
    scale = 10.0 ** math.floor(math.log10(most))
    return next(step * scale for step in (1, 2, 4, 6, 8, 10) if step * scale >= most)


def _r(value: float) -> float:
    return round(value, 1)
