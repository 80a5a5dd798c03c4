"""What the encoder learns from: families of texts that mean the same, and the ways a text is bent before it is asked.

A family is a fiche (its phrasings in every language, its title, its short form and translations, what its national sheets say), a national
sheet that no fiche covers, or a concept of the lexicon. Phrasings of the shares `ASIDE` and `ORDER` are never among them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.training.shares import Share, of
from knowledge.building import PASSAGE_WORDS
from knowledge.fiches import PublishedFiche
from knowledge.parsing import parsed
from knowledge.search import Sheet
from knowledge.wordforms import CONCEPT, Lexicon, folded_words

PASSAGES = 12
"""Passages kept of one sheet: the longest sheets would hide the others."""
RENAMED = 8
"""Phrasings of one fiche told by their concepts, in each language."""
NEIGHBOURS = {left: right for row in ("azertyuiop", "qsdfghjklm", "wxcvbn") for left, right in zip(row, row[1:] + row[-2], strict=True)}
"""One neighbour of each letter on a French keyboard."""


@dataclass(frozen=True)
class Family:
    name: str
    asked: tuple[str, ...]
    """How people ask for it in French; titles count as asked."""
    told: tuple[str, ...]
    """How the official texts tell it."""
    foreign: tuple[str, ...] = ()
    """How people ask for it in other languages."""
    renamed: tuple[str, ...] = ()
    """The French phrasings told by their concepts alone, as other languages name them."""


def fiche_families(
    fiches: Sequence[PublishedFiche], sheets: Sequence[Sheet], lexicon: Lexicon, named: Mapping[str, Mapping[str, Sequence[str]]]
) -> list[Family]:
    """One family a fiche, with what its national sheets say, in the order of the fiches.

    Args:
        named: by language, the ways of naming each concept.
    """
    by_id = {sheet.id: sheet for sheet in sheets}
    phrasings: dict[str, dict[str, list[str]]] = {fiche.id: {} for fiche in fiches}
    for fiche, code, text in of(fiches, Share.ENCODER):
        phrasings[fiche.id].setdefault(code, []).append(text)
    families = []
    for fiche in fiches:
        own = phrasings[fiche.id]
        linked = [by_id[number] for number in fiche.service_public if number in by_id]
        asked = (*own.get("fr", ()), fiche.title)
        told = [fiche.title, fiche.court, *fiche.translations.values(), *(sheet.title for sheet in linked)]
        told += [sheet.introduction for sheet in linked if sheet.introduction]
        foreign = tuple(text for code, texts in own.items() if code != "fr" for text in texts)
        families.append(Family(fiche.id, asked, tuple(told), foreign, tuple(_renamed(asked, lexicon, named, random.Random(fiche.id)))))
    return families


def _renamed(
    texts: Sequence[str], lexicon: Lexicon, named: Mapping[str, Mapping[str, Sequence[str]]], chance: random.Random
) -> Iterator[str]:
    """In each language, some of the texts told by their concepts: a text needs two that the language names."""
    concepts = [sorted(lexicon.read(text).concepts) for text in texts]
    for phrases in named.values():
        ways = ([phrases[name] for name in (one.removeprefix(CONCEPT) for one in those) if name in phrases] for those in concepts)
        told = (" ".join(chance.choice(way) for way in chance.sample(several, len(several))) for several in ways if len(several) > 1)
        yield from list(dict.fromkeys(told))[:RENAMED]


def sheet_families(fiches: Sequence[PublishedFiche], sheets: Sequence[Sheet]) -> list[Family]:
    """One family a national sheet that no fiche covers: its title and sections on one side, its introduction and passages on the other."""
    covered = {number for fiche in fiches for number in fiche.service_public}
    families = []
    for sheet in sheets:
        if sheet.id not in covered:
            sections = [title.rpartition(">")[2].strip() for title, _ in sheet.sections]
            asked = (sheet.title, *(f"{sheet.title} {title}" for title in sections[:PASSAGES]))
            told = (sheet.introduction, sheet.breadcrumb, *_passages(sheet))[: PASSAGES + 2]
            families.append(Family(sheet.id, asked, tuple(text for text in told if text)))
    return families


def concept_families(lexicon: Lexicon) -> list[Family]:
    """One family a concept of the lexicon: the ways of naming it, in every language of its files."""
    return [Family(name, tuple(phrases), tuple(phrases)) for name, phrases in lexicon.concepts.items() if len(phrases) > 1]


def named_concepts(content: Path) -> dict[str, dict[str, list[str]]]:
    """By language, the ways of naming each concept (`lexicon/concepts_xx.yml` of a content folder)."""
    named = {}
    for file in sorted((content / "lexicon").glob("concepts_*.yml")):
        concepts = parsed(file.read_text("utf-8"))
        named[file.stem.rpartition("_")[2]] = {concept: [str(phrase) for phrase in phrases] for concept, phrases in concepts.items()}
    return named


def _passages(sheet: Sheet) -> Iterator[str]:
    for title, text in sheet.sections:
        words = text.split()
        for start in range(0, len(words), PASSAGE_WORDS):
            yield f"{title} {' '.join(words[start : start + PASSAGE_WORDS])}"


class Bending:
    """Bends clean texts as hurried people, keyboards and short messages do. The same seed gives the same bends."""

    def __init__(self, lexicon: Lexicon, chance: random.Random) -> None:
        self._chance = chance
        self._short: dict[tuple[str, ...], list[str]] = {}
        for short, long in lexicon.abbreviations.items():
            self._short.setdefault(long, []).append(short)

    def __call__(self, text: str) -> str:
        words = folded_words(text)
        bent: list[str] = []
        position = 0
        while position < len(words):
            length = next((size for size in (3, 2, 1) if tuple(words[position : position + size]) in self._short), 0)
            if length and self._chance.random() < 0.4:
                bent.append(self._chance.choice(self._short[tuple(words[position : position + length])]))
                position += length
            else:
                bent += self._word(words[position])
                position += 1
        return " ".join(bent or words)

    def _word(self, word: str) -> list[str]:
        fate = self._chance.random()
        if fate < 0.08:
            return []
        if fate > 0.2 or len(word) < 4 or not word.isalpha():
            return [word]
        place = self._chance.randrange(1, len(word))
        return [
            self._chance.choice(
                (
                    word[:place] + word[place + 1 :],
                    word[:place] + word[place - 1 :],
                    word[: place - 1] + word[place] + word[place - 1] + word[place + 1 :],
                    word[:place] + NEIGHBOURS.get(word[place], "e") + word[place + 1 :],
                    word[:place] + " " + word[place:],
                )
            )
        ]
