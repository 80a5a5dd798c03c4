"""The nature of a request, or the fiche it asks for, by its words in their order: a small convolutional network.

The other classifiers add up what each word says; this one reads them three at a time and keeps what the clearest window shows, wherever it
stands: a danger told after a procedure is heard as loudly as alone. A word is the mean of its letters and of itself, so that a misspelled
one is still read (Bojanowski and others, 2017; Kim, 2014). It is learned by `bot.training.convolution` and travels in
`models/natures_order.*` and `intents_order.*`.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bot.engines.nature import WORD_BUCKETS, Judged, letters, told, unnumbered, words_read
from bot.engines.shipped import SHIPPED, network, whole

Weights = npt.NDArray[np.float32]
NATURES, INTENTS, SERVICES = "natures_order", "intents_order", "services_order"
"""Names of the networks of a folder of models."""
WINDOW = 3
"""Words read together."""
LAYERS = ("table", "filters", "filters_bias", "last", "last_bias")
KNOWN = 4000
"""Words whose vectors are kept, as many as most questions are made of: 2 MB a network."""
ROWS = WORD_BUCKETS
"""Of the table of pieces of words."""


def words_of(text: str) -> list[str]:
    """The words of a text, in their order; one of nothing when there are none."""
    return unnumbered(words_read(text)) or [""]


def pieces(word: str) -> tuple[int, ...]:
    """The rows of the table that make a word: its own, and those of its runs of three and four letters."""
    return tuple({zlib.crc32(f"w {word}".encode()) % ROWS, *letters(word)})


@dataclass(frozen=True)
class Convolution:
    """One layer of filters (rectified linear units) over windows of words; the greatest and the mean of each, and the mean word, are
    weighed."""

    labels: tuple[str, ...]
    """As those of `NatureClassifier`, fiches, or services."""
    table: Weights | npt.NDArray[np.int8]
    """(ROWS, dimensions): in units of `unit`, since a byte a number takes a quarter of the memory."""
    filters: Weights
    """(WINDOW * dimensions, filters)."""
    filters_bias: Weights
    """(filters,)."""
    last: Weights
    """(2 * filters + dimensions, labels)."""
    last_bias: Weights
    """(labels,)."""
    unit: float = field(default=1.0, kw_only=True)
    _known: dict[str, Weights] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def load(cls, name: str, models: Path = SHIPPED) -> Convolution:
        """The network of a folder of models: `NATURES`, `INTENTS` or `SERVICES`.

        Raises:
            ModelsMissing: its files are cut, or not those of one network.
        """
        with whole(models, f"{name}.json", f"{name}.npz"):
            header, layers = network(models, name, as_stored=("table",))
            read = cls(tuple(header["labels"]), *(layers[layer] for layer in LAYERS), unit=header["scales"]["table"])
            (rows, dimensions), many, labels = read.table.shape, len(read.filters_bias), len(read.labels)
            shapes = ((WINDOW * dimensions, many), (2 * many + dimensions, labels), (labels,))
            if rows != ROWS or (read.filters.shape, read.last.shape, read.last_bias.shape) != shapes:
                raise ValueError("tailles")
            return read

    def scores(self, text: str) -> Weights:
        """What the words of `text` say, in their order: the logarithm of the share of each label, but for a constant, shape (labels,)."""
        words = np.stack([self._vector(word) for word in words_of(text)])
        shown = np.maximum(windows(words) @ self.filters + self.filters_bias, 0.0)
        read = np.concatenate([shown.max(axis=0), shown.mean(axis=0), words.mean(axis=0)])
        return np.asarray(read @ self.last + self.last_bias)

    def _vector(self, word: str) -> Weights:
        """The mean of the pieces of a word, shape (dimensions,); those of the first `KNOWN` words are kept."""
        known = self._known.get(word)
        if known is None:
            rows = pieces(word)
            sums = self.table[list(rows)].sum(axis=0, dtype=self.filters.dtype)
            known = np.asarray(sums * (self.unit / len(rows)), self.filters.dtype)
            if len(self._known) < KNOWN:
                self._known[word] = known
        return known

    def judge(self, text: str) -> Judged:
        """What a network of natures says of `text`."""
        return told(self.labels, self.scores(text))


def windows(words: Weights) -> Weights:
    """Each word between its neighbours.

    Args:
        words: (words, dimensions).

    Returns:
        (words, WINDOW * dimensions); nothing stands before the first word and after the last one.
    """
    many, dimensions = words.shape
    reach = WINDOW // 2
    padded = np.zeros((many + 2 * reach, dimensions), words.dtype)
    padded[reach : reach + many] = words
    return np.concatenate([padded[shift : shift + many] for shift in range(WINDOW)], axis=1)
