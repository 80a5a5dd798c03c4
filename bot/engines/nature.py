"""What kind of request it is: rules where a mistake would be grave, a small classifier elsewhere.

Emergencies, abuse and injections are decided by patterns that anyone can reread; personal files, complaints and the rest by a
logistic regression over words and characters, trained by `python -m bot train` from `training/natures/*.txt`.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt
import yaml

from bot.messages import Nature
from bot.redaction import redact
from knowledge.wordforms import character_grams, clean, folded_words

BUCKETS = 1 << 15
MASKED = re.compile(r"\[([a-zéèà ]+)\]")
"""What redaction puts in place of personal data: a sign that the request is about one person's file."""
_IDENTIFIERS = frozenset({"numéro", "numéro de sécurité sociale", "immatriculation", "date de naissance", "compte bancaire"})
_NAME = re.compile(r"(?<=[a-zéèêàç,] )[A-ZÉÈ][a-zéèêëïôûç]{2,}")
MOST_WORDS = 120
"""Of a long mail, the first words and the last are read: that is where the request stands."""

AT_ANY_TIME = frozenset({"3114", "119", "3919"})
"""Numbers given even when the text speaks of a procedure or of the past: it costs nothing to be heard."""


@dataclass(frozen=True)
class Rules:
    """The patterns of `rules.yml`."""

    emergencies: tuple[tuple[str, re.Pattern[str]], ...]
    named: Mapping[str, re.Pattern[str]]

    @classmethod
    def load(cls) -> Rules:
        stored = yaml.safe_load(files("bot").joinpath("engines/rules.yml").read_text("utf-8"))
        emergencies = tuple((number, _whole_words(ways)) for number, ways in stored.pop("emergencies").items())
        injection = re.compile("|".join(stored.pop("injection")))
        return cls(emergencies, {name: _whole_words(ways) for name, ways in stored.items()} | {"injection": injection})

    def decide(self, text: str) -> tuple[Nature, str | None] | None:
        """The nature that a pattern decides alone, with the number to call for an emergency; None when no pattern applies."""
        plain = " ".join(folded_words(text))
        past = self.named["not_now"].search(plain)
        for number, pattern in self.emergencies:
            if (number in AT_ANY_TIME or not past) and pattern.search(plain):
                return Nature.EMERGENCY, number
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
            return Nature.PERSONAL_FILE, None
        return None

    def personal(self, plain: str, text: str) -> bool:
        """Whether somebody would have to open one person's file: it is said so, or the message names the person or the file."""
        numbered = any(letter.isdigit() for letter in text)  # every identifier holds a digit: the others need no masking here
        if numbered and _IDENTIFIERS & set(MASKED.findall(redact(text))):
            return True
        return bool(self.named["personal_file"].search(plain)) and not self.named["general_anyway"].search(plain)


def _whole_words(ways: Sequence[str]) -> re.Pattern[str]:
    return re.compile(r"\b(?:" + "|".join(ways) + r")\b")


@lru_cache
def shipped_rules() -> Rules:
    """The rules of the package, read once."""
    return Rules.load()


def signs(text: str) -> npt.NDArray[np.int64]:
    """Hashed features of a text, fillers included ("où en est" matters here): words, pairs of words, characters. Shape (n,)."""
    words = folded_words(text)
    if len(words) > MOST_WORDS:
        words = words[: MOST_WORDS // 2] + words[-MOST_WORDS // 2 :]
    words = [re.sub(r"\d{4,}", "9999", word) for word in words]
    found = [f"w {word}" for word in words]
    found += [f"p {first} {second}" for first, second in zip(["<", *words], [*words, ">"], strict=True)]
    found += [f"t {first} {second} {third}" for first, second, third in zip(words, words[1:], words[2:], strict=False)]
    found += [f"masked {kind}" for kind in MASKED.findall(redact(text))]
    found += ["name"] * bool(_NAME.search(text))
    found += [f"short {len(words)}"] if len(words) < 4 else []
    found += character_grams(words, 3, 4)
    return np.unique(np.array([zlib.crc32(sign.encode()) % BUCKETS for sign in found] or [0], np.int64))


@dataclass(frozen=True)
class NatureClassifier:
    """Logistic regression over hashed signs."""

    labels: tuple[str, ...]
    """Natures; an emergency has one label a number to call ("emergency 17")."""
    weights: npt.NDArray[np.float32]
    """(BUCKETS, natures)."""
    bias: npt.NDArray[np.float32]

    @classmethod
    def load(cls) -> NatureClassifier:
        """The classifier shipped with the package."""
        folder = files("bot").joinpath("models")
        header = json.loads(folder.joinpath("natures.json").read_text("utf-8"))
        with folder.joinpath("natures.npy").open("rb") as stored:
            weights = np.load(stored, allow_pickle=False).astype(np.float32) * header["scale"]
        return cls(tuple(header["labels"]), weights, np.array(header["bias"], np.float32))

    def judge(self, text: str) -> tuple[dict[Nature, float], str | None]:
        """Probability of each nature, and the likeliest number to call should it be an emergency."""
        rows = signs(text)
        scores = self.weights[rows].sum(axis=0) / np.sqrt(len(rows)) + self.bias
        exponentials = np.exp(scores - scores.max())
        shares = exponentials / exponentials.sum()
        probabilities: dict[Nature, float] = {}
        number: tuple[float, str | None] = (0.0, None)
        for label, share in zip(self.labels, shares, strict=True):
            name, _, call = label.partition(" ")
            nature = Nature(name)
            probabilities[nature] = probabilities.get(nature, 0.0) + float(share)
            if call:
                number = max(number, (float(share), call), key=lambda held: held[0])
        return probabilities, number[1]
