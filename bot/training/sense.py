"""Trains the network that tells the nature of a request from its meaning (`bot.engines.sense`)."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bot.engines.sense import LAYERS, Sense, Weights
from knowledge.embeddings import Vectors
from knowledge.search import Index

UNITS = 256
"""Of the hidden layer of each network, chosen by cross-validation, as are `DECAY` and `PASSES`; a second layer tells no more."""
NETWORKS = 3
"""Learned each from other beginnings, and joined: together they are wrong less often than each (right nature, blind: .868 to .874)."""
DECAY = 1e-2
PASSES = 30
SEED = 20261129


def vectors(index: Index, texts: Sequence[str]) -> Vectors:
    """The vectors of `texts`, as written then as read, shape (texts, 2 * dimensions)."""
    return np.stack([index.vectors(index.read(text)).reshape(-1) for text in texts])


def fit(read: Vectors, labels: Sequence[str], encoder: str) -> Sense:
    """The network of texts whose nature is known, by stochastic descent (Adam): the mean of `NETWORKS`, side by side. Deterministic.

    Args:
        read: `vectors` of the texts.
        labels: as those of `NatureClassifier`.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    learned = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the passes are counted on purpose
        for number in range(NETWORKS):
            model = MLPClassifier((UNITS,), alpha=DECAY, max_iter=PASSES, random_state=SEED + number)
            learned.append(model.fit(read, list(labels)))
    layers = (
        np.hstack([one.coefs_[0] for one in learned]),
        np.concatenate([one.intercepts_[0] for one in learned]),
        np.vstack([one.coefs_[1] for one in learned]) / NETWORKS,
        np.mean([one.intercepts_[1] for one in learned], axis=0),
    )
    return Sense(tuple(str(label) for label in learned[0].classes_), encoder, *(np.asarray(layer, np.float32) for layer in layers))


def save(sense: Sense, folder: Path) -> None:
    """Write the network, the tables of its two layers as one signed byte a weight, with their scales."""
    stored: dict[str, Weights] = {name: getattr(sense, name) for name in LAYERS}
    scales = {name: float(np.abs(stored[name]).max()) / 127 or 1.0 for name in ("hidden", "last")}
    np.savez(
        folder / "sense.npz",
        hidden=np.round(sense.hidden / scales["hidden"]).astype(np.int8),
        hidden_bias=sense.hidden_bias,
        last=np.round(sense.last / scales["last"]).astype(np.int8),
        last_bias=sense.last_bias,
    )
    header = {"labels": list(sense.labels), "encoder": sense.encoder, "scales": scales}
    (folder / "sense.json").write_text(json.dumps(header, indent=1) + "\n", "utf-8")
