"""Who may learn from a phrasing: a fifth of them is only measured on, a tenth teaches the order, the rest the encoder. Questions of people
teach the intents too: what is learned beside the intents sees each of them judged by a classifier that has read the other half only.

The share of a phrasing and the half of a question are a matter of their words alone: adding others moves none, and nobody chooses.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Generic, TypeVar

from knowledge.fiches import PublishedFiche


class Share(StrEnum):
    ASIDE = "aside"
    """Never learned from: `python -m bot evaluate` measures on them."""
    ORDER = "order"
    """The ranking and the confidence learn on them; the encoder has never read them."""
    ENCODER = "encoder"
    """The encoder and the natures learn from them too."""


_TENTHS = (Share.ASIDE, Share.ASIDE, Share.ORDER, *[Share.ENCODER] * 7)


def share(text: str) -> Share:
    """The share of a phrasing."""
    return _TENTHS[int.from_bytes(hashlib.sha1(text.encode()).digest()[:8]) % len(_TENTHS)]


def without(fiches: Sequence[PublishedFiche], left_out: frozenset[Share]) -> tuple[PublishedFiche, ...]:
    """The fiches without the phrasings of these shares."""
    kept = []
    for fiche in fiches:
        questions = {code: tuple(text for text in texts if share(text) not in left_out) for code, texts in fiche.questions.items()}
        kept.append(replace(fiche, questions=questions))
    return tuple(kept)


def of(fiches: Sequence[PublishedFiche], wanted: Share) -> list[tuple[PublishedFiche, str, str]]:
    """The phrasings of one share, as (fiche, language, text)."""
    asked = ((fiche, code, text) for fiche in fiches for code, texts in fiche.questions.items() for text in texts)
    return [(fiche, code, text) for fiche, code, text in asked if share(text) is wanted]


PEOPLE = ("citizens", "foreign", "natures")
"""Sets of questions of people of which the tuned halves teach: those whose answer is known."""
Reader = TypeVar("Reader")
Other = TypeVar("Other")


def half(text: str) -> int:
    """The half, 0 or 1, that a question of people belongs to; a turn of a conversation, by its own words."""
    return zlib.crc32(text.encode()) % 2


@dataclass(frozen=True)
class Blind(Generic[Reader]):
    """Two readers of the same kind."""

    halves: tuple[Reader, Reader]
    """The first has not read the questions of half 0, the second those of half 1."""

    def to(self, text: str) -> Reader:
        """The one that has not read `text`."""
        return self.halves[half(text)]

    def each(self, made: Callable[[Reader], Other]) -> Blind[Other]:
        """What `made` makes of each."""
        return Blind((made(self.halves[0]), made(self.halves[1])))
