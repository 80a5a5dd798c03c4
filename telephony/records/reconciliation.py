"""Whether the records are whole: every call that Asterisk counts must be in them, and their disk must have room.

A full disk loses lines silently, so both are checked each hour and kept as rows of `line_check`. Asterisk counts once each leg that runs
its dialplan: a caller's leg, and an agent's that hears the whisper. An agent who hangs up during the whisper may or may not be counted:
that is the only slack. A service that rings more than it ever should is told at the same hour (T09).
"""

from __future__ import annotations

import logging
import re
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from knowledge.clock import Clock, now
from knowledge.database import reading, session
from knowledge.line_models import Call, CallEvent, LineCheck
from telephony.records.calls import DESKS

_log = logging.getLogger(__name__)
_LEG = re.compile(r"(\d{1,12})\.(\d{1,12})$")
"""Second of its birth, and its number in this run of Asterisk."""
CALLS, DISK, TRANSFERS = "calls", "disk", "transfers"
"""Kinds of checks."""


class Count(Protocol):
    """What Asterisk counts since it started."""

    @property
    def processed(self) -> int: ...
    @property
    def started(self) -> str:
        """Another value means that the counts began again."""


class Counted(Protocol):
    """The door to Asterisk (`telephony.asterisk.ami.Asterisk`)."""

    def calls_processed(self) -> Count: ...


@dataclass(frozen=True)
class Tally:
    """What the records hold of one run of Asterisk, up to an event."""

    upto: int = 0
    """Number of the last event counted."""
    first_at: float = 0.0
    """Instant of the first leg of this run, seconds since 1970."""
    newest: int = -1
    newest_at: int = 0
    """Number and second of the newest leg: Asterisk numbers its legs from 0 at each start."""
    calls: int = 0
    """First legs of calls."""
    answers: int = 0
    """Agents' legs that answered."""


def check_calls(engine: Engine, read: Callable[[], object], door: Counted, clock: Clock = now) -> LineCheck:
    """Compare what Asterisk counts with the records, and keep the result with both figures.

    Args:
        read: reads the records to their end (`Records.read`); called before and after Asterisk is asked, for calls arrive meanwhile.

    Raises:
        AmiUnavailable: Asterisk cannot be asked; nothing is kept.
    """
    read()
    previous = _previous(engine)
    lowest = _counted(engine, _tally_of(previous))
    count = door.calls_processed()
    read()
    highest = _counted(engine, lowest)
    restarted = bool(previous) and previous["started"] != count.started
    if restarted and highest.first_at == previous["tally"]["first_at"]:  # no leg since Asterisk started again
        lowest = highest = Tally(upto=highest.upto)
    known = 0 if restarted or not previous else int(previous["missing"])
    expected = (min(lowest.calls, highest.calls), highest.calls + highest.answers)
    missing = _outside(count.processed - known, *expected)
    detail = {
        "asterisk": count.processed,
        "records": highest.calls,
        "answers": highest.answers,
        "missing": known + missing,
        "new": missing,
        "started": count.started,
        "tally": asdict(highest),
    }
    if missing:
        _log.error(
            "Journaux d'Asterisk : %d appels comptés, %d écrits, écart nouveau de %d. Vérifiez l'espace disque et les journaux d'Asterisk.",
            count.processed,
            highest.calls,
            missing,
        )
    return _keep(engine, LineCheck(at=clock(), kind=CALLS, ok=not missing, detail=detail))


def check_disk(engine: Engine, folder: Path, least_mb: int, clock: Clock = now) -> LineCheck:
    """Compare the free space of the disk that holds `folder` with `least_mb` megabytes, and keep the result.

    Raises:
        OSError: the folder is not there.
    """
    free = shutil.disk_usage(folder).free // 1_000_000
    if free < least_mb:
        _log.error(
            "Disque des journaux d'Asterisk : %d Mo libres, il en faut %d. Libérez de la place : des appels seraient perdus.",
            free,
            least_mb,
        )
    return _keep(engine, LineCheck(at=clock(), kind=DISK, ok=free >= least_mb, detail={"free_mb": free, "least_mb": least_mb}))


def check_transfers(engine: Engine, most: int, clock: Clock = now) -> LineCheck:
    """Count the transfers of the last hour that rang, by service, and keep the result: no call is ever cut for it.

    Args:
        most: beyond it, the log names the service.
    """
    at = clock()
    with reading(engine) as opened:
        ended = opened.scalars(select(Call.transfers).where(Call.ended_at > at - timedelta(hours=1), Call.ended_at <= at, ~Call.proof))
        rung = Counter(transfer["service"] for transfers in ended for transfer in transfers if transfer["offered_at"])
    beyond = {service: count for service, count in rung.items() if count > most}
    for service, count in sorted(beyond.items()):
        _log.error(
            "Transferts vers « %s » : %d en une heure, plus que %d. Lisez les derniers appels ; si c'est un abus, prévenez l'opérateur.",
            service,
            count,
            most,
        )
    return _keep(engine, LineCheck(at=at, kind=TRANSFERS, ok=not beyond, detail={"most": most, "by_service": dict(rung)}))


def _keep(engine: Engine, check: LineCheck) -> LineCheck:
    with session(engine) as opened:
        opened.add(check)
    return check


def _previous(engine: Engine) -> dict[str, Any]:
    newest = select(LineCheck.detail).where(LineCheck.kind == CALLS).order_by(LineCheck.id.desc()).limit(1)
    with reading(engine) as opened:
        return dict(opened.scalar(newest) or {})


def _tally_of(previous: dict[str, Any]) -> Tally:
    return Tally(**previous["tally"]) if previous else Tally()


def _outside(value: int, least: int, most: int) -> int:
    """How far `value` is from the interval; negative under it."""
    return max(value - most, 0) or min(value - least, 0)


def _counted(engine: Engine, tally: Tally) -> Tally:
    """`tally` and the events that came since; begun again where Asterisk did."""
    with reading(engine) as opened:
        return _more(opened, tally)


def _more(opened: Session, tally: Tally) -> Tally:
    rows = select(CallEvent.id, CallEvent.at, CallEvent.kind, CallEvent.call, CallEvent.channel, CallEvent.detail)
    since = rows.where(CallEvent.id > tally.upto, CallEvent.kind.in_(("CHAN_START", "ANSWER"))).order_by(CallEvent.id)
    for number, at, kind, call, channel, detail in opened.execute(since):
        leg = detail.get("leg", "")
        if kind == "ANSWER":
            tally = replace(tally, upto=number, answers=tally.answers + channel.startswith(f"PJSIP/{DESKS}-"))
            continue
        found = _LEG.search(leg)
        if found is None:
            continue
        born, order = int(found[1]), int(found[2])
        # in one run of Asterisk, a leg with a smaller number is never born later
        if order <= tally.newest and born > tally.newest_at:
            tally = Tally()
        tally = replace(tally, upto=number, first_at=tally.first_at or at.timestamp(), calls=tally.calls + (leg == call))
        if order > tally.newest:
            tally = replace(tally, newest=order, newest_at=born)
    return tally
