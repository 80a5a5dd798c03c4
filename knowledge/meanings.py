"""Nearness of meaning: vectors of the ways of asking and of the texts of each subject, compared with those of a question."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from knowledge.embeddings import Embedder, Vectors

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
SEVERAL = 3
"""Ways of asking whose nearness is averaged: one that is near by chance does not decide alone."""
NOTHING = -1.0
"""Nearness of a subject without any text: that of opposite meanings."""


class Meanings:
    """Vectors that belong to subjects, in the order of the subjects."""

    def __init__(self, vectors: Vectors, owners: Integers, subjects: int) -> None:
        self.vectors = vectors
        """(documents, dimensions)."""
        self.owners = owners
        """(documents,): subject of each vector, never decreasing."""
        self.subjects = subjects
        self._present, self._starts = np.unique(owners, return_index=True)
        self._counts = np.diff(np.append(self._starts, len(owners)))

    @classmethod
    def of(cls, texts: Sequence[tuple[int, str]], subjects: int, embedder: Embedder) -> Meanings:
        """The vectors of `texts`, given as (subject, text) in the order of the subjects."""
        owners = np.array([owner for owner, _ in texts], np.int64)
        return cls(embedder.embed([text for _, text in texts]), owners, subjects)

    def nearest(self, question: Vectors) -> tuple[Floats, Floats]:
        """For each row of `question` the best cosine of each subject, shape (rows, subjects); and for its first row the mean of the
        `SEVERAL` best ones (of all of them when a subject has fewer), shape (subjects,).
        """
        if not len(self.owners):
            return self._none(question), self._none(question)[0]
        cosines = self._cosines(question)
        first, starts, counts = cosines[0].copy(), self._starts, self._counts
        total = np.zeros(len(starts), np.float32)
        for rank in range(SEVERAL):
            best = np.maximum.reduceat(first, starts)
            total += np.where(counts > rank, best, 0.0)
            first[first >= np.repeat(best, counts)] = NOTHING
        several: Floats = (total / np.minimum(counts, SEVERAL)).astype(np.float32)
        return self._kept(np.maximum.reduceat(cosines, starts, axis=1)), self._kept(several[None, :])[0]

    def of_subjects(self, question: Vectors, chosen: Integers) -> Floats:
        """Best cosine of the first row of `question` with each of the `chosen` subjects. Shape (chosen,)."""
        edges = np.searchsorted(self.owners, np.stack([chosen, chosen + 1]))
        found = [self.vectors[start:end] @ question[0] for start, end in edges.T]
        return np.array([cosines.max(initial=NOTHING) for cosines in found], np.float32)

    def save(self, folder: Path, name: str) -> None:
        np.save(folder / f"{name}.vectors.npy", self.vectors)
        np.save(folder / f"{name}.vector_owners.npy", self.owners)

    @classmethod
    def open(cls, folder: Path, name: str, subjects: int) -> Meanings:
        vectors = np.asarray(np.load(folder / f"{name}.vectors.npy", mmap_mode="r", allow_pickle=False))
        return cls(vectors, np.load(folder / f"{name}.vector_owners.npy", allow_pickle=False), subjects)

    def _cosines(self, question: Vectors) -> Floats:
        return np.asarray((self.vectors @ question.T).T, np.float32)

    def _kept(self, of_present: Floats) -> Floats:
        result = np.full((len(of_present), self.subjects), NOTHING, np.float32)
        result[:, self._present] = of_present
        return result

    def _none(self, question: Vectors) -> Floats:
        return np.full((len(question), self.subjects), NOTHING, np.float32)
