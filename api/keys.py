"""The keys of the staff: printed once, kept as hashes only, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from knowledge.clock import Clock, now
from knowledge.line_models import StaffKey

LONGEST_KEY = 100
"""A true key has 51 characters; nothing longer is examined."""
_PREFIX = "accueil-"
"""Makes a key that leaked somewhere recognisable by a search."""


class Role(StrEnum):
    COMMUNICATION = "communication"
    QUALITY = "quality"
    ADMINISTRATOR = "administrator"
    AGENT = "agent"


def issue(session: Session, name: str, role: Role, clock: Clock = now) -> str:
    """A new key for a person, to be shown once: only its hash is kept.

    Raises:
        ValueError: in French, when the name is empty or too long.
    """
    name = " ".join(name.split())
    if not 3 <= len(name) <= 120:
        raise ValueError("donnez le prénom et le nom de la personne, en 120 caractères au plus")
    key = _PREFIX + secrets.token_urlsafe(32)
    session.add(StaffKey(name=name, role=role.value, digest=_digest(key), created_at=clock(), removed_at=None))
    session.flush()
    return key


def in_use(session: Session) -> tuple[StaffKey, ...]:
    """The keys that open something, oldest first."""
    return tuple(session.scalars(select(StaffKey).where(StaffKey.removed_at.is_(None)).order_by(StaffKey.id)))


def remove(session: Session, number: int, clock: Clock = now) -> StaffKey | None:
    """The key opens nothing any more; None when no key in use has this number."""
    key = session.get(StaffKey, number)
    if key is None or key.removed_at is not None:
        return None
    key.removed_at = clock()
    session.flush()
    return key


def recognise(session: Session, key: str) -> StaffKey | None:
    """Whose key it is; None when it is nobody's. Every key in use is compared, whichever is the right one."""
    digest = _digest(key[:LONGEST_KEY])
    found = None
    for known in in_use(session):
        if hmac.compare_digest(known.digest, digest):
            found = known
    return found


def _digest(key: str) -> str:
    """A key is drawn from 256 bits: a plain hash cannot be searched backwards."""
    return hashlib.sha256(key.encode()).hexdigest()
