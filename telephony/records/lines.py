"""The lines of the files in which Asterisk writes what happened (pure): bytes in, records out, nothing dropped.

Columns are those of `deploy/asterisk/cel_custom.conf` and `cdr_custom.conf`: every field between quotes, quotes doubled. A record ends at
the first line break outside quotes. What cannot be read is given as it is, and the reading starts again at the next whole record: inside a
field every quote is doubled, so that no text of a caller can look like the start of a record.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

CDR = "CDR"
"""Kind of the lines of the file of legs; those of the file of events have the event's own."""
MOST_BYTES = 64 * 1024
"""Of one record: more is not Asterisk's."""
_FIELD = rb'"[^"]*+(?:""[^"]*+)*+"'
_KEPT = 4000
"""Characters kept of what could not be read."""
_LENGTHS = {"kind": 40, "call": 80, "channel": 80}
"""Of the columns of `call_event`."""


@dataclass(frozen=True)
class Format:
    """One kind of file."""

    name: str
    columns: tuple[str, ...]
    first: bytes
    """What the first field looks like: where the reading starts again after a damaged line."""

    @cached_property
    def record(self) -> re.Pattern[bytes]:
        return re.compile(rb'"' + self.first + rb'"' + rb"," + rb",".join([_FIELD] * (len(self.columns) - 1)) + rb"\n")

    @cached_property
    def start(self) -> re.Pattern[bytes]:
        return re.compile(rb'"' + self.first + rb'",')


EVENTS = Format(
    "cel",
    ("kind", "own", "at", "extra", "leg", "call", "channel", "peer", "app", "context", "exten"),
    rb"[A-Z][A-Z_]{2,30}",
)
LEGS = Format(
    "cdr",
    ("call", "leg", "sequence", "start", "answer", "at", "duration", "talk", "disposition", "channel", "to", "app"),
    rb"[A-Za-z0-9_.-]{0,40}[0-9]+\.[0-9]+",
)


@dataclass(frozen=True)
class Record:
    """One line as `call_event` keeps it."""

    offset: int
    """Of its first byte in the file."""
    at: datetime
    kind: str
    call: str
    channel: str
    detail: Mapping[str, Any]


@dataclass(frozen=True)
class Damaged:
    """Bytes that are no record."""

    offset: int
    text: str
    """Its first 4,000 characters; what is not UTF-8 is escaped."""
    length: int


def identity(beginning: bytes, form: Format) -> str | None:
    """What names a file whatever it is called: a digest of its beginning, up to its first record; None while it has none.

    A file that is renamed or copied keeps its name; one that is emptied and written anew has another, for a record holds its instant.

    Args:
        beginning: the first `MOST_BYTES` of the file, or all of it.
    """
    for start in form.start.finditer(beginning):
        if found := form.record.match(beginning, start.start()):
            return f"{form.name}:{hashlib.sha256(beginning[: found.end()]).hexdigest()[:32]}"
    return f"{form.name}:{hashlib.sha256(beginning).hexdigest()[:32]}" if len(beginning) >= MOST_BYTES else None


def split(chunk: bytes, offset: int, form: Format, last: bool = False) -> tuple[list[Record | Damaged], int]:
    """The records of `chunk`, and how many of its bytes they take: what follows is a record that is not whole yet.

    Args:
        offset: where the chunk starts in its file.
        last: nothing will ever be added: what is not whole is damaged.
    """
    found: list[Record | Damaged] = []
    place = 0
    for begin, end, whole in _pieces(chunk, form, last):
        piece = chunk[begin:end]
        record = _record(piece, offset + begin, form) if whole else None
        if record is None and piece.strip(b"\n"):
            found.append(Damaged(offset + begin, _text(piece.strip(b"\n"))[:_KEPT], len(piece)))
        elif record is not None:
            found.append(record)
        place = end
    return found, place


def _pieces(chunk: bytes, form: Format, last: bool) -> Iterator[tuple[int, int, bool]]:
    """(start, end, whether it is a record), one after the other."""
    place = 0
    while place < len(chunk):
        if whole := form.record.match(chunk, place):
            yield place, whole.end(), whole.end() - place <= MOST_BYTES
            place = whole.end()
            continue
        end = _damaged_until(chunk, place, form, last)
        if end is None:
            return
        yield place, end, False
        place = end


def _damaged_until(chunk: bytes, place: int, form: Format, last: bool) -> int | None:
    """Where what is damaged at `place` ends; None when it may only be unfinished."""
    line = chunk.find(b"\n", place) + 1
    if line and chunk.count(b'"', place, line) % 2 == 0:  # closed quotes, and no record: it will never be one
        return _next_record(chunk, place, line, form) or line
    following = _next_record(chunk, place, place + MOST_BYTES, form)
    if following is not None:
        return following
    if last or len(chunk) - place > MOST_BYTES:
        return min(line or len(chunk), place + MOST_BYTES)
    return None


def _next_record(chunk: bytes, place: int, limit: int, form: Format) -> int | None:
    """The first record that starts after `place` and before `limit`."""
    for start in form.start.finditer(chunk, place + 1, limit):
        if form.record.match(chunk, start.start()):
            return start.start()
    return None


def _record(piece: bytes, offset: int, form: Format) -> Record | None:
    """The record of `piece`; None when a value cannot be what its column says."""
    fields = [_text(field[1:-1].replace(b'""', b'"')) for field in re.findall(_FIELD, piece)]
    values = dict(zip(form.columns, fields, strict=True))
    try:
        at = datetime.fromtimestamp(float(values.pop("at")), UTC)
    except (ValueError, OverflowError, OSError):
        return None
    kind = values.pop("kind", CDR)
    own = values.pop("own", "")
    kind = own or kind
    call, channel = values.pop("call"), values.pop("channel")
    if any(len(value) > _LENGTHS[name] for name, value in (("kind", kind), ("call", call), ("channel", channel))):
        return None
    return Record(offset, at, kind, call, channel, {name: value for name, value in values.items() if value})


def _text(raw: bytes) -> str:
    """As text that every database keeps."""
    return raw.decode("utf-8", errors="backslashreplace").replace("\0", "\\x00")
