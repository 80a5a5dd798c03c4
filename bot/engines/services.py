"""Which service a request goes to when a person must treat it.

A file belongs to one service whatever the question about it. The words that name the file ("récépissé", "carte grise") are data that a
préfecture may reread (`services.yml`); a logistic regression weighs them beside the fiches that resemble the request and all its other
words, for a file is seldom named ("le site refuse mon mot de passe"). It is learned by `bot.training.services` and travels in
`models/services.json` and `services.npy`.
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
import yaml

from bot.engines.cues import Cues
from bot.engines.nature import BUCKETS, signs
from bot.engines.probabilities import softmax
from bot.engines.shipped import SHIPPED, whole
from knowledge.wordforms import folded_words

Floats = npt.NDArray[np.float64]
SURE, LIKELY = 1.0, 1 / 3
"""Weights of a word that says the service, and of one that suggests it, beside each other."""
LEAST = 0.4
"""Share under which nothing says which service: the switchboard knows."""
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
        stored: dict[str, dict[str, str]] = yaml.safe_load(files("bot").joinpath("engines/services.yml").read_text("utf-8"))
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


@dataclass(frozen=True)
class Services:
    """Multinomial logistic regression over what names a service, the fiches that resemble the request, and its signs (`nature.signs`)."""

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

    @classmethod
    def load(cls, models: Path = SHIPPED) -> Services:
        """The classifier of a folder of models.

        Raises:
            ModelsMissing: its files are cut, or not those of one classifier.
        """
        with whole(models, "services.json", "services.npy"):
            header = json.loads((models / "services.json").read_text("utf-8"))
            weights = np.load(models / "services.npy", allow_pickle=False).astype(np.float32) * header["scale"]
            read = cls(tuple(header["services"]), weights, np.array(header["bias"]), header["naming"], header["resembling"])
            if read.weights.shape != (BUCKETS, len(read.labels)) or read.bias.shape != (len(read.labels),):
                raise ValueError("tailles")
            return read

    def shares(self, text: str, near: Mapping[str, float]) -> Mapping[str, float]:
        """The probability of each service.

        Args:
            near: services of the fiches that resemble the text, with how much (their sum is 1 at most).
        """
        read, named = signs(text), shipped_words().named(text)
        scores = dict(zip(self.labels, (read.weights @ self.weights[read.rows] + self.bias).tolist(), strict=True))
        everyone = list(dict.fromkeys((*self.labels, *named, *near)))
        total = [
            scores.get(service, 0.0) + self.naming * named.get(service, 0.0) + self.resembling * near.get(service, 0.0)
            for service in everyone
        ]
        return dict(zip(everyone, softmax(np.array(total)).tolist(), strict=True))

    def find(self, text: str, near: Mapping[str, float]) -> str | None:
        """The service in charge of what `text` speaks of; None when nothing says so."""
        shares = self.shares(text, near)
        best = max(shares, key=lambda service: shares[service])
        return best if shares[best] >= LEAST else None
