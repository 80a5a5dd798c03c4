"""Learns how the signs of a request weigh on its nature (`bot.engines.weighing`), then chooses the threshold of a reply.

What a classifier has read, it recognises too well: so the requests are cut in folds, and the words and the meaning of each one are judged
by classifiers that have read neither it nor its fold. Turns of conversations are weighed too: what people add to a question already asked,
and what they tell of another nature in the middle of it.
"""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from bot.assistant import Assistant
from bot.engines.conversation import ANSWERABLE
from bot.engines.embedded import EmbeddedEngine
from bot.engines.nature import NatureClassifier
from bot.engines.sense import Sense
from bot.engines.weighing import SIGNS, Floats, Weigher, signs
from bot.messages import NO_CONTEXT, Candidate, Context, Nature
from bot.policy import DECLINED, Thresholds
from bot.training import natures, sense
from bot.training.conversation import Dialogue, replayed
from bot.training.ranking import SEED, Guide, is_answer
from knowledge.search import Index

GENERAL = Nature.GENERAL.value
SHARE_OF_GENERAL = 3
"""One phrasing in so many teaches the meaning: as many as there are requests."""
FOLDS = 4
REGULARISATION = 0.3
"""Inverse, chosen by cross-validation."""
LEAST_DEVIATION = 1e-2
"""Of a sign that hardly varies (none does in a conversation while only requests alone are read)."""
EXAMPLE, QUESTION, REQUEST = 1.0, 2.0, 3.0
"""Weight of an example of a nature, of a question that a fiche answers, of a request of people who wrote no example."""
TOLD_AFTER = 2400
"""Requests of every nature told after the first turns of a dialogue."""
MOST_WRONG = 0.0075
"""Share of all questions, one third of which nothing answers, that may be answered wrongly: chooses `sure`. Three quarters of the one in a
hundred that is promised, since the questions that choose are too few to tell it closer."""
POSSIBLE, CLOSE = 0.2, 0.75
"""The other thresholds (`policy.Thresholds`): a question back costs a turn, never a wrong answer."""
FORBIDDEN = frozenset({Nature.PERSONAL_FILE, Nature.COMPLAINT, Nature.WANTS_PERSON, *DECLINED})
"""Natures that no fiche may answer."""


@dataclass(frozen=True)
class Request:
    """One request, alone or after others, and its nature."""

    text: str
    label: str
    """As those of `NatureClassifier`."""
    weight: float
    before: Context = NO_CONTEXT

    @property
    def nature(self) -> Nature:
        return Nature(self.label.partition(" ")[0])

    @property
    def fold(self) -> int:
        return zlib.crc32(self.text.encode()) % FOLDS


class Lesson:
    """Requests and their signs, judged by classifiers that had read none of them: alone first, then in conversations."""

    def __init__(self, index: Index, general: Sequence[str], requests: Sequence[Request]) -> None:
        """Teach the blind classifiers.

        Args:
            general: questions that teach only the classifiers: the phrasings of the fiches, which the search would find word for word.
            requests: requests that stand alone, of every nature.
        """
        self.requests = tuple(requests)
        read = sense.vectors(index, [one.text for one in requests])
        others = list(general[::SHARE_OF_GENERAL])
        more = sense.vectors(index, others)
        self.classifiers: list[tuple[NatureClassifier, Sense]] = []
        """Of words and of meaning, by the fold that they have not read."""
        for fold in range(FOLDS):
            known = [number for number, one in enumerate(requests) if one.fold != fold]
            labels = [requests[number].label for number in known]
            texts = [requests[number].text for number in known]
            words = natures.fit([*general, *texts], [*[GENERAL] * len(general), *labels])
            meaning = sense.fit(np.vstack([read[known], more]), [*labels, *[GENERAL] * len(others)], index.embedder.name)
            self.classifiers.append((words, meaning))
        everyone = [*[one.label for one in requests], *[GENERAL] * len(others)]
        self.sense = sense.fit(np.vstack([read, more]), everyone, index.embedder.name)
        """The network that has read everything: the one that serves."""
        self.rows: list[tuple[Request, Floats]] = []

    def blind(self, engine: EmbeddedEngine, request: Request) -> EmbeddedEngine:
        """`engine` with classifiers that have not read `request`."""
        words, meaning = self.classifiers[request.fold]
        return replace(engine, natures=words, sense=meaning)

    def weigh(self, engines: Sequence[EmbeddedEngine], requests: Iterable[Request]) -> None:
        """Read the signs of `requests`, by one engine after the other; what a pattern decides needs none."""
        for number, one in enumerate(requests):
            engine = engines[number % len(engines)]
            clues = None if engine.rules.decide(one.text) else self.blind(engine, one).clues(one.text, one.before)
            if clues:
                self.rows.append((one, signs(clues)))

    def fit(self) -> Weigher:
        """The weights learned from every row."""
        from sklearn.linear_model import LogisticRegression

        stacked = np.vstack([row for _, row in self.rows])
        means, deviations = stacked.mean(axis=0), np.maximum(stacked.std(axis=0), LEAST_DEVIATION)
        model = LogisticRegression(C=REGULARISATION, max_iter=500)
        labels = [one.nature.value for one, _ in self.rows]
        model.fit((stacked - means) / deviations, labels, sample_weight=[one.weight for one, _ in self.rows])
        return Weigher(tuple(Nature(name) for name in model.classes_), model.coef_.T, model.intercept_, means, deviations)

    def forbidden(self, engines: Sequence[EmbeddedEngine]) -> list[float]:
        """Confidence of the answer to each request of other people, alone, that no fiche may answer; 0 when its nature is seen."""
        asked = [one for one in self.requests if one.weight == REQUEST and one.nature in FORBIDDEN]
        return [answered(self.blind(engines[number % len(engines)], one), one.text)[0] for number, one in enumerate(asked)]


def requests_of(judged: Iterable[tuple[str, str]], questions: Iterable[str]) -> list[Request]:
    """The requests that stand alone, each text once: of other people, questions that a fiche answers, then examples of natures.

    Args:
        judged: requests of other people, as (text, label).
    """
    found: dict[str, Request] = {}
    for text, label in judged:
        found.setdefault(text, Request(text, label, REQUEST))
    for text in questions:
        found.setdefault(text, Request(text, GENERAL, QUESTION))
    for label, texts in natures.examples().items():
        for text in texts:
            found.setdefault(text, Request(text, label, EXAMPLE))
    return list(found.values())


def turns(assistants: Sequence[Assistant], dialogues: Sequence[Dialogue], requests: Sequence[Request]) -> list[Request]:
    """The last turns of dialogues, which are general questions, and requests of every nature told after the first turns of one."""
    chance = random.Random(SEED)
    found, contexts = [], []
    for number, dialogue in enumerate(dialogues):
        context = replayed(assistants[number % len(assistants)], dialogue.turns[:-1])
        contexts.append(context)
        found.append(Request(dialogue.turns[-1], GENERAL, REQUEST, context))
    others = [one for one in requests if one.nature is not Nature.GENERAL]
    for one in chance.sample(others, min(TOLD_AFTER, len(others)) if contexts else 0):
        found.append(replace(one, before=chance.choice(contexts)))
    return found


def answered(engine: EmbeddedEngine, text: str) -> tuple[float, Candidate | None]:
    """The confidence of the answer to `text`, 0 when its nature forbids one, and what would answer it."""
    understood = engine.interpret(text)
    first = understood.candidates[0] if understood.candidates else None
    return (understood.confidence if understood.nature in ANSWERABLE else 0.0), first


def choose(engines: Sequence[EmbeddedEngine], judges: Sequence[Guide], forbidden: Sequence[float]) -> Thresholds:
    """The thresholds of `policy`, `sure` chosen on questions that taught nothing.

    Args:
        forbidden: confidence in the answer of requests that must not be answered.
    """
    covered = []
    for engine in engines:
        for judge in judges:
            confidence, first = answered(engine, judge.text)
            covered.append((confidence, first is not None and is_answer(first, judge.answers)))
    sure = least_sure(covered, forbidden)
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
        "means": rounded(weigher.means),
        "deviations": rounded(weigher.deviations),
        "bias": rounded(weigher.bias),
        "weights": {nature.value: rounded(column) for nature, column in zip(weigher.natures, weigher.weights.T, strict=True)},
        "thresholds": asdict(kept),
    }
    (folder / "weighing.json").write_text(json.dumps(stored, indent=1) + "\n", "utf-8")


def rounded(values: Floats) -> list[float]:
    return [round(float(value), 4) for value in values]
