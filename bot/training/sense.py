"""Trains the network that tells the nature of a request from its meaning (`bot.engines.sense`)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bot.engines.sense import LAYERS, Sense
from bot.training.quantising import save_network
from knowledge.embeddings import Vectors
from knowledge.search import Index

UNITS = 512
"""Of the hidden layer, chosen by cross-validation, as are `DECAY` and `PASSES`; a second layer, or several networks, tell no more."""
DECAY = 1e-2
PASSES = 30
SEED = 20261129


def vectors(index: Index, texts: Sequence[str]) -> Vectors:
    """The vectors of `texts`, as written then as read, shape (texts, 2 * dimensions)."""
    return np.stack([index.vectors(index.read(text)).reshape(-1) for text in texts])


def fit(read: Vectors, labels: Sequence[str], encoder: str) -> Sense:
    """The network of texts whose nature is known, by stochastic descent (Adam). Deterministic.

    Args:
        read: `vectors` of the texts.
        labels: as those of `NatureClassifier`.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier((UNITS,), alpha=DECAY, max_iter=PASSES, random_state=SEED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the passes are counted on purpose
        model.fit(read, list(labels))
    layers = (np.asarray(layer, np.float32) for one in zip(model.coefs_, model.intercepts_, strict=True) for layer in one)
    return Sense(tuple(str(label) for label in model.classes_), encoder, *layers)


def save(sense: Sense, folder: Path) -> None:
    """Write the network."""
    header = {"labels": list(sense.labels), "encoder": sense.encoder}
    save_network(folder, "sense", header, {name: getattr(sense, name) for name in LAYERS}, ("hidden", "last"))
