"""The fixed sentences of the product, by key and language. French is the reference; what a language lacks is said in French."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

from bot.messages import Provenance, Role, Sentence, Source
from bot.settings import settings
from knowledge.parsing import parsed

INTERFACE_LANGUAGES = ("fr", "en")


class Phrases:
    """Fixed sentences in one language. Only names, hours and lines of the directory fill their braces."""

    def __init__(self, language: str) -> None:
        self.language = language if language in INTERFACE_LANGUAGES else "fr"
        self._own = _stored(self.language)
        self._french = _stored("fr")

    def text(self, key: str, **values: str) -> str:
        """The sentence of `key`. Raises KeyError when no language has it."""
        template: str = self._own.get(key) or self._french[key]
        return template.format(**values)

    def sentence(self, key: str, role: Role, **values: str) -> Sentence:
        """The sentence of `key` with its provenance."""
        language = self.language if key in self._own else "fr"
        return Sentence(self.text(key, **values), Provenance(Source.FIXED, key), role, language)

    def __contains__(self, key: str) -> bool:
        return key in self._french


def urgent(key: str, language: str, role: Role) -> list[Sentence]:
    """The sentence of `key` in the language of somebody in danger, which has no other fixed sentence: one, or none when it is not written
    in it, or not wanted (`BOT_DANGER_TRANSLATED`)."""
    text = _stored("emergencies").get(language, {}).get(key) if settings().danger_translated else None
    return [Sentence(text, Provenance(Source.FIXED, key), role, language)] if text else []


@lru_cache
def _stored(name: str) -> Mapping[str, Any]:
    stored: dict[str, Any] = parsed(files("bot").joinpath(f"templates/{name}.yml").read_text("utf-8"))
    return stored


@lru_cache
def phrases(language: str) -> Phrases:
    """The fixed sentences of `language`."""
    return Phrases(language)
