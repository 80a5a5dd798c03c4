"""The register of the changes of the phone script that services order, for programs (indicator SVI-1)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, status
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from api.dependencies import FromLine, Line, may
from api.editor import refusals
from api.staff import Action, Person
from knowledge.database import reading
from knowledge.scripts import orders
from knowledge.scripts.orders import Entry, Impact, Progress, Value

router = APIRouter(prefix="/line", tags=["orders"])

Reader = Annotated[Person, Depends(may(Action.READ_ORDERS))]
Asker = Annotated[Person, Depends(may(Action.PLACE_ORDERS))]
Answerer = Annotated[Person, Depends(may(Action.ANSWER_ORDERS))]
Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="Number of an order.")]
First = Annotated[date | None, Query(description="First day of the period; none: no limit.")]
Last = Annotated[date | None, Query(description="Last day of the period, included; none: no limit.")]


class Ordered(BaseModel):
    service: str = Field(max_length=60, description="Identifier of the service that asks.", examples=["migrations"])
    reason: str = Field(min_length=3, max_length=2000, description="What must change, and why.")
    impact: Impact = Field(description="What it touches: wording, routing, hours, message.")


class Answered(BaseModel):
    version: int = Field(ge=1, le=2**31 - 1, description="Version that does what was ordered.")


class OrderView(BaseModel):
    """An order and what became of it."""

    number: int = Field(description="Number in the register.")
    author: str = Field(description="Who ordered it.")
    service: str = Field(description="For which service.")
    reason: str = Field(description="What must change, and why.")
    impact: Impact = Field(description="What it touches.")
    ordered_at: datetime = Field(description="When it was ordered.")
    due: date = Field(description="Last day, of the two below, that counts here.")
    due_working: date = Field(description="Last of three working days.")
    due_calendar: date = Field(description="Last of three calendar days.")
    progress: Progress = Field(description="open, on_time, late, cancelled.")
    version: int | None = Field(description="Version that answers it.")
    approver: str | None = Field(description="Who approved that version.")
    live_at: datetime | None = Field(description="Since when callers hear it.")
    certificate: dict[str, Any] | None = Field(description="What the line heard of itself, once proven.")


class Indicator(BaseModel):
    """SVI-1: orders done on time over those done or due."""

    applicable: bool = Field(description="False: « sans objet », which is not zero.")
    numerator: int | None = Field(description="Orders done on time.")
    denominator: int | None = Field(description="Orders done or due.")
    rate: float | None = Field(description="From 0 to 1.")
    reason: str = Field(description="Why it is not applicable, in French.")


class RegisterView(BaseModel):
    orders: list[OrderView] = Field(description="Oldest first.")
    svi1: Indicator = Field(description="The indicator of the same period.")


@router.get("/orders", summary="Read the register of orders", responses=refusals())
def read_register(line: FromLine, person: Reader, first: First = None, last: Last = None) -> RegisterView:
    """The orders of a period, by the day they were placed, with the indicator SVI-1."""
    with reading(line.engine) as opened:
        found = orders.register(opened, first, last, line.clock)
        return RegisterView(orders=[_view(entry) for entry in found], svi1=_indicator(orders.svi1(opened, first, last, line.clock)))


@router.post("/orders", summary="Order a change", status_code=status.HTTP_201_CREATED, responses=refusals(408, 409, 413))
def place_order(body: Ordered, line: FromLine, person: Asker) -> OrderView:
    """Both due days are computed and kept."""
    return line.commits.write(
        lambda opened: _read(line, opened, orders.place(opened, person.name, body.service, body.reason, body.impact, line.clock).id)
    )


@router.post("/orders/{number}/answer", summary="Say which version answers an order", responses=refusals(404, 408, 409, 413))
def answer_order(body: Answered, number: Number, line: FromLine, person: Answerer) -> OrderView:
    """The order is done when callers hear this version."""
    return line.commits.write(lambda opened: _read(line, opened, orders.attach(opened, number, body.version, person.name).id))


@router.post("/orders/{number}/cancel", summary="Cancel an order", responses=refusals(408, 409, 413))
def cancel_order(number: Number, line: FromLine, person: Answerer) -> OrderView:
    """It stays in the register and counts nowhere."""
    return line.commits.write(lambda opened: _read(line, opened, orders.cancel(opened, number, person.name, line.clock).id))


def _read(line: Line, opened: Session, number: int) -> OrderView:
    return _view(orders.entry(opened, number, line.clock))


def _view(entry: Entry) -> OrderView:
    order = entry.order
    return OrderView(
        number=order.id,
        author=order.author,
        service=order.service_id,
        reason=order.reason,
        impact=Impact(order.impact),
        ordered_at=order.ordered_at,
        due=entry.due,
        due_working=order.due_working,
        due_calendar=order.due_calendar,
        progress=entry.progress,
        version=order.version,
        approver=entry.approver,
        live_at=entry.live_at,
        certificate=entry.answer.certificate if entry.answer else None,
    )


def _indicator(rate: Value | orders.NotApplicable) -> Indicator:
    if isinstance(rate, Value):
        return Indicator(applicable=True, numerator=rate.numerator, denominator=rate.denominator, rate=rate.rate, reason="")
    return Indicator(applicable=False, numerator=None, denominator=None, rate=None, reason=rate.reason)
