"""Who of the staff may do what. Whatever is not in the table is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import ceil

from sqlalchemy import Engine

from api.errors import KeyRefused, TooManyMessages
from api.keys import Role, recognise
from api.rates import Addresses, Rates
from knowledge.database import reading

FAILURES_PER_MINUTE = 10
"""For one address; a right key is never made to wait."""


class Action(StrEnum):
    READ_SCRIPTS = "read_scripts"
    WRITE_SCRIPTS = "write_scripts"
    APPROVE_SCRIPTS = "approve_scripts"
    """Approve, withdraw, go back."""
    READ_ORDERS = "read_orders"
    PLACE_ORDERS = "place_orders"
    ANSWER_ORDERS = "answer_orders"
    READ_STATE = "read_state"
    SWITCH_STATE = "switch_state"
    """Crisis message, forced closure."""
    TRANSFER_CALLS = "transfer_calls"


_READ = frozenset({Action.READ_SCRIPTS, Action.READ_ORDERS, Action.READ_STATE})

POLICY: Mapping[Role, frozenset[Action]] = {
    Role.COMMUNICATION: _READ
    | {Action.WRITE_SCRIPTS, Action.APPROVE_SCRIPTS, Action.PLACE_ORDERS, Action.ANSWER_ORDERS, Action.SWITCH_STATE},
    Role.QUALITY: _READ | {Action.WRITE_SCRIPTS, Action.PLACE_ORDERS},
    Role.ADMINISTRATOR: _READ | {Action.APPROVE_SCRIPTS, Action.ANSWER_ORDERS, Action.SWITCH_STATE},
    Role.AGENT: frozenset({Action.READ_STATE, Action.READ_ORDERS, Action.PLACE_ORDERS, Action.TRANSFER_CALLS}),
}


@dataclass(frozen=True)
class Person:
    """Who asks, as their key says."""

    name: str
    role: Role

    def may(self, action: Action) -> bool:
        return action in POLICY.get(self.role, frozenset())


class Doorkeeper:
    """Recognises keys, and slows down those who try some."""

    def __init__(self, engine: Engine, addresses: Addresses) -> None:
        self._engine = engine
        self._addresses = addresses
        self._failures = Rates(FAILURES_PER_MINUTE, FAILURES_PER_MINUTE)

    def person(self, key: str | None, peer: str | None, forwarded: str) -> Person:
        """Whose key it is.

        Raises:
            KeyRefused: nobody's.
            TooManyMessages: nobody's, once too often from this address.
        """
        if key:
            with reading(self._engine) as opened:
                found = recognise(opened, key)
            if found is not None:
                return Person(found.name, Role(found.role))
        wait = self._failures.take(self._addresses.visitor(peer, forwarded))
        raise TooManyMessages(ceil(wait)) if wait else KeyRefused
