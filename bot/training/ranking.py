"""Learns the order of the candidates and the confidence in the first one.

Every fiche phrasing is a question whose answer is known. Those of the share ORDER (`shares`), which the encoder has never read, are put to
indexes that do not hold them; each index also lacks a third of the fiches altogether (their sheets then stand alone), so that the weights
hold for questions and subjects never seen.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bot.engines.intents import Classes, Intents
from bot.engines.nature import NatureClassifier
from bot.engines.ranking import (
    CONFIDENCE_FEATURES,
    FEATURES,
    Calibration,
    Floats,
    Ranked,
    Ranker,
    confidence_signs,
    shortlist,
)
from bot.engines.weighing import answerable
from bot.messages import Candidate
from bot.training.shares import Blind, Share, of, without
from knowledge.building import build
from knowledge.embeddings import Embedder
from knowledge.fiches import PublishedFiche
from knowledge.search import Index, Sheet, Subject
from knowledge.wordforms import Lexicon, Reading

FOLDS = 3
SEED = 20261121
NEWCOMERS = 0.1
"""Share of the fiches that the classifier of intents does not know while the order is learned."""
LEAST_DEVIATION = 1e-5
"""Of a feature that never varies: the smallest that its file can hold."""
GUIDE_WEIGHT, SERVED_WEIGHT = 2.0, 6.0
"""Of a question asked by somebody who has not read the fiches, put to the index of each fold, and to the whole index, as those who ask are
served: half each in all (chosen on questions that teach nothing; the whole index alone would hold new fiches back)."""


@dataclass(frozen=True)
class Guide:
    """A question written by somebody who has not read the fiches, and what answers it."""

    text: str
    answers: frozenset[str]
    """National sheets or fiches, by their identifiers: one of them is enough."""


@dataclass(frozen=True)
class Trial:
    """One question against one index that does not know it."""

    text: str
    features: Floats
    """(candidates, len(FEATURES))."""
    right: npt.NDArray[np.bool_]
    """(candidates,): which of them answer the question; all False when none does."""
    subjects: npt.NDArray[np.int64]
    reading: Reading
    weight: float = 1.0
    """How much the trial counts: a question asked by somebody else than the writer of the fiche counts more."""


def trial(index: Index, classes: Classes, text: str, is_right: Callable[[Subject], bool], weight: float = 1.0) -> Trial:
    """Put `text` to `index`."""
    reading = index.read(text)
    chosen, features = shortlist(index, reading, index.evidence(reading), classes)
    right = np.array([is_right(index.subjects[int(number)]) for number in chosen], bool)
    return Trial(text, features, right, chosen, reading, weight)


def held_out(
    fiches: Sequence[PublishedFiche],
    sheets: Sequence[Sheet],
    lexicon: Lexicon,
    embedder: Embedder,
    intents: Blind[Intents],
    strangers: Sequence[str] = (),
    guides: Sequence[Guide] = (),
) -> Iterable[tuple[Index, list[Trial]]]:
    """For each fold, an index and the questions it has never seen: phrasings of the share ORDER, of fiches left out too, strangers. Then
    the whole index and the questions of other people, which it has never seen either.

    Args:
        intents: classifiers that have learned from none of the questions they are asked.
        strangers: questions that nothing answers.
        guides: questions of other people, put to every index.
    """
    chance = random.Random(SEED)
    order = of(fiches, Share.ORDER)
    folds = [chance.randrange(FOLDS) for _ in order]
    dropped = {fiche.id: chance.randrange(FOLDS) for fiche in fiches}
    known = without(fiches, frozenset({Share.ASIDE, Share.ORDER}))
    for fold in range(FOLDS):
        gone = {fiche.id for fiche in fiches if sheets and fiche.service_public and dropped[fiche.id] == fold}
        index = build([fiche for fiche in known if fiche.id not in gone], sheets, lexicon, embedder=embedder)
        classes = _newcomers(intents, index, chance)
        trials = []
        for (fiche, code, text), its_fold in zip(order, folds, strict=True):
            if fiche.id in gone:
                if code == "fr" and chance.random() < 0.5:
                    trials.append(trial(index, classes.to(text), text, _covers(fiche)))
            elif its_fold == fold:
                trials.append(trial(index, classes.to(text), text, _is(fiche)))
        lost = [text for number, text in enumerate(strangers) if number % FOLDS == fold]
        trials += [trial(index, classes.to(text), text, lambda _subject: False) for text in lost]
        trials += [trial(index, classes.to(guide.text), guide.text, _holds(guide), GUIDE_WEIGHT) for guide in guides]
        yield index, trials
    if guides:
        served = build(fiches, sheets, lexicon, embedder=embedder)
        classes = intents.each(lambda one: Classes.over(one, served))
        yield served, [trial(served, classes.to(guide.text), guide.text, _holds(guide), SERVED_WEIGHT) for guide in guides]


def _newcomers(intents: Blind[Intents], index: Index, chance: random.Random) -> Blind[Classes]:
    """The classifiers over an index, without the classes of some fiches, as when they were written after the training."""
    kept = np.array([chance.random() >= NEWCOMERS for _ in index.subjects])

    def over(one: Intents) -> Classes:
        classes = Classes.over(one, index)
        return replace(classes, columns=np.where(kept, classes.columns, -1))

    return intents.each(over)


def _holds(guide: Guide) -> Callable[[Subject], bool]:
    return lambda subject: is_answer(subject, guide.answers)


def is_answer(found: Subject | Candidate, answers: Set[str]) -> bool:
    """Whether `found` is one of the fiches, or stands for one of the national sheets, of `answers`."""
    return found.fiche in answers or not answers.isdisjoint(found.service_public)


def _covers(fiche: PublishedFiche) -> Callable[[Subject], bool]:
    return lambda subject: not set(fiche.service_public).isdisjoint(subject.service_public)


def _is(fiche: PublishedFiche) -> Callable[[Subject], bool]:
    return lambda subject: subject.fiche == fiche.id


def fit_ranker(trials: Sequence[Trial], regularisation: float = 5e-4) -> Ranker:
    """Multinomial logit over the candidates of each question that has a right one, by L-BFGS."""
    from scipy.optimize import minimize

    usable = [one for one in trials if one.right.any()]
    stacked = np.vstack([one.features for one in usable])
    means, deviations = stacked.mean(axis=0), np.maximum(stacked.std(axis=0), LEAST_DEVIATION)
    scaled = (stacked - means) / deviations
    right = np.concatenate([one.right for one in usable])
    counts = np.array([len(one.right) for one in usable])
    weights_of = np.array([one.weight for one in usable])
    weights_of /= weights_of.sum()
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])

    def loss(weights: Floats) -> tuple[float, Floats]:
        scores = scaled @ weights
        exponentials = np.exp(scores - np.repeat(np.maximum.reduceat(scores, starts), counts))
        everything = np.add.reduceat(exponentials, starts)
        good = np.add.reduceat(exponentials * right, starts)
        spread = exponentials / np.repeat(everything, counts) - exponentials * right / np.repeat(good, counts)
        return (
            float(-weights_of @ np.log(good / everything) + regularisation * weights @ weights),
            scaled.T @ (spread * np.repeat(weights_of, counts)) + 2 * regularisation * weights,
        )

    weights = minimize(loss, np.zeros(len(FEATURES)), jac=True, method="L-BFGS-B").x
    return Ranker(weights, means, deviations)


def ranked(ranker: Ranker, one: Trial) -> tuple[Ranked, npt.NDArray[np.bool_]]:
    """The shortlist of a trial in the order of `ranker`, and which of them are right."""
    scores = ((one.features - ranker.means) / ranker.deviations) @ ranker.weights
    order = np.argsort(-scores, kind="stable")
    return Ranked(one.subjects[order], scores[order], one.features[order]), one.right[order]


def certainty_rows(
    ranker_for: Callable[[Trial], Ranker], index: Index, trials: Sequence[Trial], natures: NatureClassifier
) -> tuple[list[Floats], list[bool], list[float]]:
    """For each trial, the signs of the confidence, whether the first candidate was right, and how much the trial counts.

    Args:
        ranker_for: the ranker that orders a trial: one that did not learn from it, or the confidence would be that of the known.
    """
    rows, outcomes, weights = [], [], []
    for one in trials:
        found, right = ranked(ranker_for(one), one)
        if not len(right):
            continue
        probabilities, _ = natures.judge(one.text)
        rows.append(confidence_signs(found, one.reading, index, answerable(probabilities)))
        outcomes.append(bool(right[0]))
        weights.append(one.weight)
    return rows, outcomes, weights


def fit_calibration(rows: Sequence[Floats], outcomes: Sequence[bool], weights: Sequence[float]) -> Calibration:
    """Logistic regression from the signs to "the first candidate is right"."""
    from sklearn.linear_model import LogisticRegression

    stacked = np.vstack(rows)
    means, deviations = stacked.mean(axis=0), np.maximum(stacked.std(axis=0), LEAST_DEVIATION)
    model = LogisticRegression(C=1.0, max_iter=1000)
    model.fit((stacked - means) / deviations, outcomes, sample_weight=weights)
    return Calibration(model.coef_[0], means, deviations, float(model.intercept_[0]))


def save_ranker(ranker: Ranker, folder: Path) -> None:
    _write(folder / "ranking.json", FEATURES, ranker.weights, ranker.means, ranker.deviations, {})


def save_calibration(calibration: Calibration, folder: Path) -> None:
    extra = {"bias": round(calibration.bias, 5)}
    _write(folder / "confidence.json", CONFIDENCE_FEATURES, calibration.weights, calibration.means, calibration.deviations, extra)


def _write(file: Path, names: Sequence[str], weights: Floats, means: Floats, deviations: Floats, extra: Mapping[str, object]) -> None:
    rounded = {
        part: [round(float(value), 5) for value in values]
        for part, values in (("weights", weights), ("means", means), ("deviations", deviations))
    }
    file.write_text(json.dumps({"features": list(names), **rounded, **extra}, indent=1) + "\n", "utf-8")
