"""Trains the networks of words in their order (`bot.engines.convolution`) by stochastic descent, without torch: `.venv` has none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bot.engines.convolution import LAYERS, ROWS, WINDOW, Convolution, Weights, pieces, words_of
from bot.training.quantising import save_network

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

DIMENSIONS, FILTERS = 96, 256
"""Of a word, and of a window, where tens of thousands of texts teach; chosen, as all the numbers here, on a fold of the requests that the
others had not read."""
PASSES = 8
TEXTS = 64
"""Texts of a step."""
RATE, RATE_OF_TABLE = 3e-3, 15e-3
"""Highest rates of the descent (Adam: Kingma and Ba, 2015); they end at nothing."""
WARM_UP = 0.1
"""Share of the steps after which they are reached."""
LEFT_OUT, DROPPED = 0.1, 0.4
"""Chance that a word is not read in a step, and that something read of a text is not weighed (Srivastava and others, 2014)."""
DECAY = 1e-2
"""Of the filters and of the last layer."""
SMOOTHED = 0.02
"""Share of the truth that goes to all the labels alike."""
NEAR_IN_LENGTH = 40
"""Steps whose texts are sorted by length together: a step then holds little but words."""
FIRST, SECOND, TINY = 0.9, 0.999, 1e-8
"""Memory of the gradient, of its square, and what keeps the division safe (Adam)."""
SEED = 20261130

Numbers = npt.NDArray[np.int64]


@dataclass
class Memory:
    """Moving means of the gradient of one layer and of its square."""

    mean: Weights
    square: Weights

    @classmethod
    def of(cls, layer: Weights) -> Memory:
        return cls(np.zeros_like(layer), np.zeros_like(layer))

    def step(self, layer: Weights, gradient: Weights, rate: float, number: int, rows: Numbers | slice, decay: float = 0.0) -> None:
        """Move the `rows` of `layer` against `gradient`; those that no text of the step holds stay."""
        self.mean[rows] = mean = FIRST * self.mean[rows] + (1 - FIRST) * gradient
        self.square[rows] = square = SECOND * self.square[rows] + (1 - SECOND) * gradient * gradient
        move = (mean / np.float32(1 - FIRST**number)) / (np.sqrt(square / np.float32(1 - SECOND**number)) + TINY)
        layer[rows] -= np.float32(rate) * (move + np.float32(decay) * layer[rows])


@dataclass(frozen=True)
class Shelf:
    """Texts in numbers of words; 0 is no word."""

    texts: list[Numbers]
    made: csr_matrix
    """(words, ROWS): how much each row of the table makes each word."""

    @classmethod
    def of(cls, texts: Sequence[str]) -> Shelf:
        from scipy.sparse import csr_matrix

        known: dict[str, int] = {}
        numbered = [np.array([known.setdefault(word, len(known) + 1) for word in words_of(text)]) for text in texts]
        rows = [(), *(pieces(word) for word in known)]
        pointers = np.cumsum([0, *(len(one) for one in rows)])
        weights = np.concatenate([np.full(len(one), 1 / max(len(one), 1), np.float32) for one in rows])
        columns = np.array([row for one in rows for row in one])
        return cls(numbered, csr_matrix((weights, columns, pointers), shape=(len(rows), ROWS)))

    def steps(self, chance: np.random.Generator) -> Iterator[Numbers]:
        """The numbers of the texts of each step of a pass."""
        order = chance.permutation(len(self.texts))
        found = []
        for start in range(0, len(order), TEXTS * NEAR_IN_LENGTH):
            near = sorted(order[start : start + TEXTS * NEAR_IN_LENGTH], key=lambda number: len(self.texts[number]))
            found += [np.array(near[first : first + TEXTS]) for first in range(0, len(near), TEXTS)]
        chance.shuffle(found)
        yield from found

    def padded(self, chosen: Numbers) -> Numbers:
        """The texts of a step, (texts, most words)."""
        found = np.zeros((len(chosen), max(len(self.texts[number]) for number in chosen)), np.int64)
        for row, number in zip(found, chosen, strict=True):
            row[: len(self.texts[number])] = self.texts[number]
        return found


def fit(texts: Sequence[str], labels: Sequence[str], dimensions: int = DIMENSIONS, filters: int = FILTERS) -> Convolution:
    """The network of texts whose label is known. The same texts give the same network on the same kind of processor.

    Args:
        dimensions: of a word; fewer where few texts teach.
        filters: of a window.
    """
    names = sorted(set(labels))
    truth = np.searchsorted(names, list(labels))
    chance = np.random.default_rng(SEED)
    shelf = Shelf.of(texts)
    network = _first(tuple(names), dimensions, filters, chance)  # whose layers are moved where they stand
    layers = {name: getattr(network, name) for name in LAYERS}
    memories = {name: Memory.of(layer) for name, layer in layers.items()}
    steps = PASSES * (-(-len(texts) // TEXTS) + 1)
    number = 0
    for _ in range(PASSES):
        for chosen in shelf.steps(chance):
            number += 1
            part = number / steps
            height = min(part / WARM_UP, (1 + np.cos(np.pi * max(part - WARM_UP, 0.0) / (1 - WARM_UP))) / 2)
            rows, slopes = gradients(network, shelf, shelf.padded(chosen), truth[chosen], chance)
            for name, gradient in slopes.items():
                table = name == "table"
                rate, decay = (RATE_OF_TABLE, 0.0) if table else (RATE, DECAY)
                memories[name].step(layers[name], gradient, rate * height, number, rows if table else slice(None), decay)
    return network


def _first(labels: tuple[str, ...], dimensions: int, many: int, chance: np.random.Generator) -> Convolution:
    """Where the descent starts."""

    def drawn(rows: int, columns: int) -> Weights:
        bound = rows**-0.5
        return chance.uniform(-bound, bound, (rows, columns)).astype(np.float32)

    table = chance.normal(0, 0.3, (ROWS, dimensions)).astype(np.float32)
    filters, last = drawn(WINDOW * dimensions, many), drawn(2 * many + dimensions, len(labels))
    return Convolution(labels, table, filters, np.zeros(many, np.float32), last, np.zeros(len(labels), np.float32))


def gradients(
    network: Convolution, shelf: Shelf, numbers: Numbers, truth: Numbers, chance: np.random.Generator
) -> tuple[Numbers, dict[str, Weights]]:
    """The rows of the table that the texts of a step hold, and the gradient of the loss (cross-entropy) in each layer; that of the table
    has one row for each of them.

    What a word says at each place of a window is computed once a step, however many texts hold the word there.
    """
    from scipy.sparse import csr_matrix

    (texts, most), reach = numbers.shape, WINDOW // 2
    numbers = np.where(chance.random(numbers.shape) < LEFT_OUT, 0, numbers)
    there = (numbers > 0).astype(np.float32)[:, :, None]
    many = np.maximum(there.sum(axis=1), 1.0)
    known, inverse = np.unique(np.pad(numbers, ((0, 0), (reach, reach))), return_inverse=True)
    made = shelf.made[known]
    rows, columns = np.unique(made.indices, return_inverse=True)
    made = csr_matrix((made.data, columns, made.indptr), shape=(len(known), len(rows)))
    vectors = np.asarray(made @ network.table[rows])
    places = [inverse.reshape(texts, -1)[:, shift : shift + most] for shift in range(WINDOW)]
    beside = np.hstack(np.split(network.filters, WINDOW))  # what weighs a word at each place of a window, side by side
    said = np.split(vectors @ beside, WINDOW, axis=1)
    read = sum(part[place] for part, place in zip(said, places, strict=True))
    shown = np.maximum(read + network.filters_bias, 0.0) * there
    top = shown.argmax(axis=1)[:, None]
    greatest = np.take_along_axis(shown, top, axis=1)[:, 0]
    kept = (chance.random((texts, len(network.last))) >= DROPPED).astype(np.float32) / np.float32(1 - DROPPED)
    held = _counts(places[reach].ravel(), np.arange(texts + 1) * most, len(known))
    told = np.hstack([greatest, shown.sum(axis=1) / many, (held @ vectors) / many]) * kept
    error = _error(told @ network.last + network.last_bias, truth)
    back = (error @ network.last.T) * kept
    filters = shown.shape[2]
    of_shown = np.repeat((back[:, filters : 2 * filters] / many)[:, None], most, axis=1)
    np.put_along_axis(of_shown, top, np.take_along_axis(of_shown, top, axis=1) + back[:, None, :filters], axis=1)
    of_shown *= shown > 0
    flat, one_by_one = of_shown.reshape(-1, filters), np.arange(texts * most + 1)
    of_said = np.hstack([_counts(place.ravel(), one_by_one, len(known)).T @ flat for place in places])
    of_vectors = of_said @ beside.T + held.T @ (back[:, 2 * filters :] / many)
    return rows, {
        "table": np.asarray(made.T @ of_vectors),
        "filters": np.vstack(np.split(vectors.T @ of_said, WINDOW, axis=1)),
        "filters_bias": flat.sum(axis=0),
        "last": told.T @ error,
        "last_bias": error.sum(axis=0),
    }


def _counts(columns: Numbers, pointers: Numbers, many: int) -> csr_matrix:
    """How often each row holds each of `many` columns."""
    from scipy.sparse import csr_matrix

    return csr_matrix((np.ones(len(columns), np.float32), columns, pointers), shape=(len(pointers) - 1, many))


def _error(scores: Weights, truth: Numbers) -> Weights:
    """The gradient of the mean cross-entropy in the scores, shape (texts, labels)."""
    error = np.exp(scores - scores.max(axis=1, keepdims=True))
    error /= error.sum(axis=1, keepdims=True)
    error -= SMOOTHED / error.shape[1]
    error[np.arange(len(truth)), truth] -= 1 - SMOOTHED
    return np.asarray(error / len(truth))


def save(network: Convolution, name: str, folder: Path) -> None:
    """Write a network under its name."""
    layers = {layer: getattr(network, layer) for layer in LAYERS}
    save_network(folder, name, {"labels": list(network.labels)}, layers, ("table", "filters", "last"))
