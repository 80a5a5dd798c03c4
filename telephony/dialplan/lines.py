"""The lines of a dialplan and their names: what every other module of this package writes or reads."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby

SLOW = ".slow"
"""After the place where a spoken question ends: the caller chose meanwhile to be spoken to slowly. No service is named so."""


@dataclass(frozen=True)
class Line:
    """One priority, as `ShowDialPlan` gives it back."""

    context: str
    extension: str
    priority: int
    label: str
    application: str
    data: str

    def __str__(self) -> str:
        label = f"({self.label})" if self.label else ""
        return f"exten = {self.extension},{self.priority}{label},{self.application}({self.data})"


@dataclass(frozen=True)
class Dialplan:
    """A compiled version."""

    version: int
    lines: tuple[Line, ...]
    sounds: tuple[str, ...]
    """Every sound file that it plays, sorted."""

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all that comes before the last context, which repeats it: a truncated file has no such end."""
        return hashlib.sha256(_text(self.lines).encode()).hexdigest()

    @property
    def end(self) -> Line:
        return Line(f"a{self.version}_end", "digest", 1, "", "NoOp", self.digest)

    @cached_property
    def text(self) -> str:
        """The file, whole."""
        return _text(self.lines) + _text((self.end,))


def _text(lines: Iterable[Line]) -> str:
    written = []
    for context, group in groupby(lines, key=lambda line: line.context):
        written.append(f"[{context}]\n" + "".join(f"{line}\n" for line in group))
    return "\n".join(written) + "\n"


def context_of(version: int, language: str, rate: str, symbol: str) -> str:
    """The context of a node: `a12_frn_n3`."""
    return f"a{version}_{language}{rate[0]}_{symbol}"


def speech_suffix(version: int, position: int, language: int, rate: int) -> str:
    """The last twelve digits of an AudioSocket identifier: which node asks, in which language, at which speed."""
    return f"{version:06x}{position:04x}{language:x}{rate:x}"


@dataclass
class Context:
    """Writes the priorities of one context."""

    name: str
    lines: list[Line] = field(default_factory=list)
    _counts: dict[str, int] = field(default_factory=dict)

    def add(self, extension: str, application: str, data: str = "", label: str = "") -> None:
        self._counts[extension] = self._counts.get(extension, 0) + 1
        self.lines.append(Line(self.name, extension, self._counts[extension], label, application, data))
