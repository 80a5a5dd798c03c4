"""How many calls, and what became of them, over a period: counted from the rows of `phone_call`. The line calling itself is apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from bot.journal import Period
from knowledge.line_models import Call


@dataclass(frozen=True)
class Figures:
    """Counts of calls, except `announced` and `unannounced`, which count transfers; waits are in seconds."""

    received: int
    welcomed: int
    """Heard the greeting to its end."""
    offered: int
    """A person was rung, or a queue entered."""
    answered: int
    """By an agent."""
    abandoned: int
    """Offered, and hung up by the caller before anybody answered."""
    lost: int
    """Calls whose end Asterisk never wrote."""
    announced: int
    """Transfers before which the service was named to its end."""
    unannounced: int
    wait_median: float | None
    """None when nobody was answered."""
    wait_p90: float | None
    proofs: int
    """Calls of the line to itself, counted nowhere else."""


def figures(session: Session, period: Period) -> Figures:
    """The figures of the calls that started in `period`."""
    columns = (Call.proof, Call.welcomed, Call.offered, Call.answered, Call.end, Call.wait_seconds, Call.transfers)
    rows = session.execute(select(*columns).where(*within(period))).all()
    calls = [row for row in rows if not row.proof]
    offers = [transfer["announced"] for row in calls for transfer in row.transfers if transfer["offered_at"]]
    waits = [row.wait_seconds for row in calls if row.wait_seconds is not None]
    return Figures(
        received=len(calls),
        welcomed=sum(row.welcomed for row in calls),
        offered=sum(row.offered for row in calls),
        answered=sum(row.answered for row in calls),
        abandoned=sum(row.offered and not row.answered and row.end == "caller" for row in calls),
        lost=sum(row.end == "lost" for row in calls),
        announced=sum(offers),
        unannounced=len(offers) - sum(offers),
        wait_median=float(np.percentile(waits, 50)) if waits else None,
        wait_p90=float(np.percentile(waits, 90)) if waits else None,
        proofs=len(rows) - len(calls),
    )


def latest(session: Session, period: Period, most: int) -> tuple[Call, ...]:
    """The last `most` calls that started in `period`, the oldest first."""
    found = session.scalars(select(Call).where(*within(period)).order_by(Call.started_at.desc(), Call.id).limit(most))
    return tuple(reversed(found.all()))


def within(period: Period) -> Sequence[ColumnElement[bool]]:
    """What a call of `period` satisfies."""
    return [
        *([Call.started_at >= period.start] if period.start else []),
        *([Call.started_at < period.end] if period.end else []),
    ]
