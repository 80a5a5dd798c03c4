"""How much is answered, at which risk: coverage and wrong answers as the threshold of a reply moves, and how true the confidence is.

The mix: questions that a fiche or sheet answers weigh two thirds, questions that must not be answered one third. Within each, every
question weighs the same. A wrong answer is a reply by something else than what answers, or a reply to what must not be answered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bot.evaluation.asking import Judgement, Outcome
from bot.evaluation.figures import DRAWS, SEED, Figure, Floats, auroc, reliability, share
from bot.evaluation.questions import PARTS
from bot.evaluation.tables import Cell, Chart, Part, Series, Table
from bot.messages import Nature
from bot.policy import Thresholds

FORBIDDEN_SHARE = 1 / 3
TARGETS = (0.005, 0.01, 0.05)
GRID = tuple(number / 200 for number in range(202))
"""Thresholds tried for a reply at once; the last one, above 1, stands for never."""
_COLUMNS = {"at_once": "answered rightly at once", "after_one": "or after one clarification", "wrong": "wrong, of all"}

Twins = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Mix:
    """Questions to answer, and questions that must not be answered, in one half."""

    name: str
    part: str
    covered: Sequence[Outcome]
    forbidden: Sequence[Outcome]


@dataclass(frozen=True)
class Swept:
    """What becomes of each question at each threshold: arrays of shape (questions, thresholds)."""

    right: Floats
    offered: Floats
    wrong: Floats


@dataclass(frozen=True)
class Curve:
    """Shares at each threshold, shape (thresholds,), or (draws, thresholds) for samples drawn again."""

    at_once: Floats
    after_one: Floats
    wrong: Floats


def sweep(outcomes: Sequence[Outcome], thresholds: Thresholds, twins: Twins, grid: Sequence[float] = GRID) -> Swept:
    """The judgement of each outcome, were `sure` each value of `grid`; the other thresholds stay (`possible` never above `sure`)."""
    judged: npt.NDArray[np.int8] = np.zeros((len(outcomes), len(grid)), np.int8)
    order = tuple(Judgement)
    for column, sure in enumerate(grid):
        tried = replace(thresholds, sure=sure, possible=min(thresholds.possible, sure))
        judged[:, column] = [order.index(outcome.judged(tried, twins)) for outcome in outcomes]
    kinds = (Judgement.RIGHT, Judgement.OFFERED, Judgement.WRONG)
    return Swept(*((judged == order.index(kind)).astype(float) for kind in kinds))


def curve(covered: Swept, forbidden: Swept, draws: int = 0) -> Curve:
    """Coverage and risk of the mix at each threshold; `draws` samples drawn again instead, when given."""
    inside, outside = len(covered.right), len(forbidden.right)
    third = FORBIDDEN_SHARE if outside else 0.0
    if draws:
        chance = np.random.default_rng(SEED)
        weigh_inside = chance.multinomial(inside, [1 / inside] * inside, draws) / inside
        weigh_outside = chance.multinomial(outside, [1 / outside] * outside, draws) / outside if outside else np.zeros((draws, 0))
    else:
        weigh_inside, weigh_outside = np.full(inside, 1 / inside), np.full(outside, 1 / max(outside, 1))
    at_once = weigh_inside @ covered.right
    wrong = (1 - third) * (weigh_inside @ covered.wrong) + third * (weigh_outside @ forbidden.wrong)
    return Curve(at_once, at_once + weigh_inside @ covered.offered, wrong)


def best_under(found: Curve, risk: float, key: str = "after_one") -> int | None:
    """The threshold that answers most (`key`: which coverage) with at most `risk` wrong answers, as its place; None: none of them."""
    allowed = np.flatnonzero(found.wrong <= risk + 1e-12)
    return int(allowed[np.argmax(getattr(found, key)[allowed])]) if len(allowed) else None


def part(mixes: Sequence[Mix], thresholds: Thresholds, twins: Twins) -> Part:
    """The tables and curves of coverage, abstention and calibration."""
    swept = {
        (mix.name, mix.part): (sweep(mix.covered, thresholds, twins), sweep(mix.forbidden, thresholds, twins))
        for mix in mixes
        if mix.covered
    }
    curves = {key: curve(*both) for key, both in swept.items()}
    return Part(
        "risk",
        "How much is answered, at which risk?",
        __doc__.partition("\n\n")[2].replace("\n", " ").strip() if __doc__ else "",
        (
            _shipped(mixes, thresholds, twins),
            _at_risk(swept, curves),
            _transferred(swept, curves),
            _abstention(mixes),
            _calibration(mixes),
            _bins(mixes),
            _wrong(mixes, thresholds, twins),
        ),
        (*_risk_charts(curves), *_diagrams(mixes)),
    )


def _shipped(mixes: Sequence[Mix], thresholds: Thresholds, twins: Twins) -> Table:
    """The point at which the product works."""
    rows: list[Mapping[str, Cell]] = []
    for mix in mixes:
        if not mix.covered:
            continue
        at = (thresholds.sure,)
        covered, forbidden = sweep(mix.covered, thresholds, twins, at), sweep(mix.forbidden, thresholds, twins, at)
        row: dict[str, Cell] = {"covered": mix.name, "part": mix.part, **_point(covered, forbidden, 0)}
        row["wrong_covered"], row["wrong_forbidden"] = (share([bool(one) for one in swept.wrong[:, 0]]) for swept in (covered, forbidden))
        row["asked_back"] = f"{sum(one.decision.value == 'clarify' for one in mix.forbidden)} of {len(mix.forbidden)}"
        rows.append(row)
    title = f"At the shipped thresholds (reply from {thresholds.sure:g}, ask back from {thresholds.possible:g})"
    columns = {"covered": "covered", "part": "part", **_COLUMNS}
    columns |= {"wrong_covered": "wrong, of covered", "wrong_forbidden": "answered, of forbidden", "asked_back": "forbidden asked back"}
    return Table("shipped", title, columns, rows)


def _point(covered: Swept, forbidden: Swept, place: int) -> dict[str, Cell]:
    here, drawn, n = curve(covered, forbidden), curve(covered, forbidden, DRAWS), len(covered.right)
    cells: dict[str, Cell] = {}
    for key in _COLUMNS:
        low, high = np.percentile(getattr(drawn, key)[:, place], (2.5, 97.5))
        number = n + len(forbidden.right) if key == "wrong" else n
        cells[key] = Figure(float(getattr(here, key)[place]), float(low), float(high), number)
    return cells


def _at_risk(swept: Mapping[tuple[str, str], tuple[Swept, Swept]], curves: Mapping[tuple[str, str], Curve]) -> Table:
    rows: list[Mapping[str, Cell]] = []
    for (name, half), both in swept.items():
        drawn = curve(*both, DRAWS)
        samples = [Curve(*arrays) for arrays in zip(drawn.at_once, drawn.after_one, drawn.wrong, strict=True)]
        for risk in TARGETS:
            row: dict[str, Cell] = {"covered": name, "part": half, "risk": f"{risk:.1%}"}
            for key in ("at_once", "after_one"):
                place = best_under(curves[name, half], risk, key)
                reached = [0.0 if (at := best_under(one, risk, key)) is None else getattr(one, key)[at] for one in samples]
                low, high = np.percentile(reached, (2.5, 97.5))
                value = None if place is None else float(getattr(curves[name, half], key)[place])
                row[key] = Figure(value, float(low), float(high), len(both[0].right))
                row[f"threshold_{key}"] = None if place is None else Figure(GRID[place])
            rows.append(row)
    columns = {"covered": "covered", "part": "part", "risk": "wrong ≤"}
    for key in ("at_once", "after_one"):
        columns |= {key: _COLUMNS[key], f"threshold_{key}": "threshold"}
    note = (
        "Each threshold is chosen on the same questions: an upper bound. — : no threshold reaches it. "
        "Interval: the threshold is chosen again in each bootstrap sample."
    )
    return Table("at_risk", "Coverage at a given risk", columns, rows, note)


def _transferred(swept: Mapping[tuple[str, str], tuple[Swept, Swept]], curves: Mapping[tuple[str, str], Curve]) -> Table:
    """Honest use of a curve: the threshold is chosen on the tuned half, and read on the half kept aside."""
    rows: list[Mapping[str, Cell]] = []
    for name in dict.fromkeys(name for name, _ in swept):
        if {(name, half) for half in PARTS} <= swept.keys():
            for risk in TARGETS:
                place = best_under(curves[name, PARTS[0]], risk)
                if place is not None:
                    found = _point(*swept[name, PARTS[1]], place)
                    rows.append({"covered": name, "risk": f"{risk:.1%}", "threshold": Figure(GRID[place]), **found})
    columns = {"covered": "covered", "risk": "wrong ≤ on tuned", "threshold": "threshold", **_COLUMNS}
    return Table("transferred", "Threshold chosen on the tuned half, read on the half kept aside", columns, rows)


def _abstention(mixes: Sequence[Mix]) -> Table:
    rows: list[Mapping[str, Cell]] = []
    for mix in mixes:
        inside = [one.confidence for one in mix.covered]
        strangers = [one.confidence for one in mix.forbidden if one.asked.nature == Nature.OUT_OF_SCOPE]
        right = [one.confidence for one in mix.covered if one.rank == 1]
        wrong = [one.confidence for one in (*mix.covered, *mix.forbidden) if one.rank != 1]
        row: dict[str, Cell] = {"covered": mix.name, "part": mix.part, "scope": auroc(inside, strangers)}
        rows.append({**row, "forbidden": auroc(inside, [one.confidence for one in mix.forbidden]), "right": auroc(right, wrong)})
    columns = {"covered": "covered", "part": "part", "scope": "covered above out of scope", "forbidden": "covered above all forbidden"}
    title = "Abstention: area under the ROC curve of the confidence"
    return Table("abstention", title, {**columns, "right": "right first candidate above all others"}, rows)


def _calibration(mixes: Sequence[Mix]) -> Table:
    rows: list[Mapping[str, Cell]] = []
    for mix in mixes:
        row: dict[str, Cell] = {"covered": mix.name, "part": mix.part, "mix": reliability(*_announced(mix))[1]}
        row["inside"] = reliability([one.confidence for one in mix.covered], [one.rank == 1 for one in mix.covered])[1]
        rows.append(row)
    columns = {"covered": "covered", "part": "part", "mix": "on the mix", "inside": "on covered questions only"}
    note = "Ten bins of equal weight; small sets raise the error by chance alone."
    return Table("calibration", "Expected calibration error of the confidence (target ≤ .05)", columns, rows, note)


def _bins(mixes: Sequence[Mix]) -> Table:
    """The reliability diagrams, as they are read."""
    rows: list[Mapping[str, Cell]] = []
    for mix in mixes:
        for number, one in enumerate(reliability(*_announced(mix))[0], start=1):
            rows.append({"covered": mix.name, "part": mix.part, "bin": number, "announced": Figure(one.announced), "found": one.found})
    columns = {"covered": "covered", "part": "part", "bin": "bin", "announced": "mean confidence", "found": "right first candidate"}
    return Table("bins", "Reliability: ten bins of the confidence, on the mix", columns, rows)


def _announced(mix: Mix) -> tuple[list[float], list[bool], list[float]]:
    """Confidences, whether the first candidate answers, and weights, over the mix."""
    everything = [*mix.covered, *mix.forbidden]
    third = FORBIDDEN_SHARE if mix.forbidden else 0.0
    inside, outside = (1 - third) / max(len(mix.covered), 1), third / max(len(mix.forbidden), 1)
    weights = [inside] * len(mix.covered) + [outside] * len(mix.forbidden)
    return [one.confidence for one in everything], [one.asked.covered and one.rank == 1 for one in everything], weights


def _wrong(mixes: Sequence[Mix], thresholds: Thresholds, twins: Twins) -> Table:
    """What was wrongly answered, the most confident first."""
    wrong = {one.asked: one for mix in mixes for one in (*mix.covered, *mix.forbidden) if one.judged(thresholds, twins) is Judgement.WRONG}
    rows: list[Mapping[str, Cell]] = [
        {
            "confidence": f"{one.confidence:.2f}",
            "set": f"{one.asked.set} ({one.asked.part})",
            "expected": one.asked.nature or "answered by another fiche",
            "question": one.asked.text,
            "answer": one.answer.text,
        }
        for one in sorted(wrong.values(), key=lambda one: -one.confidence)[:10]
    ]
    columns = {"confidence": "confidence", "set": "set", "expected": "expected", "question": "question", "answer": "answer"}
    return Table("wrong", "Ten wrong answers, the most confident first, verbatim", columns, rows, verbatim=True)


def _risk_charts(curves: Mapping[tuple[str, str], Curve]) -> list[Chart]:
    drawn = []
    for key, covered in _COLUMNS.items():
        if key != "wrong":
            series = tuple(
                Series(f"{name} ({half})", tuple((float(x), float(y)) for x, y in zip(getattr(found, key), found.wrong, strict=True)))
                for (name, half), found in curves.items()
            )
            description = (
                "Each point is one threshold of a reply. To the right more is answered; upwards more is wrong. Beyond 10 % it is cut."
            )
            title = f"Risk and coverage, {covered}"
            drawn.append(Chart(f"risk_{key}", title, description, covered, _COLUMNS["wrong"], series, y_range=(0.0, 0.1)))
    return drawn


def _diagrams(mixes: Sequence[Mix]) -> list[Chart]:
    drawn = []
    for mix in mixes:
        bins, error = reliability(*_announced(mix))
        points = tuple((one.announced, one.found.value or 0.0) for one in bins)
        drawn.append(
            Chart(
                f"reliability_{mix.name}_{mix.part}",
                f"Reliability, {mix.name} ({mix.part})",
                f"Ten bins of equal weight; on the diagonal a confidence tells the truth. Expected calibration error: {error}.",
                "confidence",
                "right first candidate",
                (Series("perfect", ((0.0, 0.0), (1.0, 1.0))), Series("measured", points, marks=True)),
            )
        )
    return drawn
