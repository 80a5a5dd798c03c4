"""Words as the search reads them: folded, expanded, stemmed, with the concepts they name.

The same reading is applied to questions and to texts, so that "g perdu ma cni" and "carte nationale d'identité perdue" meet. The lexicon
(`content/lexicon/`) belongs to the communication team: abbreviations, fillers, concepts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import Stemmer

from knowledge import wishes
from knowledge.ages import OF_AGE, age
from knowledge.expressions import Expressions
from knowledge.glossary import UNSPACED, Glossaries, apart, pairs_of_characters
from knowledge.parsing import parsed
from knowledge.spelling import Speller

WORD = re.compile(r"[^\W_]+")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028\u2029\u202a-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
ARABIC_MARKS = re.compile("[\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0640]")
WHOLE_LETTERS = str.maketrans({"œ": "oe", "æ": "ae", "ß": "ss", "ı": "i", "ł": "l", "đ": "d", "ø": "o", "ى": "ي"})
"""Letters that are not a plain one with an accent, yet are typed as one."""
ARTICLES = frozenset("de d du des la le les l un une au aux the of a".split())
MOST_CORRECTED = 30
"""Words corrected in one text: a long text need not be understood to the letter."""
FOLDED = 64
"""Texts whose words are remembered: those of the turns that are being answered."""
SHORTEST_STEMMED = 4
"""Shorter words are left as they are: "sia" is not "si"."""
OTHER_LANGUAGES = "autres_langues"
"""The group of fillers that are not French."""
CONCEPT = "~"
"""Prefix of a term that stands for a concept rather than for a word."""
MINOR = f"{CONCEPT}mineur"
OF_ITS_AGE = {True: "mineur", False: "adulte"}
"""The word of a person by whether he is a minor."""


@lru_cache(maxsize=200_000)
def fold_word(word: str) -> str:
    """`word` in lower case without accents, for scripts where accents are often omitted."""
    decomposed = unicodedata.normalize("NFKD", word.lower())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter)).translate(WHOLE_LETTERS)


def clean(text: str) -> str:
    """`text` without control characters, lone surrogates, byte-order marks or direction marks; apostrophes and spaces in one form."""
    text = unicodedata.normalize("NFC", CONTROL.sub(" ", text)).replace("’", "'").replace("ʼ", "'").replace("`", "'")
    return ARABIC_MARKS.sub("", text)


def spelled_words(text: str) -> list[str]:
    """The words of `text`, folded, in order; a run of Chinese or Japanese, written without spaces, stays whole."""
    return list(_words(text)[0])


def folded_words(text: str) -> list[str]:
    """The words of `text`, folded, in order. A run of Chinese or Japanese, written without spaces, gives its pairs of characters."""
    return list(_words(text)[1])


@lru_cache(maxsize=FOLDED)
def _words(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The words of `text`, spelled then folded: a turn reads the same few texts a dozen times."""
    words = tuple(fold_word(word) for word in WORD.findall(clean(text)))
    if not UNSPACED.search("".join(words)):
        return words, words
    spelled = tuple(piece for word in words for piece in apart(word))
    return spelled, tuple(piece for word in spelled for piece in pairs_of_characters(word))


@dataclass(frozen=True)
class Reading:
    """One text as the search reads it."""

    words: tuple[str, ...]
    """Folded words that carry the subject, abbreviations expanded, fillers removed."""
    terms: tuple[str, ...]
    """Stems of those words, then the concepts they name (prefixed)."""
    text: str = ""
    """As it was written, for the encoder; empty when the reading joins several turns."""

    @property
    def concepts(self) -> frozenset[str]:
        return frozenset(term for term in self.terms if term.startswith(CONCEPT))


@dataclass
class Lexicon:
    """The language of the callers: how they abbreviate, what carries no subject, what names the same thing."""

    abbreviations: Mapping[str, tuple[str, ...]]
    fillers: frozenset[str]
    concepts: Mapping[str, Sequence[str]]
    glossaries: Glossaries = field(default_factory=lambda: Glossaries({}, spelled_words))
    """The French of what is written in other languages."""
    common: frozenset[str] = frozenset()
    """Common words of French, folded, by which it is told from the languages of the glossaries."""
    expressions: Expressions = field(default_factory=lambda: Expressions({}))
    wishes: Sequence[wishes.Wish] = ()
    """The fiches that people usually want who name one thing only."""
    speller: Speller | None = None
    """Once the trusted words are known (they come from the texts that are indexed)."""
    _stemmer: Any = field(default_factory=lambda: Stemmer.Stemmer("french"), repr=False)
    _stems: dict[str, str] = field(default_factory=dict, repr=False)
    _common_stems: frozenset[str] = field(default=frozenset(), repr=False)
    _phrases: dict[str, list[tuple[tuple[str, ...], str]]] = field(default_factory=dict, repr=False)
    _wished: dict[frozenset[str], tuple[str, ...]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self._common_stems = frozenset(self.stem(word) for word in self.common)
        for concept, phrases in self.concepts.items():
            for phrase in phrases:
                stems = tuple(self.stem(word) for word in folded_words(phrase) if word not in ARTICLES)
                if stems:
                    self._phrases.setdefault(stems[0], []).append((stems, CONCEPT + concept))
        for wish in self.wishes:
            for words in wish.words:
                self._wished[self.bare(self.read_words(self.unabridge(folded_words(words))))] = wish.fiches

    @classmethod
    def load(cls, content: Path) -> Lexicon:
        """Read the lexicon of a content folder."""
        folder = content / "lexicon"
        spellings = parsed((folder / "sms.yml").read_text("utf-8"))["abreviations"]
        fillers = parsed((folder / "fillers.yml").read_text("utf-8"))
        glossaries = Glossaries.load(content, spelled_words)
        concepts: dict[str, list[str]] = {}
        for file in sorted(folder.glob("concepts*.yml")):
            for concept, phrases in parsed(file.read_text("utf-8")).items():
                concepts.setdefault(concept, []).extend(str(phrase) for phrase in phrases)
        common = {fold_word(str(word)) for group, words in fillers.items() if group != OTHER_LANGUAGES for word in words}
        common |= {word for long in spellings.values() for word in folded_words(str(long))} | {fold_word(str(short)) for short in spellings}
        common |= {word for meaning in glossaries.meanings for word in meaning}
        common |= {fold_word(str(word)) for word in parsed((folder / "french.yml").read_text("utf-8"))["mots"]}
        return cls(
            abbreviations={fold_word(str(short)): tuple(folded_words(str(long))) for short, long in spellings.items()},
            fillers=frozenset(fold_word(str(word)) for group in fillers.values() for word in group),
            concepts=concepts,
            glossaries=glossaries,
            common=frozenset(common),
            expressions=Expressions.load(content),
            wishes=wishes.load(content),
        )

    def stem(self, word: str) -> str:
        stem = self._stems.get(word)
        if stem is None:
            stem = self._stemmer.stemWord(word) if word.isascii() and len(word) > SHORTEST_STEMMED else word
            if len(stem) > SHORTEST_STEMMED and stem[-1] in "ei":  # "carte", "cart" and "perdu", "perdue" meet whatever the ending
                stem = stem[:-1]
            self._stems[word] = stem
        return stem

    def trusting(self, words: Mapping[str, int]) -> Lexicon:
        """The same lexicon, which corrects misspelled words towards `words` (folded, with their number)."""
        named = {word for phrases in self.concepts.values() for phrase in phrases for word in folded_words(phrase)}
        return replace(
            self, speller=Speller({**dict.fromkeys(named | self.fillers, 1), **words}), _phrases={}, _wished={}, _stems=self._stems
        )

    def expand(self, words: Iterable[str]) -> list[str]:
        """Replace abbreviations by the words they stand for, and misspelled words by the trusted ones."""
        expanded: list[str] = []
        corrected = 0
        for word in words:
            known = self.abbreviations.get(word)
            right = self.speller.correct(word) if self.speller and known is None and corrected < MOST_CORRECTED else None
            corrected += right is not None
            expanded.extend(known or (right or word,))
        return expanded

    def unabridge(self, words: Iterable[str]) -> list[str]:
        """Replace abbreviations only: a word of another language that no glossary knows is not misspelled French."""
        return [right for word in words for right in self.abbreviations.get(word, (word,))]

    def read(self, text: str) -> Reading:
        """The words and terms of `text`. A text made only of fillers keeps them: something must be searched."""
        words = self._spelled(text)
        plain = self.expressions.plain(words)
        return replace(self.read_words(plain or words), text=" ".join(plain) if plain else text)

    def words(self, text: str) -> list[str]:
        """The words of `text`, in French when it is of another language that has a glossary: abbreviations expanded, spelling corrected,
        one word in the place of an expression."""
        words = self._spelled(text)
        return self.expressions.plain(words) or words

    def _spelled(self, text: str) -> list[str]:
        french = self.glossaries.french(spelled_words(text), self.is_common)
        return self.expand(folded_words(text)) if french is None else self.unabridge(french)

    def wished(self, reading: Reading) -> tuple[str, ...]:
        """The fiches people usually want who say only that; none when it says more, or something else."""
        return self._wished.get(self.bare(reading), ())

    def bare(self, reading: Reading) -> frozenset[str]:
        """What a reading says, in any order: the stems of its words."""
        return frozenset(term for term in reading.terms if not term.startswith(CONCEPT))

    def is_common(self, word: str) -> bool:
        """Whether a folded word is a common one of French, whatever its ending."""
        return self.stem(word) in self._common_stems

    def read_words(self, words: Sequence[str]) -> Reading:
        """As `read`, for words already folded and expanded. An age says "mineur" or "adulte" in their place."""
        years = age(words)
        if years is not None:
            words = [*words, OF_ITS_AGE[years < OF_AGE]]
        kept = [word for word in words if word not in self.fillers and (len(word) > 1 or word.isdigit())] or list(words)
        stems = [self.stem(word) for word in words if word not in ARTICLES]
        terms = [self.stem(word) for word in kept]
        seen: set[str] = set()
        for position, stem in enumerate(stems):
            for phrase, concept in self._phrases.get(stem, ()):
                if concept not in seen and tuple(stems[position : position + len(phrase)]) == phrase:
                    seen.add(concept)
                    terms.append(concept)
        if years is not None and years >= OF_AGE and MINOR in terms:  # "mon fils de 20 ans"
            terms.remove(MINOR)
        return Reading(tuple(kept), tuple(terms))


@lru_cache
def default_lexicon() -> Lexicon:
    """The lexicon of the content named in the settings."""
    from knowledge.settings import settings  # not at the top: Rasa's Python reads this module without the settings

    return Lexicon.load(settings().content)


def character_grams(words: Iterable[str], shortest: int = 3, longest: int = 5) -> list[str]:
    """Character n-grams of each word with its edges marked: "cni" gives `<cn`, `cni`, `ni>`, `<cni`, `cni>`, `<cni>`."""
    grams: list[str] = []
    for word in words:
        edged = f"<{word[:30]}>"
        for size in range(shortest, longest + 1):
            if len(edged) < size:
                break
            grams.extend(edged[start : start + size] for start in range(len(edged) - size + 1))
    return grams
