"""What became of each version of a phone script, read from its events. Nothing here writes; `knowledge.scripts.versions` does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Subquery, func, select
from sqlalchemy.orm import Session

from knowledge.clock import as_utc
from knowledge.errors import ScriptUnknown
from knowledge.line_models import ScriptEvent, ScriptVersion
from knowledge.scripts.model import Message, parse


class State(StrEnum):
    """Where a version is: its last event, or a draft when nothing happened to it."""

    DRAFT = "draft"
    APPROVED = "approved"
    WITHDRAWN = "withdrawn"
    PUBLISHING = "publishing"
    LIVE = "live"
    """Heard by the next call; its proof is under way, or it took its place back from a version that was rolled back."""
    PROVEN = "proven"
    """Live, and the line heard itself say it."""
    FAILED = "failed"
    """Never live."""
    ROLLED_BACK = "rolled_back"
    """Live for a moment; the previous version took its place back."""
    REPLACED = "replaced"


FRENCH: Mapping[State, str] = {
    State.DRAFT: "brouillon",
    State.APPROVED: "approuvée",
    State.WITHDRAWN: "retirée",
    State.PUBLISHING: "mise en service en cours",
    State.LIVE: "en service",
    State.PROVEN: "en service, prouvée",
    State.FAILED: "mise en service échouée",
    State.ROLLED_BACK: "annulée, version précédente rétablie",
    State.REPLACED: "remplacée",
}
"""Each state as people read it."""

SERVING = (State.LIVE, State.PROVEN)
PENDING = (State.APPROVED, State.PUBLISHING)
"""Approved, and not live yet."""


@dataclass(frozen=True)
class Story:
    """A version and all that happened to it, oldest first."""

    version: ScriptVersion
    events: tuple[ScriptEvent, ...]

    @property
    def state(self) -> State:
        return State(self.events[-1].kind) if self.events else State.DRAFT

    def last(self, *kinds: State) -> ScriptEvent | None:
        """Its newest event of these kinds."""
        return next((event for event in reversed(self.events) if event.kind in kinds), None)

    def first(self, *kinds: State) -> ScriptEvent | None:
        """Its oldest event of these kinds."""
        return next((event for event in self.events if event.kind in kinds), None)

    @property
    def publish_at(self) -> datetime | None:
        """When it is to be put live; None when it was never approved."""
        approval = self.last(State.APPROVED)
        return datetime.fromisoformat(approval.detail["publish_at"]) if approval else None

    @property
    def certificate(self) -> dict[str, Any] | None:
        """Of its last proof."""
        proof = self.last(State.PROVEN)
        return proof.detail if proof else None


@dataclass(frozen=True)
class Temporary:
    """A message of the live version that is said until a day, included."""

    node: str
    last_day: date


def version(session: Session, number: int) -> ScriptVersion:
    """One version. Raises ScriptUnknown."""
    row = session.get(ScriptVersion, number)
    if row is None:
        raise ScriptUnknown(f"Il n'y a pas de version {number} du script téléphonique.")
    return row


def story(session: Session, number: int) -> Story:
    """One version with its events. Raises ScriptUnknown."""
    events = session.scalars(select(ScriptEvent).where(ScriptEvent.version == number).order_by(ScriptEvent.id))
    return Story(version(session, number), tuple(events))


def state_of(session: Session, number: int) -> State:
    """Where a version is. Raises ScriptUnknown."""
    return story(session, number).state


def history(session: Session, script_id: str | None = None) -> tuple[Story, ...]:
    """Every version of a script, or of all of them, newest first."""
    rows = select(ScriptVersion).order_by(ScriptVersion.number.desc())
    found = session.scalars(rows.where(ScriptVersion.script_id == script_id) if script_id else rows).all()
    events: dict[int, list[ScriptEvent]] = {row.number: [] for row in found}
    for event in session.scalars(select(ScriptEvent).order_by(ScriptEvent.id)):
        if event.version in events:
            events[event.version].append(event)
    return tuple(Story(row, tuple(events[row.number])) for row in found)


def tip(session: Session, script_id: str) -> ScriptVersion | None:
    """The version from which a draft is written: the newest one that was not withdrawn."""
    last = last_events()
    withdrawn = select(last.c.version).where(last.c.kind == State.WITHDRAWN.value)
    return session.scalar(
        select(ScriptVersion)
        .where(ScriptVersion.script_id == script_id, ScriptVersion.number.not_in(withdrawn))
        .order_by(ScriptVersion.number.desc())
        .limit(1)
    )


def due(session: Session, at: datetime) -> ScriptVersion | None:
    """The version to put live at `at`: approved, its moment come; or whose publication was interrupted. The latest moment wins."""
    ready = [(told.publish_at, told.version.number) for told in pending(session) if told.publish_at and told.publish_at <= as_utc(at)]
    return version(session, max(ready)[1]) if ready else None


def pending(session: Session) -> tuple[Story, ...]:
    """The versions that wait to be put live, oldest first."""
    last = last_events()
    numbers = session.scalars(select(last.c.version).where(last.c.kind.in_(values(*PENDING))).order_by(last.c.version))
    return tuple(story(session, number) for number in numbers.all())


def live(session: Session) -> ScriptVersion | None:
    """The version that callers hear; None before the first publication."""
    last = last_events()
    number = session.scalar(select(func.max(last.c.version)).where(last.c.kind.in_(values(*SERVING))))
    return version(session, number) if number is not None else None


def unproven(session: Session) -> ScriptVersion | None:
    """The live version, when the line has not heard itself say it. One that took its place back was heard when it was published."""
    row = live(session)
    if row is None:
        return None
    told = story(session, row.number)
    return row if told.state is State.LIVE and "restored_after" not in told.events[-1].detail else None


def expiring(session: Session, day: date) -> tuple[Temporary, ...]:
    """The messages of the live version that are said for the last time on `day`, or are no longer said, in the order of the script."""
    row = live(session)
    if row is None:
        return ()
    nodes = parse(row.text, "script").script.nodes.items()
    return tuple(
        Temporary(name, node.valid_to) for name, node in nodes if isinstance(node, Message) and node.valid_to and node.valid_to <= day
    )


def last_events() -> Subquery:
    """`version`, `kind`: the state of every version to which something happened."""
    newest = select(func.max(ScriptEvent.id)).group_by(ScriptEvent.version)
    return select(ScriptEvent.version, ScriptEvent.kind).where(ScriptEvent.id.in_(newest)).subquery()


def values(*states: State) -> tuple[str, ...]:
    """The states as the database holds them (a driver may write the name of a member rather than its value)."""
    return tuple(state.value for state in states)
