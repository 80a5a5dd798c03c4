"""Callers who asked to be called back: from Asterisk's own database to ours, then forgotten.

The dialplan notes `service|number` under the identifier of the call; it works while this process is away. The row is stored first, then the
note is removed: stopped in between, the next turn finds both and changes nothing. A number is kept until it has been called, or for
`TELEPHONY_CALLBACK_DAYS` days.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from knowledge.clock import Clock, now
from knowledge.database import session
from knowledge.line_models import CallbackRequest

_log = logging.getLogger(__name__)
FAMILY = "accueil_callback"
"""Of Asterisk's database: `service|number` by call."""
_CALL = re.compile(r"[A-Za-z0-9_.-]{1,80}")
_NUMBER = re.compile(r"\+?[0-9]{3,15}")
_SERVICE = re.compile(r"[a-z0-9-]{1,60}")


class Shelf(Protocol):
    """Asterisk's own database, as its door offers it (`telephony.asterisk.ami.Asterisk`)."""

    def family(self, name: str) -> Mapping[str, str]: ...
    def delete(self, family: str, key: str) -> bool: ...


def collect(engine: Engine, shelf: Shelf, clock: Clock = now) -> int:
    """Take what Asterisk noted into the database; how many requests are new or changed.

    A note that is not one of ours is told in the log, without its content, and removed.

    Raises:
        AmiUnavailable, AmiRefused: Asterisk's database cannot be reached; what was stored is stored, the notes are still there.
    """
    taken = 0
    for call, noted in sorted(shelf.family(FAMILY).items()):
        service, _, number = noted.partition("|")
        if _CALL.fullmatch(call) and _SERVICE.fullmatch(service) and _NUMBER.fullmatch(number):
            with session(engine) as opened:
                taken += _store(opened, call, service, number, clock)
        else:
            _log.warning("Une demande de rappel illisible a été retirée (appel %s). Vérifiez le script en service.", ascii(call)[:90])
        shelf.delete(FAMILY, call)
    return taken


def _store(opened: Session, call: str, service: str, number: str, clock: Clock) -> bool:
    """Whether the request was new, or named another service than before and nobody had called yet."""
    known = opened.get(CallbackRequest, call, with_for_update=True)
    if known is None:
        opened.add(CallbackRequest(call=call, service_id=service, number=number, asked_at=clock()))
        return True
    if known.done_at is not None or known.service_id == service:
        return False
    known.service_id = service
    return True


def waiting(opened: Session) -> tuple[CallbackRequest, ...]:
    """Requests that nobody has answered and whose number is still known, the oldest first."""
    found = select(CallbackRequest).where(CallbackRequest.done_at.is_(None), CallbackRequest.number.is_not(None))
    return tuple(opened.scalars(found.order_by(CallbackRequest.asked_at, CallbackRequest.call)))


def done(opened: Session, call: str, author: str, clock: Clock = now) -> bool:
    """The caller was called back: his number is erased. False when there is no such request, or it was answered before."""
    answered = update(CallbackRequest).where(CallbackRequest.call == call, CallbackRequest.done_at.is_(None))
    changed = opened.execute(answered.values(done_at=clock(), done_by=author, number=None))
    return bool(changed.rowcount)  # type: ignore[attr-defined]  # an UPDATE gives a CursorResult


def forget(opened: Session, days: int, clock: Clock = now) -> int:
    """Erase the numbers asked more than `days` days ago, called or not; how many there were."""
    before: datetime = clock() - timedelta(days=days)
    old = update(CallbackRequest).where(CallbackRequest.asked_at < before, CallbackRequest.number.is_not(None))
    return int(opened.execute(old.values(number=None)).rowcount)  # type: ignore[attr-defined]  # as above
