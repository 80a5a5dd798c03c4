"""The titles and concepts of all the subjects in flat arrays: what each shares with a question is found at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from knowledge.wordforms import CONCEPT

if TYPE_CHECKING:  # the index of the subjects holds their titles
    from knowledge.search import Subject

Floats = npt.NDArray[np.float64]
CONCEPT_ASKED, CONCEPT_NOT_ASKED, WEIGHT, WEIGHT_FOUND = range(4)
"""Columns of `Titles.shared`."""


class Titles:
    """The terms of the titles, one row a term of a title, and the concepts named, one row a subject; both in the order of the subjects.

    Args:
        weight_of: the weight of a term in a question.
    """

    def __init__(self, subjects: Sequence[Subject], weight_of: Callable[[str], float]) -> None:
        self._numbers: dict[str, int] = {}
        rows = [(subject, term) for subject in subjects for term in subject.title_terms]
        self._terms = np.array([self._numbers.setdefault(term, len(self._numbers)) for _, term in rows], np.int64)
        self._weights = np.array([weight_of(term) for term in self._numbers], np.float64)[self._terms]
        self._not_asked = np.array([_not_asked(subject, term) for subject, term in rows], np.float64)
        counts = np.array([len(subject.title_terms) for subject in subjects], np.int64)
        self._counts, self._starts = counts, np.cumsum(counts) - counts
        named = sorted({concept for subject in subjects for concept in subject.concepts})
        self._columns = {concept: column for column, concept in enumerate(named)}
        self._shares = np.zeros((len(subjects), len(named) + 1), np.float64)  # the last column: a concept that none names
        for row, subject in enumerate(subjects):
            for concept, share in subject.concepts.items():
                self._shares[row, self._columns[concept]] = share

    def naming(self, chosen: npt.NDArray[np.int64], concepts: Collection[str]) -> Floats:
        """The share of the phrasings of each of the `chosen` subjects that name each concept, shape (chosen, concepts)."""
        columns = np.array([self._columns.get(concept, len(self._columns)) for concept in concepts], np.int64)
        return self._shares[chosen[:, None], columns]

    def shared(self, chosen: npt.NDArray[np.int64], terms: Collection[str]) -> Floats:
        """For each of the `chosen` subjects: how many concepts of its title are asked, how much those not asked count, the weight of its
        title, and of what `terms` hold of it. Shape (chosen, 4)."""
        counts, starts = self._counts[chosen], self._starts[chosen]
        owners = np.repeat(np.arange(len(chosen)), counts)
        rows = np.arange(len(owners)) + np.repeat(starts - (np.cumsum(counts) - counts), counts)
        asked = np.zeros(len(self._numbers), bool)
        asked[[self._numbers[term] for term in terms if term in self._numbers]] = True
        held, not_asked, weights = asked[self._terms[rows]], self._not_asked[rows], self._weights[rows]
        columns = ((not_asked > 0) & held, np.where(held, 0.0, not_asked), weights, np.where(held, weights, 0.0))
        return np.stack([np.bincount(owners, column, minlength=len(chosen)) for column in columns], axis=1)


def _not_asked(subject: Subject, term: str) -> float:
    """How much a concept of a title counts when the question does not name it, more than 0: less when the phrasings of the fiche name it
    so often that it goes without saying. A word counts 0."""
    if not term.startswith(CONCEPT):
        return 0.0
    return 1 - 0.5 * subject.concepts.get(term, 0.0) * (subject.fiche is not None)
