"""Percentiles, tables, refusals: how a measure is printed. Intervals are those of `bot.indicators`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

import numpy as np
from rich.console import Console
from rich.table import Table


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


def refuse(message: str) -> NoReturn:
    """Stop with one clear line."""
    sys.stderr.write(message + "\n")
    raise SystemExit(2)
