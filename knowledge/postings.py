"""Inverted lists in flat arrays: quick to score, quick to open (memory-mapped), small.

A `Postings` holds documents that belong to subjects; `score` gives the best document of each subject.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int32]


@dataclass
class Postings:
    vocabulary: Mapping[str, int]
    starts: Integers
    """(terms + 1,): where the list of each term starts."""
    documents: Integers
    weights: Floats
    idf: Floats
    """(terms,): weight of each term in a question."""
    owners: Integers
    """(documents,): subject of each document, in increasing order."""
    subjects: int

    def __post_init__(self) -> None:
        self._present, self._first = np.unique(self.owners, return_index=True)

    def score(self, terms: Mapping[str, float]) -> Floats:
        """Best document score of each subject, shape (subjects,), 0 where nothing matches. `terms`: weight of each in the question."""
        result = np.zeros(self.subjects, np.float32)
        per_document = self.per_document(terms)
        if per_document is None:
            return result
        result[self._present] = np.maximum.reduceat(per_document, self._first)
        return result

    def per_document(self, terms: Mapping[str, float], *, normalised: bool = False) -> Floats | None:
        """Score of every document, shape (documents,), or None when no term is known.

        Args:
            normalised: divide by the norm of the question's weights (cosine for `cosine` lists).
        """
        known = [(self.vocabulary[term], weight) for term, weight in terms.items() if term in self.vocabulary]
        if not known:
            return None
        numbers = [number for number, _ in known]
        factors = np.array([weight for _, weight in known], np.float32) * self.idf[numbers]
        if normalised:
            unknown = sum(weight * weight for term, weight in terms.items() if term not in self.vocabulary)
            factors /= max(float(np.sqrt(np.square(factors).sum() + unknown * float(self.idf.max()) ** 2)), 1e-9)
        begins = self.starts[numbers]
        counts = self.starts[np.add(numbers, 1)] - begins
        spans = [slice(begin, begin + count) for begin, count in zip(begins.tolist(), counts.tolist(), strict=True)]
        documents = np.concatenate([self.documents[span] for span in spans])
        weights = np.concatenate([self.weights[span] for span in spans]) * np.repeat(factors, counts)
        return np.bincount(documents, weights, minlength=len(self.owners)).astype(np.float32)

    def weight_of(self, term: str) -> float:
        """Inverse document frequency of `term`; that of the rarest term when it is unknown."""
        number = self.vocabulary.get(term)
        return float(self.idf[number] if number is not None else self.idf.max(initial=1.0))

    def save(self, folder: Path, name: str) -> None:
        for part in ("starts", "documents", "weights", "idf", "owners"):
            np.save(folder / f"{name}.{part}.npy", getattr(self, part))
        (folder / f"{name}.vocabulary.json").write_text(json.dumps(list(self.vocabulary), ensure_ascii=False), "utf-8")

    @classmethod
    def open(cls, folder: Path, name: str, subjects: int) -> Postings:
        arrays = {
            part: np.asarray(np.load(folder / f"{name}.{part}.npy", mmap_mode="r", allow_pickle=False))  # plain views: slicing is quicker
            for part in ("starts", "documents", "weights", "idf", "owners")
        }
        terms = json.loads((folder / f"{name}.vocabulary.json").read_text("utf-8"))
        return cls(vocabulary={term: number for number, term in enumerate(terms)}, subjects=subjects, **arrays)


def bm25(documents: Iterable[tuple[int, Sequence[str]]], subjects: int, *, saturation: float = 1.2, length: float = 0.6) -> Postings:
    """Postings whose scores are those of BM25 (Robertson and Zaragoza, 2009) with k1 = `saturation` and b = `length`."""
    collected = _collect(documents)
    lengths = np.maximum(np.bincount(collected.documents, collected.counts, minlength=len(collected.owners)), 1)
    average = float(lengths.mean()) if len(lengths) else 1.0
    limit = saturation * (1 - length + length * lengths[collected.documents] / average)
    weights = collected.counts * (saturation + 1) / (collected.counts + limit)
    frequency = np.diff(collected.starts)
    idf = np.log1p((len(collected.owners) - frequency + 0.5) / (frequency + 0.5))
    return collected.finish(weights, idf, subjects)


def cosine(documents: Iterable[tuple[int, Sequence[str]]], subjects: int) -> Postings:
    """Postings whose normalised scores are cosines of TF-IDF vectors."""
    collected = _collect(documents)
    frequency = np.diff(collected.starts)
    idf = np.log((len(collected.owners) + 1) / (frequency + 0.5))
    weights = np.sqrt(collected.counts) * np.repeat(idf, frequency)
    norms = np.sqrt(np.bincount(collected.documents, np.square(weights), minlength=len(collected.owners)))
    return collected.finish(weights / np.maximum(norms[collected.documents], 1e-9), idf, subjects)


def shares(documents: Iterable[tuple[int, Mapping[str, float]]], subjects: int, *, rare: float = 0.03) -> Postings:
    """Postings whose scores say how typical the terms of a question are of a subject: each term counts from 0 to its weight.

    Args:
        documents: for each subject, the share of its phrasings that hold each term.
        rare: a term held by this share of the phrasings starts to count (logarithmic smoothing of a unigram model).
    """
    listed = list(documents)
    collected = _collect((owner, tuple(terms)) for owner, terms in listed)
    terms = list(collected.vocabulary)
    numbers = np.repeat(np.arange(len(terms)), np.diff(collected.starts))
    held = np.array([listed[document][1][terms[term]] for document, term in zip(collected.documents, numbers, strict=True)])
    frequency = np.diff(collected.starts)
    idf = np.log1p((len(collected.owners) - frequency + 0.5) / (frequency + 0.5))
    return collected.finish(np.log1p(held / rare) / np.log1p(1 / rare), idf, subjects)


@dataclass
class _Collected:
    vocabulary: dict[str, int]
    starts: Integers
    documents: Integers
    counts: Floats
    owners: Integers

    def finish(self, weights: npt.NDArray[np.floating], idf: npt.NDArray[np.floating], subjects: int) -> Postings:
        return Postings(
            self.vocabulary, self.starts, self.documents, weights.astype(np.float32), idf.astype(np.float32), self.owners, subjects
        )


def _collect(documents: Iterable[tuple[int, Sequence[str]]]) -> _Collected:
    vocabulary: dict[str, int] = {}
    terms: list[int] = []
    holders: list[int] = []
    counts: list[int] = []
    owners: list[int] = []
    for number, (owner, words) in enumerate(documents):
        owners.append(owner)
        tally: dict[int, int] = {}
        for word in words:
            term = vocabulary.setdefault(word, len(vocabulary))
            tally[term] = tally.get(term, 0) + 1
        terms.extend(tally)
        counts.extend(tally.values())
        holders.extend([number] * len(tally))
    term_array = np.array(terms, np.int32)
    order = np.argsort(term_array, kind="stable")
    starts = np.zeros(len(vocabulary) + 1, np.int32)
    np.cumsum(np.bincount(term_array, minlength=len(vocabulary)), out=starts[1:])
    return _Collected(
        vocabulary,
        starts,
        np.array(holders, np.int32)[order],
        np.array(counts, np.float32)[order],
        np.array(owners, np.int32),
    )
