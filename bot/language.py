"""Which language a few words are written in.

Callers write three words at a time, with every spelling: general identifiers take "carte grise" for Spanish. French is the default here;
another language must show more of its own words than French does, or its own script.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from knowledge.settings import settings
from knowledge.wordforms import WORD, clean, fold_word

DEFAULT = "fr"
SCRIPTS: tuple[tuple[str, int, int], ...] = (
    ("greek", 0x0370, 0x03FF),
    ("cyrillic", 0x0400, 0x052F),
    ("armenian", 0x0530, 0x058F),
    ("hebrew", 0x0590, 0x05FF),
    ("arabic", 0x0600, 0x077F),
    ("devanagari", 0x0900, 0x097F),
    ("bengali", 0x0980, 0x09FF),
    ("tamil", 0x0B80, 0x0BFF),
    ("thai", 0x0E00, 0x0E7F),
    ("georgian", 0x10A0, 0x10FF),
    ("hangul", 0x1100, 0x11FF),
    ("ethiopic", 0x1200, 0x139F),
    ("kana", 0x3040, 0x30FF),
    ("han", 0x3400, 0x9FFF),
    ("hangul", 0xAC00, 0xD7AF),
)
RIGHT_TO_LEFT = frozenset({"ar", "fa", "ur", "ps", "he"})


@dataclass(frozen=True)
class Languages:
    """The languages that can be recognised, by code."""

    names: Mapping[str, str]
    words: Mapping[str, frozenset[str]]
    letters: Mapping[str, frozenset[str]]
    by_script: Mapping[str, tuple[str, ...]]
    shares: Mapping[str, float]
    """Weight of a word: one over the number of languages that use it."""

    @classmethod
    def load(cls, content: Path) -> Languages:
        raw: dict[str, dict[str, Any]] = yaml.safe_load((content / "lexicon" / "languages.yml").read_text("utf-8"))
        by_script: dict[str, list[str]] = {}
        for code, language in raw.items():
            by_script.setdefault(language.get("script", "latin"), []).append(code)
        words = {code: frozenset(str(word) for word in language.get("words", ())) for code, language in raw.items()}
        spread = Counter(word for known in words.values() for word in known)
        return cls(
            names={code: language["name"] for code, language in raw.items()},
            words=words,
            letters={code: frozenset(language.get("letters", "")) for code, language in raw.items()},
            by_script={script: tuple(codes) for script, codes in by_script.items()},
            shares={word: 1.0 / count for word, count in spread.items()},
        )

    def identify(self, text: str) -> str:
        """The code of the language of `text`; French when nothing says otherwise."""
        text = clean(text)[:2000]
        script = _script(text)
        words = [fold_word(word) if script == "latin" else word for word in WORD.findall(text)][:80]
        codes = self.by_script.get(script, ("fr",))
        if len(codes) == 1:
            return codes[0]
        letters = set(text.lower())
        scores = {
            code: sum(self.shares[word] for word in words if word in self.words[code])
            + 2.0 * len(letters & self.letters[code]) * (script != "latin" or len(letters & self.letters[code]) > 1)
            for code in codes
        }
        best = max(codes, key=lambda code: scores[code])
        if script == "latin":
            return best if scores[best] > scores[DEFAULT] + 0.34 and scores[best] >= 0.6 else DEFAULT
        return best


def _script(text: str) -> str:
    counts: dict[str, int] = {}
    for letter in text:
        code = ord(letter)
        if code < 0x0370:
            if letter.isalpha():
                counts["latin"] = counts.get("latin", 0) + 1
            continue
        for script, first, last in SCRIPTS:
            if first <= code <= last:
                counts[script] = counts.get(script, 0) + 2
                break
    return max(counts, key=lambda script: counts[script]) if counts else "latin"


@lru_cache
def default_languages() -> Languages:
    """The languages of the content named in the settings."""
    return Languages.load(settings().content)
