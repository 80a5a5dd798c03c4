"""An agent presses a button: the caller hears the other service named to its end, then is put through.

The request is a row of the database. The caller's leg is sent to the enumerated destinations of his own version of the script, in his
language and at his speed: the announcement, the ringing and what follows when nobody answers are those of the script, and nothing else can
be dialled.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from knowledge.clock import Clock, now
from knowledge.database import reading, session
from knowledge.line_models import TransferRequest
from knowledge.scripts.model import service_symbol
from telephony.asterisk.events import Channel
from telephony.dialplan import context_of
from telephony.errors import AmiRefused, AmiUnavailable
from telephony.records.calls import CALLER_ENDPOINTS, Place, place_of
from telephony.records.tail import events_of, script_of

_log = logging.getLogger(__name__)
STALE = timedelta(seconds=30)
"""After that long the agent and the caller have gone on: moving the caller would surprise both."""


class Outcome(StrEnum):
    """What became of a request."""

    SENDING = "sending"
    """Being done; if it stays so, this process stopped in between and the caller may have been sent."""
    SENT = "sent"
    GONE = "gone"
    """The call was over."""
    REFUSED = "refused"
    """This service cannot be reached from the caller's script, or Asterisk said no."""
    LATE = "late"
    """Asterisk could not be reached in time: the caller stayed where he was."""
    UNSURE = "unsure"
    """Asterisk did not answer: the caller may have been sent."""


class Door(Protocol):
    """What is asked of Asterisk (`telephony.asterisk.ami.Asterisk`, account accueil_publish)."""

    def channels(self) -> Sequence[Channel]: ...
    def redirect(self, channel: str, context: str, extension: str) -> bool: ...


class Switchboard:
    """Serves the requests of the desks, one thread at a time. Each is carried out once at most: a caller is never announced twice."""

    def __init__(self, engine: Engine, door: Door, clock: Clock = now) -> None:
        self._engine, self._door, self._clock = engine, door, clock

    def serve(self) -> int:
        """Carry out what waits; how many requests were settled. Read the records first: they say where each caller is."""
        with reading(self._engine) as opened:
            waiting = opened.scalars(select(TransferRequest).where(TransferRequest.done_at.is_(None)).order_by(TransferRequest.id)).all()
        return sum(self._serve(request) for request in waiting)

    def _serve(self, request: TransferRequest) -> bool:
        if self._clock() - request.at > STALE:
            return self._settle(request, None, Outcome.LATE)
        try:
            channel = self._callers_leg(request.call)
        except AmiUnavailable:
            return False  # tried again at the next turn
        destination = self._destination(request)
        if channel is None or destination is None:
            return self._settle(request, None, Outcome.GONE if channel is None else Outcome.REFUSED)
        if not self._settle(request, None, Outcome.SENDING):
            return False
        try:
            sent = self._door.redirect(channel.name, *destination)
        except AmiRefused as refusal:
            _log.warning("Transfert demandé par un poste : %s", refusal)
            return self._settle(request, Outcome.SENDING, Outcome.REFUSED)
        except AmiUnavailable:
            return self._settle(request, Outcome.SENDING, Outcome.UNSURE)
        return self._settle(request, Outcome.SENDING, Outcome.SENT if sent else Outcome.GONE)

    def _callers_leg(self, call: str) -> Channel | None:
        legs = (channel for channel in self._door.channels() if channel.id == call and channel.endpoint in CALLER_ENDPOINTS)
        return next(legs, None)

    def _destination(self, request: TransferRequest) -> tuple[str, str] | None:
        """Context and extension of the service in the caller's script; None when his script cannot reach it."""
        with reading(self._engine) as opened:
            place = _last_place(opened, request.call)
            script = script_of(opened, place.version) if place else None
        if place is None or script is None:
            return None
        reached = script.desks
        if request.service_id not in reached or place.language not in script.languages:
            return None
        return context_of(place.version, place.language, place.rate, "go"), service_symbol(request.service_id)

    def _settle(self, request: TransferRequest, before: Outcome | None, outcome: Outcome) -> bool:
        """Write the outcome, if it still is `before`: two processes do not carry out the same request."""
        with session(self._engine) as opened:
            current = opened.get(TransferRequest, request.id, with_for_update=True)
            if current is None or current.outcome != before:
                return False
            current.done_at, current.outcome = self._clock(), outcome
            return True


def _last_place(opened: Session, call: str) -> Place | None:
    """Where the caller was last, by what Asterisk wrote."""
    places = [place for event in events_of(opened, call) if (place := place_of(event))]
    return places[-1] if places else None
