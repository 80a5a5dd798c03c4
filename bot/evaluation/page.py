"""The report as one page that needs nothing else: tables, curves, and the words of the worst answers."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from bot.evaluation.charts import points, svg
from bot.evaluation.report import Report


def html(report: Report) -> str:
    """The page. Everything that a person wrote is escaped; there is no script, and nothing is loaded."""
    environment = Environment(loader=PackageLoader("bot"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(svg=svg, points=points)
    return environment.get_template("evaluation.html").render(report=report)
