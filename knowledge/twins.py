"""Near-twin fiches: those that are asked about with the same words, so that only a question can tell which one is meant.

Each fiche is a vector: for every term, how typical it is of its title and phrasings, times its rarity. The likeness of two fiches is the
cosine of their vectors. Pairs at or above `TWINS` must be told apart by their contrasts before they are published.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from knowledge.postings import Postings, shares

TWINS = 0.35
"""Likeness from which two fiches are near twins: of the pairs confused twice or more by phrasings kept out of the index (share `order`),
it holds those whose very words are the same; lower, it would force questions between fiches that nobody confuses."""


@dataclass(frozen=True)
class Pair:
    first: str
    second: str
    likeness: float
    """Cosine, 0 to 1."""


def pairs(typical: Postings, owners: Sequence[str | None], least: float = TWINS) -> Iterator[Pair]:
    """The pairs of fiches at least as alike as `least`.

    Args:
        typical: for each subject, how typical its terms are (`knowledge.postings.shares`).
        owners: fiche of each subject; None for an official sheet, which has no twin.
    """
    rows = np.array([number for number, owner in enumerate(owners) if owner], np.int64)
    place = np.full(len(owners), -1)
    place[rows] = np.arange(len(rows))
    terms = np.repeat(np.arange(len(typical.vocabulary)), np.diff(typical.starts))
    held = place[typical.owners[typical.documents]]
    kept = held >= 0
    vectors = np.zeros((len(rows), len(typical.vocabulary)), np.float32)
    vectors[held[kept], terms[kept]] = np.asarray(typical.weights)[kept] * typical.idf[terms[kept]]
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    likeness = vectors @ vectors.T
    for first, second in np.argwhere(np.triu(likeness >= least, 1)):
        one, other = owners[rows[first]], owners[rows[second]]
        if one and other:
            yield Pair(one, other, float(likeness[first, second]))


def typical_of(terms: Mapping[str, Sequence[Sequence[str]]]) -> Postings:
    """The vectors of fiches that are not indexed yet.

    Args:
        terms: by fiche, the terms of its title and of each phrasing.
    """
    documents = []
    for number, texts in enumerate(terms.values()):
        tally: dict[str, float] = {}
        for text in texts:
            for term in dict.fromkeys(text):
                tally[term] = tally.get(term, 0.0) + 1.0 / len(texts)
        documents.append((number, tally))
    return shares(documents, len(terms))
