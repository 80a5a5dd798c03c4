"""Learns how much a turn leans on the previous ones: the weights of `bot.engines.conversation`.

Two kinds of trials: dialogues, whose last turn has a known answer, replayed turn by turn; and questions clear by
themselves, asked after a fiche drawn at random, so that a subject never leaks into the next one. Multinomial logit over the candidates.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bot.assistant import Assistant
from bot.catalogue import Catalogue
from bot.engines.conversation import FEATURES, LONGEST_CONTINUATION, TRUST, Certain, Compared, Floats, trust_signs
from bot.engines.embedded import EmbeddedEngine
from bot.messages import NO_CONTEXT, Context, Decision, Nature, Question, Turn
from bot.training.ranking import SEED, Guide, is_answer
from bot.training.shares import Blind
from knowledge.wordforms import folded_words

REGULARISATION = 0.05
CLEAR_SHARE = 0.5
"""How much all the clear questions after another subject count beside all the dialogues (cross-validated on the tuned half of
`followups.jsonl`)."""
FOLDS = 5


@dataclass(frozen=True)
class Dialogue:
    """The turns of one person, and the national sheets or fiches that answer the last one."""

    turns: tuple[str, ...]
    answers: frozenset[str]

    @property
    def guide(self) -> Guide:
        """The last two turns, said in one breath: a question that teaches the intents."""
        return Guide(". ".join(self.turns[-2:]), self.answers)


@dataclass(frozen=True)
class Trial:
    """The candidates of one last turn."""

    compared: Compared
    certain: Certain
    right: npt.NDArray[np.bool_]
    """(candidates,): which of them answer."""
    weight: float


def train(
    assistants: Sequence[Blind[Assistant]],
    dialogues: Sequence[Dialogue],
    clear: Sequence[Guide],
    folder: Path,
    tell: Callable[[str], None] = lambda _text: None,
) -> None:
    """Learn the weights and write them in `folder`.

    Args:
        assistants: over the fiches alone and among many official sheets: the weights must hold for both.
    """
    short = [guide for guide in clear if len(folded_words(guide.text)) <= LONGEST_CONTINUATION]
    weight = CLEAR_SHARE * len(dialogues) / max(len(short), 1)
    followed, begun = [], []
    for blind in assistants:
        for dialogue in dialogues:
            assistant = blind.to(dialogue.turns[-1])
            context = replayed(assistant, dialogue.turns[:-1])
            followed.append(trial(assistant, context, dialogue.turns[-1], dialogue.answers))
        chance = random.Random(SEED)
        fiches = [fiche for fiche in blind.halves[0].catalogue.fiches.values() if fiche.questions.get("fr")]
        for guide in short:
            assistant = blind.to(guide.text)
            given = chance.choice(fiches)
            before = Turn(chance.choice(given.questions["fr"]), given.id, Nature.GENERAL, Decision.REPLY)
            begun.append(trial(assistant, Context((before,)), guide.text, guide.answers, weight))
    weights, trust = fit([*followed, *begun]), fit_trust([*followed, *begun])
    stored = {
        "weights": {name: round(float(value), 4) for name, value in zip(FEATURES, weights, strict=True)},
        "trust": {name: round(float(value), 4) for name, value in zip(TRUST, trust, strict=True)},
    }
    (folder / "conversation.json").write_text(json.dumps(stored, indent=1) + "\n", "utf-8")
    right = [bool(one.right[int(np.argmax(one.compared.features @ weights))]) for one in followed]
    share = sum(right) / max(len(right), 1)
    tell(f"Conversation : {len(followed)} suites et {len(begun)} questions neuves ; {share:.1%} de ces suites comprises.")


def replayed(assistant: Assistant, turns: Sequence[str]) -> Context:
    """What `turns` leave behind, answered by `assistant`."""
    context = NO_CONTEXT
    for number, text in enumerate(turns, start=1):
        context = context.after(text, assistant.answer(Question(text), context, number))
    return context


def trial(assistant: Assistant, context: Context, text: str, answers: frozenset[str], weight: float = 1.0) -> Trial:
    """The candidates of `text` after `context`."""
    catalogue: Catalogue = assistant.catalogue
    engine = assistant.engine
    if not isinstance(engine, EmbeddedEngine):
        raise TypeError(f"conversations are learned with the embedded engine, not {engine.name}")
    reading = catalogue.lexicon.read(text)
    compared = engine.conversation.compare(engine.conversation.topic(context), text, reading, engine.rank(reading), engine.rank)
    right = [is_answer(catalogue.index.subjects[int(number)], answers) for number in compared.subjects]
    return Trial(compared, engine.certain, np.array(right, bool), weight)


def fit(trials: Sequence[Trial], regularisation: float = REGULARISATION) -> Floats:
    """Weights of the features, shape (len(FEATURES),): multinomial logit over the candidates of the trials that have a right one."""
    from scipy.optimize import minimize

    usable = [one for one in trials if one.right.any()]
    deviations = np.vstack([one.compared.features for one in usable]).std(axis=0) + 1e-6
    total = sum(one.weight for one in usable)

    def loss(weights: Floats) -> tuple[float, Floats]:
        value, slope = float(regularisation * weights @ weights), 2 * regularisation * weights
        for one in usable:
            scaled = one.compared.features / deviations
            scores = scaled @ weights
            shares = np.exp(scores - scores.max())
            shares /= shares.sum()
            good = np.where(one.right, shares, 0.0)
            value -= one.weight * float(np.log(max(good.sum(), 1e-12))) / total
            slope = slope + one.weight * scaled.T @ (shares - good / max(good.sum(), 1e-12)) / total
        return value, slope

    found: Floats = minimize(loss, np.zeros(len(FEATURES)), jac=True, method="L-BFGS-B").x / deviations
    return found


def fit_trust(trials: Sequence[Trial]) -> Floats:
    """Logistic regression, shape (len(TRUST),): whether the first candidate is right, seen on trials that did not teach the weights."""
    from sklearn.linear_model import LogisticRegression

    signs, outcomes, shares = [], [], []
    for fold in range(FOLDS):
        weights = fit([one for number, one in enumerate(trials) if number % FOLDS != fold])
        for one in trials[fold::FOLDS]:
            scores = one.compared.features @ weights
            signs.append(trust_signs(one.compared, scores, one.certain))
            outcomes.append(bool(one.right[int(np.argmax(scores))]))
            shares.append(one.weight)
    model = LogisticRegression(C=10.0, fit_intercept=False).fit(np.array(signs), outcomes, sample_weight=shares)
    found: Floats = model.coef_[0]
    return found
