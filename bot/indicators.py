"""The figures of the assistant, computed from journal rows only. Pure: rows go in, figures come out.

Each rate keeps its numerator, its denominator and its Wilson interval at 95 % (Wilson, 1927), and is in one of three states: a value; "sans
objet" when nothing could be counted; "données incomplètes", with bounds, when rows are known to be missing from the journal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from typing import Any

import numpy as np

from bot.journal import Entry, Holes
from bot.messages import Decision

CONFIDENCE_95 = 1.959964
"""Two-sided 95 % quantile of the normal law."""
NONE = "—"
"""Name of the group of what has no topic or no service."""


class State(StrEnum):
    VALUE = "value"
    NOT_APPLICABLE = "sans objet"
    INCOMPLETE = "données incomplètes"


@dataclass(frozen=True)
class Rate:
    """`count` out of `total`, while `missing` rows of the journal may belong to either."""

    count: int
    total: int
    missing: int = 0

    @property
    def state(self) -> State:
        if self.missing:
            return State.INCOMPLETE
        return State.VALUE if self.total else State.NOT_APPLICABLE

    @property
    def share(self) -> float | None:
        return self.count / self.total if self.total else None

    @property
    def interval(self) -> tuple[float, float] | None:
        return wilson(self.count, self.total) if self.total else None

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Between which values the rate is, whatever the missing rows were; None when none is missing."""
        everything = self.total + self.missing
        return (self.count / everything, (self.count + self.missing) / everything) if self.missing else None

    def as_row(self) -> dict[str, Any]:
        return {
            "count": self.count,
            "total": self.total,
            "share": self.share,
            "wilson_95": self.interval,
            "state": self.state.value,
            "bounds": self.bounds,
        }


@dataclass(frozen=True)
class Part:
    """One group of exchanges (a topic, a service…) and how they ended."""

    name: str
    total: int
    decisions: Mapping[Decision, Rate]


@dataclass(frozen=True)
class Latency:
    """Time taken by the assistant itself, in milliseconds."""

    count: int
    median: float | None
    p99: float | None


@dataclass(frozen=True)
class Completeness:
    """What is known to be missing, and what was forgotten as it had to be."""

    holes: Holes
    exchanges: int
    forgotten: int
    """Exchanges whose words were forgotten: their figures are here, they no longer appear among the unanswered questions."""

    @property
    def missing(self) -> int:
        """Exchanges that are certainly missing. A number skipped on PostgreSQL proves nothing: a cancelled turn takes one too."""
        return self.holes.turns if self.holes.numbers_may_skip else max(self.holes.turns, self.holes.numbers)


@dataclass(frozen=True)
class Figures:
    exchanges: int
    conversations: int
    whole: Part
    by: Mapping[str, tuple[Part, ...]]
    """By topic, service, channel, language and nature, largest first."""
    resolved: Rate
    """BOT-1: conversations where nothing was handed over, or where the person said that it helped."""
    uncertain: Rate
    """BOT-2: exchanges where the assistant was unsure and said so."""
    clear: Rate
    helped: Rate
    latency: Latency
    completeness: Completeness


_GROUPINGS: Mapping[str, Callable[[Entry], str | None]] = {
    "topic": lambda entry: entry.topic,
    "service": lambda entry: entry.service,
    "channel": lambda entry: entry.channel,
    "language": lambda entry: entry.language,
    "nature": lambda entry: entry.nature,
}


def figures(entries: Sequence[Entry], holes: Holes) -> Figures:
    """Every figure of the report."""
    completeness = Completeness(holes, len(entries), sum(entry.question is None for entry in entries))
    missing = completeness.missing
    conversations: dict[str, list[Entry]] = {}
    for entry in entries:
        conversations.setdefault(entry.conversation, []).append(entry)
    resolved = sum(map(_resolved, conversations.values()))
    unsure = sum(entry.decision is Decision.HANDOVER and entry.reason == "unsure" for entry in entries)
    return Figures(
        exchanges=len(entries),
        conversations=len(conversations),
        whole=_part("", entries, missing),
        by={name: _parts(entries, key, missing) for name, key in _GROUPINGS.items()},
        resolved=Rate(resolved, len(conversations), missing),
        uncertain=Rate(unsure, len(entries), missing),
        clear=_opinion((entry.clear for entry in entries), missing),
        helped=_opinion((entry.helped for entry in entries), missing),
        latency=latency([entry.latency_ms for entry in entries]),
        completeness=completeness,
    )


def wilson(count: float, total: int) -> tuple[float, float]:
    """Wilson score interval at 95 % of `count` out of `total` (one at least)."""
    share, spread = count / total, CONFIDENCE_95**2 / total
    centre = (share + spread / 2) / (1 + spread)
    margin = CONFIDENCE_95 * sqrt(share * (1 - share) / total + spread / (4 * total)) / (1 + spread)
    return max(centre - margin, 0.0), min(centre + margin, 1.0)


def latency(milliseconds: Sequence[float]) -> Latency:
    """Median and 99th percentile, interpolated between the two nearest values."""
    if not milliseconds:
        return Latency(0, None, None)
    median, p99 = np.percentile(milliseconds, (50, 99))
    return Latency(len(milliseconds), float(median), float(p99))


def _resolved(conversation: Iterable[Entry]) -> bool:
    turns = list(conversation)
    return any(entry.helped for entry in turns) or all(entry.decision is not Decision.HANDOVER for entry in turns)


def _opinion(answers: Iterable[bool | None], missing: int) -> Rate:
    given = [answer for answer in answers if answer is not None]
    return Rate(sum(given), len(given), missing)


def _parts(entries: Iterable[Entry], key: Callable[[Entry], str | None], missing: int) -> tuple[Part, ...]:
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(key(entry) or NONE, []).append(entry)
    parts = [_part(name, members, missing) for name, members in groups.items()]
    return tuple(sorted(parts, key=lambda part: (part.name == NONE, -part.total, part.name)))


def _part(name: str, entries: Sequence[Entry], missing: int) -> Part:
    counts = {decision: sum(entry.decision is decision for entry in entries) for decision in Decision}
    return Part(name, len(entries), {decision: Rate(count, len(entries), missing) for decision, count in counts.items()})


def as_rows(found: Figures) -> dict[str, Any]:
    """The figures as plain data: the same numbers as on the screen, unrounded."""
    holes = found.completeness.holes
    return {
        "exchanges": found.exchanges,
        "conversations": found.conversations,
        "decisions": _decisions(found.whole),
        "by": {
            name: [{"name": part.name, "total": part.total, "decisions": _decisions(part)} for part in parts]
            for name, parts in found.by.items()
        },
        "resolved": found.resolved.as_row(),
        "uncertain": found.uncertain.as_row(),
        "feedback": {"clear": found.clear.as_row(), "helped": found.helped.as_row()},
        "latency_ms": {"count": found.latency.count, "median": found.latency.median, "p99": found.latency.p99},
        "completeness": {
            "missing": found.completeness.missing,
            "skipped_numbers": holes.numbers,
            "missing_turns": holes.turns,
            "numbers_may_skip": holes.numbers_may_skip,
            "words_forgotten": found.completeness.forgotten,
        },
    }


def _decisions(part: Part) -> dict[str, Any]:
    return {decision.value: rate.as_row() for decision, rate in part.decisions.items()}
