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
        self._held = np.zeros(subjects, bool)
        self._held[self._present] = True
        self.centres = np.zeros((subjects, vectors.shape[1]), np.float32)
        """(subjects, dimensions): mean vector of each subject, of length 1."""
        if len(owners):
            sums = np.add.reduceat(np.asarray(vectors, np.float32), self._starts, axis=0)
            self.centres[self._present] = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)

    @classmethod
    def of(cls, texts: Sequence[tuple[int, str]], subjects: int, embedder: Embedder) -> Meanings:
        """The vectors of `texts`, given as (subject, text) in the order of the subjects."""
        owners = np.array([owner for owner, _ in texts], np.int64)
        return cls(embedder.embed([text for _, text in texts]), owners, subjects)

    def plausible(self, question: Vectors, most: int) -> Integers:
        """The subjects whose mean vector is among the `most` nearest to a row of `question`: a small table, read whole. Increasing."""
        cosines = (self.centres @ np.ascontiguousarray(question.T)).T  # this way round, five times as quick
        kept = min(most, self.subjects)
        return np.unique(np.argpartition(-cosines, kept - 1, axis=1)[:, :kept]) if kept else np.zeros(0, np.int64)

    def nearest(self, question: Vectors, chosen: Integers) -> tuple[Floats, Floats]:
        """For each row of `question` the best cosine of the `chosen` subjects, shape (rows, subjects), `NOTHING` for the others; and for
        its first row the mean of their `SEVERAL` best ones (of all of them when a subject has fewer), shape (subjects,).

        Args:
            chosen: increasing subject numbers: reading only their vectors keeps an answer quick, however many phrasings there are.
        """
        best = np.full((len(question), self.subjects), NOTHING, np.float32)
        several = np.full(self.subjects, NOTHING, np.float32)
        present = chosen[self._held[chosen]]
        if not len(present):
            return best, several
        places = np.searchsorted(self._present, present)
        begins, counts = self._starts[places], self._counts[places]
        cosines, starts = self._cosines(question, begins, counts)
        best[:, present] = np.maximum.reduceat(cosines, starts, axis=1)
        first = cosines[0].copy()
        total = np.zeros(len(present), np.float32)
        for rank in range(SEVERAL):
            top = np.maximum.reduceat(first, starts)
            total += np.where(counts > rank, top, 0.0)
            first[first >= np.repeat(top, counts)] = NOTHING
        several[present] = total / np.minimum(counts, SEVERAL)
        return best, several

    def of_subjects(self, question: Vectors, chosen: Integers) -> Floats:
        """Best cosine of the first row of `question` with each of the `chosen` subjects. Shape (chosen,)."""
        best = np.full(len(chosen), NOTHING, np.float32)
        begins, ends = np.searchsorted(self.owners, np.stack([chosen, chosen + 1]))
        counts = ends - begins
        held = counts > 0
        if held.any():
            cosines, starts = self._cosines(question[:1], begins[held], counts[held])
            best[held] = np.maximum.reduceat(cosines[0], starts)
        return best

    def _cosines(self, question: Vectors, begins: Integers, counts: Integers) -> tuple[Floats, Integers]:
        """The cosines of each row of `question` with the vectors `begins[n]` to `begins[n] + counts[n]`, one run after the other, shape
        (rows, sum of counts); and where each run starts."""
        starts = np.cumsum(counts) - counts
        each = np.empty((int(counts.sum()), len(question)), np.float32)
        across = np.ascontiguousarray(question.T)
        for begin, count, start in zip(begins.tolist(), counts.tolist(), starts.tolist(), strict=True):  # no copy of the vectors is made
            np.dot(self.vectors[begin : begin + count], across, out=each[start : start + count])
        return np.ascontiguousarray(each.T), starts

    def save(self, folder: Path, name: str) -> None:
        np.save(folder / f"{name}.vectors.npy", self.vectors)
        np.save(folder / f"{name}.vector_owners.npy", self.owners)

    @classmethod
    def open(cls, folder: Path, name: str, subjects: int) -> Meanings:
        vectors = np.asarray(np.load(folder / f"{name}.vectors.npy", mmap_mode="r", allow_pickle=False))
        return cls(vectors, np.load(folder / f"{name}.vector_owners.npy", allow_pickle=False), subjects)
