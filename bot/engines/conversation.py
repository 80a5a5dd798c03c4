"""A turn in the light of the previous ones: what it keeps, what it replaces, and whether it leans on them at all.

"Et pour mon fils ?" adds a person, "non, le passeport" replaces an object, "c'est combien ?" asks something of the subject already named,
"autre chose, je voudrais créer une association" begins anew. No rule decides alone: the turn is read by itself, and after what the
conversation is about; each candidate is then judged by what both readings and the concepts say of it. The weights are learned by
`bot.training.conversation` and travel in `models/conversation.json`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bot.engines.probabilities import log_odds, logistic, softmax
from bot.engines.ranking import FEATURES as RANKED_FEATURES
from bot.engines.ranking import Ranked
from bot.engines.shipped import SHIPPED, whole
from bot.messages import Context, Nature
from knowledge.parsing import parsed
from knowledge.wordforms import ARTICLES, CONCEPT, Lexicon, Reading, clean, folded_words

if TYPE_CHECKING:  # Rasa's Python reads this module without the database
    from bot.catalogue import Catalogue

Floats = npt.NDArray[np.float64]
Rank = Callable[[Reading], Ranked]
Certain = Callable[[Ranked, Reading], float]
SURE_ALONE = {
    Nature.EMERGENCY: 0.95, Nature.PERSONAL_FILE: 0.8, Nature.WANTS_PERSON: 0.9, Nature.COMPLAINT: 0.9, Nature.ABUSE: 0.9,
    Nature.INJECTION: 0.9, Nature.NONSENSE: 0.9, Nature.SMALL_TALK: 0.6, Nature.OUT_OF_SCOPE: 0.6,
}  # fmt: skip
"""Share from which a turn is of this nature by itself, whatever was said before."""
IDLE = frozenset({Nature.SMALL_TALK, Nature.OUT_OF_SCOPE, Nature.NONSENSE})
LONGEST_CONTINUATION = 22
"""Words of a message that may lean on the previous ones; a longer one stands alone."""
MAY_CONTINUE = 0.3
"""Share of general from which a turn that leans on the previous ones is their continuation."""
COMPARED = 12
"""Candidates of each reading that are compared."""
FAINTEST = -8.0
"""Logarithm of the share given to a candidate by a reading that does not hold it."""
HELPED = 0.3
"""Logarithm by which the share of the first candidate grows with the previous turns when a turn leans on them: 1.35 times."""
SPOKEN = 2
"""Turns whose words are read again while no fiche was given."""
READINGS = ("alone", "joined", "told")
"""Of a turn: by itself; after what the conversation is about, in the words of the fiche given; after the turns as they were said."""
LEVELS = ("asked_level", "body_level", "intent", "meaning_read")
"""Features of the ranking that say how well a reading fits a candidate, whatever the others do."""
FEATURES = (
    "alone",
    "alone_long",
    "alone_anew",
    "joined",
    "told",
    "same",
    "related",
    "object_kept",
    "object_lost",
    "act_kept",
    "person_kept",
    "said_found",
    "before_found",
    *(f"alone_{level}" for level in LEVELS),
    *(f"joined_{level}" for level in LEVELS),
    *(f"told_{level}" for level in LEVELS),
)
"""`alone`, `joined`, `told`: logarithm of the share each reading gives; `_long` times the length of the turn in tens of words, `_anew`
when it announces another subject. `kept`: named in the title and meant in the conversation; `lost`: named in the title, never meant.
`found`: share of the phrasings of the fiche that name the concepts said now, or kept from before. `_level`, `intent`, `_read`: how well
the candidate fits a reading, whatever the others do."""
_LEVELS = [RANKED_FEATURES.index(level) for level in LEVELS]


@dataclass(frozen=True)
class Manners:
    """`conversation.yml`: which concepts exclude one another, which ones are acts or persons, and how a turn announces what it does."""

    exclusive: Mapping[str, frozenset[str]]
    persons: frozenset[str]
    anew: re.Pattern[str]
    """Words that announce another subject."""
    links: re.Pattern[str]
    """Words that only tie a turn to the previous one."""

    @classmethod
    def load(cls) -> Manners:
        """The manners of the package."""
        stored = parsed(files("bot").joinpath("engines/conversation.yml").read_text("utf-8"))
        exclusive = {name: _named(concepts) for name, concepts in stored["exclusive"].items()}
        links = re.compile(rf"^(?:(?:{'|'.join(stored['links'])}) )+")
        return cls(exclusive, _named(stored["persons"]), re.compile(rf"\b(?:{'|'.join(stored['anew'])})\b"), links)

    @property
    def objects(self) -> frozenset[str]:
        return self.exclusive["objects"]

    @property
    def acts(self) -> frozenset[str]:
        return self.exclusive["acts"] | self.exclusive["trades"] | self.exclusive["sanctions"]

    def replaced_by(self, said: frozenset[str]) -> frozenset[str]:
        """The concepts that cannot stand beside those just said."""
        gone: set[str] = set()
        for group in self.exclusive.values():
            if group & said:
                gone |= group - said
        return frozenset(gone)


def judged(alone: Mapping[Nature, float], joined: Mapping[Nature, float], named: bool = False) -> tuple[Mapping[Nature, float], bool]:
    """The natures of a turn that leans on the previous ones, and whether it may be read as their continuation.

    A few words say little of their nature: it is judged with what was said before, unless they are sure of it by themselves.

    Args:
        alone: share of each nature for the turn, without what ties it to the previous one.
        joined: the same after the words of the previous turns.
        named: the turn itself names something that fiches speak of (a price, a son): it is no idle talk, and its few words count less.
    """
    if any(alone.get(nature, 0.0) >= least for nature, least in SURE_ALONE.items() if not (named and nature in IDLE)):
        return alone, False
    own = 0.25 if named else 0.5
    shares = {nature: own * alone.get(nature, 0.0) + (1 - own) * joined.get(nature, 0.0) for nature in {*alone, *joined}}
    general = shares.get(Nature.GENERAL, 0.0)
    return shares, general >= MAY_CONTINUE and general >= shares.get(Nature.PERSONAL_FILE, 0.0) + shares.get(Nature.MIXED, 0.0)


def _named(concepts: Iterable[str]) -> frozenset[str]:
    return frozenset(CONCEPT + concept for concept in concepts)


@lru_cache
def shipped_manners() -> Manners:
    """The manners of the package, read once."""
    return Manners.load()


TRUST = ("share", "agreement", "reading", "bias")
"""What tells whether the first candidate is right: logit of its share, share of the readings that put it first, confidence of the reading
that holds it best (0 when that reading puts another one first)."""


@dataclass(frozen=True)
class Learned:
    """What `bot.training.conversation` learns."""

    weights: Floats
    """(len(FEATURES),)."""
    trust: Floats
    """(len(TRUST),): logistic regression."""

    @classmethod
    def load(cls, models: Path = SHIPPED) -> Learned:
        """The weights of a folder of models; a feature that was not learned yet weighs nothing."""
        with whole(models, "conversation.json"):
            stored = json.loads((models / "conversation.json").read_text("utf-8"))
            weights = [stored["weights"].get(name, 0.0) for name in FEATURES]
            return cls(np.array(weights), np.array([stored["trust"][name] for name in TRUST]))


@dataclass(frozen=True)
class Topic:
    """What a conversation is about when a turn comes."""

    fiche: str | None
    """The fiche given last."""
    words: tuple[str, ...]
    """Words of its title, then those of the turns that the title does not hold."""
    text: str
    """Those turns as they were written."""

    def followed_by(self, text: str) -> str:
        """`text` after what was said before."""
        return f"{self.text}. {text}"


@dataclass(frozen=True)
class Heard:
    """A turn in the light of the previous ones."""

    ranked: Ranked
    """Best first; the features of each candidate are those of the reading that holds it best."""
    reading: Reading
    """The reading that holds the first candidate best."""
    leans: bool
    """Whether the previous turns made the first candidate likelier than the turn alone does."""
    confidence: float
    """Calibrated probability that the first candidate answers."""


@dataclass(frozen=True)
class Compared:
    """The candidates of a turn, before they are ordered."""

    subjects: npt.NDArray[np.int64]
    """(n,): subject numbers in the index."""
    features: Floats
    """(n, len(FEATURES))."""
    readings: tuple[tuple[Reading, Ranked], ...]
    """Alone, then after what the conversation is about."""


class Conversation:
    """Reads the turns of one state of the knowledge."""

    def __init__(self, catalogue: Catalogue, manners: Manners, learned: Learned) -> None:
        self.catalogue = catalogue
        self.manners = manners
        self.learned = learned
        self._phrases = _phrases(catalogue.lexicon, frozenset().union(*manners.exclusive.values()))

    def hear(self, topic: Topic, text: str, reading: Reading, alone: Ranked, rank: Rank, certain: Certain) -> Heard:
        """Order the candidates of a turn. One that stands alone, and whose first candidate stays, is left as it was read.

        Args:
            reading: the turn read by itself, and `alone` its candidates.
            rank: orders the candidates of a reading.
            certain: probability that the first candidate of a reading is right.
        """
        compared = self.compare(topic, text, reading, alone, rank)
        scores = compared.features @ self.learned.weights
        order = np.argsort(-scores, kind="stable")
        if not len(order):
            return Heard(alone, reading, False, 0.0)
        held = compared.features[:, [FEATURES.index(name) for name in READINGS]]
        best = held.argmax(axis=1)
        first = int(best[order[0]])
        helped = bool(held[order[0], first] > held[order[0], 0] + HELPED)
        leans = helped or bool(compared.subjects[order[0]] != alone.subjects[0])  # or the turn by itself says something else
        confidence = logistic(float(trust_signs(compared, scores, certain) @ self.learned.trust))
        if not leans:
            return Heard(alone, reading, False, confidence)
        rows = [{int(number): row for number, row in zip(one.subjects, one.features, strict=True)} for _, one in compared.readings]
        features = np.array([_held(rows, int(best[place]), int(compared.subjects[place])) for place in order])
        return Heard(Ranked(compared.subjects[order], scores[order], features), compared.readings[first][0], leans, confidence)

    def compare(self, topic: Topic, text: str, reading: Reading, alone: Ranked, rank: Rank) -> Compared:
        """The candidates of the three readings, with what tells them apart."""
        said = self.catalogue.lexicon.words(text)
        gone = self.manners.replaced_by(reading.concepts)
        kept = self._kept(topic.words, gone)
        joined = self.catalogue.lexicon.read_words([*kept, *said])
        told = self.catalogue.lexicon.read(clean(topic.followed_by(text)))
        readings = ((reading, alone), (joined, rank(joined)), (told, rank(told)))
        shares = [_logarithms(ranked) for _, ranked in readings]
        levels = [_levels(ranked) for _, ranked in readings]
        before = self.catalogue.lexicon.read_words(kept).concepts
        plain = " ".join(folded_words(text))
        long = min(len(plain.split()), 20) / 10
        anew = float(bool(self.manners.anew.search(plain)))
        numbers = sorted(set().union(*shares))
        rows = []
        for number in numbers:
            one, *others = (share.get(number, FAINTEST) for share in shares)
            signs = self._signs(number, topic, reading.concepts, before)
            rows.append((one, one * long, one * anew, *others, *signs, *(fit for level in levels for fit in level.get(number, _NO_LEVEL))))
        return Compared(np.array(numbers, np.int64), np.array(rows, np.float64).reshape(len(numbers), len(FEATURES)), readings)

    def _signs(self, number: int, topic: Topic, said: frozenset[str], before: frozenset[str]) -> tuple[float, ...]:
        subject = self.catalogue.index.subjects[number]
        fiches = self.catalogue.fiches
        given, fiche = fiches.get(topic.fiche or ""), fiches.get(subject.fiche or "")
        related = given is not None and fiche is not None and (fiche.id in given.related or given.id in fiche.related)
        titled = frozenset(term for term in subject.title_terms if term.startswith(CONCEPT))
        meant = said | before
        return (
            float(given is not None and fiche is given),
            float(related),
            float(bool(titled & meant & self.manners.objects)),
            float(bool((titled - meant) & self.manners.objects)),
            float(bool(titled & meant & self.manners.acts)),
            float(bool(titled & meant & self.manners.persons)),
            sum(subject.concepts.get(concept, 0.0) for concept in said) / max(len(said), 1),
            sum(subject.concepts.get(concept, 0.0) for concept in before) / max(len(before), 1),
        )

    def without_links(self, text: str) -> str | None:
        """The words of a turn after those that only tie it to the previous one; None when it has no such words, or only those."""
        plain = " ".join(folded_words(text))
        left = self.manners.links.sub("", plain)
        return left if left and left != plain else None

    def topic(self, context: Context) -> Topic:
        """What `context` is about: the fiche given last and what was said since, courtesies left out."""
        lexicon = self.catalogue.lexicon
        given = None
        spoken: list[str] = []
        for turn in reversed(context.turns):
            if turn.nature is Nature.SMALL_TALK:
                continue
            spoken.insert(0, turn.text)
            given = self.catalogue.fiches.get(turn.fiche or "")
            if given:
                break
        text = " ".join(spoken if given else spoken[-SPOKEN:])
        title = lexicon.words(given.title) if given else []
        words = (*title, *(word for word in lexicon.words(text) if word not in title))
        return Topic(given.id if given else None, words, text)

    def _kept(self, words: Sequence[str], gone: frozenset[str]) -> list[str]:
        """`words` without those that name a concept of `gone`; the longest name wins ("permis international" is not "permis")."""
        places = [(place, self.catalogue.lexicon.stem(word)) for place, word in enumerate(words) if word not in ARTICLES]
        stems = tuple(stem for _, stem in places)
        dropped: set[int] = set()
        position = 0
        while gone and position < len(stems):
            found = [
                (len(phrase), concept)
                for phrase, concept in self._phrases.get(stems[position], ())
                if stems[position : position + len(phrase)] == phrase
            ]
            longest = max((length for length, _ in found), default=1)
            if found and all(concept in gone for length, concept in found if length == longest):
                dropped.update(place for place, _ in places[position : position + longest])
            position += longest
        return [word for place, word in enumerate(words) if place not in dropped]


def trust_signs(compared: Compared, scores: Floats, certain: Certain) -> Floats:
    """What tells whether the best of `scores` is right, shape (len(TRUST),)."""
    place = int(np.argmax(scores))
    number = int(compared.subjects[place])
    best = int(compared.features[place, [FEATURES.index(name) for name in READINGS]].argmax())
    agreeing = [len(ranked.subjects) > 0 and int(ranked.subjects[0]) == number for _, ranked in compared.readings]
    reading, ranked = compared.readings[best]
    return np.array(
        [log_odds(float(softmax(scores)[place])), sum(agreeing) / len(agreeing), certain(ranked, reading) if agreeing[best] else 0.0, 1.0]
    )


def _held(rows: Sequence[Mapping[int, Floats]], best: int, number: int) -> Floats:
    """The features of a candidate in the reading `best`; in the first that holds it when it is too faint to stand there."""
    return rows[best][number] if number in rows[best] else next(held[number] for held in rows if number in held)


def _logarithms(ranked: Ranked) -> dict[int, float]:
    """Logarithm of the share of each of the first candidates, by subject number."""
    shares = np.maximum(np.log(np.maximum(softmax(ranked.scores), 1e-9)), FAINTEST)[:COMPARED]
    return {int(number): float(share) for number, share in zip(ranked.subjects[:COMPARED], shares, strict=True)}


_NO_LEVEL = np.zeros(len(LEVELS))


def _levels(ranked: Ranked) -> dict[int, Floats]:
    """How well a reading fits each of its candidates, by subject number: arrays of shape (len(LEVELS),)."""
    return {int(number): row for number, row in zip(ranked.subjects, ranked.features[:, _LEVELS], strict=True)}


def _phrases(lexicon: Lexicon, concepts: frozenset[str]) -> Mapping[str, Sequence[tuple[tuple[str, ...], str]]]:
    """The ways of naming `concepts`, as stems, by their first stem."""
    found: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for concept in sorted(concepts):
        for phrase in lexicon.concepts.get(concept.removeprefix(CONCEPT), ()):
            stems = tuple(lexicon.stem(word) for word in folded_words(phrase) if word not in ARTICLES)
            if stems:
                found.setdefault(stems[0], []).append((stems, concept))
    return found
