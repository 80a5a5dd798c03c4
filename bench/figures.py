"""Intervals and tables."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

SEED = 20261121


def wilson(successes: int, trials: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a proportion (Wilson, 1927)."""
    if not trials:
        return 0.0, 1.0
    share = successes / trials
    centre = share + z * z / (2 * trials)
    spread = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return (centre - spread) / (1 + z * z / trials), (centre + spread) / (1 + z * z / trials)


def rate(hits: Sequence[bool]) -> str:
    """A proportion with its interval and its number: ".893 [.834–.933] n=149"."""
    if not hits:
        return "—"
    low, high = wilson(sum(hits), len(hits))
    return f"{_short(sum(hits) / len(hits))} [{_short(low)}–{_short(high)}] n={len(hits)}"


def auroc(positives: Sequence[float], negatives: Sequence[float]) -> str:
    """Area under the ROC curve (probability that a covered question scores above a stranger), with a bootstrap interval."""
    if not positives or not negatives:
        return "—"
    inside, outside = np.asarray(positives), np.asarray(negatives)
    chance = np.random.default_rng(SEED)
    drawn = sorted(_area(chance.choice(inside, len(inside)), chance.choice(outside, len(outside))) for _ in range(400))
    return f"{_short(_area(inside, outside))} [{_short(drawn[10])}–{_short(drawn[389])}] n={len(inside)}+{len(outside)}"


def _area(inside: npt.NDArray[np.float64], outside: npt.NDArray[np.float64]) -> float:
    order = np.sort(outside)
    below = np.searchsorted(order, inside, "left")
    equal = np.searchsorted(order, inside, "right") - below
    return float((below + 0.5 * equal).sum() / (len(inside) * len(outside)))


def _short(value: float) -> str:
    return f"{value:.3f}".removeprefix("0") if value < 1 else "1.00"


def percentiles(milliseconds: Sequence[float]) -> str:
    """ "p50 1.8 · p99 4.1 ms"."""
    return f"p50 {np.percentile(milliseconds, 50):.2f} · p99 {np.percentile(milliseconds, 99):.2f} ms"


def show(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table."""
    table = Table(title=title, title_justify="left", show_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*row)
    console = Console(width=150, highlight=False)
    console.print(table)
    console.print()
