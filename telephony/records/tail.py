"""What Asterisk wrote becomes the journal: its files are read to their end, line after line, each exactly once.

The files are the truth: they go on while this process is away, and are read from where it stopped. Lines and position are stored in one
transaction; a file is named by its content, so that it may be renamed, copied and emptied, or read again. A call is told once, when its
last line has been read.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from io import FileIO
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from knowledge.clock import Clock, now
from knowledge.database import reading, session
from knowledge.errors import ContentRefused
from knowledge.line_models import Call, CallEvent, RecordCursor, ScriptVersion
from knowledge.models import Base
from knowledge.scripts.model import Script, parse
from telephony.records.calls import CLOSING, Event, NodeName, summarise
from telephony.records.lines import EVENTS, LEGS, MOST_BYTES, Damaged, Format, Record, identity, split

_log = logging.getLogger(__name__)
BATCH_BYTES = 512 * 1024
"""Read and stored at once: whatever the size of the file, no more is in memory."""
DAMAGED = "DAMAGED"
"""Kind of the rows that keep what could not be read."""
LOST_AFTER = timedelta(hours=4)
"""No call lasts so long: without an end by then, its end was never written."""
_SETTLED = timedelta(hours=1)
"""A file put aside for so long is no longer written to: what is unfinished in it will stay so."""
_SWEEP = timedelta(minutes=5)
_AT_ONCE = 500
"""Lost calls told in one transaction."""
_COMPRESSED = (".gz", ".xz", ".bz2", ".zst")


@dataclass(frozen=True)
class Reading:
    """What one reading stored."""

    lines: int = 0
    damaged: int = 0
    """Lines that could not be read: kept as they are, and told to whoever supervises."""
    calls: int = 0
    """Calls that are over."""

    def __add__(self, other: Reading) -> Reading:
        return Reading(self.lines + other.lines, self.damaged + other.damaged, self.calls + other.calls)


class Records:
    """Reads the two files of an Asterisk, and those that they were renamed or copied to.

    Any thread may read, one after the other; two processes may read the same files: each line is stored once.
    """

    def __init__(self, engine: Engine, events: Path, legs: Path | None = None, clock: Clock = now) -> None:
        """
        Args:
            events: log/cel-custom/cel.csv of Asterisk.
            legs: log/cdr-custom/cdr.csv.
        """
        self._engine, self._clock = engine, clock
        self._files = [(events, EVENTS), *([(legs, LEGS)] if legs else [])]
        self._turn = threading.Lock()
        self._positions: dict[str, int] = {}
        """What this process knows to be stored, by source: spares a transaction when nothing was added."""
        self._open_from = 0
        """Every event up to this one belongs to a call that was told, or will never be."""
        self._swept_at: datetime | None = None

    def follow(self, stop: threading.Event, every: float = 1.0) -> None:
        """Read again and again, every `every` seconds, until `stop` is set; a failure is told, and the reading starts again."""
        while not stop.is_set():
            try:
                found = self.read()
                if found.damaged:
                    _log.warning("Journaux d'Asterisk : %d lignes illisibles, gardées telles quelles. Vérifiez le disque.", found.damaged)
            except (SQLAlchemyError, OSError) as error:
                _log.warning("Les journaux d'Asterisk ne peuvent pas être lus (%s) : nouvel essai.", type(error).__name__)
            stop.wait(every)

    def read(self) -> Reading:
        """Read all that was written since the last time; a line without its end waits.

        Raises:
            OSError: a file is there and cannot be read.
        """
        with self._turn:
            found = Reading()
            for current, form in self._files:
                found += self._read_files(current, form)
            at = self._clock()
            if self._swept_at is None or at - self._swept_at >= _SWEEP:
                found += Reading(calls=self._tell_lost(at))
                self._swept_at = at
            return found

    def _read_files(self, current: Path, form: Format) -> Reading:
        found = Reading()
        with ExitStack() as stack:
            files = _open_oldest_first(current, form, stack)
            for file, source in files:
                found += self._read_file(file, source, form, settled=file is not files[-1][0] and self._is_settled(file))
        return found

    def _is_settled(self, file: FileIO) -> bool:
        return self._clock().timestamp() - os.fstat(file.fileno()).st_mtime > _SETTLED.total_seconds()

    def _read_file(self, file: FileIO, source: str, form: Format, settled: bool) -> Reading:
        found = Reading()
        while file.seek(0, os.SEEK_END) > self._positions.get(source, 0):
            batch = self._read_batch(file, source, form, settled)
            if batch is None:
                break
            found += batch
        return found

    def _read_batch(self, file: FileIO, source: str, form: Format, settled: bool) -> Reading | None:
        """Store the next lines of `file` with the new position, in one transaction; None when there is no whole line."""
        with session(self._engine) as opened:
            position = _position(opened, source, self._clock())
            file.seek(position)
            chunk = file.read(BATCH_BYTES)
            lines, taken = split(chunk, position, form, last=settled and len(chunk) < BATCH_BYTES)
            # a file that was emptied and written anew while it was read is another file: nothing of it is kept under this name
            if not taken or _identity(file, form) != source:
                self._positions[source] = position
                return None
            self._store(opened, source, lines)
            moved = update(RecordCursor).where(RecordCursor.source == source)
            opened.execute(moved.values(offset=position + taken, read_at=self._clock()))
            over = {line.call for line in lines if isinstance(line, Record) and line.kind == CLOSING}
            calls = _tell(opened, over)
        self._positions[source] = position + taken
        return Reading(len(lines), sum(isinstance(line, Damaged) for line in lines), calls)

    def _store(self, opened: Session, source: str, lines: Sequence[Record | Damaged]) -> None:
        rows = [{"source": source, **self._row(line)} for line in lines]
        if rows:
            opened.execute(_adding(opened, CallEvent).on_conflict_do_nothing(), rows)

    def _row(self, line: Record | Damaged) -> dict[str, object]:
        if isinstance(line, Record):
            named = {"at": line.at, "kind": line.kind, "call": line.call, "channel": line.channel, "detail": dict(line.detail)}
        else:
            kept = {"line": line.text, "bytes": line.length}
            named = {"at": self._clock(), "kind": DAMAGED, "call": "", "channel": "", "detail": kept}
        return {"offset": line.offset, **named}

    # --- Calls that are over ---------------------------------------------------------------------------------------------

    def _tell_lost(self, at: datetime) -> int:
        """Close the calls whose last event is old; Asterisk was killed, or its disk was full."""
        unclosed = (
            select(CallEvent.call, func.max(CallEvent.at), func.min(CallEvent.id))
            .outerjoin(Call, Call.id == CallEvent.call)
            .where(CallEvent.id > self._open_from, CallEvent.call != "", Call.id.is_(None))
            .group_by(CallEvent.call)
        )
        with reading(self._engine) as opened:
            newest = opened.scalar(select(func.max(CallEvent.id))) or 0
            found = opened.execute(unclosed).all()
        lost = [call for call, last, _ in found if last < at - LOST_AFTER]
        calls = 0
        for start in range(0, len(lost), _AT_ONCE):
            with session(self._engine) as opened:
                calls += _tell(opened, lost[start : start + _AT_ONCE], lost=True)
        self._open_from = min((first - 1 for _, last, first in found if last >= at - LOST_AFTER), default=newest)
        return calls


def _tell(opened: Session, calls: Iterable[str], lost: bool = False) -> int:
    """Add the summaries of calls, unless they are there or no caller is in them; how many were added."""
    known = set(opened.scalars(select(Call.id).where(Call.id.in_(calls))))
    name, added = node_names(opened), 0
    for call in sorted(set(calls) - known):
        told = summarise(call, events_of(opened, call), name, lost)
        if told is not None:
            values = {column.name: getattr(told, column.name) for column in Call.__table__.columns}
            done = opened.execute(_adding(opened, Call).on_conflict_do_nothing().returning(Call.id), values)
            added += len(done.all())
    return added


def events_of(opened: Session, call: str) -> tuple[Event, ...]:
    """What the file of events says of a call so far, in the order in which it was read."""
    mine = select(CallEvent).where(CallEvent.call == call, CallEvent.source.startswith(f"{EVENTS.name}:"))
    return tuple(
        Event(row.at, row.kind, row.detail.get("leg", ""), row.channel, row.detail.get("extra", ""), row.detail.get("app", ""))
        for row in opened.scalars(mine.order_by(CallEvent.id))
    )


def node_names(opened: Session) -> NodeName:
    """Gives the names of nodes from the scripts of the database; a symbol stays as it is when its script is unknown."""
    scripts: dict[int, Script | None] = {}

    def name(version: int, symbol: str) -> str:
        if version not in scripts:
            scripts[version] = script_of(opened, version)
        script, position = scripts[version], symbol.removeprefix("n")
        if script is None or not position.isdecimal() or not 0 < int(position) <= len(script.nodes):
            return symbol
        return script.node_at(int(position))

    return name


def script_of(opened: Session, version: int) -> Script | None:
    """The script of a version, None when the database has none or this program cannot read it."""
    text = opened.scalar(select(ScriptVersion.text).where(ScriptVersion.number == version))
    return _parsed(text) if text is not None else None


@lru_cache(maxsize=16)
def _parsed(text: str) -> Script | None:
    try:
        return parse(text, "script.yml").script
    except ContentRefused:
        return None


# --- The database --------------------------------------------------------------------------------------------------------


def _adding(opened: Session, table: type[Base]) -> Any:
    """An INSERT of either database, to which `on_conflict_do_nothing` may be said."""
    insert = postgresql.insert if opened.get_bind().dialect.name == "postgresql" else sqlite.insert
    return insert(table.__table__)  # type: ignore[arg-type]  # a Table, by the way it is declared


def _position(opened: Session, source: str, at: datetime) -> int:
    """How far a file was read; locked until the end of the transaction, so that two processes do not read the same lines."""
    opened.execute(_adding(opened, RecordCursor).on_conflict_do_nothing(), {"source": source, "offset": 0, "read_at": at})
    found = opened.scalar(select(RecordCursor.offset).where(RecordCursor.source == source).with_for_update())
    return found or 0


# --- Files ---------------------------------------------------------------------------------------------------------------


def _open_oldest_first(current: Path, form: Format, stack: ExitStack) -> list[tuple[FileIO, str]]:
    """The files that it was renamed or copied to (`cel.csv.1`, `cel.csv-20261128`), then itself, opened, with what names them.

    It is opened and named first: renamed or emptied meanwhile, it cannot pass for the next one, whose lines come after all of its own.
    """
    newest = _opened(current, form, stack)
    aside = []
    for path in current.parent.glob(f"{current.name}?*"):
        if path.suffix not in _COMPRESSED and (found := _opened(path, form, stack)) is not None:
            aside.append(found)
    aside.sort(key=lambda found: os.fstat(found[0].fileno()).st_mtime)
    return [*aside, *([newest] if newest else [])]


def _opened(path: Path, form: Format, stack: ExitStack) -> tuple[FileIO, str] | None:
    """None when it is not there (any more), or has no whole line yet."""
    try:
        file = stack.enter_context(path.open("rb", buffering=0))  # nothing remembered of what was read before
    except (FileNotFoundError, IsADirectoryError):
        return None
    source = _identity(file, form)
    return (file, source) if source else None


def _identity(file: FileIO, form: Format) -> str | None:
    file.seek(0)
    return identity(file.read(MOST_BYTES), form)
