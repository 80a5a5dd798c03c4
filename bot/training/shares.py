"""Who may learn from a phrasing: a fifth of those of each fiche is only measured on, another fifth teaches the order, the rest the encoder.

The share of a phrasing depends on its words alone: adding others moves few of them, and nobody chooses.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum

from knowledge.fiches import PublishedFiche


class Share(StrEnum):
    ASIDE = "aside"
    """Never learned from: `python -m bot evaluate` measures on them."""
    ORDER = "order"
    """The ranking and the confidence learn on them; the encoder has never read them."""
    ENCODER = "encoder"
    """The encoder and the natures learn from them too."""


_CYCLE = (Share.ASIDE, Share.ENCODER, Share.ORDER, Share.ENCODER, Share.ENCODER)


def shares(fiche: PublishedFiche) -> Mapping[str, Share]:
    """The share of each phrasing of a fiche, by its text: in each language, one in five is aside and one in five teaches the order."""
    found: dict[str, Share] = {}
    for texts in fiche.questions.values():
        for number, text in enumerate(sorted(texts, key=lambda text: hashlib.sha1(text.encode()).digest())):
            found[text] = _CYCLE[number % len(_CYCLE)]
    return found


def without(fiches: Sequence[PublishedFiche], left_out: frozenset[Share]) -> tuple[PublishedFiche, ...]:
    """The fiches without the phrasings of these shares."""
    kept = []
    for fiche in fiches:
        owned = shares(fiche)
        questions = {code: tuple(text for text in texts if owned[text] not in left_out) for code, texts in fiche.questions.items()}
        kept.append(replace(fiche, questions=questions))
    return tuple(kept)


def of(fiches: Sequence[PublishedFiche], share: Share) -> list[tuple[PublishedFiche, str, str]]:
    """The phrasings of one share, as (fiche, language, text)."""
    found = []
    for fiche in fiches:
        owned = shares(fiche)
        found += [(fiche, code, text) for code, texts in fiche.questions.items() for text in texts if owned[text] is share]
    return found
