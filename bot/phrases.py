"""The fixed sentences of the product, by key and language. French is the reference; what a language lacks is said in French."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files

from bot.messages import Provenance, Role, Sentence, Source
from knowledge.parsing import parsed

INTERFACE_LANGUAGES = ("fr", "en")
IN_DANGER = "emergencies"
"""Name of the file of what somebody in danger must read at once, in languages that have no other fixed sentence."""


class Phrases:
    """Fixed sentences in one language. Only names, hours and lines of the directory fill their braces."""

    def __init__(self, language: str) -> None:
        self.language = language if language in INTERFACE_LANGUAGES else "fr"
        self._own = _stored(self.language)
        self._french = _stored("fr")

    def text(self, key: str, **values: str) -> str:
        """The sentence of `key`. Raises KeyError when no language has it."""
        return (self._own.get(key) or self._french[key]).format(**values)

    def sentence(self, key: str, role: Role, **values: str) -> Sentence:
        """The sentence of `key` with its provenance."""
        language = self.language if key in self._own else "fr"
        return Sentence(self.text(key, **values), Provenance(Source.FIXED, key), role, language)

    def __contains__(self, key: str) -> bool:
        return key in self._french


def urgent(key: str, language: str, role: Role) -> list[Sentence]:
    """The sentence of `key` in the language of somebody in danger, before the French one: one, or none when it is not written in it."""
    text = (_in_danger().get(language) or {}).get(key)
    return [Sentence(text, Provenance(Source.FIXED, key), role, language)] if text else []


@lru_cache
def _stored(language: str) -> Mapping[str, str]:
    stored: dict[str, str] = parsed(files("bot").joinpath(f"templates/{language}.yml").read_text("utf-8"))
    return stored


@lru_cache
def _in_danger() -> Mapping[str, Mapping[str, str]]:
    stored: dict[str, dict[str, str]] = parsed(files("bot").joinpath(f"templates/{IN_DANGER}.yml").read_text("utf-8")) or {}
    return stored


@lru_cache
def phrases(language: str) -> Phrases:
    """The fixed sentences of `language`."""
    return Phrases(language)
