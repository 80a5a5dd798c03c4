"""The crisis message and the forced closure, put in Asterisk's own database, where each call reads them without any reload.

The order is in our database before this is called; here Asterisk is made to agree with it, again and again: after a restart of Asterisk, of
this process, of both, or a `database del` by hand, it agrees within seconds. When what was written has been read back, it is noted.

The end of an order is read by the dialplan itself: a message stops at its second, even with this process dead.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from typing import Protocol

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from knowledge.clock import Clock, now
from knowledge.database import reading, session
from knowledge.line_models import LineState
from knowledge.scripts import state
from knowledge.scripts.state import Kind
from telephony.errors import AmiRefused, TelephonyError

log = logging.getLogger("telephony")

FAMILY = "accueil"
KEYS = {Kind.CRISIS: ("crisis_sound", "crisis_until"), Kind.CLOSURE: ("closed_sound", "closed_until")}
"""In Asterisk's database: the sound of the message (32 hexadecimal digits), and its end in seconds since 1970."""
PACE = 1.0
"""Seconds between two looks at our database."""
COMPARED_EVERY = 5.0
"""Seconds between two comparisons with Asterisk's, when ours did not change."""


class Shelf(Protocol):
    """Asterisk's own database."""

    def put(self, family: str, key: str, value: str) -> None: ...
    def get(self, family: str, key: str) -> str | None: ...
    def delete(self, family: str, key: str) -> bool: ...


@dataclass(frozen=True)
class Orders:
    """The newest order of each kind, and whether it is in force."""

    newest: dict[Kind, LineState | None]
    in_force: dict[Kind, LineState | None]

    def same(self, other: Orders | None) -> bool:
        """Whether nothing was ordered, and nothing ended, between the two."""
        return other is not None and self._ids() == other._ids()

    def _ids(self) -> list[int | None]:
        return [order.id if order else None for orders in (self.newest, self.in_force) for order in orders.values()]


class Instant:
    """Keeps Asterisk's database as ours wants it. One thread at a time.

    Args:
        say: makes the sound file of a French text, and gives its name. May raise TelephonyError.
    """

    def __init__(self, engine: Engine, shelf: Shelf, say: Callable[[str], str], clock: Clock = now) -> None:
        self._engine, self._shelf, self._say, self._clock = engine, shelf, say, clock
        self._noted: set[int] = set()
        """Orders whose effect is in the journal."""

    def reconcile(self) -> tuple[str, ...]:
        """Make Asterisk obey; the keys that had to be mended.

        A message is made a sound file before Asterisk hears of it. When one kind fails, the other is done all the same.

        Raises:
            TelephonyError, OSError: Asterisk does not answer, or the message cannot be said or written.
        """
        mended: list[str] = []
        failures: list[TelephonyError | OSError] = []
        for kind in Kind:
            try:
                mended.extend(self._obey(kind))
            except (TelephonyError, OSError) as failure:
                failures.append(failure)
        if failures:
            raise failures[0]
        return tuple(mended)

    def orders(self) -> Orders:
        """What our database wants now."""
        with reading(self._engine) as opened:
            in_force = state.current(opened, self._clock())
            return Orders({kind: state.newest(opened, kind) for kind in Kind}, {kind: in_force.of(kind) for kind in Kind})

    def run(self, stopping: threading.Event) -> None:
        """Reconcile until `stopping` is set: within a second of an order, and every five seconds. No failure ends it."""
        seen: Orders | None = None
        compared, trouble = 0.0, ""
        while not stopping.is_set():
            try:
                orders = self.orders()
                if not orders.same(seen) or trouble or time.monotonic() - compared >= COMPARED_EVERY:
                    compared = time.monotonic()
                    for key in self.reconcile():
                        log.info("instant state: %s mended", key)
                    seen = orders
                trouble = ""
            except Exception as error:  # whatever failed, the next look may succeed
                if str(error) != trouble:
                    log.warning("instant state not applied, trying again: %s", error)
                trouble = str(error)
            stopping.wait(PACE)

    def _obey(self, kind: Kind) -> Iterator[str]:
        sound, until = KEYS[kind]
        while True:
            orders = self.orders()
            order = orders.in_force[kind]
            wanted = self._wanted(kind, order)
            if not self.orders().same(orders):
                continue  # another order came while this one was being said
            # the end comes last when switching on, first when switching off: a call between the two never hears a wrong sound
            for key in (sound, until) if order else (until, sound):
                if self._mend(key, wanted[key]):
                    yield key
            break
        self._note(orders.newest[kind], order)

    def _wanted(self, kind: Kind, order: LineState | None) -> dict[str, str | None]:
        sound, until = KEYS[kind]
        if order is None or order.until is None:
            return {sound: None, until: None}
        return {sound: self._say(order.text) if order.text else None, until: str(ceil(order.until.timestamp()))}

    def _mend(self, key: str, wanted: str | None) -> bool:
        found = self._shelf.get(FAMILY, key)
        if found == wanted:
            return False
        if wanted is None:
            self._shelf.delete(FAMILY, key)
        else:
            self._shelf.put(FAMILY, key, wanted)
        found = self._shelf.get(FAMILY, key)
        if found != wanted:
            raise AmiRefused(f"Asterisk n'a pas gardé « {key} » : vérifiez la place libre de son disque. Un nouvel essai suit.")
        return True

    def _note(self, newest: LineState | None, in_force: LineState | None) -> None:
        """An order that ended before Asterisk heard of it was never obeyed."""
        if newest is None or newest.id in self._noted or (newest.switched_on and (in_force is None or in_force.id != newest.id)):
            return
        with suppress(SQLAlchemyError), session(self._engine) as opened:
            state.obeyed(opened, newest, state.PHONE, self._clock)
            self._noted.add(newest.id)
