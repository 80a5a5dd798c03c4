"""The tables of these benches: each measure beside its target, and whether it is reached. In French: the person who installs reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.figures import show

HEADINGS = ("mesure", "cible", "mesuré", "n", "verdict")


@dataclass(frozen=True)
class Row:
    measure: str
    target: str
    measured: str
    n: int
    reached: bool | None = None
    """None: a baseline, or a figure without target."""

    def cells(self) -> list[str]:
        verdict = "—" if self.reached is None else "atteint" if self.reached else "NON ATTEINT"
        return [self.measure, self.target or "—", self.measured, str(self.n), verdict]


def spread(values: Sequence[float], unit: str = "s", digits: int = 2) -> str:
    """ "p50 0.84 · p95 1.10 · max 1.20 s"; a dash when nothing was measured."""
    if not values:
        return "—"
    p50, p95 = np.percentile(values, (50, 95))
    return f"p50 {p50:.{digits}f} · p95 {p95:.{digits}f} · max {max(values):.{digits}f} {unit}"


def p95(values: Sequence[float]) -> float:
    """The 95th percentile; infinite when nothing was measured, so that no target is reached by measuring nothing."""
    return float(np.percentile(values, 95)) if values else float("inf")


def print_rows(title: str, rows: Sequence[Row]) -> None:
    show(title, HEADINGS, [row.cells() for row in rows])
