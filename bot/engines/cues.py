"""What the words of a request point at: a fall, a weapon, a file, a way of doing… Pure but for the list, read once from `cues.yml`.

Few requests of a nature share their words; most share what these point at. "Mamie ne se relève pas" and "my son collapsed" both name a
relative and a fall: a classifier that reads the cues beside the words recognises ways of saying that no example holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from itertools import zip_longest

from knowledge.parsing import parsed
from knowledge.wordforms import folded_words

SHORTEST_BEGINNING = 3
"""Letters of the shortest beginning that may stand for words ("arr*")."""


@dataclass
class Cues:
    """Words and beginnings of words, by what they point at."""

    phrases: Mapping[tuple[str, ...], tuple[tuple[tuple[str, ...], str, str], ...]]
    """By their first two whole words, or by their only one: whole words, the beginning of the word after them ("" for none), and their
    cue."""
    beginnings: Mapping[str, tuple[str, ...]]
    """By beginning of a word: cues."""
    _known: dict[str, tuple[str, ...]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, lists: Mapping[str, str]) -> Cues:
        """The cues of `cue: word, begin*, several words, several begin*`."""
        phrases: dict[tuple[str, ...], list[tuple[tuple[str, ...], str, str]]] = {}
        beginnings: dict[str, list[str]] = {}
        for cue, written in lists.items():
            for way in written.split(","):
                words = tuple(folded_words(way))
                begun = way.rstrip().endswith("*")
                if begun and len(words) == 1:
                    beginnings.setdefault(words[0], []).append(cue)
                elif words:
                    whole, beginning = (words[:-1], words[-1]) if begun else (words, "")
                    phrases.setdefault(whole[:2], []).append((whole, beginning, cue))
        return cls({first: tuple(found) for first, found in phrases.items()}, {start: tuple(found) for start, found in beginnings.items()})

    def read(self, words: Sequence[str]) -> list[str]:
        """The cues of `words`, in their order, each once where it first appears."""
        return list(dict.fromkeys(cue for _, _, cue in sorted(self._longest(words), key=lambda one: one[0])))

    def count(self, words: Sequence[str]) -> dict[str, int]:
        """How many words of `words` point at each cue."""
        counts: dict[str, int] = {}
        for start, end, cue in self._longest(words):
            counts[cue] = counts.get(cue, 0) + end - start
        return counts

    def _longest(self, words: Sequence[str]) -> list[tuple[int, int, str]]:
        """As `_found`, longest first; a word of a longer phrase ("permis de séjour", "mal orthographié") points at nothing else."""
        taken: dict[int, tuple[int, int]] = {}
        kept = []
        for start, end, cue in sorted(self._found(words), key=lambda one: one[0] - one[1]):
            places = range(start, end)
            if all(taken.get(place, (start, end)) == (start, end) for place in places):
                taken.update(dict.fromkeys(places, (start, end)))
                kept.append((start, end, cue))
        return kept

    def _found(self, words: Sequence[str]) -> list[tuple[int, int, str]]:
        """Where each cue is named: first word, word after the last, cue."""
        found = []
        for position, (word, after) in enumerate(zip_longest(words, words[1:], fillvalue="")):
            for phrase, beginning, cue in (*self.phrases.get((word,), ()), *self.phrases.get((word, after), ())):
                end = position + len(phrase)
                if tuple(words[position:end]) == phrase and (not beginning or (end < len(words) and words[end].startswith(beginning))):
                    found.append((position, end + bool(beginning), cue))
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
    return Cues.of(parsed(files("bot").joinpath("engines/cues.yml").read_text("utf-8")))
