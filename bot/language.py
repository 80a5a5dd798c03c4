"""Which language a few words are written in.

Callers write three words at a time, with every spelling: general identifiers take "carte grise" for Spanish. French is the default here;
another language must show more of its own words than French does, or its own script.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from knowledge.parsing import parsed
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
    ("gurmukhi", 0x0A00, 0x0A7F),
    ("tamil", 0x0B80, 0x0BFF),
    ("sinhala", 0x0D80, 0x0DFF),
    ("thai", 0x0E00, 0x0E7F),
    ("lao", 0x0E80, 0x0EFF),
    ("georgian", 0x10A0, 0x10FF),
    ("hangul", 0x1100, 0x11FF),
    ("ethiopic", 0x1200, 0x139F),
    ("khmer", 0x1780, 0x17FF),
    ("kana", 0x3040, 0x30FF),
    ("han", 0x3400, 0x9FFF),
    ("hangul", 0xAC00, 0xD7AF),
)
_BEYOND_LATIN = re.compile("[\u0370-\U0010ffff]")
"""From the first letter of `SCRIPTS` on: a text without any is not read letter by letter."""
_LEAST = 0.6
"""Weight from which a language other than French is believed, and `_LEAD` by how much it passes French."""
_LEAD = 0.34
_FOREIGN_LETTER = 5
"""Latin letters that one of another script outweighs: people quote French in their language, not their language in French."""
_BEGUN = 0.8
"""Weight of a word known by its beginning."""
_QUOTED = 0.3
"""Weight of a word that other languages quote."""
_MARK = 1.2
"""Weight of a letter that French never writes: less than two French words."""
MOST_KNOWN = 100_000
"""Words whose languages are remembered."""
RIGHT_TO_LEFT = frozenset({"ar", "fa", "ur", "ps", "he"})


@dataclass(frozen=True)
class Languages:
    """The languages that can be recognised, by code."""

    names: Mapping[str, str]
    words: Mapping[str, frozenset[str]]
    terms: Mapping[str, frozenset[str]]
    """Words that other languages quote as they are ("titre de séjour")."""
    beginnings: Mapping[str, tuple[str, ...]]
    """Beginnings of words, for languages that write much as endings."""
    letters: Mapping[str, frozenset[str]]
    marks: Mapping[str, frozenset[str]]
    """Letters that French never writes."""
    by_script: Mapping[str, tuple[str, ...]]
    shares: Mapping[str, float]
    """Weight of a word: one over the number of languages that use it."""
    _known: dict[str, tuple[tuple[str, float], ...]] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def load(cls, content: Path) -> Languages:
        raw: dict[str, dict[str, Any]] = parsed((content / "lexicon" / "languages.yml").read_text("utf-8"))
        by_script: dict[str, list[str]] = {}
        for code, language in raw.items():
            by_script.setdefault(language.get("script", "latin"), []).append(code)
        listed = {code: [str(word) for word in language.get("words", ())] for code, language in raw.items()}
        words = {code: frozenset(word for word in known if not word.endswith("*")) for code, known in listed.items()}
        quoted = frozenset(str(word) for language in raw.values() for word in language.get("terms", ()))
        spread = Counter(word for known in words.values() for word in known)
        return cls(
            names={code: language["name"] for code, language in raw.items()},
            words=words,
            terms={code: frozenset(language.get("terms", ())) for code, language in raw.items()},
            beginnings={code: tuple(word[:-1] for word in known if word.endswith("*")) for code, known in listed.items()},
            marks={code: frozenset(language.get("marks", "")) for code, language in raw.items()},
            letters={code: frozenset(language.get("letters", "")) for code, language in raw.items()},
            by_script={script: tuple(codes) for script, codes in by_script.items()},
            shares={word: min(1.0 / count, _QUOTED if word in quoted else 1.0) for word, count in spread.items()},
        )

    def identify(self, text: str, otherwise: str = DEFAULT) -> str:
        """The code of the language of `text`; `otherwise`, the language spoken so far, when no word of it says which."""
        text = clean(text)[:2000]
        script = _script(text)
        words = [fold_word(word) if script == "latin" else word for word in WORD.findall(text)][:80]
        codes = self.by_script.get(script, ("fr",))
        if len(codes) == 1:
            return codes[0]
        letters = set(text.lower())
        scores = dict.fromkeys(codes, 0.0)
        for word in words:
            for code, weight in self._speakers(word):
                if code in scores:
                    scores[code] += weight
        for code in codes:
            scores[code] += self._lettered(code, letters, script)
        best = max(codes, key=lambda code: scores[code])
        if script != "latin":
            return best
        if scores[best] > scores[DEFAULT] + _LEAD and scores[best] >= _LEAST:
            return best
        return DEFAULT if scores[DEFAULT] else otherwise

    def _speakers(self, word: str) -> tuple[tuple[str, float], ...]:
        """The languages that `word` speaks for, and how much: the more, the fewer languages use it."""
        known = self._known.get(word)
        if known is None:
            known = tuple((code, weight) for code in self.names if (weight := self._weight(code, word)))
            if len(self._known) < MOST_KNOWN:
                self._known[word] = known
        return known

    def _weight(self, code: str, word: str) -> float:
        begun = self.beginnings[code]
        own = self.shares[word] if word in self.words[code] else _BEGUN * (bool(begun) and word.startswith(begun))
        return own + _QUOTED * (word in self.terms[code])

    def _lettered(self, code: str, letters: Set[str], script: str) -> float:
        """How much `letters` speak for a language."""
        shared = len(letters & self.letters[code])
        return 2.0 * shared * (script != "latin" or shared > 1) + _MARK * len(letters & self.marks[code])


def _script(text: str) -> str:
    if not _BEYOND_LATIN.search(text):
        return "latin"
    counts: dict[str, int] = {}
    for letter in text:
        code = ord(letter)
        if code < 0x0370:
            if letter.isalpha():
                counts["latin"] = counts.get("latin", 0) + 1
            continue
        for script, first, last in SCRIPTS:
            if first <= code <= last:
                counts[script] = counts.get(script, 0) + _FOREIGN_LETTER
                break
    return max(counts, key=lambda script: counts[script]) if counts else "latin"


@lru_cache
def default_languages() -> Languages:
    """The languages of the content named in the settings."""
    from knowledge.settings import settings  # not at the top: Rasa's Python reads this module without the settings

    return Languages.load(settings().content)
