"""What a change would do to the last questions people asked: each is answered by both versions, and the differences are told.

Nothing is kept in the journal. Questions come with the turns that preceded them, so that a follow-up is understood as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.assistant import Assistant
from bot.messages import Answer, Clarify, Decision, Question, Reply
from bot.workbench.remembered import Remembered

Step = Callable[[int, int], None]


class Kind(StrEnum):
    """What changes for the person who asked, the gravest first."""

    LOST = "lost"
    """Was answered, no longer is."""
    OTHER = "other"
    """Answered by another fiche."""
    REWORDED = "reworded"
    """The same fiche says something else."""
    CHOICES = "choices"
    """Asked back, with other choices, or asked back instead of handed over, or the reverse."""
    GAINED = "gained"
    """Was not answered, now is."""


@dataclass(frozen=True)
class Difference:
    kind: Kind
    question: Remembered
    before: Answer
    after: Answer


@dataclass(frozen=True)
class Preview:
    asked: int
    differences: tuple[Difference, ...]
    """Gravest first, then in the order of the questions, newest first."""

    def count(self, kind: Kind) -> int:
        return sum(difference.kind is kind for difference in self.differences)


def preview(before: Assistant, after: Assistant, questions: Sequence[Remembered], step: Step = lambda _done, _total: None) -> Preview:
    """Answer `questions` with both versions."""
    found = []
    for number, remembered in enumerate(questions, start=1):
        question = Question(remembered.question, remembered.channel)
        turn = len(remembered.context.turns) + 1
        pair = before.answer(question, remembered.context, turn), after.answer(question, remembered.context, turn)
        kind = _kind(*pair)
        if kind:
            found.append(Difference(kind, remembered, *pair))
        step(number, len(questions))
    order = list(Kind)
    return Preview(len(questions), tuple(sorted(found, key=lambda difference: order.index(difference.kind))))


def _kind(before: Answer, after: Answer) -> Kind | None:
    replied, replies = before.decision is Decision.REPLY, after.decision is Decision.REPLY
    if replied and not replies:
        return Kind.LOST
    if replies and not replied:
        return Kind.GAINED
    if isinstance(before, Reply) and isinstance(after, Reply) and before.fiche != after.fiche:
        return Kind.OTHER
    if replied and before.text != after.text:
        return Kind.REWORDED
    if before.decision is not after.decision or _offered(before) != _offered(after):
        return Kind.CHOICES
    return None


def _offered(answer: Answer) -> tuple[str, ...]:
    return tuple(choice.fiche for choice in answer.choices) if isinstance(answer, Clarify) else ()
