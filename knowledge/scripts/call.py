"""One call in a phone script: what it finds, where it is, what happens to it and what the line does then (pure)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from knowledge.scripts.told import Sentence

if TYPE_CHECKING:
    from knowledge.directory import Directory

Rate = Literal["normal", "slow"]


class Opening(StrEnum):
    """A service, at the time of the call."""

    OPEN = "open"
    CLOSED = "closed"
    HOLIDAY = "holiday"


@dataclass(frozen=True)
class Situation:
    """What a call finds."""

    day: date
    opening: Callable[[str], Opening]
    """By service."""
    crisis: tuple[Sentence, ...] = ()
    """Said first, before the greeting."""
    closed: bool = False
    """The line is closed by command."""


def situation(directory: Directory, instant: datetime, crisis: tuple[Sentence, ...] = (), closed: bool = False) -> Situation:
    """What a call finds at `instant`, which has its zone, by the hours and the calendar of `directory`."""
    day = instant.astimezone(ZoneInfo(directory.prefecture.zone)).date()

    def opening(service: str) -> Opening:
        if not directory.prefecture.calendar.receives(day):
            return Opening.HOLIDAY
        return Opening.OPEN if directory.is_open(directory[service], instant) else Opening.CLOSED

    return Situation(day, opening, crisis, closed)


class Phase(StrEnum):
    """How far a call is in its node."""

    SAYING = "saying"
    """All of the node is being said, and the caller awaited where it awaits."""
    ANNOUNCED = "announced"
    """A queue is named; the caller has not joined it."""
    RINGING = "ringing"
    """The line of a service rings, or the caller waits in its queue."""
    OVER = "over"


@dataclass(frozen=True)
class State:
    """Where one call is."""

    node: str
    language: str
    situation: Situation
    rate: Rate = "normal"
    attempts: int = 0
    """Silences and wrong keys at this menu."""
    phase: Phase = Phase.SAYING


# --- What happens --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Key:
    """One of 0–9, * and #."""

    key: str


@dataclass(frozen=True)
class Silence:
    """The time left to press a key has passed."""


@dataclass(frozen=True)
class Heard:
    """All was said and nothing pressed: goes on. After `Record` or `NoteNumber`: it is done."""


@dataclass(frozen=True)
class Answered:
    """A person of the service took the call, and the conversation is over."""


@dataclass(frozen=True)
class Unanswered:
    status: str
    """As Asterisk says it: NOANSWER, BUSY, TIMEOUT…"""


@dataclass(frozen=True)
class QueueFull:
    pass


@dataclass(frozen=True)
class SpeechEnded:
    """The spoken question is over, and the assistant says where to go."""

    next: str
    """`menu`, `agent`, or a service."""
    slow: bool = False
    """The caller chose meanwhile to be spoken to slowly."""


@dataclass(frozen=True)
class Failed:
    """What the step asked could not be done: speech is not available, the number is hidden, nothing was recorded."""


@dataclass(frozen=True)
class HungUp:
    pass


Event = Key | Silence | Heard | Answered | Unanswered | QueueFull | SpeechEnded | Failed | HungUp


# --- What the line does then ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Continue:
    """Goes on by itself once all is said."""


@dataclass(frozen=True)
class Await:
    """Waits for a key."""

    seconds: int


@dataclass(frozen=True)
class Listen:
    """Listens to a spoken question."""


@dataclass(frozen=True)
class Ring:
    service: str
    extension: str
    seconds: int


@dataclass(frozen=True)
class Wait:
    """Joins a queue."""

    service: str
    seconds: int
    most: int


@dataclass(frozen=True)
class Record:
    service: str


@dataclass(frozen=True)
class NoteNumber:
    service: str


@dataclass(frozen=True)
class HangUp:
    pass


Action = Continue | Await | Listen | Ring | Wait | Record | NoteNumber | HangUp


@dataclass(frozen=True)
class Step:
    said: tuple[Sentence, ...]
    state: State
    action: Action
