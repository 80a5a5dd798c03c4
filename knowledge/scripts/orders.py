"""The register of the changes of the phone script that services order (indicator SVI-1): asked when, due when, live when.

An order is due three days after the day it was placed, counted in working or in calendar days as the préfecture chose; both days are kept.
It is done when the version attached to it, or the one that took the place of that version, is heard by callers.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from knowledge import directory
from knowledge.clock import Clock, local, now, start_of, today
from knowledge.errors import OrderRefused
from knowledge.line_models import ScriptOrder
from knowledge.scripts.history import SERVING, State, Story, story
from knowledge.settings import settings

DAYS = 3
"""Within which an order is done."""


class Impact(StrEnum):
    """What the change touches."""

    WORDING = "wording"
    ROUTING = "routing"
    HOURS = "hours"
    MESSAGE = "message"


class Progress(StrEnum):
    """Where an order is."""

    OPEN = "open"
    """Not done, and not due yet."""
    ON_TIME = "on_time"
    LATE = "late"
    """Done after its day, or not done though its day is over."""
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Entry:
    """One order of the register, with what became of it."""

    order: ScriptOrder
    answer: Story | None
    """The version that callers hear, or will hear, for it."""
    progress: Progress

    @property
    def due(self) -> date:
        """The last day, of the two that are shown, that counts."""
        return _due(self.order)

    @property
    def approver(self) -> str | None:
        approval = self.answer.last(State.APPROVED) if self.answer else None
        return approval.author if approval else None

    @property
    def live_at(self) -> datetime | None:
        """Since when the first caller could hear it."""
        return _live_at(self.answer)


@dataclass(frozen=True)
class Value:
    """`numerator` orders done on time out of `denominator`."""

    numerator: int
    denominator: int

    @property
    def rate(self) -> float:
        return self.numerator / self.denominator


@dataclass(frozen=True)
class NotApplicable:
    """« Sans objet »: nothing to measure, which is not the same as zero."""

    reason: str


def place(session: Session, author: str, service: str, reason: str, impact: Impact, clock: Clock = now) -> ScriptOrder:
    """A new order. Its days are counted by the calendar of the préfecture.

    Raises:
        OrderRefused: unknown service, or nobody's name or no reason.
        DatabaseUnready: the services have not been loaded.
    """
    services = directory.stored(session)
    if service not in services:
        raise OrderRefused(f"Il n'y a pas de service « {service} ». Reprenez un identifiant de services.yml.")
    if not author.strip() or not reason.strip():
        raise OrderRefused("Une demande dit qui la fait et pourquoi.")
    day = today(clock)
    order = ScriptOrder(
        author=author,
        service_id=service,
        reason=reason,
        impact=impact.value,
        ordered_at=clock(),
        due_working=services.prefecture.calendar.deadline(day, DAYS),
        due_calendar=day + timedelta(days=DAYS),
        counted_in=settings().order_days,
    )
    session.add(order)
    session.flush()
    return order


def attach(session: Session, number: int, version: int, author: str) -> ScriptOrder:
    """The version that answers an order; a newer attachment replaces the one before, as long as callers have not heard it.

    Raises:
        OrderRefused: no such order, cancelled or done already.
        ScriptUnknown: no such version.
    """
    order = _open(session, number)
    order.version, order.answered_by = story(session, version).version.number, author
    session.flush()
    return order


def cancel(session: Session, number: int, author: str, clock: Clock = now) -> ScriptOrder:
    """The order is no longer wanted; it stays in the register and counts nowhere.

    Raises:
        OrderRefused: no such order, cancelled or done already.
    """
    order = _open(session, number)
    order.cancelled_at, order.cancelled_by = clock(), author
    session.flush()
    return order


def register(session: Session, first: date | None = None, last: date | None = None, clock: Clock = now) -> tuple[Entry, ...]:
    """The orders placed from `first` to `last`, both included (None: no limit), oldest first."""
    rows = select(ScriptOrder).order_by(ScriptOrder.ordered_at, ScriptOrder.id)
    if first:
        rows = rows.where(ScriptOrder.ordered_at >= start_of(first))
    if last:
        rows = rows.where(ScriptOrder.ordered_at < start_of(last + timedelta(days=1)))
    return tuple(_entry(session, order, today(clock)) for order in session.scalars(rows).all())


def entry(session: Session, number: int, clock: Clock = now) -> Entry:
    """One order of the register. Raises OrderRefused when there is none."""
    return _entry(session, _known(session, number), today(clock))


def svi1(session: Session, first: date | None = None, last: date | None = None, clock: Clock = now) -> Value | NotApplicable:
    """SVI-1: of the orders placed in the period, not cancelled, and done or due, the share done on time."""
    progress = [one.progress for one in register(session, first, last, clock)]
    on_time, late = progress.count(Progress.ON_TIME), progress.count(Progress.LATE)
    if on_time + late:
        return Value(on_time, on_time + late)
    return NotApplicable("aucune demande n'est encore échue" if Progress.OPEN in progress else "aucune demande dans la période")


def _entry(session: Session, order: ScriptOrder, day: date) -> Entry:
    answer = _answer(session, order)
    return Entry(order, answer, _progress(order, _live_at(answer), day))


def _progress(order: ScriptOrder, live_at: datetime | None, day: date) -> Progress:
    if order.cancelled_at:
        return Progress.CANCELLED
    if live_at:
        return Progress.ON_TIME if local(live_at).date() <= _due(order) else Progress.LATE
    return Progress.LATE if day > _due(order) else Progress.OPEN


def _answer(session: Session, order: ScriptOrder) -> Story | None:
    """The version attached, or the one that carried its text to the callers because it came before it."""
    told = story(session, order.version) if order.version is not None else None
    while told and told.state is State.REPLACED and told.first(State.LIVE) is None:
        told = story(session, told.events[-1].detail["by"])
    return told


def _live_at(answer: Story | None) -> datetime | None:
    """A version that was rolled back did not answer anything."""
    if answer is None or answer.state not in (*SERVING, State.REPLACED):
        return None
    event = answer.first(State.LIVE)
    return event.at if event else None


def _due(order: ScriptOrder) -> date:
    return order.due_working if order.counted_in == "working" else order.due_calendar


def _known(session: Session, number: int, lock: bool = False) -> ScriptOrder:
    order = session.get(ScriptOrder, number, with_for_update=lock or None)
    if order is None:
        raise OrderRefused(f"Il n'y a pas de demande {number} dans le registre.")
    return order


def _open(session: Session, number: int) -> ScriptOrder:
    order = _known(session, number, lock=True)
    if order.cancelled_at:
        raise OrderRefused(f"La demande {number} est annulée.")
    if _live_at(_answer(session, order)):
        raise OrderRefused(f"La demande {number} est faite : ce qu'elle voulait est en service.")
    return order
