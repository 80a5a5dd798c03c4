"""What must be heard at once: a crisis message first on the line, or the line closed by command.

Each order to switch on or off is a row that nobody rewrites: who, when, why, real crisis or exercise. The newest row of a kind counts,
until its end. Each channel compares itself with these rows and says when it was in force (`LineEffect`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from knowledge.clock import Clock, as_utc, local, now
from knowledge.errors import StateRefused
from knowledge.line_models import LineEffect, LineState
from knowledge.proofreading.vocabulary import is_premium
from knowledge.scripts.ear import MOST_WORDS, seconds
from knowledge.settings import settings

LONGEST = timedelta(days=30)
MOST_SECONDS = 25
"""Of a message, as estimated from its text: a sound file lasts thirty seconds at most, and callers must reach their answer."""
PHONE = "phone"
"""The channel of the telephone line."""

_SHOWN = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]*")
"""What may be said and shown: neither control characters, nor marks that make a text read backwards."""
_NUMBER = re.compile(r"\+?\d(?:[ .()-]*\d){3,12}")
_WORD = re.compile(r"[^\W_]+")


class Kind(StrEnum):
    CRISIS = "crisis"
    CLOSURE = "closure"


@dataclass(frozen=True)
class Current:
    """What is switched on at an instant; None: nothing."""

    crisis: LineState | None
    closure: LineState | None

    def of(self, kind: Kind) -> LineState | None:
        return self.crisis if kind is Kind.CRISIS else self.closure


@dataclass(frozen=True)
class Told:
    """One order, with the instant since which each channel has obeyed."""

    order: LineState
    effects: Mapping[str, datetime]


def switch_on(
    session: Session,
    kind: Kind,
    text: str,
    until: datetime,
    author: str,
    reason: str,
    exercise: bool,
    clock: Clock = now,
) -> LineState:
    """From now to `until`, callers hear `text` first, or the closure (its own message, or the script's when `text` is empty).

    Switching on what is on replaces its text and its end.

    Raises:
        StateRefused: no end to come within thirty days, nobody's name; or a text that is empty, too long, unsayable, or gives a
            premium number.
    """
    at = clock()
    said = " ".join(text.split())
    if not author.strip():
        raise StateRefused("Dites qui donne cet ordre.")
    if not at < as_utc(until) <= at + LONGEST:
        raise StateRefused(
            f"La fin doit être à venir, dans {LONGEST.days} jours au plus : « {local(until):%d/%m/%Y %H:%M} » ne convient pas."
        )
    if kind is Kind.CRISIS and not _WORD.search(said):
        raise StateRefused("Le message de crise est vide. Écrivez ce que les appelants doivent entendre.")
    if _SHOWN.fullmatch(said) is None:
        raise StateRefused("Le message contient un caractère invisible. Retapez-le dans un éditeur de texte simple.")
    words = len(_WORD.findall(said))
    if words > MOST_WORDS or seconds(said) > MOST_SECONDS:
        raise StateRefused(
            f"Le message compte {words} mots et dure environ {seconds(said):.0f} s : {MOST_WORDS} mots et {MOST_SECONDS} s au plus. "
            "Gardez ce que les appelants doivent faire."
        )
    if premium := next((number for number in _NUMBER.findall(said) if is_premium(number)), None):
        raise StateRefused(f"« {premium} » peut être surtaxé. Donnez un numéro au prix d'un appel ordinaire.")
    return _ordered(
        session,
        LineState(at=at, kind=kind.value, switched_on=True, text=said, until=until, exercise=exercise, author=author, reason=reason),
    )


def switch_off(session: Session, kind: Kind, author: str, reason: str, clock: Clock = now) -> LineState | None:
    """Callers no longer hear it; None when it was off already, which changes nothing.

    Raises:
        StateRefused: nobody's name.
    """
    at = clock()
    if not author.strip():
        raise StateRefused("Dites qui donne cet ordre.")
    before = current(session, at).of(kind)
    if before is None:
        return None
    return _ordered(
        session,
        LineState(at=at, kind=kind.value, switched_on=False, text="", until=None, exercise=before.exercise, author=author, reason=reason),
    )


def current(session: Session, at: datetime) -> Current:
    """What is switched on at `at`. An order is over at the very second of its end."""
    return Current(_in_force(newest(session, Kind.CRISIS), at), _in_force(newest(session, Kind.CLOSURE), at))


def newest(session: Session, kind: Kind) -> LineState | None:
    """The last order of a kind, on or off, over or not."""
    return session.scalar(select(LineState).where(LineState.kind == kind.value).order_by(LineState.id.desc()).limit(1))


def obeyed(session: Session, order: LineState, channel: str, clock: Clock = now) -> bool:
    """Note that a channel is as `order` wants, read back from it; whether this is new."""
    effect = select(LineEffect.id).where(LineEffect.state_id == order.id, LineEffect.channel == channel)
    if session.scalar(effect) is not None:
        return False
    session.add(LineEffect(state_id=order.id, channel=channel, at=clock()))
    session.flush()
    return True


def log(session: Session, most: int = 50) -> tuple[Told, ...]:
    """The last orders, newest first, with what became of them."""
    orders = session.scalars(select(LineState).order_by(LineState.id.desc()).limit(most)).all()
    effects: dict[int, dict[str, datetime]] = {order.id: {} for order in orders}
    for effect in session.scalars(select(LineEffect).where(LineEffect.state_id.in_(effects))):
        effects[effect.state_id][effect.channel] = effect.at
    return tuple(Told(order, effects[order.id]) for order in orders)


def instant(written: str) -> datetime:
    """The instant of « 2026-11-28T20:00 » on the clock of the préfecture. When the hour changes, an hour that may be understood in two
    ways is the later one: nothing ends early.

    Raises:
        StateRefused: it is not written so.
    """
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        raise StateRefused(f"« {written} » n'est pas une date et une heure : écrivez par exemple 2026-11-28T20:00.") from None
    if found.tzinfo:
        return as_utc(found)
    zone = ZoneInfo(settings().timezone)
    return max(as_utc(found.replace(tzinfo=zone, fold=fold)) for fold in (0, 1))


def _in_force(order: LineState | None, at: datetime) -> LineState | None:
    return order if order and order.switched_on and order.until and as_utc(at) < order.until else None


def _ordered(session: Session, order: LineState) -> LineState:
    session.add(order)
    session.flush()
    return order
