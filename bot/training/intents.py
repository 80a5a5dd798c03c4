"""Trains the two readers of the classifier of intents (`bot.engines.intents`) from the phrasings of the fiches."""

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
from knowledge.building import trusted_words
from knowledge.fiches import PublishedFiche
from knowledge.search import Sheet
from knowledge.wordforms import Lexicon

REGULARISATION = 2e-6
"""Chosen by cross-validation, as is `PASSES`."""
PASSES = 8
SEED = 20261129


def train(fiches: Sequence[PublishedFiche], sheets: Sequence[Sheet], lexicon: Lexicon) -> Intents:
    """The classifier of `fiches`, from their titles and phrasings in every language, by stochastic descent. Deterministic (its network, on
    one kind of processor).

    Args:
        sheets: whose words, with those of the fiches, are the ones that misspelled words are corrected towards.
    """
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import SGDClassifier

    lexicon = lexicon.trusting(trusted_words(fiches, sheets))
    asked = [(number, fiche.title) for number, fiche in enumerate(fiches)]
    asked += [(number, text) for number, fiche in enumerate(fiches) for texts in fiche.questions.values() for text in texts]
    readings = [lexicon.read(text) for _, text in asked]
    rows = [rows_of(reading.terms) for reading in readings]
    lengths = np.array([len(row) for row in rows])
    weights = np.repeat(lengths**-0.5, lengths)
    matrix = csr_matrix((weights, np.concatenate(rows), np.cumsum([0, *lengths])), shape=(len(rows), BUCKETS))
    model = SGDClassifier(loss="log_loss", alpha=REGULARISATION, max_iter=PASSES, tol=None, random_state=SEED, n_jobs=-1)
    model.fit(matrix, [number for number, _ in asked])
    table, scale = quantised(model.coef_.T)
    names = [fiche.id for fiche in fiches]
    order = convolution.fit([" ".join(reading.words) for reading in readings], [names[number] for number, _ in asked])
    in_line = [order.labels.index(name) for name in names]
    order = replace(order, labels=tuple(names), last=order.last[:, in_line], last_bias=order.last_bias[in_line])
    return Intents(tuple(names), np.ascontiguousarray(table), scale, model.intercept_, order)


def save(intents: Intents, folder: Path) -> None:
    """Write the classifier in a folder of models, as one signed byte a weight."""
    convolution.save(intents.order, INTENTS, folder)
    np.save(folder / "intents.npy", intents.weights)
    header = {"fiches": list(intents.fiches), "scale": intents.scale, "bias": [round(float(value), 4) for value in intents.bias]}
    (folder / "intents.json").write_text(json.dumps(header, indent=1) + "\n", "utf-8")
