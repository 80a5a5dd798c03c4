"""The nature of a request by its meaning: a small network over the vectors that the encoder makes of it.

The words say "where is my file"; the meaning also knows it in words that no example holds, and in the languages that the lexicon reads in
French. It is learned by `bot.training.sense` and travels in `models/sense.json` and `sense.npz`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bot.engines.nature import Judged, told
from bot.engines.shipped import SHIPPED, network, whole
from knowledge.embeddings import Vectors

Weights = npt.NDArray[np.float32]
LAYERS = ("hidden", "hidden_bias", "last", "last_bias")


@dataclass(frozen=True)
class Sense:
    """A network of one hidden layer (rectified linear units)."""

    labels: tuple[str, ...]
    """As those of `NatureClassifier`."""
    encoder: str
    """The encoder whose vectors it reads; those of another one say nothing to it."""
    hidden: Weights
    """(2 * dimensions, units): of the vector of the text as written, then as read."""
    hidden_bias: Weights
    last: Weights
    """(units, labels)."""
    last_bias: Weights

    @classmethod
    def load(cls, models: Path = SHIPPED) -> Sense:
        """The network of a folder of models.

        Raises:
            ModelsMissing: its files are cut, or not those of one network.
        """
        with whole(models, "sense.json", "sense.npz"):
            header, layers = network(models, "sense")
            read = cls(tuple(header["labels"]), header["encoder"], *(layers[name] for name in LAYERS))
            units, labels = len(read.hidden_bias), len(read.labels)
            if read.hidden.shape[1:] != (units,) or read.last.shape != (units, labels) or read.last_bias.shape != (labels,):
                raise ValueError("tailles")
            return read

    def judge(self, vectors: Vectors) -> Judged:
        """What the meaning says of the nature of a text.

        Args:
            vectors: (2, dimensions): of the text as written, and as read (`Evidence.vector`).
        """
        units = np.maximum(vectors.reshape(-1) @ self.hidden + self.hidden_bias, 0.0)
        return told(self.labels, units @ self.last + self.last_bias)
