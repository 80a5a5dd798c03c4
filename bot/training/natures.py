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

STRENGTH = 3.0
"""Inverse of the regularisation, chosen by cross-validation."""


GENERAL_TOO = ("general_looking_personal", "emergency_not")
"""Files of examples that look like another nature and are general."""


def examples() -> dict[str, list[str]]:
    """The examples shipped with the project, by label; an emergency has one label a number to call."""
    found: dict[str, list[str]] = {}
    for name in (*(nature.value for nature in Nature), *GENERAL_TOO):
        file = files("bot").joinpath(f"training/natures/{name}.txt")
        for line in file.read_text("utf-8").splitlines() if file.is_file() else ():
            text, _, number = line.partition("\t")
            if text.strip():
                label = Nature.GENERAL.value if name in GENERAL_TOO else f"{name} {number}".strip()
                found.setdefault(label, []).append(text.strip())
    return found


def fit(texts: Sequence[str], labels: Sequence[str]) -> NatureClassifier:
    """Multinomial logistic regression over the hashed signs of `texts`, classes weighed by their rarity."""
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import LogisticRegression

    rows = [signs(text) for text in texts]
    values = np.concatenate([np.full(len(row), 1 / np.sqrt(len(row)), np.float32) for row in rows])
    pointers = np.cumsum([0, *map(len, rows)])
    matrix = csr_matrix((values, np.concatenate(rows), pointers), shape=(len(rows), BUCKETS))
    names = sorted(set(labels))
    rarity = {name: len(labels) / labels.count(name) for name in names}
    model = LogisticRegression(C=STRENGTH, class_weight=rarity, max_iter=400)
    model.fit(matrix, labels)
    order = [list(model.classes_).index(name) for name in names]
    return NatureClassifier(tuple(names), model.coef_[order].T.astype(np.float32), model.intercept_[order].astype(np.float32))


def train(general: Iterable[str], judged: Sequence[tuple[str, str]] = (), unseen: Set[str] = frozenset()) -> NatureClassifier:
    """The classifier of the shipped examples, with `general` phrasings as the other side, without the `unseen` texts.

    Args:
        judged: further examples, as (text, label).
    """
    texts: list[str] = list(general)
    labels = [Nature.GENERAL.value] * len(texts)
    for label, lines in examples().items():
        kept = [line for line in lines if line not in unseen]
        texts.extend(kept)
        labels.extend([label] * len(kept))
    texts.extend(text for text, _ in judged)
    labels.extend(label for _, label in judged)
    return fit(texts, labels)


def save(classifier: NatureClassifier, folder: Path) -> None:
    """Write the classifier as one signed byte a weight, with a scale."""
    scale = float(np.abs(classifier.weights).max()) / 127 or 1.0
    quantised: npt.NDArray[np.int8] = np.round(classifier.weights / scale).astype(np.int8)
    np.save(folder / "natures.npy", quantised)
    header = {
        "labels": list(classifier.labels),
        "scale": scale,
        "bias": [round(float(value), 5) for value in classifier.bias],
    }
    (folder / "natures.json").write_text(json.dumps(header, indent=1) + "\n", "utf-8")
