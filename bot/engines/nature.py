"""What kind of request it is: rules where a mistake would be grave, a small classifier elsewhere.

Emergencies, abuse and injections are decided by patterns that anyone can reread; personal files, complaints and the rest, and the
emergencies that no pattern foresaw, by a logistic regression over words, characters and cues (see `cues`), trained by
`python -m bot train` from `training/natures/*.txt`.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bot.engines.cues import shipped_cues
from bot.engines.dangers import Dangers, shipped_dangers
from bot.engines.probabilities import softmax
from bot.engines.shipped import SHIPPED, whole
from bot.messages import Nature
from bot.redaction import redact
from knowledge.parsing import parsed
from knowledge.wordforms import character_grams, clean, folded_words

WORD_BUCKETS = 1 << 15
CUE_BUCKETS = 1 << 12
BUCKETS = WORD_BUCKETS + CUE_BUCKETS
_CLAUSE = re.compile(r"[.?!;\n]+|,? (?:et|mais|aussi|puis|é|and|y|e) |, ", re.I)
MASKED = re.compile(r"\[([a-zéèà ]+)\]")
"""What redaction puts in place of personal data: a sign that the request is about one person's file."""
_IDENTIFIERS = frozenset({"numéro", "numéro de sécurité sociale", "immatriculation", "date de naissance", "compte bancaire"})
_NAME = re.compile(r"(?<=[a-zéèêàç,] )[A-ZÉÈ][a-zéèêëïôûç]{2,}")
_GROUP = re.compile(r"(?<!\\)\((?!\?)")
_LONG_NUMBER = re.compile(r"\d{4,}")
BY_VOICE, BY_TEXT = frozenset(("15", "17", "18", "112")), "114"
MOST_WORDS = 120
"""Of a long mail, the first words and the last are read: that is where the request stands."""


@dataclass(frozen=True)
class Rules:
    """The patterns of `rules.yml`."""

    emergencies: tuple[tuple[str, re.Pattern[str]], ...]
    """Said as they happen: number to call and ways of saying."""
    subjects: tuple[tuple[str, re.Pattern[str]], ...]
    """Subjects that are emergencies unless the message speaks of a procedure or of the past."""
    named: Mapping[str, re.Pattern[str]]
    dangers: Dangers
    """Said in languages that no classifier was taught."""

    @classmethod
    def load(cls) -> Rules:
        stored = parsed(files("bot").joinpath("engines/rules.yml").read_text("utf-8"))
        going_on, emergencies, subjects = (
            tuple((number, _whole_words(ways)) for number, ways in stored.pop(name).items())
            for name in ("emergencies_now", "emergencies", "emergency_subjects")
        )
        injection = re.compile("|".join(stored.pop("injection")))
        return cls(
            (*going_on, *emergencies),
            subjects,
            {name: _whole_words(ways) for name, ways in stored.items()} | {"injection": injection},
            shipped_dangers(),
        )

    def decide(self, text: str) -> tuple[Nature, str | None] | None:
        """The nature that a pattern decides alone, with the number to call for an emergency; None when no pattern applies."""
        words = folded_words(text)
        plain = " ".join(words)
        subjects = () if self.named["not_now"].search(plain) else self.subjects
        for number, pattern in (*self.emergencies, *subjects):
            if pattern.search(plain):
                return Nature.EMERGENCY, self.reachable(plain, number)
        if elsewhere := self.dangers.number(text, words):
            return Nature.EMERGENCY, self.reachable(plain, elsewhere)
        raw = clean(text).lower()
        if self.named["injection"].search(raw) or self.named["injection"].search(plain):
            return Nature.INJECTION, None
        for nature in (Nature.ABUSE, Nature.FALSE_PAPERS, Nature.LEGAL_OPINION):
            if self.named[nature.value].search(plain):
                if nature is Nature.FALSE_PAPERS and self.named["false_papers_victim"].search(plain):
                    continue
                return nature, None
        if self.named["wants_person"].search(plain) and len(plain.split()) <= 25:
            return Nature.WANTS_PERSON, None
        if self.personal(plain, text):
            return (Nature.MIXED if self.asks_too(text) else Nature.PERSONAL_FILE), None
        return None

    def reachable(self, plain: str, number: str) -> str:
        """The number for who can call `number`, or write to the 114 (décret n° 2008-346 du 14 avril 2008): it reaches the same rescuers.

        Args:
            plain: the message, folded.
        """
        return BY_TEXT if number in BY_VOICE and self.named["cannot_phone"].search(plain) else number

    def asks_a_way(self, words: Sequence[str]) -> bool:
        """Whether somebody asks how to do something, or tells a situation that calls for a procedure."""
        return bool(self.named["asks_a_way"].search(" ".join(words)))

    def personal(self, plain: str, text: str) -> bool:
        """Whether somebody would have to open one person's file: it is said so, or the message names the person or the file."""
        numbered = any(letter.isdigit() for letter in text)  # every identifier holds a digit: the others need no masking here
        if numbered and "format" not in plain and _IDENTIFIERS & set(MASKED.findall(redact(text))):
            return True
        doubtful = self.named["general_anyway"].search(plain) or self.named["not_ours"].search(plain)
        return bool(self.named["personal_file"].search(plain)) and not doubtful

    def asks_too(self, text: str) -> bool:
        """Whether one clause asks for what a fiche may tell and another is about one person's file."""
        clauses = [(clause, " ".join(folded_words(clause))) for clause in clauses_of(text)]
        asking = [bool(self.named["asks"].search(plain)) for _, plain in clauses]
        personal = [self.personal(plain, clause) for clause, plain in clauses]
        return any(asks and not own for asks, own in zip(asking, personal, strict=True)) and any(
            own and not asks for asks, own in zip(asking, personal, strict=True)
        )


def clauses_of(text: str) -> list[str]:
    """The clauses of a message, those of two words and less left out."""
    return [clause for clause in _CLAUSE.split(text) if len(folded_words(clause)) > 2]


def _whole_words(ways: Sequence[str]) -> re.Pattern[str]:
    """One pattern of all `ways`; what its groups hold is forgotten, or a list of forty would take eight times as long."""
    return re.compile(_GROUP.sub("(?:", r"\b(" + "|".join(ways) + r")\b"))


@lru_cache
def shipped_rules() -> Rules:
    """The rules of the package, read once."""
    return Rules.load()


@dataclass(frozen=True)
class Signs:
    """Hashed features of a text."""

    rows: npt.NDArray[np.int64]
    """(n,): each in [0, BUCKETS), once; words first, then cues."""
    weights: npt.NDArray[np.float32]
    """(n,): the words of a text weigh 1 together, and so do its cues, in the sense of the sum of squares."""


def words_read(text: str) -> list[str]:
    """The words of a text that are read, fillers included ("où en est" matters here), in their order."""
    words = folded_words(text)
    return words[: MOST_WORDS // 2] + words[-MOST_WORDS // 2 :] if len(words) > MOST_WORDS else words


def signs(text: str) -> Signs:
    """What is read of a text: words, neighbours, characters; and the cues in their order."""
    words = words_read(text)
    cues = _increasing(_buckets(_cue_signs(shipped_cues().read(words)), CUE_BUCKETS))
    words = unnumbered(words)
    plain = _increasing({*_buckets(_word_signs(words, text), WORD_BUCKETS), *(bucket for word in words for bucket in letters(word))})
    weights = np.concatenate([np.full(len(part), len(part) ** -0.5, np.float32) for part in (plain, cues) if len(part)])
    return Signs(np.concatenate([plain, cues + WORD_BUCKETS]), weights)


def _word_signs(words: Sequence[str], text: str) -> list[str]:
    found = [f"w {word}" for word in words]
    found += [f"p {first} {second}" for first, second in zip(["<", *words], [*words, ">"], strict=True)]
    found += [f"t {first} {second} {third}" for first, second, third in zip(words, words[1:], words[2:], strict=False)]
    found += [f"masked {kind}" for kind in MASKED.findall(redact(text))]
    found += ["name"] * bool(_NAME.search(text))
    found += [f"short {len(words)}"] if len(words) < 4 else []
    return found


def unnumbered(words: Sequence[str]) -> list[str]:
    """Words whose long numbers are all the same one: which one it is says nothing."""
    return _LONG_NUMBER.sub("9999", " ".join(words)).split(" ") if words else []


@lru_cache(maxsize=50_000)
def letters(word: str) -> tuple[int, ...]:
    """The buckets of the runs of three and four letters of a word."""
    return tuple(zlib.crc32(gram.encode()) % WORD_BUCKETS for gram in character_grams([word], 3, 4))


def _cue_signs(cues: Sequence[str]) -> list[str]:
    """Each cue, and each with the next one."""
    return [f"c {cue}" for cue in cues] + [f"n {first} {second}" for first, second in pairwise(["<", *cues, ">"])]


def _buckets(found: Sequence[str], buckets: int) -> set[int]:
    return {zlib.crc32(sign.encode()) % buckets for sign in found}


def _increasing(numbers: Set[int]) -> npt.NDArray[np.int64]:
    return np.array(sorted(numbers), np.int64)


class Judged(NamedTuple):
    """What a classifier says of a text."""

    natures: Mapping[Nature, float]
    """Probability of each nature."""
    numbers: Mapping[str, float]
    """Of each number to call, should it be an emergency: a part of the probability of one."""

    @property
    def number(self) -> str | None:
        """The likeliest number to call; None when the classifier knows none."""
        return max(self.numbers, key=lambda number: self.numbers[number], default=None)

    def joined(self, *others: Judged) -> Judged:
        """The numbers that all name; the natures stay."""
        named = {number: share * prod(one.numbers.get(number, 0.0) + 0.01 for one in others) for number, share in self.numbers.items()}
        return Judged(self.natures, named)


@dataclass(frozen=True)
class NatureClassifier:
    """Logistic regression over hashed signs."""

    labels: tuple[str, ...]
    """Natures; an emergency has one label a number to call ("emergency 17")."""
    weights: npt.NDArray[np.float32]
    """(BUCKETS, natures)."""
    bias: npt.NDArray[np.float32]

    @classmethod
    def load(cls, models: Path = SHIPPED) -> NatureClassifier:
        """The classifier of a folder of models.

        Raises:
            ModelsMissing: its files are cut, or not those of one classifier.
        """
        with whole(models, "natures.json", "natures.npy"):
            header = json.loads((models / "natures.json").read_text("utf-8"))
            weights = np.load(models / "natures.npy", allow_pickle=False).astype(np.float32) * header["scale"]
            read = cls(tuple(header["labels"]), weights, np.array(header["bias"], np.float32))
            if read.weights.shape != (BUCKETS, len(read.labels)) or read.bias.shape != (len(read.labels),):
                raise ValueError("tailles")
            return read

    def judge(self, text: str) -> Judged:
        """What the words of `text` say of its nature."""
        read = signs(text)
        return told(self.labels, read.weights @ self.weights[read.rows] + self.bias)


def told(labels: tuple[str, ...], scores: npt.NDArray[np.float32]) -> Judged:
    """What the scores of a classifier say, one a label (logarithms, but for a constant)."""
    natures: dict[Nature, float] = {}
    numbers: dict[str, float] = {}
    for (nature, number), share in zip(_parsed(labels), softmax(scores).tolist(), strict=True):
        natures[nature] = natures.get(nature, 0.0) + share
        if number:
            numbers[number] = share
    return Judged(natures, numbers)


@lru_cache
def _parsed(labels: tuple[str, ...]) -> tuple[tuple[Nature, str], ...]:
    """The nature and the number to call of each label."""
    parts = [label.partition(" ") for label in labels]
    return tuple((Nature(name), number) for name, _, number in parts)
