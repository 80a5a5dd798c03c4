"""Trains the classifier of natures from `natures/*.txt` and from the phrasings of the fiches (which are all `general`)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence, Set
from importlib.resources import files
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bot.engines.nature import BUCKETS, NatureClassifier, signs
from bot.messages import Nature

STRENGTH = 12.0
"""Inverse of the regularisation, chosen by cross-validation."""


def examples() -> dict[Nature, list[str]]:
    """The examples shipped with the project, by nature."""
    found = {}
    for nature in Nature:
        file = files("bot").joinpath(f"training/natures/{nature.value}.txt")
        if file.is_file():
            found[nature] = [line.strip() for line in file.read_text("utf-8").splitlines() if line.strip() and not line.startswith("#")]
    return found


def fit(texts: Sequence[str], natures: Sequence[Nature]) -> NatureClassifier:
    """Multinomial logistic regression over the hashed signs of `texts`, classes weighed by the root of their rarity."""
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import LogisticRegression

    rows = [signs(text) for text in texts]
    values = np.concatenate([np.full(len(row), 1 / np.sqrt(len(row)), np.float32) for row in rows])
    pointers = np.cumsum([0, *map(len, rows)])
    matrix = csr_matrix((values, np.concatenate(rows), pointers), shape=(len(rows), BUCKETS))
    names = sorted({nature.value for nature in natures})
    labels = [nature.value for nature in natures]
    rarity = {name: (len(labels) / labels.count(name)) ** 0.5 for name in names}
    model = LogisticRegression(C=STRENGTH, class_weight=rarity, max_iter=400)
    model.fit(matrix, labels)
    order = [list(model.classes_).index(name) for name in names]
    return NatureClassifier(tuple(map(Nature, names)), model.coef_[order].T.astype(np.float32), model.intercept_[order].astype(np.float32))


def train(general: Iterable[str], unseen: Set[str] = frozenset()) -> NatureClassifier:
    """The classifier of the shipped examples, with `general` phrasings as the other side, without the `unseen` texts."""
    texts: list[str] = list(general)
    natures: list[Nature] = [Nature.GENERAL] * len(texts)
    for nature, lines in examples().items():
        kept = [line for line in lines if line not in unseen]
        texts.extend(kept)
        natures.extend([nature] * len(kept))
    return fit(texts, natures)


def save(classifier: NatureClassifier, folder: Path) -> None:
    """Write the classifier as one signed byte a weight, with a scale."""
    scale = float(np.abs(classifier.weights).max()) / 127 or 1.0
    quantised: npt.NDArray[np.int8] = np.round(classifier.weights / scale).astype(np.int8)
    np.save(folder / "natures.npy", quantised)
    header = {
        "natures": [nature.value for nature in classifier.natures],
        "scale": scale,
        "bias": [round(float(value), 5) for value in classifier.bias],
    }
    (folder / "natures.json").write_text(json.dumps(header, indent=1) + "\n", "utf-8")
