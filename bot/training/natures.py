"""Trains the classifier of natures from `natures/*.txt` and from the phrasings of the fiches (which are all `general`)."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from bot.engines.nature import BUCKETS, NatureClassifier, shipped_rules, signs
from bot.messages import Nature
from bot.training.quantising import quantised
from knowledge.wordforms import folded_words

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

STRENGTH = 30.0
"""Inverse of the regularisation, chosen by cross-validation, as is `FAIRNESS`."""
FAIRNESS = 0.75
"""How much rare natures are made to weigh as much as frequent ones: 0 not at all, 1 wholly."""
STEPS = 150
"""Of the descent: more changes nothing that is measured."""
GENERAL_TOO = ("general_looking_personal", "emergency_not")
"""Files of examples that look like another nature and are general."""
ASIDE = 10
"""One example in so many is only measured on."""
COMPARED_AT_ONCE = 1000
"""Texts compared with all the others at once: what bounds the memory."""
RARE = 4
"""Rare trigrams that two texts must share before they are compared: fewer take longer."""
TWINS = 0.9
"""Likeness of two examples (shared trigrams of characters, of both) from which one of them teaches nothing."""


@dataclass(frozen=True)
class Example:
    """One request somebody may write, and what it is."""

    text: str
    kind: str
    """The file it stands in: a nature, or one of `GENERAL_TOO`."""
    label: str
    """What the classifier must say: a nature, with the number to call for an emergency."""
    service: str | None = None
    """Which holds the file, when it is about one and this is known."""

    @property
    def aside(self) -> bool:
        """Whether it is only measured on; its words decide, so that adding others moves none."""
        return hashlib.sha1(self.text.encode()).digest()[0] % ASIDE == 0


@dataclass(frozen=True)
class Recognised:
    """How the classifier alone fares on the examples kept aside of one kind. Shares are between 0 and 1."""

    kind: str
    asked: int
    right: float
    """Whose likeliest nature is the right one; for an emergency, all its numbers together."""
    general: float
    """Taken for a general question, or for a mixed one."""
    numbered: float | None
    """Emergencies only: whose number is the right one."""


def all_examples() -> list[Example]:
    """The examples shipped with the project, in the order of the natures."""
    found = []
    for kind in (*(nature.value for nature in Nature), *GENERAL_TOO):
        file = files("bot").joinpath(f"training/natures/{kind}.txt")
        for line in file.read_text("utf-8").splitlines() if file.is_file() else ():
            text, _, more = line.partition("\t")
            if text.strip():
                nature = Nature.GENERAL.value if kind in GENERAL_TOO else kind
                of_file = kind == Nature.PERSONAL_FILE
                label = nature if of_file else f"{nature} {more}".strip()
                found.append(Example(text.strip(), kind, label, more or None if of_file else None))
    return found


def examples() -> dict[str, list[str]]:
    """The examples that may be learned from, by label."""
    found: dict[str, list[str]] = {}
    for example in all_examples():
        if not example.aside:
            found.setdefault(example.label, []).append(example.text)
    return found


def measured(classifier: NatureClassifier) -> list[Recognised]:
    """The classifier alone on the examples kept aside, by kind; in the engine, the retrieval helps to tell what is general."""
    by_kind: dict[str, list[Example]] = {}
    for example in all_examples():
        if example.aside:
            by_kind.setdefault(example.kind, []).append(example)
    found = []
    for kind, asked in by_kind.items():
        judged = [(example.label, classifier.judge(example.text)) for example in asked]
        said = [max(shares, key=lambda nature: shares[nature]) for _, (shares, _) in judged]
        right = [nature.value == label.split()[0] for nature, (label, _) in zip(said, judged, strict=True)]
        numbers = [found.number == label.partition(" ")[2] for label, found in judged if " " in label]
        answered = [nature in (Nature.GENERAL, Nature.MIXED) for nature in said]
        found.append(Recognised(kind, len(asked), fmean(right), fmean(answered), fmean(numbers) if numbers else None))
    return found


def near_copies(texts: Sequence[str], others: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Pairs of `texts` (or of a text and one of `others`) that say the same with the same letters, to `TWINS`.

    Only texts that share `RARE` of their rarest trigrams are compared: two that are alike cannot differ by nearly all of those (prefix
    filtering: Chaudhuri and others, 2006).
    """
    from sklearn.feature_extraction.text import CountVectorizer

    everything = [f" {' '.join(folded_words(text)) or text} " for text in (*texts, *others)]
    grams = CountVectorizer(analyzer="char", ngram_range=(3, 3), binary=True, dtype=np.float32).fit_transform(everything)
    sizes = np.diff(grams.indptr)
    rarest = grams[:, np.argsort(np.asarray(grams.sum(axis=0)).ravel(), kind="stable")]
    rarest.sort_indices()
    least = np.ceil(sizes * TWINS / (2 - TWINS) - 1e-9)  # trigrams shared with any text that is alike
    rarest.data[np.arange(rarest.nnz) - np.repeat(rarest.indptr[:-1], sizes) >= np.repeat(sizes - least + RARE, sizes)] = 0
    rarest.eliminate_zeros()
    least = np.minimum(least, RARE)
    found: list[tuple[int, int]] = []
    for start in range(0, len(texts), COMPARED_AT_ONCE):
        compared = (rarest[start : min(start + COMPARED_AT_ONCE, len(texts))] @ rarest.T).tocoo()
        first, second = compared.row + start, compared.col
        kept = (first < second) & (compared.data >= np.minimum(least[first], least[second]))
        first, second = first[kept], second[kept]
        shared = np.asarray(grams[first].multiply(grams[second]).sum(axis=1)).ravel()
        alike = 2 * shared >= TWINS * (sizes[first] + sizes[second])
        found += zip(first[alike].tolist(), second[alike].tolist(), strict=True)
    named = (*texts, *others)
    return [(named[first], named[second]) for first, second in found]


def signs_of(texts: Sequence[str]) -> csr_matrix:
    """The signs of `texts`, shape (texts, BUCKETS)."""
    from scipy.sparse import csr_matrix

    read = [signs(text) for text in texts]
    pointers = np.cumsum([0, *(len(one.rows) for one in read)])
    values, rows = np.concatenate([one.weights for one in read]), np.concatenate([one.rows for one in read])
    return csr_matrix((values, rows, pointers), shape=(len(read), BUCKETS))


def fit(texts: Sequence[str], labels: Sequence[str]) -> NatureClassifier:
    """Multinomial logistic regression over the signs of `texts`, natures weighed by their rarity. Deterministic."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    matrix = signs_of(texts)
    counts = Counter(labels)
    names = sorted(counts)
    rarity = {name: (len(labels) / len(names) / counts[name]) ** FAIRNESS for name in names}
    model = LogisticRegression(C=STRENGTH, class_weight=rarity, max_iter=STEPS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the steps are counted on purpose
        model.fit(matrix, labels)
    order = [list(model.classes_).index(name) for name in names]
    return NatureClassifier(tuple(names), model.coef_[order].T.astype(np.float32), model.intercept_[order].astype(np.float32))


def train(general: Iterable[str], judged: Sequence[tuple[str, str]] = (), unseen: Set[str] = frozenset()) -> NatureClassifier:
    """The classifier of the shipped examples, with `general` phrasings as the other side, without the `unseen` texts.

    A phrasing that a rule decides ("où en est ma carte d'identité", "je veux parler à un agent") is no example of a general question,
    although a fiche tells how such requests are followed.

    Args:
        judged: further examples, as (text, label).
    """
    rules = shipped_rules()
    texts: list[str] = [text for text in general if rules.decide(text) is None]
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
    weights, scale = quantised(classifier.weights)
    np.save(folder / "natures.npy", weights)
    header = {
        "labels": list(classifier.labels),
        "scale": scale,
        "bias": [round(float(value), 5) for value in classifier.bias],
    }
    (folder / "natures.json").write_text(json.dumps(header, indent=1) + "\n", "utf-8")
