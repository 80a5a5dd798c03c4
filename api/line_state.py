"""What must be heard at once, and the transfer of a call, for programs: the telephony process obeys within seconds."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, status
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from api.dependencies import FromLine, Line, may
from api.editor import refusals
from api.errors import ConfirmationMissing, ServiceUnknown
from api.staff import Action, Person
from knowledge.database import reading
from knowledge.line_models import TransferRequest
from knowledge.scripts import state
from knowledge.scripts.state import Kind

router = APIRouter(prefix="/line", tags=["state of the line"])

WORDS = {Kind.CRISIS: "CRISE", Kind.CLOSURE: "FERMER"}
"""What a person types to confirm."""

Reader = Annotated[Person, Depends(may(Action.READ_STATE))]
Switcher = Annotated[Person, Depends(may(Action.SWITCH_STATE))]
Agent = Annotated[Person, Depends(may(Action.TRANSFER_CALLS))]
Reason = Annotated[str, Query(max_length=500, description="Why, for the log.")]


class _Switch(BaseModel):
    until: str = Field(description="End, on the clock of the préfecture, within 30 days.", examples=["2026-11-28T20:00"])
    reason: str = Field(default="", max_length=500, description="Why, for the log.")
    exercise: bool = Field(description="Whether it is an exercise rather than a real crisis. Always said.")


class CrisisMessage(_Switch):
    text: str = Field(max_length=2000, description="What callers hear first, in French: 60 words at most.")
    confirmation: str = Field(description="The word CRISE, typed by a person.")


class Closure(_Switch):
    text: str = Field(default="", max_length=2000, description="What callers hear; empty: the message of the script.")
    confirmation: str = Field(description="The word FERMER, typed by a person.")


class OrderedState(BaseModel):
    """An order to switch on or off."""

    kind: Kind = Field(description="crisis or closure.")
    switched_on: bool = Field(description="On or off.")
    at: datetime = Field(description="When it was ordered.")
    until: datetime | None = Field(description="When it ends; none when switched off.")
    text: str = Field(description="What callers hear.")
    exercise: bool = Field(description="An exercise rather than a real crisis.")
    author: str = Field(description="Who ordered it.")
    reason: str = Field(description="Why.")
    in_force: bool = Field(description="Whether it is on now.")
    effects: dict[str, datetime] = Field(description="Since when each channel has obeyed, read back from it.")


class StateView(BaseModel):
    crisis: OrderedState | None = Field(description="The crisis message that is on; none otherwise.")
    closure: OrderedState | None = Field(description="The closure that is on; none otherwise.")
    log: list[OrderedState] = Field(description="The last orders, newest first.")


class Transfer(BaseModel):
    call: str = Field(pattern=r"^[0-9A-Za-z._-]{1,80}$", description="Identifier of the call, as the agent's desk knows it.")
    service: str = Field(max_length=60, description="Identifier of the service.", examples=["permis"])


class TransferAsked(BaseModel):
    number: int = Field(description="Number of the request.")


@router.get("/state", summary="Read the state of the line", responses=refusals())
def read_state(line: FromLine, person: Reader) -> StateView:
    """What is on, since when each channel has obeyed, and the last orders."""
    with reading(line.engine) as opened:
        return _view(line, opened)


@router.post("/crisis", summary="Switch the crisis message on", responses=refusals(408, 413))
def crisis_on(body: CrisisMessage, line: FromLine, person: Switcher) -> StateView:
    """Callers hear it first, within ten seconds. It takes the place of the one that is on."""
    return _switch_on(line, Kind.CRISIS, body, person)


@router.delete("/crisis", summary="Switch the crisis message off", responses=refusals(408, 413))
def crisis_off(line: FromLine, person: Switcher, reason: Reason = "") -> StateView:
    """Nothing changes when it is off already."""
    return _switch_off(line, Kind.CRISIS, reason, person)


@router.post("/closure", summary="Close the line", responses=refusals(408, 413))
def closure_on(body: Closure, line: FromLine, person: Switcher) -> StateView:
    """Every call hears the closure, within ten seconds, whatever the hours."""
    return _switch_on(line, Kind.CLOSURE, body, person)


@router.delete("/closure", summary="Open the line again", responses=refusals(408, 413))
def closure_off(line: FromLine, person: Switcher, reason: Reason = "") -> StateView:
    """The hours of the services count again. Nothing changes when the line is not closed."""
    return _switch_off(line, Kind.CLOSURE, reason, person)


@router.post("/transfers", summary="Put a caller through", status_code=status.HTTP_202_ACCEPTED, responses=refusals(408, 413))
def transfer(body: Transfer, line: FromLine, person: Agent) -> TransferAsked:
    """The caller hears the service named to the end, then its line rings."""
    if body.service not in line.assistant.directory:
        raise ServiceUnknown
    return line.commits.write(lambda opened: _ask(line, opened, body, person))


def _switch_on(line: Line, kind: Kind, body: CrisisMessage | Closure, person: Person) -> StateView:
    if body.confirmation.strip().upper() != WORDS[kind]:
        raise ConfirmationMissing
    until = state.instant(body.until)

    def write(opened: Session) -> StateView:
        state.switch_on(opened, kind, body.text, until, person.name, body.reason, body.exercise, line.clock)
        return _view(line, opened)

    return line.commits.write(write)


def _switch_off(line: Line, kind: Kind, reason: str, person: Person) -> StateView:
    def write(opened: Session) -> StateView:
        state.switch_off(opened, kind, person.name, reason, line.clock)
        return _view(line, opened)

    return line.commits.write(write)


def _ask(line: Line, opened: Session, body: Transfer, person: Person) -> TransferAsked:
    asked = TransferRequest(at=line.clock(), author=person.name, call=body.call, service_id=body.service)
    opened.add(asked)
    opened.flush()
    return TransferAsked(number=asked.id)


def _view(line: Line, opened: Session) -> StateView:
    current = state.current(opened, line.clock())
    told = state.log(opened)
    on = {order.id for order in (current.crisis, current.closure) if order}
    views = [_ordered(one, one.order.id in on) for one in told]
    by_kind = {view.kind: view for view in views if view.in_force}
    return StateView(crisis=by_kind.get(Kind.CRISIS), closure=by_kind.get(Kind.CLOSURE), log=views)


def _ordered(told: state.Told, in_force: bool) -> OrderedState:
    order = told.order
    return OrderedState(
        kind=Kind(order.kind),
        switched_on=order.switched_on,
        at=order.at,
        until=order.until,
        text=order.text,
        exercise=order.exercise,
        author=order.author,
        reason=order.reason,
        in_force=in_force,
        effects=dict(told.effects),
    )
