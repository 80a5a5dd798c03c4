"""The one heart: every channel gets its answers here, and nowhere else."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from sqlalchemy.orm import Session

from bot import journal, learned, settings
from bot.catalogue import Catalogue
from bot.engines.choice import engine_over
from bot.engines.contract import Engine
from bot.engines.shipped import SHIPPED
from bot.engines.weighing import thresholds
from bot.messages import NO_CONTEXT, Answer, Clarify, Context, Decline, Handover, Question, Reply
from bot.policy import Thresholds, decide
from bot.wording import Wording
from knowledge import indexing
from knowledge.clock import Clock, now, today
from knowledge.database import reading
from knowledge.directory import Directory
from knowledge.search import Progress


class Assistant:
    """Answers questions with one state of the knowledge, which `refresh` swaps whole."""

    def __init__(self, catalogue: Catalogue, engine: Engine, thresholds: Thresholds, clock: Clock = now, models: Path = SHIPPED) -> None:
        self._state: tuple[Catalogue, Engine, Thresholds] = (catalogue, engine, thresholds)
        self.models = models
        """The folder of the learned models that the engine reads."""
        self.clock = clock

    @property
    def catalogue(self) -> Catalogue:
        return self._state[0]

    @property
    def engine(self) -> Engine:
        return self._state[1]

    @property
    def thresholds(self) -> Thresholds:
        return self._state[2]

    @classmethod
    def from_settings(cls, clock: Clock = now, progress: Progress = lambda _done, _total: None) -> Assistant:
        """The assistant of this installation: database, index and models as the settings say.

        Raises:
            NothingToAnswerWith: no fiche is published.
            ModelsMissing: the models in service are not there whole.
        """
        with reading() as session:
            return cls.over(Catalogue.load(session, today(clock), progress), clock)

    @classmethod
    def over(cls, catalogue: Catalogue, clock: Clock = now, models: Path | None = None) -> Assistant:
        """An assistant over a catalogue already loaded, with the models in service unless others are given."""
        models = models or learned.in_service()
        thresholds = _thresholds(models)
        return cls(catalogue, engine_over(catalogue, thresholds, models), thresholds, clock, models)

    @property
    def directory(self) -> Directory:
        return self.catalogue.directory

    def answer(self, question: Question, context: Context = NO_CONTEXT, turn: int = 1) -> Answer:
        """Answer one question. Reads and writes nothing outside memory: `converse` keeps the journal."""
        started = time.perf_counter()
        catalogue, engine, thresholds = self._state  # read once: a swap in the middle of an answer must not mix two states
        last = context.last
        if question.choice and question.choice in catalogue.fiches:
            interpretation = engine.about(question.choice, last.language if last else "fr")
        else:
            interpretation = engine.interpret(question.text, context)
        verdict = decide(interpretation, thresholds, catalogue.neighbours, context.asked)
        answered = Wording(catalogue, self.clock()).word(verdict, interpretation, question.channel, first_turn=turn == 1)
        return replace(
            answered,
            conversation=question.conversation,
            turn=turn,
            answered_at=self.clock(),
            latency_ms=(time.perf_counter() - started) * 1000,
        )

    def converse(self, session: Session, question: Question) -> Answer:
        """Answer one turn of a conversation and write it in the journal, in the session of the entrance.

        Raises:
            ConversationUnknown: the question names a conversation that does not exist.
        """
        if question.conversation:
            conversation = question.conversation
            context, turn = journal.context(session, conversation)
        else:
            conversation = journal.open_conversation(session, question.channel, self.clock)
            context, turn = NO_CONTEXT, 1
        question = replace(question, conversation=conversation)
        answered = self.answer(question, context, turn)
        chosen = self.catalogue.fiches.get(question.choice or "")
        asked = question.text or (chosen.title if chosen else "")
        exchange = journal.record(
            session,
            answered,
            asked,
            self._topic(answered),
            self.catalogue.release,
            self.engine.name,
            answered.answered_at or self.clock(),
        )
        return replace(answered, exchange=exchange)

    def _topic(self, answered: Answer) -> str | None:
        """The topic of a reply; of what was not answered, that of the first fiche considered, as its service is."""
        named: str | None = None
        match answered:
            case Reply():
                named = answered.fiche
            case Clarify() | Handover():
                named = next((candidate.fiche for candidate in answered.interpretation.candidates if candidate.fiche), None)
            case Decline():
                pass
        fiche = self.catalogue.fiches.get(named or "")
        return fiche.topics[0] if fiche and fiche.topics else None

    def refresh(self, session: Session) -> bool:
        """Swap the knowledge and the models when newer ones are in service, or when the day changed; whether anything was swapped.

        Raises:
            ModelsMissing: newer models are not there whole; those in use stay.
        """
        day, models = today(self.clock), learned.in_service()
        known = indexing.latest_release(session) == self.catalogue.release and day == self.catalogue.day
        if known and models == self.models:
            return False
        catalogue = self.catalogue if known else Catalogue.load(session, day)
        thresholds = self.thresholds if models == self.models else _thresholds(models)
        self._state = (catalogue, engine_over(catalogue, thresholds, models), thresholds)
        self.models = models
        return True


def _thresholds(models: Path) -> Thresholds:
    """The thresholds of the settings, or those chosen with `models`."""
    return settings.settings().thresholds(thresholds(models))
