"""The sentences of the interface, in French and English, read once from `templates/texts.yml`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from importlib.resources import files
from typing import Any

from knowledge.parsing import parsed

DEFAULT_LANGUAGE = "fr"
RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ku", "ps", "ur"})


@lru_cache
def _all() -> Mapping[str, Mapping[str, Any]]:
    return dict(parsed((files("api") / "templates" / "texts.yml").read_text(encoding="utf-8")))


def interface_language(asked: str | None) -> str:
    """The language of the interface for what was asked: English when asked for, French otherwise."""
    return asked if asked and asked in _all() else DEFAULT_LANGUAGE


def texts(language: str) -> Mapping[str, Any]:
    """Every sentence of the interface in `language`; French for a language the interface does not speak."""
    return _all()[interface_language(language)]


def languages() -> tuple[str, ...]:
    return tuple(_all())


def date_text(day: date, language: str) -> str:
    """A date as people write it: "1er mai 2026", "20 November 2026"."""
    words = texts(language)
    number = words["first_day"] if day.day == 1 else str(day.day)
    return str(words["date"].format(day=number, month=words["months"][day.month - 1], year=day.year))


def direction(language: str) -> str | None:
    """`rtl` for a language written from right to left, else None."""
    return "rtl" if language.split("-")[0] in RIGHT_TO_LEFT else None


def typeset(text: str, language: str) -> str:
    """`text` with French punctuation kept beside its word at the end of a line."""
    return _PUNCTUATION.sub("\N{NO-BREAK SPACE}", text) if language == "fr" else text


_PUNCTUATION = re.compile(r" (?=[:;?!»€])|(?<=«) ")
