"""What the words of a request point at: a fall, a weapon, a file, a way of doing… Pure but for the list, read once from `cues.yml`.

Few requests of a nature share their words; most share what these point at. "Mamie ne se relève pas" and "my son collapsed" both name a
relative and a fall: a classifier that reads the cues beside the words recognises ways of saying that no example holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files

import yaml

from knowledge.wordforms import folded_words

SHORTEST_BEGINNING = 3
"""Letters of the shortest beginning that may stand for words ("arr*")."""


@dataclass
class Cues:
    """Words and beginnings of words, by what they point at."""

    phrases: Mapping[str, tuple[tuple[tuple[str, ...], str], ...]]
    """By their first word: phrases and their cue."""
    beginnings: Mapping[str, tuple[str, ...]]
    """By beginning of a word: cues."""
    _known: dict[str, tuple[str, ...]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, lists: Mapping[str, str]) -> Cues:
        """The cues of `cue: word, begin*, several words`."""
        phrases: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        beginnings: dict[str, list[str]] = {}
        for cue, written in lists.items():
            for way in written.split(","):
                words = tuple(folded_words(way))
                if way.rstrip().endswith("*") and len(words) == 1:
                    beginnings.setdefault(words[0], []).append(cue)
                elif words:
                    phrases.setdefault(words[0], []).append((words, cue))
        return cls({first: tuple(found) for first, found in phrases.items()}, {start: tuple(found) for start, found in beginnings.items()})

    def read(self, words: Sequence[str]) -> list[str]:
        """The cues of `words`, in their order, each once where it first appears."""
        return list(dict.fromkeys(cue for _, _, cue in self._found(words)))

    def count(self, words: Sequence[str]) -> dict[str, int]:
        """How many words of `words` point at each cue; a word of a longer phrase ("permis de séjour") points at nothing else."""
        found = sorted(self._found(words), key=lambda one: one[0] - one[1])  # longest first
        taken: set[int] = set()
        counts: dict[str, int] = {}
        for start, end, cue in found:
            if taken.isdisjoint(range(start, end)):
                counts[cue] = counts.get(cue, 0) + end - start
                taken.update(range(start, end) if end - start > 1 else ())
        return counts

    def _found(self, words: Sequence[str]) -> list[tuple[int, int, str]]:
        """Where each cue is named: first word, word after the last, cue."""
        found = []
        for position, word in enumerate(words):
            for phrase, cue in self.phrases.get(word, ()):
                if tuple(words[position : position + len(phrase)]) == phrase:
                    found.append((position, position + len(phrase), cue))
            found += [(position, position + 1, cue) for cue in self._begun(word)]
        return found

    def _begun(self, word: str) -> tuple[str, ...]:
        known = self._known.get(word)
        if known is None:
            starts = (word[:end] for end in range(min(SHORTEST_BEGINNING, len(word)), len(word) + 1))
            known = tuple(cue for start in starts for cue in self.beginnings.get(start, ()))
            if len(self._known) < 100_000:
                self._known[word] = known
        return known


@lru_cache
def shipped_cues() -> Cues:
    """The cues of the package, read once."""
    return Cues.of(yaml.safe_load(files("bot").joinpath("engines/cues.yml").read_text("utf-8")))
