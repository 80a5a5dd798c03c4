"""What people want who say one thing only ("passeport"), from `content/lexicon/wishes.yml`: the fiches among which they are asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from knowledge.parsing import parsed

FILE = "lexicon/wishes.yml"


@dataclass(frozen=True)
class Wish:
    """One thing, however it is named."""

    words: tuple[str, ...]
    fiches: tuple[str, ...]
    """Identifiers, the commonest wish first."""


def load(content: Path) -> tuple[Wish, ...]:
    """The wishes of a content folder; none when it has no such file."""
    path = content / FILE
    rows = parsed(path.read_text("utf-8")) or () if path.is_file() else ()
    return tuple(Wish(tuple(map(str, row["words"])), tuple(row["fiches"])) for row in rows)
