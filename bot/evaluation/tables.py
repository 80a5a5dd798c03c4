"""What a report is made of: parts, tables of figures, charts. The screen, the page and the JSON file show the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table as ScreenTable
from rich.text import Text

from bot.evaluation.figures import Figure

Cell = str | int | Figure | None
WIDTH = 150


@dataclass(frozen=True)
class Table:
    """Rows of cells, by column key."""

    key: str
    title: str
    columns: Mapping[str, str]
    """Headings, by key, in order."""
    rows: Sequence[Mapping[str, Cell]]
    note: str = ""
    verbatim: bool = False
    """Holds the words of questions and answers: read by people, left out of the JSON file."""

    def cells(self, row: Mapping[str, Cell]) -> list[str]:
        """The row as it is written, one text a column."""
        return ["—" if (cell := row.get(key)) is None else str(cell) for key in self.columns]


@dataclass(frozen=True)
class Series:
    """Points joined by a line, in the order given."""

    name: str
    points: tuple[tuple[float, float], ...]
    """(x, y), in the units of the axes."""
    marks: bool = False
    """Draw the points and no line."""


@dataclass(frozen=True)
class Chart:
    """Curves of one plane."""

    key: str
    title: str
    description: str
    """What it shows, in one or two sentences, for those who do not see it."""
    x: str
    y: str
    series: tuple[Series, ...]
    x_range: tuple[float, float] = (0.0, 1.0)
    y_range: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True)
class Part:
    """One chapter of the report."""

    key: str
    title: str
    note: str = ""
    """How it was measured."""
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = field(default=())


def as_json(part: Part) -> dict[str, Any]:
    """The figures of a part: tables by key, each a list of rows; charts by key, each with its points."""
    return {
        "title": part.title,
        "note": part.note,
        "tables": {
            table.key: {"title": table.title, "rows": [{key: _plain(cell) for key, cell in row.items()} for row in table.rows]}
            for table in part.tables
            if not table.verbatim
        },
        "charts": {
            chart.key: {"title": chart.title, "x": chart.x, "y": chart.y, "series": {one.name: one.points for one in chart.series}}
            for chart in part.charts
        },
    }


def _plain(cell: Cell) -> Any:
    if not isinstance(cell, Figure):
        return cell
    return {**{key: _rounded(value) for key, value in asdict(cell).items() if key != "unit"}, "unit": cell.unit.value}


def _rounded(value: float | int | None) -> float | int | None:
    return round(value, 5) if isinstance(value, float) else value


def show(part: Part, console: Console) -> None:
    """Print a part."""
    console.rule(Text(part.title), align="left")
    if part.note:
        console.print(part.note, style="dim", markup=False)
    for table in part.tables:
        drawn = ScreenTable(title=Text(table.title), title_justify="left", show_edge=False)
        for heading in table.columns.values():
            drawn.add_column(Text(heading), overflow="fold")
        for row in table.rows:
            drawn.add_row(*(Text(cell) for cell in table.cells(row)))
        console.print(drawn)
        if table.note:
            console.print(table.note, style="dim", markup=False)
        console.print()
