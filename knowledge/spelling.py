"""Misspelled words and the trusted word they stand for: same sound first, then a letter or two of difference.

Trusted words are those of the official texts (titles, approved replies, translations). Phrasings are not trusted: people misspell there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from rapidfuzz.distance import OSA
from rapidfuzz.process import extractOne

SHORTEST = 4
_SOUNDS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in (
        (r"eau|au", "o"),
        (r"ph", "f"),
        (r"qu|q|ck|k", "c"),
        (r"sc(?=[eiy])|c(?=[eiy])", "s"),
        (r"tion", "sion"),
        (r"ge(?=[aou])|g(?=[eiy])", "j"),
        (r"gn", "n"),
        (r"(er|ez|et|ee|ees|es|ait|ais|aient|ai)$", "e"),
        (r"ai|ei|ay|ey", "e"),
        (r"(ain|ein|in|im|yn|ym)(?![aeiouy])", "1"),
        (r"(an|en|am|em)(?![aeiouynm])", "2"),
        (r"(on|om)(?![aeiouynm])", "3"),
        (r"oi", "wa"),
        (r"y", "i"),
        (r"z", "s"),
        (r"h", ""),
        (r"(.)\1+", r"\1"),
        (r"(?<=.{2})[estdxp]+$", ""),
    )
)


def sound(word: str) -> str:
    """A key that French words pronounced alike share: "nationaliter" and "nationalité", "paseport" and "passeport"."""
    for pattern, replacement in _SOUNDS:
        word = pattern.sub(replacement, word)
    return word


class Speller:
    """Finds the trusted word that a misspelled one stands for."""

    def __init__(self, trusted: Mapping[str, int]) -> None:
        self.trusted = trusted
        """Folded words of the official texts, with how often they occur."""
        self._by_sound: dict[str, list[str]] = {}
        self._by_shape: dict[tuple[str, int], list[str]] = {}
        """Words by first letter and length: the only ones compared letter by letter."""
        for word in sorted(word for word in trusted if len(word) >= SHORTEST and word.isalpha()):
            self._by_sound.setdefault(sound(word), []).append(word)
            self._by_shape.setdefault((word[0], len(word)), []).append(word)
        self._known: dict[str, str | None] = {}

    def correct(self, word: str) -> str | None:
        """The trusted word meant by `word`; None when it is trusted itself or when nothing is near enough."""
        if len(word) < SHORTEST or word in self.trusted or not word.isalpha() or not word.isascii():
            return None
        if word not in self._known:
            if len(self._known) > 50_000:  # bounded: anybody may type anything
                self._known.clear()
            self._known[word] = self._find(word)
        return self._known[word]

    def _find(self, word: str) -> str | None:
        alike = self._by_sound.get(sound(word), ())
        near = [(OSA.distance(word, other), -self.trusted[other], other) for other in alike]
        if near and min(near)[0] <= max(2, len(word) // 2):
            return min(near)[2]
        if len(word) <= SHORTEST:
            return None
        most = 1 if len(word) < 8 else 2
        shapes = [(word[0], len(word) + difference) for difference in range(-most, most + 1)]
        like = [other for shape in shapes for other in self._by_shape.get(shape, ())]
        found = extractOne(word, like, scorer=OSA.distance, score_cutoff=most)
        return found[0] if found else None
