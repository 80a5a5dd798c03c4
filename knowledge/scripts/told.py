"""A phone script with all its words: what `telling` makes, and all that `walk` and the dialplan read (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from knowledge.scripts.model import Script

if TYPE_CHECKING:
    from knowledge.directory import Directory


@dataclass(frozen=True)
class Sentence:
    """One sentence said on the line: one sound file."""

    text: str
    language: str


Part = tuple[str, str, str]
"""Node, language of the call, and part of the node: `say`, `choices`, `silence`, `announce`, `whisper`…"""


@dataclass(frozen=True)
class Told:
    """A script with all its sentences, as they are on one day."""

    script: Script
    directory: Directory
    parts: Mapping[Part, tuple[Sentence, ...]]
    fiches: Mapping[str, int]
    """Version quoted, by fiche."""
    day: date

    def said(self, node: str, language: str, part: str = "say") -> tuple[Sentence, ...]:
        """The sentences of one part of a node; empty when it has none."""
        return self.parts.get((node, language, part), ())

    def sentences(self) -> tuple[Sentence, ...]:
        """Every sentence, once each, in the order of the script."""
        return tuple(dict.fromkeys(sentence for part in self.parts.values() for sentence in part))
