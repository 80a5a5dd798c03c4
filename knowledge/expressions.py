"""Several words that say one, from `content/lexicon/expressions.yml`: "je ne retrouve plus mon passeport" is a loss, not a find."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from knowledge.parsing import parsed

BELONGING = "mon|ma|mes|notre|nos|ton|ta|tes|votre|vos|son|sa|ses|leur|leurs|l"
"""Words before which an expression counts: "je ne trouve plus de rendez-vous" has lost nothing."""


@dataclass(frozen=True)
class Expressions:
    """Expressions, by the word that they say."""

    sayings: Mapping[str, Sequence[str]]
    _patterns: tuple[tuple[str, re.Pattern[str]], ...] = field(default=(), repr=False, compare=False)

    def __post_init__(self) -> None:
        patterns = tuple((word, re.compile(rf"\b(?:{'|'.join(said)})(?= (?:{BELONGING})\b)")) for word, said in self.sayings.items())
        object.__setattr__(self, "_patterns", patterns)

    @classmethod
    def load(cls, content: Path) -> Expressions:
        """The expressions of a content folder; none when it has no such file."""
        path = content / "lexicon" / "expressions.yml"
        stored = parsed(path.read_text("utf-8")) if path.is_file() else {}
        return cls({word: tuple(re.escape(one) for one in said) for word, said in stored.items()})

    def plain(self, words: Sequence[str]) -> list[str] | None:
        """`words` (folded) with one word in the place of each expression; None when there is none."""
        text = " ".join(words)
        said = text
        for word, pattern in self._patterns:
            said = pattern.sub(word, said)
        return None if said == text else said.split()
