"""Learns how the signs of a request weigh on its nature (`bot.engines.weighing`), then chooses the threshold of a reply.

What a classifier has read, it recognises too well: so the requests are cut in folds, and the words, their order and the meaning of each one
are judged by classifiers that have read neither it nor its fold. Phrasings of fiches are requests like any other, the most ordinary of
all: those of the share ORDER (`shares`) are put to engines whose search has never seen them. Turns of conversations are weighed too: what
people add to a question already asked, and what they tell of another nature in the middle of it.
"""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from enum import IntEnum
from pathlib import Path

import numpy as np

from bot.assistant import Assistant
from bot.engines.convolution import Convolution
from bot.engines.embedded import EmbeddedEngine
from bot.engines.nature import NatureClassifier
from bot.engines.probabilities import log_odds
from bot.engines.sense import Sense
from bot.engines.weighing import ANSWERABLE, SIGNS, Floats, Shares, Weigher, answerable, signs
from bot.messages import NO_CONTEXT, Context, Nature
from bot.policy import DECLINED, Thresholds
from bot.training import convolution, natures, sense
from bot.training.conversation import Dialogue, replayed
from bot.training.learning import Phrasings
from bot.training.ranking import SEED, Guide, is_answer
from bot.training.shares import Blind, Share, of
from knowledge.fiches import PublishedFiche
from knowledge.search import Index

GENERAL = Nature.GENERAL.value
SHARE_OF_FRENCH = 3
"""One French phrasing in so many teaches the meaning, and all the others: there are few calm texts in other languages."""
FOLDS = 4
REGULARISATION = 0.3
"""Inverse, chosen by cross-validation."""
LEAST_DEVIATION = 1e-2
"""Of a sign that hardly varies (none does in a conversation while only requests alone are read)."""
TOLD_AFTER = 2400
"""Requests of every nature told after the first turns of a dialogue."""
MOST_WRONG = 0.003
"""Share of all questions, one third of which nothing answers, that may be answered wrongly: chooses `sure`. Less than a third of the one
in a hundred that is promised: false alarms and wrong bodies take their part, and people who have not read the fiches ask harder questions
than those that choose (wrong answers come out two to four times as many there)."""
POSSIBLE, CLOSE = 0.2, 0.75
"""The other thresholds (`policy.Thresholds`): a question back costs a turn, never a wrong answer."""
FORBIDDEN = frozenset({Nature.PERSONAL_FILE, Nature.COMPLAINT, Nature.WANTS_PERSON, *DECLINED})
"""Natures that no fiche may answer."""


class Origin(IntEnum):
    """Where a request comes from; its value is how much it weighs."""

    EXAMPLE = 1
    """Written to teach a nature, or to find a fiche."""
    QUESTION = 2
    """One of other people that a fiche answers."""
    REQUEST = 3
    """One of other people, of any nature."""


@dataclass(frozen=True)
class Request:
    """One request, alone or after others, and its nature."""

    text: str
    label: str
    """As those of `NatureClassifier`."""
    origin: Origin
    before: Context = NO_CONTEXT

    @property
    def nature(self) -> Nature:
        return Nature(self.label.partition(" ")[0])

    @property
    def fold(self) -> int:
        return zlib.crc32(self.text.encode()) % FOLDS


class OutOfFold:
    """Requests and their signs, judged by classifiers that had read none of them: alone first, then in conversations."""

    def __init__(self, index: Index, general: Phrasings, requests: Sequence[Request]) -> None:
        """Teach the blind classifiers.

        Args:
            general: phrasings that the search would find word for word: they teach only the classifiers.
            requests: requests that stand alone, of every nature.
        """
        self.requests = tuple(requests)
        read = sense.vectors(index, [one.text for one in requests])
        others = [*general.french[::SHARE_OF_FRENCH], *general.foreign]
        more = sense.vectors(index, others)
        self.classifiers: list[tuple[NatureClassifier, Sense, Convolution]] = []
        """Of words, of meaning and of order, by the fold that they have not read."""
        for fold in range(FOLDS):
            known = [number for number, one in enumerate(requests) if one.fold != fold]
            labels = [requests[number].label for number in known]
            texts = [requests[number].text for number in known]
            words = natures.fit([*general.all, *texts], [*[GENERAL] * len(general.all), *labels])
            labels += [GENERAL] * len(others)
            meaning = sense.fit(np.vstack([read[known], more]), labels, index.embedder.name)
            self.classifiers.append((words, meaning, convolution.fit([*texts, *others], labels)))
        everyone = [*[one.label for one in requests], *[GENERAL] * len(others)]
        self.sense = sense.fit(np.vstack([read, more]), everyone, index.embedder.name)
        """The network that has read everything: the one that serves."""
        self.order = convolution.fit([*(one.text for one in requests), *others], everyone)
        """Likewise."""
        self.rows: list[tuple[Request, Floats]] = []

    def blind(self, engine: EmbeddedEngine, request: Request) -> EmbeddedEngine:
        """`engine` with classifiers that have not read `request`."""
        words, meaning, order = self.classifiers[request.fold]
        return replace(engine, natures=words, sense=meaning, order=order)

    def weigh(self, engines: Sequence[Blind[EmbeddedEngine]], requests: Iterable[Request]) -> None:
        """Read the signs of `requests` by one engine after the other, which has not read them. What a pattern decides needs none."""
        for number, one in enumerate(requests):
            engine = engines[number % len(engines)].to(one.text)
            clues = None if engine.rules.decide(one.text) else self.blind(engine, one).clues(one.text, one.before)
            if clues:
                self.rows.append((one, signs(clues)))

    def fit(self) -> Weigher:
        """The weights learned from every row."""
        from sklearn.linear_model import LogisticRegression

        stacked = np.vstack([row for _, row in self.rows])
        means, deviations = np.nanmean(stacked, axis=0), np.maximum(np.nanstd(stacked, axis=0), LEAST_DEVIATION)
        model = LogisticRegression(C=REGULARISATION, max_iter=500)
        labels = [one.nature.value for one, _ in self.rows]
        scaled = np.nan_to_num((stacked - means) / deviations)  # what the meaning does not say is at its mean
        model.fit(scaled, labels, sample_weight=[float(one.origin) for one, _ in self.rows])
        return Weigher(tuple(Nature(name) for name in model.classes_), model.coef_.T, model.intercept_, means, deviations)

    def forbidden(self, engines: Sequence[EmbeddedEngine]) -> list[tuple[EmbeddedEngine, str]]:
        """The requests of other people, alone, that no fiche may answer, each with an engine that has not read it."""
        asked = [one for one in self.requests if one.origin is Origin.REQUEST and one.nature in FORBIDDEN]
        return [(self.blind(engines[number % len(engines)], one), one.text) for number, one in enumerate(asked)]


def requests_of(judged: Iterable[tuple[str, str]], questions: Iterable[str]) -> list[Request]:
    """The requests that stand alone, each text once: of other people, questions that a fiche answers, then examples of natures.

    Args:
        judged: requests of other people, as (text, label).
    """
    found: dict[str, Request] = {}
    for text, label in judged:
        found.setdefault(text, Request(text, label, Origin.REQUEST))
    for text in questions:
        found.setdefault(text, Request(text, GENERAL, Origin.QUESTION))
    for label, texts in natures.examples().items():
        for text in texts:
            found.setdefault(text, Request(text, label, Origin.EXAMPLE))
    return list(found.values())


def phrased(fiches: Sequence[PublishedFiche], requests: Sequence[Request]) -> list[Request]:
    """The phrasings of the share ORDER that are none of `requests`: general questions."""
    known = {one.text for one in requests}
    texts = dict.fromkeys(text for _, _, text in of(fiches, Share.ORDER) if text not in known)
    return [Request(text, GENERAL, Origin.EXAMPLE) for text in texts]


def turns(assistants: Sequence[Blind[Assistant]], dialogues: Sequence[Dialogue], requests: Sequence[Request]) -> list[Request]:
    """The last turns of dialogues, which are general questions, and requests of every nature told after the first turns of one."""
    chance = random.Random(SEED)
    found, contexts = [], []
    for number, dialogue in enumerate(dialogues):
        context = replayed(assistants[number % len(assistants)].to(dialogue.turns[-1]), dialogue.turns[:-1])
        contexts.append(context)
        found.append(Request(dialogue.turns[-1], GENERAL, Origin.REQUEST, context))
    others = [one for one in requests if one.nature is not Nature.GENERAL]
    for one in chance.sample(others, min(TOLD_AFTER, len(others)) if contexts else 0):
        found.append(replace(one, before=chance.choice(contexts)))
    return found


@dataclass(frozen=True)
class Trial:
    """One request put to the whole path."""

    likeness: float
    shares: Shares
    answerable: bool
    """Its nature lets a fiche answer."""
    right: bool
    """The first fiche answers it."""
    covered: bool
    """Something answers it."""


def trials(engines: Sequence[EmbeddedEngine], judges: Sequence[Guide], forbidden: Sequence[tuple[EmbeddedEngine, str]]) -> list[Trial]:
    """What becomes of questions that taught nothing, and of requests that must not be answered (`OutOfFold.forbidden`)."""
    asked: list[tuple[EmbeddedEngine, str, frozenset[str] | None]] = [
        (engine, judge.text, judge.answers) for engine in engines for judge in judges
    ]
    asked += [(engine, text, None) for engine, text in forbidden]
    found = []
    for engine, text, answers in asked:
        understood, clues = engine.interpret(text), engine.clues(text)
        if clues:
            first = understood.candidates[0] if understood.candidates else None
            right = answers is not None and first is not None and is_answer(first, answers)
            may = understood.nature in ANSWERABLE
            found.append(Trial(clues.likeness, engine.weigher.shares(clues), may, right, covered=answers is not None))
    return found


def fit_trust(tried: Sequence[Trial]) -> tuple[float, float]:
    """The weights of `Weigher.confidence` (Platt, 1999): what something answers weighs two thirds, whatever the numbers."""
    from sklearn.linear_model import LogisticRegression

    covered = sum(one.covered for one in tried)
    weights = [2 / max(covered, 1) if one.covered else 1 / max(len(tried) - covered, 1) for one in tried]
    rows = [[log_odds(one.likeness * answerable(one.shares))] for one in tried]
    model = LogisticRegression(C=1e4).fit(rows, [one.right for one in tried], sample_weight=np.array(weights) * len(tried) / 3)
    return float(model.coef_[0][0]), float(model.intercept_[0])


def choose(weigher: Weigher, tried: Sequence[Trial]) -> Thresholds:
    """The thresholds of `policy`, `sure` chosen on what judges."""
    told = [(weigher.confidence(one.likeness, one.shares) if one.answerable else 0.0, one) for one in tried]
    covered = [(confidence, one.right) for confidence, one in told if one.covered]
    sure = least_sure(covered, [confidence for confidence, one in told if not one.covered])
    return Thresholds(sure, min(POSSIBLE, sure), CLOSE)


def least_sure(covered: Sequence[tuple[float, bool]], forbidden: Sequence[float]) -> float:
    """The lowest threshold at which at most `MOST_WRONG` of all questions are answered wrongly (a point of the risk-coverage curve).

    Args:
        covered: confidence in the first candidate, and whether it is right, of questions that something answers.
        forbidden: confidence for questions that nothing answers; they weigh one third of all, whatever their number.
    """
    share = (2 / 3) / max(len(covered), 1)
    other = (1 / 3) / max(len(forbidden), 1)
    wrong = sorted([(confidence, share) for confidence, right in covered if not right] + [(confidence, other) for confidence in forbidden])
    risk, threshold = 0.0, 1.0
    for confidence, weight in reversed(wrong):
        risk += weight
        if risk > MOST_WRONG:
            return round(confidence + 0.001, 3)
        threshold = confidence
    return round(threshold, 3)


def save(weigher: Weigher, kept: Thresholds, folder: Path) -> None:
    """Write the weights and the thresholds."""
    stored = {
        "signs": list(SIGNS),
        "means": _rounded(weigher.means),
        "deviations": _rounded(weigher.deviations),
        "bias": _rounded(weigher.bias),
        "weights": {nature.value: _rounded(column) for nature, column in zip(weigher.natures, weigher.weights.T, strict=True)},
        "trust": _rounded(weigher.trust) if weigher.trust else None,
        "thresholds": asdict(kept),
    }
    (folder / "weighing.json").write_text(json.dumps(stored, indent=1) + "\n", "utf-8")


def _rounded(values: Iterable[float]) -> list[float]:
    return [round(float(value), 4) for value in values]
