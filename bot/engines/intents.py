"""The classifier of intents: one class a fiche, learned from the phrasings of all. It sees what tells fiches apart, the search likeness.

It has two readers: one of the terms of the question as the search reads it, one of its words, in their order (`convolution`). A fiche
written since the training has no class: it stands a little behind the best (`UNKNOWN`), and the search alone finds it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bot.engines.convolution import INTENTS, Convolution
from bot.engines.shipped import SHIPPED, whole
from knowledge.search import Index
from knowledge.wordforms import Reading

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
BUCKETS = 8192
"""Rows of the table: twice as many, or characters beside words, order no question better (cross-validated)."""
UNKNOWN = 0.25
"""Where a subject without class stands: this part of the way from the best class to the mean of all. At the mean, it would count as one
that the classifier thinks wrong (chosen on questions of people that teach nothing)."""
SIGNS = ("intent", "intent_behind", "intent_known", "ordered", "ordered_behind")
"""By the terms, whether there is a class, and by the words in their order."""


def rows_of(terms: Sequence[str]) -> Integers:
    """The rows of the table that a reading lights: its terms and their neighbours, hashed. Increasing, each once."""
    found = [f"w {term}" for term in terms] + [f"p {first} {second}" for first, second in pairwise(("<", *terms, ">"))]
    return np.unique(np.array([zlib.crc32(sign.encode()) % BUCKETS for sign in found], np.int64))


@dataclass(frozen=True)
class Intents:
    """Logistic regressions, each fiche against the others. A question weighs 1 in the sense of the sum of squares."""

    fiches: tuple[str, ...]
    weights: npt.NDArray[np.int8]
    """(BUCKETS, fiches): in units of `scale`."""
    scale: float
    bias: Floats
    """(fiches,)."""
    order: Convolution
    """Of the same fiches, in the same order."""

    @classmethod
    def load(cls, models: Path = SHIPPED) -> Intents:
        """The classifier of a folder of models.

        Raises:
            ModelsMissing: its files are cut, or not those of one classifier.
        """
        with whole(models, "intents.json", "intents.npy"):
            header = json.loads((models / "intents.json").read_text("utf-8"))
            weights = np.load(models / "intents.npy", allow_pickle=False)
            order = Convolution.load(INTENTS, models)
            read = cls(tuple(header["fiches"]), weights, header["scale"], np.array(header["bias"]), order)
            if order.labels != read.fiches or read.weights.shape != (BUCKETS, len(read.fiches)) or read.bias.shape != (len(read.fiches),):
                raise ValueError("tailles")
            return read

    def scores(self, terms: Sequence[str]) -> Floats:
        """Log-odds of each fiche, shape (fiches,)."""
        rows = rows_of(terms)
        lit: Floats = self.weights[rows].sum(axis=0, dtype=np.int32) * (self.scale / len(rows) ** 0.5)
        return lit + self.bias

    def ordered(self, reading: Reading) -> Floats:
        """The logarithm of the share of each fiche, but for a constant, by the words in their order, shape (fiches,)."""
        return self.order.scores(" ".join(reading.words)).astype(np.float64)


@dataclass(frozen=True)
class Classes:
    """The classifier beside one index: the classes of fiches that are not in the index say nothing."""

    intents: Intents
    columns: Integers
    """(subjects,): the class of each subject of the index, -1 when it has none."""

    @classmethod
    def over(cls, intents: Intents, index: Index) -> Classes:
        """The classes of the subjects of `index`."""
        numbers = {fiche: number for number, fiche in enumerate(intents.fiches)}
        return cls(intents, np.array([numbers.get(subject.fiche or "", -1) for subject in index.subjects], np.int64))

    def signs(self, reading: Reading, chosen: Integers) -> Floats:
        """What the classifier says of the `chosen` subjects, shape (chosen, len(SIGNS)): log-odds by the terms (`UNKNOWN` for a subject
        without class), distance to the best of the index, whether there is a class; logarithm of the share by the words in their order
        (likewise), and distance."""
        present = self.columns[self.columns >= 0]
        if not len(present):
            return np.zeros((len(chosen), len(SIGNS)))
        columns = self.columns[chosen]
        known = columns >= 0
        scores, ordered = self.intents.scores(reading.terms), self.intents.ordered(reading)
        ordered -= np.logaddexp.reduce(ordered[present])
        best, best_in_order = scores[present].max(), ordered[present].max()
        own = np.where(known, scores[columns], best + UNKNOWN * (scores[present].mean() - best))
        in_order = np.where(known, ordered[columns], best_in_order + UNKNOWN * (ordered[present].mean() - best_in_order))
        return np.stack([own, own - best, known, in_order, in_order - best_in_order], axis=1)
