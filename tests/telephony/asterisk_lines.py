"""Lines as Asterisk writes them in its file of events, for tests: whole calls, in order or mixed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

BEGINNING = 1_795_869_000.0
"""Tuesday 28 November 2026, 12:30 in UTC, in seconds since 1970."""


def quoted(*fields: str) -> bytes:
    """One line: every field between quotes, quotes doubled."""
    return (",".join('"' + value.replace('"', '""') + '"' for value in fields) + "\n").encode("utf-8", "surrogateescape")


LEG = quoted(
    "1795869000.0", "1795869000.0", "0", "1795869000.1", "0", "1795869009.5", "9", "0", "NO ANSWER", "PJSIP/trunk-00000000", "", "Dial"
)
"""A line of the file of legs."""


@dataclass
class Writer:
    """Gives the lines of calls, numbered as one run of Asterisk numbers its legs."""

    at: float = BEGINNING
    _legs: Iterator[int] = field(default_factory=count)

    def call(self, endpoint: str = "trunk") -> Told:
        self.at += 0.001
        number = next(self._legs)
        return Told(self, f"{int(self.at)}.{number}", f"PJSIP/{endpoint}-{number:08x}")

    def leg(self) -> tuple[str, str]:
        number = next(self._legs)
        return f"{int(self.at)}.{number}", f"PJSIP/desks-{number:08x}"


class Told:
    """One call; each method adds what Asterisk writes of one step and lets `seconds` pass before it."""

    def __init__(self, writer: Writer, call: str, channel: str) -> None:
        self.writer, self.id, self.channel = writer, call, channel
        self.lines: list[bytes] = []
        self.mark = "12|frn|n1"
        self._own("CHAN_START", exten="0353011000")
        self._own("ANSWER", app="Answer")

    @property
    def text(self) -> bytes:
        return b"".join(self.lines)

    def line(
        self, kind: str, leg: str, channel: str, *, own: str = "", extra: str = "", peer: str = "", app: str = "", exten: str = "s"
    ) -> None:
        at = f"{self.writer.at:.6f}"
        self.lines.append(quoted(kind, own, at, extra, leg, self.id, channel, peer, app, "accueil_arrival", exten))

    def _own(self, kind: str, **more: str) -> None:
        self.line(kind, self.id, self.channel, **more)

    def after(self, seconds: float) -> Told:
        self.writer.at += seconds
        return self

    def says(self, event: str, *fields: str, node: str = "") -> Told:
        """One event of ours: `says("KEY", "2")`."""
        if node:
            self.mark = f"{self.mark.rpartition('|')[0]}|{node}"
        extra = json.dumps({"extra": "|".join((self.mark, *fields))})
        self._own("USER_DEFINED", own=f"ACCUEIL_{event}", extra=extra, app="CELGenUserEvent")
        return self

    def greeted(self, proof: str = "0", caller: str = "c0ffee") -> Told:
        return self.says("CALL", proof, caller).says("NODE").after(3).says("HEARD").says("WELCOMED")

    def dials(self, app: str = "Dial") -> tuple[str, str]:
        """The caller's leg rings a desk: that desk's leg."""
        self._own("APP_START", app=app)
        leg, channel = self.writer.leg()
        self.line("CHAN_START", leg, channel, exten="")
        return leg, channel

    def desk(self, kind: str, leg: tuple[str, str]) -> Told:
        self.line(kind, *leg)
        return self

    def bridged(self, leg: tuple[str, str]) -> Told:
        self._own("BRIDGE_ENTER", app="Dial", peer=leg[1])
        return self.desk("BRIDGE_ENTER", leg)

    def ends(self, source: str | None = None) -> Told:
        """The caller's leg ends; by default the caller hung up."""
        extra = json.dumps({"hangupcause": 16, "hangupsource": self.channel if source is None else source, "dialstatus": ""})
        self._own("HANGUP", extra=extra)
        self._own("CHAN_END")
        self._own("LINKEDID_END")
        return self


def simple_calls(number: int, writer: Writer | None = None) -> list[Told]:
    """Calls that are greeted, then hang up: 7 lines each."""
    writer = writer or Writer()
    return [writer.call().greeted().after(1).ends() for _ in range(number)]


def mixed(calls: Iterable[Told]) -> bytes:
    """The lines of calls that were on the line at the same time: one of each in turn."""
    waiting = [list(call.lines) for call in calls]
    lines = []
    while any(waiting):
        lines += [call.pop(0) for call in waiting if call]
    return b"".join(lines)


def append(path: Path, text: bytes) -> None:
    with path.open("ab") as file:
        file.write(text)
