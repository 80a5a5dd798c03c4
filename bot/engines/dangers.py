"""Dangers told in languages that nothing here was taught, by their words: `dangers.yml`. Pure but for the list, read once.

Who sees his child stop breathing writes in his own language. No classifier knows these languages; a hundred or two expressions of each,
which are a danger whatever surrounds them, give the number to call to twice as many.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from bot.engines.cues import Cues
from knowledge.parsing import parsed
from knowledge.wordforms import clean

WITHOUT_SPACES = re.compile("[\u0e00-\u0eff\u1780-\u17ff]")
"""Thai, Lao and Khmer, whose words are not written apart."""
_HOMOPHONES = ((0x1210, 0x1200), (0x1280, 0x1200), (0x1220, 0x1230), (0x12D0, 0x12A0), (0x1340, 0x1338), (0x1250, 0x1240))
"""Rows of Ethiopic syllables said alike: the first of each."""
ALIKE = (
    str.maketrans("یېێےکەھةہۆڕڵګ", "ييييكههههورلگ")
    | {row + vowel: like + vowel for row, like in _HOMOPHONES for vowel in range(7)}
    | {0x12A3: 0x12A0, 0x12D3: 0x12A0}
)
"""Letters that keyboards and writers take for one another: Persian, Urdu, Pashto, Kurdish ones for Arabic ones, Ethiopic homophones."""


@dataclass(frozen=True)
class Dangers:
    """Expressions, by the number to call."""

    spaced: Cues
    unspaced: tuple[tuple[str, re.Pattern[str]], ...]

    @classmethod
    def of(cls, lists: Mapping[str, Mapping[str, str]]) -> Dangers:
        """The expressions of `language: {number: expression, begin*, several words}`."""
        spaced: dict[str, list[str]] = {}
        unspaced: dict[str, list[str]] = {}
        for numbers in lists.values():
            for number, written in numbers.items():
                for expression in written.split(","):
                    if WITHOUT_SPACES.search(expression):
                        unspaced.setdefault(number, []).append(re.escape(_run(expression.replace("*", ""))))
                    else:
                        spaced.setdefault(number, []).append(expression.translate(ALIKE))
        return cls(
            Cues.of({number: ",".join(said) for number, said in spaced.items()}),
            tuple((number, re.compile("|".join(said))) for number, said in unspaced.items()),
        )

    def number(self, text: str, words: Sequence[str]) -> str | None:
        """The number to call for the danger that a message tells, if it tells one; where it tells several, that of which it says most.

        Args:
            words: of `text`, folded.
        """
        said = self.spaced.count([word if word.isascii() else word.translate(ALIKE) for word in words])
        if said:
            return max(said, key=lambda number: said[number])
        run = _run(text) if WITHOUT_SPACES.search(text) else ""
        return next((number for number, pattern in self.unspaced if run and pattern.search(run)), None)


def _run(text: str) -> str:
    return "".join(clean(text).split())


@lru_cache
def shipped_dangers() -> Dangers:
    """The expressions of the package, read once."""
    return Dangers.of(parsed(files("bot").joinpath("engines/dangers.yml").read_text("utf-8")))
