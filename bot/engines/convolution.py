"""The nature of a request by its words in their order: a small convolutional network.

The classifier of words adds up what each says; this one reads them three at a time and keeps what the clearest window shows, wherever it
stands: a danger told after a procedure is heard as loudly as alone. A word is the mean of its letters and of itself, so that a misspelled
one is still read (Bojanowski and others, 2017; Kim, 2014). It is learned by `bot.training.convolution` and travels in
`models/convolution.json` and `convolution.npz`.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bot.engines.nature import WORD_BUCKETS, Judged, letters, told, unnumbered, words_read
from bot.engines.shipped import SHIPPED, whole

Weights = npt.NDArray[np.float32]
WINDOW = 3
"""Words read together."""
LAYERS = ("table", "filters", "filters_bias", "last", "last_bias")
ROWS = WORD_BUCKETS
"""Of the table of pieces of words."""


def words_of(text: str) -> list[str]:
    """The words of a text, in their order; one of nothing when there are none."""
    return [unnumbered(word) for word in words_read(text)] or [""]


@lru_cache(maxsize=50_000)
def pieces(word: str) -> tuple[int, ...]:
    """The rows of the table that make a word: its own, and those of its runs of three and four letters."""
    return tuple({zlib.crc32(f"w {word}".encode()) % ROWS, *letters(word)})


@dataclass(frozen=True)
class Convolution:
    """One layer of filters (rectified linear units) over windows of words; the greatest and the mean of each, and the mean word, are
    weighed."""

    labels: tuple[str, ...]
    """As those of `NatureClassifier`."""
    table: Weights | npt.NDArray[np.int8]
    """(ROWS, dimensions): in units of `unit`."""
    filters: Weights
    """(WINDOW * dimensions, filters)."""
    filters_bias: Weights
    """(filters,)."""
    last: Weights
    """(2 * filters + dimensions, labels)."""
    last_bias: Weights
    """(labels,)."""
    unit: float = 1.0

    @classmethod
    def load(cls, models: Path = SHIPPED) -> Convolution:
        """The network of a folder of models.

        Raises:
            ModelsMissing: its files are cut, or not those of one network.
        """
        with whole(models, "convolution.json", "convolution.npz"):
            header = json.loads((models / "convolution.json").read_text("utf-8"))
            with np.load(models / "convolution.npz", allow_pickle=False) as stored:
                scales = header["scales"]
                filters, bias, last, last_bias = (stored[name] * np.float32(scales.get(name, 1.0)) for name in LAYERS[1:])
                read = cls(tuple(header["labels"]), stored["table"], filters, bias, last, last_bias, scales["table"])
            (rows, dimensions), many, labels = read.table.shape, len(bias), len(read.labels)
            shapes = ((WINDOW * dimensions, many), (2 * many + dimensions, labels), (labels,))
            if rows != ROWS or (filters.shape, last.shape, last_bias.shape) != shapes:
                raise ValueError("tailles")
            return read

    def judge(self, text: str) -> Judged:
        """What the words of `text` say of its nature, in their order."""
        made = np.stack([self.table[list(pieces(word))].mean(axis=0) for word in words_of(text)])
        words = np.asarray(made * self.unit, self.filters.dtype)
        shown = np.maximum(windows(words[None])[0] @ self.filters + self.filters_bias, 0.0)
        read = np.concatenate([shown.max(axis=0), shown.mean(axis=0), words.mean(axis=0)])
        return told(self.labels, read @ self.last + self.last_bias)


def windows(words: Weights) -> Weights:
    """Each word between its neighbours.

    Args:
        words: (texts, words, dimensions).

    Returns:
        (texts, words, WINDOW * dimensions); nothing stands before the first word and after the last one.
    """
    many = words.shape[1]
    padded = np.pad(words, ((0, 0), (WINDOW // 2, WINDOW // 2), (0, 0)))
    return np.concatenate([padded[:, shift : shift + many] for shift in range(WINDOW)], axis=2)
