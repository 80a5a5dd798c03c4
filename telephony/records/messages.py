"""The messages that callers left for a service: kept until somebody has listened, then erased, and erased after some days in any case.

Asterisk writes the sound in LINE/messages, named by the call; the journal says for which service. A voice is personal data: nothing else
of it is kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from knowledge.clock import Clock, now
from knowledge.line_models import Call

_CALL = re.compile(r"[0-9]+\.[0-9]+")


@dataclass(frozen=True)
class Message:
    call: str
    service: str
    left_at: datetime
    sound: Path


def waiting(opened: Session, folder: Path) -> tuple[Message, ...]:
    """The messages of `folder` that nobody has listened to, the oldest first. A call is known a moment after its end."""
    sounds = {path.stem: path for path in folder.glob("*.wav") if _CALL.fullmatch(path.stem)}
    calls = opened.scalars(select(Call).where(Call.id.in_(sounds)).order_by(Call.started_at, Call.id))
    return tuple(
        Message(call.id, str(step.get("service", "")), call.ended_at, sounds[call.id])
        for call in calls
        for step in call.path[::-1]
        if step.get("kind") == "voicemail"
    )


def erase(folder: Path, call: str) -> bool:
    """Erase the message of a call; whether there was one."""
    if not _CALL.fullmatch(call):
        return False
    try:
        (folder / f"{call}.wav").unlink()
    except FileNotFoundError:
        return False
    return True


def forget(folder: Path, days: int, clock: Clock = now) -> int:
    """Erase the messages older than `days`, listened to or not; how many."""
    before = clock() - timedelta(days=days)
    old = [path for path in folder.glob("*.wav") if datetime.fromtimestamp(path.stat().st_mtime, UTC) < before]
    for path in old:
        path.unlink()
    return len(old)
