"""Which service a request goes to when a person must treat it: the words first, the fiches that resemble it when they say nothing.

A file belongs to one service whatever the question about it, so the words that name the file decide ("récépissé", "carte grise"); they are
data that a préfecture may reread (`services.yml`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import yaml

from bot.engines.cues import Cues
from knowledge.wordforms import folded_words

SURE, LIKELY = 3.0, 1.0
"""Weights of a word that says the service, and of one that suggests it."""
RESEMBLES = 1.5
"""Weight of the fiches that resemble the request, all together: they settle what words leave open."""
LEAST = 0.6
"""Weight under which nothing says which service: the switchboard knows."""
NOBODY = "nobody"
"""The list of what points at no service ("de nationalité tunisienne")."""


@dataclass(frozen=True)
class Services:
    """The words that point at each service."""

    sure: Cues
    likely: Cues

    @classmethod
    def load(cls) -> Services:
        """The words of the package."""
        stored: dict[str, dict[str, str]] = yaml.safe_load(files("bot").joinpath("engines/services.yml").read_text("utf-8"))
        nobody = stored.pop(NOBODY)["facts"]
        sure, likely = (
            Cues.of({NOBODY: nobody, **{service: words[kind] for service, words in stored.items() if kind in words}})
            for kind in ("sure", "likely")
        )
        return cls(sure, likely)

    def find(self, text: str, resembling: Mapping[str, float]) -> str | None:
        """The service in charge of what `text` speaks of; None when nothing says so.

        Args:
            resembling: services of the fiches that resemble the text, with how much (their sum is 1 at most).
        """
        words = folded_words(text)
        weights: dict[str, float] = {}
        for cues, weight in ((self.sure, SURE), (self.likely, LIKELY)):
            for service, named in cues.count(words).items():
                if service == NOBODY:
                    continue
                weights[service] = weights.get(service, 0.0) + weight * named**0.5
        for service, share in resembling.items():
            weights[service] = weights.get(service, 0.0) + RESEMBLES * share
        best = max(weights, key=lambda service: weights[service], default=None)
        return best if best is not None and weights[best] >= LEAST else None


@lru_cache
def shipped_services() -> Services:
    """The words of the package, read once."""
    return Services.load()
