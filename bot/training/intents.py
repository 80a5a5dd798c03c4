"""Trains the two readers of the classifier of intents (`bot.engines.intents`) from the phrasings of the fiches and questions of people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bot.engines.convolution import INTENTS
from bot.engines.intents import BUCKETS, Intents, rows_of
from bot.training import convolution
from bot.training.quantising import quantised
from bot.training.ranking import Guide
from knowledge.building import trusted_words
from knowledge.fiches import PublishedFiche
from knowledge.search import Sheet
from knowledge.wordforms import Lexicon

REGULARISATION = 2e-6
"""Chosen by cross-validation, as is `PASSES`."""
PASSES = 8
SEED = 20261129


def train(fiches: Sequence[PublishedFiche], sheets: Sequence[Sheet], lexicon: Lexicon, asked: Sequence[tuple[str, str]] = ()) -> Intents:
    """The classifier of `fiches`, from their titles and phrasings in every language, by stochastic descent. Deterministic (its network, on
    one kind of processor).

    Args:
        sheets: whose words, with those of the fiches, are the ones that misspelled words are corrected towards.
        asked: more questions, as (fiche, text): those of people who have not read the fiches (`attributed`).
    """
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import SGDClassifier

    lexicon = lexicon.trusting(trusted_words(fiches, sheets))
    names = [fiche.id for fiche in fiches]
    numbers = {name: number for number, name in enumerate(names)}
    told = [(number, fiche.title) for number, fiche in enumerate(fiches)]
    told += [(number, text) for number, fiche in enumerate(fiches) for texts in fiche.questions.values() for text in texts]
    told += [(numbers[fiche], text) for fiche, text in asked]
    readings = [lexicon.read(text) for _, text in told]
    rows = [rows_of(reading.terms) for reading in readings]
    lengths = np.array([len(row) for row in rows])
    weights = np.repeat(lengths**-0.5, lengths)
    matrix = csr_matrix((weights, np.concatenate(rows), np.cumsum([0, *lengths])), shape=(len(rows), BUCKETS))
    model = SGDClassifier(loss="log_loss", alpha=REGULARISATION, max_iter=PASSES, tol=None, random_state=SEED, n_jobs=-1)
    model.fit(matrix, [number for number, _ in told])
    table, scale = quantised(model.coef_.T)
    order = convolution.fit([" ".join(reading.words) for reading in readings], [names[number] for number, _ in told])
    in_line = [order.labels.index(name) for name in names]
    order = replace(order, labels=tuple(names), last=order.last[:, in_line], last_bias=order.last_bias[in_line])
    return Intents(tuple(names), np.ascontiguousarray(table), scale, model.intercept_, order)


def attributed(
    guides: Sequence[tuple[Guide, int]], fiches: Sequence[PublishedFiche], lexicon: Lexicon, unread: Intents
) -> list[tuple[str, str, int]]:
    """The questions that a fiche answers, as (fiche, text, half); of several fiches, the one that `unread`, which has read none of the
    questions, finds likeliest.

    Args:
        guides: the questions, with the half each belongs to (`bot.training.shares`).
    """
    answering: dict[str, list[str]] = {}
    for fiche in fiches:
        for name in (fiche.id, *fiche.service_public):
            answering.setdefault(name, []).append(fiche.id)
    found = []
    for guide, half in guides:
        right = {fiche for answer in guide.answers for fiche in answering.get(answer, ())}
        if right:
            scores = dict(zip(unread.fiches, unread.ordered(lexicon.read(guide.text)), strict=True)) if len(right) > 1 else {}
            found.append((max(sorted(right), key=lambda fiche: scores.get(fiche, 0.0)), guide.text, half))
    return found


def save(intents: Intents, folder: Path) -> None:
    """Write the classifier in a folder of models, as one signed byte a weight."""
    convolution.save(intents.order, INTENTS, folder)
    np.save(folder / "intents.npy", intents.weights)
    header = {"fiches": list(intents.fiches), "scale": intents.scale, "bias": [round(float(value), 4) for value in intents.bias]}
    (folder / "intents.json").write_text(json.dumps(header, indent=1) + "\n", "utf-8")
