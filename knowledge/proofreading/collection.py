"""What is judged among all the fiches: twins, phrasings asked twice, openings that come back too often."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rapidfuzz import fuzz

from knowledge import twins
from knowledge.errors import Remark
from knowledge.fiche_files import FicheFile
from knowledge.proofreading.wording import folded
from knowledge.wordforms import Lexicon

TWIN_SHORT_FORMS = 90.0
"""Likeness (0 to 100) from which two short forms say the same thing."""
TWIN_PHRASINGS = 95.0
"""Likeness from which two questions are the same question."""
MOST_OF_ONE_OPENING = 0.05
FEW = 10
"""Below this count an opening is not a pattern, whatever its share."""
ROUNDING = 1e-6
"""So that what reaches a threshold exactly is not lost to the last digit."""


@dataclass(frozen=True)
class Opening:
    """The three first words of phrasings, with how many begin so."""

    words: str
    count: int
    share: float


@dataclass(frozen=True)
class _Phrasing:
    fiche: FicheFile
    language: str
    index: int
    text: str

    def remark(self, message: str, remedy: str) -> Remark:
        return self.fiche.remark(("questions", self.language, self.index), "question en double", message, remedy)


def refusals(fiches: Sequence[FicheFile], short_forms: Mapping[str, str], lexicon: Lexicon) -> Iterator[Remark]:
    """Everything that opposes one fiche to another.

    Args:
        short_forms: the rendered short form by fiche.
        lexicon: how questions are read.
    """
    yield from _same_short_forms(fiches, short_forms)
    yield from _same_phrasings(fiches)
    yield from _twins_not_told_apart(fiches, lexicon)
    for opening in openings(fiches):
        if opening.share > MOST_OF_ONE_OPENING and opening.count >= FEW:
            first = next(fiche for fiche in fiches for text in fiche.front.questions.get("fr", ()) if _opening(text) == opening.words)
            yield first.remark(
                ("questions", "fr"),
                "questions répétitives",
                f"« {opening.words}… » ouvre {opening.share:.1%} des questions, {MOST_OF_ONE_OPENING:.0%} au plus",
                "reformulez : chaque question doit venir d'une personne différente",
            )


def openings(fiches: Sequence[FicheFile], most: int = 10) -> tuple[Opening, ...]:
    """The commonest openings of the French phrasings, most frequent first."""
    counts = Counter(_opening(text) for fiche in fiches for text in fiche.front.questions.get("fr", ()))
    total = counts.total()
    return tuple(
        Opening(words, count, count / total) for words, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]
    )


def _opening(text: str) -> str:
    return " ".join(folded(text).split()[:3])


def _same_short_forms(fiches: Sequence[FicheFile], short_forms: Mapping[str, str]) -> Iterator[Remark]:
    texts = [folded(short_forms[fiche.id]) for fiche in fiches]
    for first, second, likeness in alike(texts, TWIN_SHORT_FORMS):
        yield fiches[second].remark(
            ("id",),
            "fiche jumelle",
            f"la forme courte est presque celle de « {fiches[first].id} » (ressemblance {likeness:.0f} %)",
            "réunissez les deux fiches, ou dites ce qui les distingue",
        )


def _twins_not_told_apart(fiches: Sequence[FicheFile], lexicon: Lexicon) -> Iterator[Remark]:
    """Near twins must have contrasts of their own: the clarifying question is made of them."""
    named = {fiche.id: fiche for fiche in fiches}
    terms = {
        fiche.id: [lexicon.read(text).terms for texts in ((fiche.front.title,), *fiche.front.questions.values()) for text in texts]
        for fiche in fiches
    }
    for pair in twins.pairs(twins.typical_of(terms), list(terms)):
        one, other = named[pair.first], named[pair.second]
        for fiche in (one, other):
            if not fiche.front.contrast:
                yield fiche.remark(
                    ("id",),
                    "contraste manquant",
                    f"rien ne distingue cette fiche de « {(other if fiche is one else one).id} », demandée avec les mêmes mots",
                    "ajoutez « contrast » : la suite de « Est-ce … ? »",
                )
        if one.front.contrast and other.front.contrast and folded(one.front.contrast) == folded(other.front.contrast):
            yield other.remark(
                ("contrast",),
                "contraste en double",
                f"« {other.front.contrast} » est aussi le contraste de « {one.id} », demandée avec les mêmes mots",
                "dites ce qui distingue cette fiche de l'autre",
            )


def _same_phrasings(fiches: Sequence[FicheFile]) -> Iterator[Remark]:
    phrasings = [
        _Phrasing(fiche, language, index, folded(text))
        for fiche in fiches
        for language, texts in fiche.front.questions.items()
        for index, text in enumerate(texts)
    ]
    for first, second, _ in alike([phrasing.text for phrasing in phrasings], TWIN_PHRASINGS):
        one, other = phrasings[first], phrasings[second]
        if _figures(one.text) != _figures(other.text):
            continue  # "carte de 1 an" and "carte de 10 ans" are two subjects
        same = "aussi" if one.text == other.text else "presque"
        where = "plus haut dans la même fiche" if one.fiche is other.fiche else f"dans « {one.fiche.id} »"
        yield other.remark(
            f"cette question est {same} {where} : « {one.fiche.front.questions[one.language][one.index][:60]} »",
            "gardez-la dans une seule fiche, ou dites-la autrement",
        )


def _figures(text: str) -> list[str]:
    return re.findall(r"\d+", text)


def alike(texts: Sequence[str], threshold: float) -> Iterator[tuple[int, int, float]]:
    """Pairs of texts (first < second) at least as alike as `threshold`, by edit distance.

    Sorted by length, a text is only compared with those long enough to reach the threshold and that share nearly all of its pairs of
    letters: one letter more or less changes three of them at most.
    """
    order = sorted((index for index, text in enumerate(texts) if text), key=lambda index: len(texts[index]))
    lengths = np.array([len(texts[index]) for index in order])
    stops = np.searchsorted(lengths, lengths * (200 / threshold - 1) + ROUNDING, side="right")
    marks = _pairs_of_letters([texts[index] for index in order])
    most = 1 - threshold / 100  # letters added or taken away, as a share of those of both texts
    found = []
    for row, stop in enumerate(stops.tolist()):
        differing = np.add.reduce(np.bitwise_count(marks[:, row + 1 : stop] ^ marks[:, row : row + 1]), axis=0, dtype=np.uint16)
        for column in np.flatnonzero(differing <= int(3 * most * (lengths[row] + lengths[stop - 1]) + ROUNDING)) + row + 1:
            first, second = sorted((order[row], order[column]))
            likeness = fuzz.ratio(texts[first], texts[second], score_cutoff=threshold)
            if likeness:
                found.append((first, second, likeness))
    yield from sorted(found)


def _pairs_of_letters(texts: Sequence[str]) -> npt.NDArray[np.uint64]:
    """Which pairs of neighbouring letters each text holds, the edges included, in 256 bits. Shape (4, texts)."""
    letters = np.frombuffer("".join(f"\n{text}" for text in texts).encode("utf-32-le") + b"\n\0\0\0", np.uint32).astype(np.uint64)
    bits = (letters[:-1] * np.uint64(0x9E3779B1) + letters[1:] * np.uint64(0x85EBCA6B)) >> np.uint64(16) & np.uint64(255)
    marks = np.where(np.arange(4)[:, None] == bits >> np.uint64(6), np.uint64(1) << (bits & np.uint64(63)), np.uint64(0))
    starts = np.cumsum([0, *(len(text) + 1 for text in texts[:-1])])
    return np.bitwise_or.reduceat(marks, starts, axis=1) if texts else np.zeros((4, 0), np.uint64)
