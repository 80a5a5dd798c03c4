"""Which engine understands: the setting `BOT_ENGINE` is read here, and nowhere else."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from bot.catalogue import Catalogue
from bot.engines.breaker import Breaker
from bot.engines.contract import Engine
from bot.engines.embedded import EmbeddedEngine
from bot.engines.rasa import RasaDoor, RasaEngine
from bot.engines.state import fingerprint
from bot.policy import Thresholds
from bot.settings import settings


def engine_over(catalogue: Catalogue, thresholds: Thresholds, models: Path) -> Engine:
    """The engine of this installation over a catalogue, with the models of a folder."""
    own = EmbeddedEngine.load(catalogue, models=models)
    if settings().engine == "embedded":
        return own
    chosen = settings()
    door, breaker = _rasa(chosen.rasa_url, chosen.rasa_token, chosen.rasa_seconds)
    return RasaEngine(own, door, breaker, thresholds.sure, fingerprint(catalogue.index.digest, models))


@lru_cache
def _rasa(url: str, token: str, seconds: float) -> tuple[RasaDoor, Breaker]:
    """One door and one breaker for each server: a swap of the knowledge does not forget that it was away."""
    return RasaDoor(url, token, seconds), Breaker()
