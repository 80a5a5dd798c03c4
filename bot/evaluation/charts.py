"""Curves as SVG: drawn by hand, named and described for those who do not see them, told apart by dashes as well as by colours."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from bot.evaluation.tables import Chart, Series

WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 16, 52
LEGEND = 20
"""Height of one line of the legend, under the plane."""
TICKS = 5
_COLOURS = ("#0b5394", "#a61c00", "#38761d", "#7f3f98", "#7a5a00", "#444444")
"""Each has a contrast of at least 4.5 with white."""
_DASHES = ("", "7 4", "2 3", "10 3 2 3", "4 2", "1 4")


def svg(chart: Chart) -> Markup:
    """The chart as one element; nothing in it is read from elsewhere."""
    height = HEIGHT + LEGEND * len(chart.series)
    parts = [
        Markup('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" role="img" aria-labelledby="{}-title {}-desc">').format(
            WIDTH, height, chart.key, chart.key
        ),
        Markup('<title id="{}-title">{}</title><desc id="{}-desc">{}</desc>').format(chart.key, chart.title, chart.key, chart.description),
        *_axes(chart),
    ]
    for number, series in enumerate(chart.series):
        parts += _curve(chart, series, number)
        parts += _legend(series, number)
    return Markup("").join([*parts, Markup("</svg>")])


def points(chart: Chart, most: int = 12) -> list[tuple[str, list[tuple[str, str]]]]:
    """The values of each series as text, `most` points at most, evenly taken: the chart for those who read it."""
    return [(one.name, [(f"{x:.3f}", f"{y:.3f}") for x, y in _thinned(one.points, most)]) for one in chart.series]


def _thinned(drawn: Sequence[tuple[float, float]], most: int) -> list[tuple[float, float]]:
    distinct = list(dict.fromkeys(drawn))
    if len(distinct) <= most:
        return distinct
    return [distinct[round(place * (len(distinct) - 1) / (most - 1))] for place in range(most)]


def _place(chart: Chart, x: float, y: float) -> tuple[float, float]:
    """From the units of the axes to those of the drawing; what is beyond an axis stands on its edge."""
    (x_first, x_last), (y_first, y_last) = chart.x_range, chart.y_range
    across = min(max((x - x_first) / ((x_last - x_first) or 1.0), 0.0), 1.0)
    up = min(max((y - y_first) / ((y_last - y_first) or 1.0), 0.0), 1.0)
    return round(LEFT + across * (WIDTH - LEFT - RIGHT), 1), round(HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM), 1)


def _axes(chart: Chart) -> list[Markup]:
    line = Markup('<line x1="{}" y1="{}" x2="{}" y2="{}" stroke="{}"/>')
    text = Markup('<text x="{}" y="{}" text-anchor="{}" font-size="13">{}</text>')
    drawn = []
    (x_first, x_last), (y_first, y_last) = chart.x_range, chart.y_range
    for tick in range(TICKS + 1):
        x, y = x_first + (x_last - x_first) * tick / TICKS, y_first + (y_last - y_first) * tick / TICKS
        (left, low), (right, _), (_, high) = _place(chart, x_first, y), _place(chart, x_last, y), _place(chart, x, y_last)
        across, floor = _place(chart, x, y_first)
        drawn += [line.format(left, low, right, low, "#dddddd"), line.format(across, floor, across, high, "#dddddd")]
        drawn += [text.format(left - 8, low + 4, "end", f"{y:.3g}"), text.format(across, floor + 18, "middle", f"{x:.3g}")]
    corner, end, top = _place(chart, x_first, y_first), _place(chart, x_last, y_first), _place(chart, x_first, y_last)
    drawn += [line.format(*corner, *end, "#333333"), line.format(*corner, *top, "#333333")]
    drawn.append(text.format((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, "middle", chart.x))
    turned = Markup('<text transform="translate(16 {}) rotate(-90)" text-anchor="middle" font-size="13">{}</text>')
    return [*drawn, turned.format((TOP + HEIGHT - BOTTOM) / 2, chart.y)]


def _curve(chart: Chart, series: Series, number: int) -> list[Markup]:
    colour, dashes = _COLOURS[number % len(_COLOURS)], _DASHES[number % len(_DASHES)]
    places = [_place(chart, x, y) for x, y in series.points]
    if series.marks:
        mark = Markup('<circle cx="{}" cy="{}" r="4.5" fill="{}"><title>{}</title></circle>')
        return [mark.format(*place, colour, f"{x:.3f}, {y:.3f}") for place, (x, y) in zip(places, series.points, strict=True)]
    drawn = " ".join(f"{x},{y}" for x, y in dict.fromkeys(places))
    return [Markup('<polyline points="{}" fill="none" stroke="{}" stroke-width="2" stroke-dasharray="{}"/>').format(drawn, colour, dashes)]


def _legend(series: Series, number: int) -> list[Markup]:
    colour, dashes, y = _COLOURS[number % len(_COLOURS)], _DASHES[number % len(_DASHES)], HEIGHT + LEGEND * number + 8
    if series.marks:
        sample = Markup('<circle cx="{}" cy="{}" r="4.5" fill="{}"/>').format(LEFT + 18, y - 4, colour)
    else:
        stroke = Markup('<line x1="{}" y1="{}" x2="{}" y2="{}" stroke="{}" stroke-width="2" stroke-dasharray="{}"/>')
        sample = stroke.format(LEFT, y - 4, LEFT + 36, y - 4, colour, dashes)
    return [sample, Markup('<text x="{}" y="{}" font-size="13">{}</text>').format(LEFT + 44, y, series.name)]
