"""The French of the offices behind the words of other languages: "pasaporte" is read as "passeport".

The glossaries (`content/lexicon/words_<code>.yml`) belong to the communication team. Each line is a French word or expression and what the
language says for it; `*` stands for any ending. A text in French is left as it is: its words are better known to French than to a glossary.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from knowledge.parsing import parsed

ENDING = "*"
"""After the beginning of a word: whatever follows."""
FRAME = "sans sujet"
"""The line of a glossary that lists the words to leave out: politeness, the frame of a question."""
ATTACHED = "articles"
"""The line of a glossary that lists the articles and prepositions written as one with the next word."""
UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff]")
SHORTEST_WORD = 3
"""Letters left, at least, once an attached article is taken off."""
LEAST_KNOWN = 0.25
"""Share of the words of a text that a glossary must know to read it."""
MOST_REMEMBERED = 50_000
"""Words whose entries are kept at hand: anybody may type anything."""

_LETTERS_OR_NOT = re.compile("[a-z]+|[^a-z]+")


def apart(word: str) -> list[str]:
    """`word` (folded), or the French or English words and the runs of Chinese that were written as one."""
    return _LETTERS_OR_NOT.findall(word) if UNSPACED.search(word) else [word]


def pairs_of_characters(word: str) -> list[str]:
    """`word`, or the pairs of characters of a longer run of Chinese or Japanese, written without spaces."""
    if len(word) > 2 and UNSPACED.search(word):
        return [word[start : start + 2] for start in range(len(word) - 1)]
    return [word]


@dataclass(frozen=True)
class Entry:
    """One expression of a language."""

    language: str
    words: tuple[str, ...]
    """Folded; each may end with `*`."""
    french: tuple[str, ...]
    """Folded; empty for the words left out."""


@dataclass(frozen=True)
class _Known:
    """What the glossaries know of one word."""

    entries: tuple[Entry, ...]
    """Those it may begin."""
    codes: frozenset[str]
    """The languages that have it alone."""
    framing: frozenset[str]
    """Those in which it carries no subject: people name French papers, but ask in their language."""


class Glossaries:
    """The glossaries of all languages, searched together: the one that knows most of a text reads it."""

    def __init__(self, glossaries: Mapping[str, Mapping[str, Sequence[str]]], fold: Callable[[str], list[str]]) -> None:
        """`glossaries`: by language, the French and its expressions. `fold`: the folded words of an expression."""
        self.languages = tuple(glossaries)
        self.attached = {code: tuple(sorted(glossary.get(ATTACHED, ()), key=len, reverse=True)) for code, glossary in glossaries.items()}
        self._beginning: dict[str, list[Entry]] = {}
        """Entries by their first word, without its `*`."""
        self._runs: dict[str, Entry] = {}
        """Entries written without spaces."""
        self._longest = 0
        self.meanings: set[tuple[str, ...]] = set()
        """What the entries mean in French."""
        for entry in self._entries(glossaries, fold):
            self.meanings.add(entry.french)
            first = entry.words[0]
            if UNSPACED.search(first):
                self._runs[first] = entry
                self._longest = max(self._longest, len(first))
            else:
                self._beginning.setdefault(first.removesuffix(ENDING), []).append(entry)
        self._remembered: dict[str, _Known] = {}

    @classmethod
    def load(cls, content: Path, fold: Callable[[str], list[str]]) -> Glossaries:
        """Read the glossaries of a content folder."""
        files = sorted((content / "lexicon").glob("words_*.yml"))
        return cls({file.stem.removeprefix("words_"): parsed(file.read_text("utf-8")) for file in files}, fold)

    @staticmethod
    def _entries(glossaries: Mapping[str, Mapping[str, Sequence[str]]], fold: Callable[[str], list[str]]) -> Iterator[Entry]:
        for code, glossary in glossaries.items():
            for meaning, expressions in glossary.items():
                french = () if meaning == FRAME else tuple(fold(meaning))
                for expression in expressions if meaning != ATTACHED else ():
                    words: list[str] = []
                    for part in str(expression).split():
                        words.extend(fold(part.removesuffix(ENDING)))
                        if part.endswith(ENDING) and words:
                            words[-1] += ENDING
                    if words:
                        yield Entry(code, tuple(words), french)

    def french(self, words: Sequence[str], is_french: Callable[[str], bool]) -> list[str] | None:
        """`words` (folded, runs of Chinese left whole) with French ones in their place, the unknown ones kept.

        None when French knows them better than any glossary: `is_french` says whether a word is one of its common words.
        """
        pieces = [piece for word in words for piece in self._pieces(word)]
        codes = [self._codes(piece) for piece in pieces]
        native = [piece.isascii() and is_french(piece) for piece in pieces]
        known = Counter(code for found, common in zip(codes, native, strict=True) if not common for code in found)
        if not known:
            return None
        language = max(known, key=lambda code: (known[code], sum(code in found for found in codes), code))
        if any(piece.isascii() and language in found for piece, found in zip(pieces, codes, strict=True)):
            only_french = sum(common and language not in found for found, common in zip(codes, native, strict=True))
            framed = known[language] > 1 and any(
                language in self._known(piece).framing and not common for piece, common in zip(pieces, native, strict=True)
            )
            least = max(LEAST_KNOWN * len(pieces), min(len(pieces), 3) - 1)
            if known[language] < least or known[language] + framed <= only_french:
                return None
        return self._read(pieces, language) or None

    def _read(self, pieces: Sequence[str], language: str) -> list[str]:
        french: list[str] = []
        position = 0
        while position < len(pieces):
            entry = self._at(pieces, position, language)
            if entry is None:
                french.extend(pairs_of_characters(pieces[position]))
                position += 1
            else:
                french.extend(entry.french)
                position += len(entry.words)
        return french

    def _at(self, pieces: Sequence[str], position: int, language: str) -> Entry | None:
        """The entry of most words that begins at `position`; of these, the one that says most of the first word."""
        run = self._runs.get(pieces[position])
        if run:
            return run
        for entry in self._known(pieces[position]).entries:
            if entry.language == language and position + len(entry.words) <= len(pieces):
                rest = zip(entry.words[1:], pieces[position + 1 :], strict=False)
                if all(self._fits(pattern, word, language) for pattern, word in rest):
                    return entry
        return None

    def _fits(self, pattern: str, word: str, language: str) -> bool:
        forms = self._forms(word, language)
        if pattern.endswith(ENDING):
            return any(form.startswith(pattern[:-1]) for form in forms)
        return pattern in forms

    def _forms(self, word: str, language: str) -> list[str]:
        """`word`, then `word` without each article it may have begun with."""
        bare = [word.removeprefix(article) for article in self.attached[language] if word.startswith(article)]
        return [word, *(form for form in bare if len(form) >= SHORTEST_WORD)]

    def _codes(self, piece: str) -> frozenset[str]:
        """The languages in which `piece` alone is a word of the glossary."""
        run = self._runs.get(piece)
        return frozenset((run.language,)) if run else self._known(piece).codes

    def _known(self, word: str) -> _Known:
        """What is known of `word`, which may begin an expression."""
        found = self._remembered.get(word)
        if found is None:
            if len(self._remembered) > MOST_REMEMBERED:
                self._remembered.clear()
            entries = self._entries_of(word)
            alone = [entry for entry in entries if len(entry.words) == 1]
            codes = frozenset(entry.language for entry in alone)
            found = _Known(entries, codes, frozenset(entry.language for entry in alone if not entry.french))
            self._remembered[word] = found
        return found

    def _entries_of(self, word: str) -> tuple[Entry, ...]:
        """The entries whose first word `word` may be: those of most words first, then those that say most of it."""
        ranked: dict[Entry, tuple[int, int, int]] = {}
        forms = [(bare, code) for code in self.languages for bare in self._forms(word, code)[1:]]
        for form, code in ((word, ""), *forms):
            for length in range(len(form), 0, -1):
                for entry in self._beginning.get(form[:length], ()):
                    open_ended = entry.words[0].endswith(ENDING)
                    if code in ("", entry.language) and (open_ended or length == len(form)):
                        ranked.setdefault(entry, (-len(entry.words), len(word) - len(form), -2 * length - (not open_ended)))
        return tuple(sorted(ranked, key=lambda entry: ranked[entry]))

    def _pieces(self, word: str) -> list[str]:
        """`word`, or a run of characters cut at the longest expressions known."""
        if not UNSPACED.search(word):
            return [word]
        pieces: list[str] = []
        unknown = ""
        position = 0
        while position < len(word):
            longest = min(self._longest, len(word) - position)
            size = next((size for size in range(longest, 0, -1) if word[position : position + size] in self._runs), 0)
            if size and unknown:
                pieces.append(unknown)
                unknown = ""
            if size:
                pieces.append(word[position : position + size])
            else:
                unknown += word[position]
            position += size or 1
        return [*pieces, unknown] if unknown else pieces
