"""What two persons and the line do to the versions of a script, for the tests."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from knowledge.errors import Remark
from knowledge.line_models import ScriptEvent
from knowledge.scripts import versions
from knowledge.scripts.model import ScriptFile
from knowledge.scripts.versions import State

NOON = datetime(2026, 11, 21, 11, 0, tzinfo=UTC)
MARIE, JEAN = "Marie Lenoir", "Jean Petit"


def accepted(_: Session, file: ScriptFile, day: date) -> tuple[Remark, ...]:
    """A check without refusal, for what does not depend on checks."""
    return ()


class Desk:
    """What two persons and the line do, in one session, at noon unless the hour is moved."""

    def __init__(self, opened: Session) -> None:
        self.session = opened
        self.at = NOON

    def clock(self) -> datetime:
        return self.at

    def draft(self, written: str, parent: int | None = None, author: str = MARIE) -> int:
        return versions.save_draft(self.session, written, author, "essai", parent, self.clock).number

    def approve(self, number: int, author: str = JEAN, **options: Any) -> ScriptEvent:
        return versions.approve(self.session, number, author, **{"check": accepted, "clock": self.clock, **options})

    def note(self, number: int, *kinds: State) -> None:
        for kind in kinds:
            versions.note(self.session, number, kind, {"reason": "essai"}, self.clock)

    def publish(self, number: int) -> None:
        """As the telephony process does, proof included."""
        self.note(number, State.PUBLISHING, State.LIVE, State.PROVEN)

    def put_live(self, written: str, parent: int | None = None) -> int:
        number = self.draft(written, parent)
        self.approve(number)
        self.publish(number)
        return number

    def state(self, number: int) -> State:
        return versions.state_of(self.session, number)

    @property
    def live(self) -> int | None:
        row = versions.live(self.session)
        return row.number if row else None

    def due(self, after: timedelta = timedelta(0)) -> int | None:
        row = versions.due(self.session, self.at + after)
        return row.number if row else None
