"""The one heart: every channel gets its answers here, and nowhere else."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from importlib.resources import files

from sqlalchemy.orm import Session

from bot import journal, settings
from bot.catalogue import Catalogue
from bot.engines.choice import engine_over
from bot.engines.contract import Engine
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

    def __init__(self, catalogue: Catalogue, engine: Engine, thresholds: Thresholds, clock: Clock = now) -> None:
        self._state: tuple[Catalogue, Engine] = (catalogue, engine)
        self.thresholds = thresholds
        self.clock = clock

    @property
    def catalogue(self) -> Catalogue:
        return self._state[0]

    @property
    def engine(self) -> Engine:
        return self._state[1]

    @classmethod
    def from_settings(cls, clock: Clock = now, progress: Progress = lambda _done, _total: None) -> Assistant:
        """The assistant of this installation: database, index and models as the settings say.

        Raises:
            NothingToAnswerWith: no fiche is published.
        """
        with reading() as session:
            return cls.over(Catalogue.load(session, today(clock), progress), clock)

    @classmethod
    def over(cls, catalogue: Catalogue, clock: Clock = now) -> Assistant:
        """An assistant over a catalogue already loaded, with the shipped models."""
        thresholds = settings.settings().thresholds(shipped_thresholds())
        return cls(catalogue, engine_over(catalogue, thresholds), thresholds, clock)

    @property
    def directory(self) -> Directory:
        return self.catalogue.directory

    def answer(self, question: Question, context: Context = NO_CONTEXT, turn: int = 1) -> Answer:
        """Answer one question. Reads and writes nothing outside memory: `converse` keeps the journal."""
        started = time.perf_counter()
        catalogue, engine = self._state  # read once: a swap in the middle of an answer must not mix two states
        last = context.last
        if question.choice and question.choice in catalogue.fiches:
            interpretation = engine.about(question.choice, last.language if last else "fr")
        else:
            interpretation = engine.interpret(question.text, context)
        already_asked = last is not None and last.decision.value == "clarify"
        verdict = decide(interpretation, self.thresholds, catalogue.neighbours, already_asked)
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
        """Swap the knowledge when a newer state was announced or the day changed; whether it was swapped."""
        day = today(self.clock)
        if indexing.latest_release(session) == self.catalogue.release and day == self.catalogue.day:
            return False
        catalogue = Catalogue.load(session, day)
        self._state = (catalogue, engine_over(catalogue, self.thresholds))
        return True


def shipped_thresholds() -> Thresholds:
    """The thresholds chosen with the shipped models."""
    stored = json.loads(files("bot").joinpath("models/confidence.json").read_text("utf-8"))["thresholds"]
    return Thresholds(**stored)
