"""Figures with their interval: shares, areas under a curve, calibration error, percentiles. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from bot.indicators import wilson

Floats = npt.NDArray[np.float64]
SEED = 20261128
DRAWS = 400
"""Bootstrap samples of an interval."""
BINS = 10


class Unit(StrEnum):
    SHARE = "share"
    """0 to 1: a proportion, a probability, an area."""
    MILLISECONDS = "ms"
    MEGABYTES = "MB"
    SECONDS = "s"
    PER_SECOND = "per second"
    POINTS = "points"
    """Difference of two shares, times 100."""


@dataclass(frozen=True)
class Figure:
    """A value, its 95 % interval and the number of questions behind it."""

    value: float | None
    """None: it could not be measured, or no threshold reaches it."""
    low: float | None = None
    high: float | None = None
    n: int = 0
    unit: Unit = Unit.SHARE

    def __str__(self) -> str:
        """ ".893 [.834–.933] n=149"."""
        if self.value is None:
            return "—"
        interval = "" if self.low is None or self.high is None else f" [{self._written(self.low)}–{self._written(self.high)}]"
        return f"{self._written(self.value)}{interval}{f' n={self.n}' if self.n else ''}"

    def _written(self, value: float) -> str:
        match self.unit:
            case Unit.SHARE:
                return f"{value:.3f}".replace("0.", ".", 1) if abs(value) < 0.9995 else f"{value:.2f}"
            case Unit.POINTS:
                return f"{value:+.1f}"
            case Unit.MILLISECONDS:
                return f"{value:.2f} ms"
            case Unit.MEGABYTES | Unit.PER_SECOND:
                return f"{value:.0f} {'MB' if self.unit is Unit.MEGABYTES else '/s'}"
            case Unit.SECONDS:
                return f"{value:.1f} s"


def share(hits: Sequence[bool]) -> Figure:
    """The share of `hits` that are true, with its Wilson interval."""
    if not hits:
        return Figure(None)
    value = sum(hits) / len(hits)
    low, high = wilson(sum(hits), len(hits))
    return Figure(value, min(low, value), max(high, value), len(hits))


def mean(values: Sequence[float]) -> Figure:
    """The mean of values between 0 and 1 (reciprocal ranks), with a bootstrap interval."""
    if not values:
        return Figure(None)
    drawn = np.asarray(values, float)
    return bootstrapped(float(drawn.mean()), lambda chance: float(chance.choice(drawn, len(drawn)).mean()), len(drawn))


def auroc(positives: Sequence[float], negatives: Sequence[float]) -> Figure:
    """Area under the ROC curve: probability that one of `positives` is above one of `negatives`, ties counting half."""
    if not positives or not negatives:
        return Figure(None)
    inside, outside = np.asarray(positives, float), np.asarray(negatives, float)

    def drawn(chance: np.random.Generator) -> float:
        return _area(chance.choice(inside, len(inside)), chance.choice(outside, len(outside)))

    return bootstrapped(_area(inside, outside), drawn, len(inside) + len(outside))


def _area(inside: Floats, outside: Floats) -> float:
    order = np.sort(outside)
    below = np.searchsorted(order, inside, "left")
    equal = np.searchsorted(order, inside, "right") - below
    return float((below + 0.5 * equal).sum() / (len(inside) * len(outside)))


def bootstrapped(value: float, draw: Callable[[np.random.Generator], float], n: int) -> Figure:
    """`value` between the 2.5th and 97.5th percentiles of what `draw` gives for samples drawn again (Efron, 1979)."""
    chance = np.random.default_rng(SEED)
    low, high = np.percentile([draw(chance) for _ in range(DRAWS)], (2.5, 97.5))
    return Figure(value, float(low), float(high), n)


def percentile(values: Sequence[float], rank: float, unit: Unit = Unit.MILLISECONDS) -> Figure:
    """The value under which `rank` % of the values are."""
    return Figure(float(np.percentile(values, rank)), n=len(values), unit=unit) if len(values) else Figure(None, unit=unit)


@dataclass(frozen=True)
class Bin:
    """Questions of neighbouring confidence."""

    announced: float
    """Mean confidence."""
    found: Figure
    """Share whose first candidate was right."""


def reliability(
    confidences: Sequence[float], right: Sequence[bool], weights: Sequence[float] | None = None
) -> tuple[tuple[Bin, ...], Figure]:
    """The reliability diagram in `BINS` bins of equal count (of equal weight with `weights`), and the expected calibration error.

    The error is the mean over the bins, by weight, of |mean confidence - share right| (Naeini and others, 2015).
    """
    if not confidences:
        return (), Figure(None)
    announced, found = np.asarray(confidences, float), np.asarray(right, float)
    weighed = np.ones(len(announced)) if weights is None else np.asarray(weights, float)
    bins = []
    for rows in _bins(announced, weighed):
        level = float(np.average(found[rows], weights=weighed[rows]))
        interval = wilson(level * len(rows), len(rows))
        bins.append(Bin(float(np.average(announced[rows], weights=weighed[rows])), Figure(level, *interval, n=len(rows))))

    def drawn(chance: np.random.Generator) -> float:
        rows = chance.integers(0, len(announced), len(announced))
        return _error(announced[rows], found[rows], weighed[rows])

    return tuple(bins), bootstrapped(_error(announced, found, weighed), drawn, len(announced))


def _bins(announced: Floats, weights: Floats) -> list[npt.NDArray[np.int64]]:
    order = np.argsort(announced, kind="stable")
    before = np.cumsum(weights[order]) - weights[order] / 2
    numbers = np.minimum((before / weights.sum() * BINS).astype(int), BINS - 1)
    return [order[numbers == number] for number in range(BINS) if (numbers == number).any()]


def _error(announced: Floats, found: Floats, weights: Floats) -> float:
    total = 0.0
    for rows in _bins(announced, weights):
        total += abs(float((weights[rows] * (announced[rows] - found[rows])).sum()))
    return total / float(weights.sum())
