"""How long an answer takes, and how much memory: one process, one thread, all included; beside the other systems."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence

from bot.assistant import Assistant
from bot.evaluation import footprint
from bot.evaluation.asking import Progress
from bot.evaluation.baselines import Baseline
from bot.evaluation.figures import Figure, Unit, percentile
from bot.evaluation.tables import Cell, Part, Table
from bot.messages import Question

TURNS = 1000
WARM_UP = 50
SAMPLE = 200
"""Questions asked before memory is read."""


def part(assistant: Assistant, others: Mapping[str, Baseline], texts: Sequence[str], progress: Progress) -> Part:
    """The table of speed and memory.

    Args:
        others: the systems that search in this process, and one recorded elsewhere, by their name for `footprint`.
        texts: what is asked, again and again.
    """
    load = os.getloadavg()[0]
    rows: list[Mapping[str, Cell]] = [
        {
            "system": "Accueil",
            **_timed(lambda text: assistant.answer(Question(text)), texts),
            "memory": footprint.measured(footprint.OURS, texts[:SAMPLE]),
        }
    ]
    progress(1, len(others) + 1)
    for done, (name, other) in enumerate(others.items(), start=2):
        training = None if other.seconds_training is None else Figure(other.seconds_training, unit=Unit.SECONDS)
        row: dict[str, Cell] = {"system": other.name}
        if other.search is not None:
            row |= {**_timed(other.search, texts), "memory": footprint.measured(name, texts[:SAMPLE])}
        elif other.measured is not None:
            row |= _recorded(other.measured)
        else:
            row["note"] = f"not measured: {other.missing}"
        rows.append({**row, "training": training})
        progress(done, len(others) + 1)
    columns = {"system": "system", "p50": "p50", "p95": "p95", "p99": "p99 (target ≤ 10 ms)", "rate": "turns", "memory": "memory"}
    return Part(
        "speed",
        "How fast, and how big?",
        f"{TURNS} questions after {WARM_UP} others, one thread, with the sheets of this run. Ours: the whole answer (nature, search, "
        "decision, words); bm25s and the regression: the search only. Memory: resident, of a fresh process over the fiches alone, after "
        f"{SAMPLE} questions; what trains in its process keeps what training took. Load of the machine when it began: {load:.1f} on "
        f"{os.cpu_count()} cores; other work lengthens every time.",
        (Table("speed", "Time of one answer, memory", {**columns, "training": "training", "note": ""}, rows),),
    )


def _timed(answer: Callable[[str], object], texts: Sequence[str]) -> dict[str, Cell]:
    for number in range(WARM_UP):
        answer(texts[number % len(texts)])
    taken = []
    for number in range(TURNS):
        started = time.perf_counter()
        answer(texts[number % len(texts)])
        taken.append((time.perf_counter() - started) * 1000)
    rate = Figure(1000 * len(taken) / sum(taken), n=len(taken), unit=Unit.PER_SECOND)
    return {**{f"p{rank}": percentile(taken, rank) for rank in (50, 95, 99)}, "rate": rate}


def _recorded(measured: Mapping[str, float]) -> dict[str, Cell]:
    units = {"p50_ms": Unit.MILLISECONDS, "p99_ms": Unit.MILLISECONDS, "turns_per_second": Unit.PER_SECOND, "memory_mb": Unit.MEGABYTES}
    found = {name: Figure(measured[name], unit=unit) for name, unit in units.items() if name in measured}
    names = {"p50": "p50_ms", "p99": "p99_ms", "rate": "turns_per_second", "memory": "memory_mb"}
    return {column: found.get(name) for column, name in names.items()}
