"""Puts questions to the assistant by its public path, and judges what came back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.assistant import Assistant
from bot.evaluation.questions import Asked
from bot.messages import Answer, Channel, Context, Decision, Question
from bot.policy import Thresholds, Verdict, decide

Progress = Callable[[int, int], None]
"""Told (done, total) as questions are answered."""


class Judgement(StrEnum):
    """What an answer is worth to the person, and to the préfecture."""

    RIGHT = "right"
    OFFERED = "offered"
    """Asked back, and the right reading was among the choices."""
    NOT_ANSWERED = "not answered"
    """Handed over, declined, or asked back without the right reading: nobody was told something wrong."""
    WRONG = "wrong"
    """Answered by something else than what answers it, or answered although it must not be."""


@dataclass(frozen=True)
class Outcome:
    """One question and the answer to it."""

    asked: Asked
    answer: Answer
    offered: tuple[tuple[str, ...], ...] = ()
    """What the questions back of the turns just before offered (`Context.asked`)."""

    @property
    def rank(self) -> int | None:
        """Position of the first right candidate, from 1; None when it is not among the ten."""
        candidates = self.answer.interpretation.candidates
        return next((place for place, candidate in enumerate(candidates, start=1) if self.asked.is_right(candidate)), None)

    @property
    def confidence(self) -> float:
        return self.answer.interpretation.confidence

    @property
    def decision(self) -> Decision:
        return self.answer.decision

    def judged(self, thresholds: Thresholds, twins: Mapping[str, frozenset[str]]) -> Judgement:
        """What the answer would be worth with these thresholds; the decision is that of `bot.policy`."""
        return judge(self.asked, decide(self.answer.interpretation, thresholds, twins, self.offered))


def judge(asked: Asked, verdict: Verdict) -> Judgement:
    """The worth of a verdict. Only a reply can be wrong, and it is when one of the fiches that it tells is not right."""
    match verdict.decision:
        case Decision.REPLY:
            said = [candidate for candidate in (verdict.candidate, verdict.second) if candidate]
            right = bool(said) and not asked.forbidden and all(asked.is_right(candidate) for candidate in said)
            return Judgement.RIGHT if right else Judgement.WRONG
        case Decision.CLARIFY:
            offered = not asked.forbidden and any(asked.is_right(choice) for choice in verdict.choices)
            return Judgement.OFFERED if offered else Judgement.NOT_ANSWERED
        case Decision.HANDOVER | Decision.DECLINE:
            return Judgement.NOT_ANSWERED


def ask(assistant: Assistant, asked: Asked, channel: Channel = Channel.CHAT) -> Outcome:
    """The answer to a question, or to the last turn of a conversation."""
    context = Context()
    turns = asked.turns or (asked.text,)
    for number, text in enumerate(turns[:-1], start=1):
        context = context.after(text, assistant.answer(Question(text, channel), context, number))
    answer = assistant.answer(Question(turns[-1], channel), context, len(turns))
    return Outcome(asked, answer, context.asked)


def ask_all(assistant: Assistant, asked: Sequence[Asked], progress: Progress = lambda _done, _total: None) -> list[Outcome]:
    """The answers to questions, in their order."""
    found = []
    for number, one in enumerate(asked, start=1):
        found.append(ask(assistant, one))
        progress(number, len(asked))
    return found
