"""From the evidences of the search to an order and a probability: learned, small, and readable.

A candidate is described by a vector of features; its score is a weighted sum. The weights are learned by `python -m bot train`
from phrasings kept out of the index (multinomial logit over the candidates of each question), and travel in `models/ranking.json`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bot.engines.intents import SIGNS, Classes
from bot.engines.probabilities import logistic, softmax
from bot.engines.shipped import SHIPPED, whole
from knowledge.search import FIELDS, Evidence, Index
from knowledge.titles import CONCEPT_ASKED, CONCEPT_NOT_ASKED, WEIGHT, WEIGHT_FOUND
from knowledge.wordforms import CONCEPT, Reading

Floats = npt.NDArray[np.float64]
SHORTLIST = 56
"""Subjects that are compared closely; the others never reach the first ten."""
_BM25 = [FIELDS.index(name) for name in ("head", "asked", "body")]
_TYPICAL = FIELDS.index("typical")
FEATURES = (
    *(f"{name}_share" for name in FIELDS),
    *(f"{name}_first" for name in FIELDS),
    *(f"{name}_level" for name in FIELDS),
    "title_concepts_asked",
    "title_concepts_not_asked",
    "concepts_found",
    "concepts_missing",
    "title_words_asked",
    "question_words_in_title",
    "fiche",
    "prior",
    "body_short",
    "title_short",
    "meaning",
    "meaning_read",
    "meaning_several",
    "meaning_told",
    "meaning_behind",
    "meaning_read_behind",
    "meaning_several_behind",
    "meaning_told_behind",
    *SIGNS,
)
MEANING_WEIGHT = np.array([2.0, 1.0, 1.0])
"""Of the nearness of meaning (as written, as read, several) among the shares that choose the shortlist."""


@dataclass(frozen=True)
class Ranked:
    """The shortlist of a question, best first."""

    subjects: npt.NDArray[np.int64]
    """(n,): subject numbers in the index."""
    scores: Floats
    """(n,): learned scores, in decreasing order."""
    features: Floats
    """(n, len(FEATURES))."""


def shortlist(index: Index, reading: Reading, evidence: Evidence, classes: Classes) -> tuple[npt.NDArray[np.int64], Floats]:
    """The subjects worth comparing and their features, shapes (n,) and (n, len(FEATURES))."""
    fields = np.stack([getattr(evidence, name) for name in FIELDS]).astype(np.float64)
    best = np.maximum(fields.max(axis=1, keepdims=True), 1e-9)
    shares = fields / best
    meant = np.stack([evidence.meaning, evidence.meaning_read, evidence.meaning_several]).astype(np.float64)
    nearest = meant.max(axis=1, keepdims=True)
    rough = shares.sum(axis=0) + MEANING_WEIGHT @ (np.maximum(meant, 0.0) / np.maximum(nearest, 1e-9))
    count = min(SHORTLIST, rough.size)
    chosen = np.argpartition(-rough, count - 1)[:count] if count else np.zeros(0, np.int64)
    terms = dict.fromkeys(reading.terms)
    weights = {term: index.asked.weight_of(term) for term in terms}
    total = sum(weights.values()) or 1.0
    levels = fields[:, chosen].copy()
    levels[_BM25] /= total * 2.2  # BM25 of a term cannot pass k1 + 1 = 2.2 times its weight
    levels[_TYPICAL] /= total
    asked_concepts = {term for term in terms if term.startswith(CONCEPT)}
    compared = _compare(index, chosen, weights, asked_concepts, total)
    few = 1.0 / max(len(terms) - len(asked_concepts), 1)
    near = few * np.stack([levels[FIELDS.index("body")], compared[:, 4]], axis=1)
    told = index.telling.of_subjects(evidence.vector, chosen).astype(np.float64)
    meanings = np.vstack([meant[:, chosen], told])
    behind = np.vstack([nearest, [[told.max(initial=-1.0)]]]) - meanings
    firsts = (shares[:, chosen] >= 0.999).T
    intended = classes.signs(reading, chosen)
    return chosen, np.hstack([shares[:, chosen].T, firsts, levels.T, compared, near, meanings.T, behind.T, intended])


def _compare(index: Index, chosen: npt.NDArray[np.int64], weights: Mapping[str, float], asked: Set[str], total: float) -> Floats:
    """The features that come from the title, the concepts and the kind of each chosen subject, shape (chosen, 8)."""
    shared, named = index.titles.shared(chosen, weights), index.titles.naming(chosen, asked)
    subjects = [index.subjects[int(number)] for number in chosen]
    many = max(len(asked), 1)
    columns = (
        shared[:, CONCEPT_ASKED] / many,
        shared[:, CONCEPT_NOT_ASKED],
        named.sum(axis=1) / many,
        (named == 0.0).sum(axis=1) / many,
        shared[:, WEIGHT_FOUND] / np.maximum(shared[:, WEIGHT], 1e-9),
        shared[:, WEIGHT_FOUND] / total,
        [1.0 if subject.fiche else 0.0 for subject in subjects],
        [subject.prior for subject in subjects],
    )
    return np.stack([np.asarray(column, np.float64) for column in columns], axis=1)


@dataclass(frozen=True)
class Ranker:
    """Learned weights: one a feature, then those of the confidence that the first candidate is right."""

    weights: Floats
    means: Floats
    deviations: Floats

    @classmethod
    def load(cls, models: Path = SHIPPED) -> Ranker:
        """The ranker of a folder of models."""
        with whole(models, "ranking.json"):
            stored = json.loads((models / "ranking.json").read_text("utf-8"))
            order = [stored["features"].index(name) for name in FEATURES]
            return cls(*(np.array(stored[part])[order] for part in ("weights", "means", "deviations")))

    def rank(self, index: Index, reading: Reading, evidence: Evidence, classes: Classes) -> Ranked:
        """Order the shortlist of a question."""
        chosen, features = shortlist(index, reading, evidence, classes)
        scores = ((features - self.means) / self.deviations) @ self.weights
        order = np.argsort(-scores, kind="stable")
        return Ranked(chosen[order], scores[order], features[order])


WHEN_ALONE = ("share", "lead", "score", "meaning", "meaning_read", "meaning_several", "meaning_told", "meaning_lead", "intent", "ordered")
"""Signs that are worth less where no official sheet competes with the fiches: what no fiche answers must still resemble one of them."""
_SIGNS = (
    "share",
    "lead",
    "score",
    "asked_level",
    "head_level",
    "body_level",
    "question_words_in_title",
    "concepts_missing",
    "prior",
    "fiche",
    "length",
    "unknown_words",
    "general",
    "meaning",
    "meaning_read",
    "meaning_several",
    "meaning_told",
    "meaning_lead",
    "intent",
    "intent_lead",
    "intent_known",
    "ordered",
    "ordered_lead",
)
CONFIDENCE_FEATURES = (*_SIGNS, *(f"{name}_alone" for name in WHEN_ALONE), "alone")
"""`alone`: share of the subjects of the index that are fiches; `_alone`: a sign times that share."""
_WHEN_ALONE = [_SIGNS.index(name) for name in WHEN_ALONE]


def confidence_signs(ranked: Ranked, reading: Reading, index: Index, general: float) -> Floats:
    """What tells whether the first candidate is right, shape (len(CONFIDENCE_FEATURES),).

    Args:
        general: probability that the request is one a fiche may answer, from the nature classifier.
    """
    if not len(ranked.scores):
        return np.zeros(len(CONFIDENCE_FEATURES))
    first = dict(zip(FEATURES, ranked.features[0], strict=True))
    shares = softmax(ranked.scores)
    words = [term for term in reading.terms if not term.startswith(CONCEPT)]
    unknown = sum(term not in index.asked.vocabulary for term in words) / max(len(words), 1)
    alone = len(index.by_fiche) / max(len(index.subjects), 1)
    signs = np.array(
        [
            shares[0],
            shares[0] - (shares[1] if len(shares) > 1 else 0.0),
            ranked.scores[0],
            first["asked_level"],
            first["head_level"],
            first["body_level"],
            first["question_words_in_title"],
            first["concepts_missing"],
            first["prior"],
            first["fiche"],
            float(np.log1p(len(words))),
            unknown,
            general,
            first["meaning"],
            first["meaning_read"],
            first["meaning_several"],
            first["meaning_told"],
            _lead(ranked, "meaning_several"),
            first["intent"],
            _lead(ranked, "intent"),
            first["intent_known"],
            first["ordered"],
            _lead(ranked, "ordered"),
        ]
    )
    return np.concatenate([signs, alone * signs[_WHEN_ALONE], [alone]])


def _lead(ranked: Ranked, name: str) -> float:
    """How much the first candidate has more of a feature than the best of the others."""
    values = ranked.features[:, FEATURES.index(name)]
    return float(values[0] - (values[1:].max() if len(values) > 1 else -1.0))


@dataclass(frozen=True)
class Calibration:
    """Logistic regression: from the signs to the probability that the first candidate is right."""

    weights: Floats
    means: Floats
    deviations: Floats
    bias: float

    @classmethod
    def load(cls, models: Path = SHIPPED) -> Calibration:
        """The calibration of a folder of models."""
        with whole(models, "confidence.json"):
            stored = json.loads((models / "confidence.json").read_text("utf-8"))
            order = [stored["features"].index(name) for name in CONFIDENCE_FEATURES]
            weights, means, deviations = (np.array(stored[part])[order] for part in ("weights", "means", "deviations"))
            return cls(weights, means, deviations, stored["bias"])

    def probability(self, signs: Floats) -> float:
        """Probability, 0 to 1."""
        return logistic(float(((signs - self.means) / self.deviations) @ self.weights) + self.bias)
