"""Which service a request goes to when a person must treat it.

A file belongs to one service whatever the question about it. The words that name the file ("récépissé", "carte grise") are data that a
préfecture may reread (`services.yml`); a logistic regression weighs them beside the fiches that resemble the request and all its other
words, and beside what a network that reads them in their order says, for a file is seldom named ("le site refuse mon mot de passe"). It is
learned by `bot.training.services` and travels in `models/services.json`, `services.npy` and `services_order.*`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bot.engines.convolution import SERVICES, Convolution
from bot.engines.cues import Cues
from bot.engines.nature import BUCKETS, signs
from bot.engines.probabilities import softmax
from bot.engines.shipped import SHIPPED, whole
from knowledge.parsing import parsed
from knowledge.wordforms import folded_words

Floats = npt.NDArray[np.float64]
TIES = ("naming", "resembling", "ordering")
"""Weights that are the same for all services."""
SURE, LIKELY = 1.0, 1 / 3
"""Weights of a word that says the service, and of one that suggests it, beside each other."""
LEAST = 1 / 3
"""Share under which nothing says which service: the switchboard knows."""
LEAST_ORDERED = 1e-4
"""The least share that the network gives: it alone rules no service out."""
NOBODY = "nobody"
"""The list of what points at no service ("de nationalité tunisienne")."""


@dataclass(frozen=True)
class Words:
    """The words that point at each service."""

    sure: Cues
    likely: Cues

    @classmethod
    def load(cls) -> Words:
        """Those of the package."""
        stored: dict[str, dict[str, str]] = parsed(files("bot").joinpath("engines/services.yml").read_text("utf-8"))
        nobody = stored.pop(NOBODY)["facts"]
        sure, likely = (
            Cues.of({NOBODY: nobody, **{service: words[kind] for service, words in stored.items() if kind in words}})
            for kind in ("sure", "likely")
        )
        return cls(sure, likely)

    def named(self, text: str) -> Mapping[str, float]:
        """How much `text` names each service that it names: the root of the weight of its words."""
        words = folded_words(text)
        weights: dict[str, float] = {}
        for cues, weight in ((self.sure, SURE), (self.likely, LIKELY)):
            for service, count in cues.count(words).items():
                if service != NOBODY:
                    weights[service] = weights.get(service, 0.0) + weight * count**0.5
        return {service: weight**0.5 for service, weight in weights.items()}


@lru_cache
def shipped_words() -> Words:
    """The words of the package, read once."""
    return Words.load()


def ordered(order: Convolution, text: str) -> Mapping[str, float]:
    """The logarithm of the share that a network gives to each service that it knows."""
    shares = softmax(order.scores(text).astype(np.float64))
    return dict(zip(order.labels, np.log(np.maximum(shares, LEAST_ORDERED)).tolist(), strict=True))


@dataclass(frozen=True)
class Services:
    """Multinomial logistic regression over what names a service, the fiches that resemble the request, its signs (`nature.signs`), and its
    words in their order."""

    labels: tuple[str, ...]
    """Services; one without examples is only known by its words and its fiches."""
    weights: npt.NDArray[np.float32]
    """(BUCKETS, labels)."""
    bias: Floats
    """(labels,)."""
    naming: float
    """Weight of the words that name a service (`Words.named`)."""
    resembling: float
    """Weight of the fiches that resemble the request."""
    ordering: float
    """Weight of what the words say in their order (`ordered`)."""
    order: Convolution
    """Of the same labels."""

    @classmethod
    def load(cls, models: Path = SHIPPED) -> Services:
        """The classifier of a folder of models.

        Raises:
            ModelsMissing: its files are cut, or not those of one classifier.
        """
        order = Convolution.load(SERVICES, models)
        with whole(models, "services.json", "services.npy"):
            header = json.loads((models / "services.json").read_text("utf-8"))
            weights = np.load(models / "services.npy", allow_pickle=False).astype(np.float32) * header["scale"]
            read = cls(tuple(header["services"]), weights, np.array(header["bias"]), **{tie: header[tie] for tie in TIES}, order=order)
            if read.weights.shape != (BUCKETS, len(read.labels)) or read.bias.shape != (len(read.labels),) or order.labels != read.labels:
                raise ValueError("tailles")
            return read

    def shares(self, text: str, near: Mapping[str, float]) -> Mapping[str, float]:
        """The probability of each service.

        Args:
            near: services of the fiches that resemble the text, with how much (their sum is 1 at most).
        """
        read, named, told = signs(text), shipped_words().named(text), ordered(self.order, text)
        scores = dict(zip(self.labels, (read.weights @ self.weights[read.rows] + self.bias).tolist(), strict=True))
        everyone = list(dict.fromkeys((*self.labels, *named, *near)))
        total = [  # of a service that nothing was learned of, no word tells against it either
            scores.get(service, 0.0)
            + self.naming * named.get(service, 0.0)
            + self.resembling * near.get(service, 0.0)
            + self.ordering * told.get(service, 0.0)
            for service in everyone
        ]
        return dict(zip(everyone, softmax(np.array(total)).tolist(), strict=True))

    def find(self, text: str, near: Mapping[str, float]) -> str | None:
        """The service in charge of what `text` speaks of; None when nothing says so."""
        shares = self.shares(text, near)
        best = max(shares, key=lambda service: shares[service])
        return best if shares[best] >= LEAST else None
