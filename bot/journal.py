"""The journal of exchanges: written once, never rewritten; the only source of the indicators.

Figures (`exchange`, `feedback`) stay; words (`exchange_text`), already redacted, are forgotten after their retention. The context of a
conversation is read back from here, so that any process can serve its next turn.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, Select, delete, func, insert, select
from sqlalchemy.orm import Session, defer

from bot.errors import ConversationUnknown
from bot.messages import REMEMBERED, Answer, Channel, Clarify, Context, Decision, Nature, Reply, Turn
from bot.redaction import redact
from knowledge import models
from knowledge.clock import Clock, now, start_of
from knowledge.learned_models import ConfirmedAnswer, LearnedPhrasing
from knowledge.wordforms import clean

# Written once and compiled once: an exchange is added at every turn, without the object layer.
_ADD_CONVERSATION = insert(models.Base.metadata.tables["conversation"])
_ADD_EXCHANGE = insert(models.Base.metadata.tables["exchange"]).returning(models.Base.metadata.tables["exchange"].c.id)
_ADD_TEXT = insert(models.Base.metadata.tables["exchange_text"])
"""Previous turns that can complete a question."""


def open_conversation(session: Session, channel: Channel, clock: Clock = now) -> str:
    """Start a conversation and return its identifier: 128 random bits, in hexadecimal (T24)."""
    identifier = secrets.token_hex(16)
    session.execute(_ADD_CONVERSATION, {"id": identifier, "channel": channel.value, "started_at": clock()})
    return identifier


def context(session: Session, conversation: str) -> tuple[Context, int]:
    """The last turns of a conversation, oldest first, and the number of the next turn.

    Raises:
        ConversationUnknown: no conversation has this identifier.
    """
    rows = session.execute(
        select(models.Exchange, models.ExchangeText.question)
        .outerjoin(models.ExchangeText, models.ExchangeText.exchange_id == models.Exchange.id)
        .where(models.Exchange.conversation_id == conversation)
        .order_by(models.Exchange.turn.desc())
        .limit(REMEMBERED)
    ).all()
    if not rows and session.get(models.Conversation, conversation) is None:
        raise ConversationUnknown("Cette conversation n'existe pas ou n'est plus ouverte. Commencez une nouvelle conversation.")
    turns = tuple(turn_of(exchange, question or "") for exchange, question in reversed(rows))
    return Context(turns), (rows[0][0].turn + 1 if rows else 1)


def turn_of(exchange: models.Exchange, question: str) -> Turn:
    """What one exchange left behind for the next turns."""
    decision = Decision(exchange.decision)
    choices = tuple(candidate["fiche"] for candidate in exchange.candidates if candidate.get("offered"))
    return Turn(question, exchange.fiche_id, Nature(exchange.nature), decision, choices, exchange.language)


def record(session: Session, answer: Answer, question: str, topic: str | None, release: int, engine: str, at: datetime) -> int:
    """Add one exchange with its words, and return its number.

    Args:
        question: what was typed or said: control characters are removed, then it is redacted, before anything is kept.
        at: when the answer was given.
    """
    understood = answer.interpretation
    offered = {choice.fiche for choice in answer.choices} if isinstance(answer, Clarify) else set()
    replied = answer if isinstance(answer, Reply) else None
    number: int = session.execute(
        _ADD_EXCHANGE,
        {
            "conversation_id": answer.conversation,
            "turn": answer.turn,
            "at": at,
            "channel": answer.channel.value,
            "language": understood.language,
            "nature": understood.nature.value,
            "decision": answer.decision.value,
            "reason": answer.reason,
            "fiche_id": replied.fiche if replied else None,
            "fiche_number": replied.version if replied else None,
            "topic": topic,
            "service_id": answer.service,
            "emergency": understood.emergency,
            "competent": understood.competent,
            "confidence": understood.confidence,
            "candidates": [
                {"fiche": candidate.fiche, "sheets": list(candidate.service_public), "score": candidate.score}
                | ({"offered": True} if candidate.fiche in offered else {})
                for candidate in understood.candidates
            ],
            "provenance": sorted(
                {
                    (
                        sentence.provenance.source.value,
                        sentence.provenance.reference,
                        sentence.provenance.version or 0,
                        sentence.provenance.section,
                    )
                    for sentence in answer.sentences
                }
            ),
            "release_id": release,
            "engine": engine,
            "latency_ms": round(answer.latency_ms, 3),
        },
    ).scalar_one()
    session.execute(_ADD_TEXT, {"exchange_id": number, "question": redact(clean(question)), "answer": answer.text})
    return number


def give_feedback(
    session: Session, conversation: str, exchange: int, clear: bool | None = None, helped: bool | None = None, clock: Clock = now
) -> None:
    """Keep what a person said of an answer: was it clear, did it help. The newest row of an exchange counts.

    Raises:
        ConversationUnknown: this exchange is not of this conversation.
    """
    owner = session.scalar(select(models.Exchange.conversation_id).where(models.Exchange.id == exchange))
    if owner is None or owner != conversation:
        raise ConversationUnknown("Cet échange n'existe pas dans cette conversation.")
    session.execute(insert(models.Feedback).values(exchange_id=exchange, at=clock(), clear=clear, helped=helped))


def count(session: Session) -> int:
    """Number of exchanges."""
    return session.scalar(select(func.count()).select_from(models.Exchange)) or 0


@dataclass(frozen=True)
class Spoken:
    """One exchange as it is kept: the question redacted, the answer as it was given."""

    exchange: int
    question: str
    answer: str
    language: str


def transcript(session: Session, conversation: str, limit: int = 20) -> tuple[Spoken, ...]:
    """The last exchanges of a conversation whose words have not been forgotten, oldest first."""
    rows = session.execute(
        select(models.Exchange.id, models.ExchangeText.question, models.ExchangeText.answer, models.Exchange.language)
        .join(models.ExchangeText, models.ExchangeText.exchange_id == models.Exchange.id)
        .where(models.Exchange.conversation_id == conversation)
        .order_by(models.Exchange.turn.desc())
        .limit(limit)
    ).all()
    return tuple(Spoken(*row) for row in reversed(rows))


# --- Read by the indicators ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Period:
    """Whole days of the préfecture, both included; None: no limit on that side."""

    first: date | None = None
    last: date | None = None

    @property
    def start(self) -> datetime | None:
        return start_of(self.first) if self.first else None

    @property
    def end(self) -> datetime | None:
        """The instant at which the period is over."""
        return start_of(self.last + timedelta(days=1)) if self.last else None

    def conditions(self) -> Sequence[ColumnElement[bool]]:
        """What an exchange of this period satisfies."""
        return [
            *([models.Exchange.at >= self.start] if self.start else []),
            *([models.Exchange.at < self.end] if self.end else []),
        ]


@dataclass(frozen=True)
class Entry:
    """One exchange, with what became of it afterwards."""

    number: int
    conversation: str
    at: datetime
    channel: str
    language: str
    nature: str
    decision: Decision
    reason: str
    fiche: str | None
    topic: str | None
    service: str | None
    latency_ms: float
    question: str | None
    """Redacted; None once forgotten."""
    clear: bool | None
    helped: bool | None
    replied_later: bool
    """Whether a later turn of the conversation got a reply."""


def entries(session: Session, period: Period) -> tuple[Entry, ...]:
    """The exchanges of a period, in the order of their numbers. Of each feedback question, the last answer counts."""
    within = period.conditions()
    exchange, words = models.Exchange, models.ExchangeText
    said: dict[int, tuple[bool | None, bool | None]] = {}
    opinions = select(models.Feedback.exchange_id, models.Feedback.clear, models.Feedback.helped).join(exchange).where(*within)
    for number, clear, helped in session.execute(opinions.order_by(models.Feedback.id)):
        before = said.get(number, (None, None))
        said[number] = (before[0] if clear is None else clear, before[1] if helped is None else helped)
    asked_back = select(exchange.conversation_id).where(exchange.decision == Decision.CLARIFY.value, *within)
    replies = select(exchange.conversation_id, func.max(exchange.turn)).where(
        exchange.decision == Decision.REPLY.value, exchange.conversation_id.in_(asked_back)
    )
    last_reply = {row[0]: row[1] for row in session.execute(replies.group_by(exchange.conversation_id))}
    rows = session.execute(
        select(exchange, words.question)
        .options(defer(exchange.candidates), defer(exchange.provenance))
        .outerjoin(words, words.exchange_id == exchange.id)
        .where(*within)
        .order_by(exchange.id)
    )
    return tuple(
        Entry(
            number=row.id,
            conversation=row.conversation_id,
            at=row.at,
            channel=row.channel,
            language=row.language,
            nature=row.nature,
            decision=Decision(row.decision),
            reason=row.reason,
            fiche=row.fiche_id,
            topic=row.topic,
            service=row.service_id,
            latency_ms=row.latency_ms,
            question=question,
            clear=said.get(row.id, (None, None))[0],
            helped=said.get(row.id, (None, None))[1],
            replied_later=last_reply.get(row.conversation_id, 0) > row.turn,
        )
        for row, question in rows
    )


@dataclass(frozen=True)
class Holes:
    """What is missing from the numbering of the journal over a period."""

    numbers: int
    """Exchange numbers that no row bears, up to the rows on both sides of the period."""
    turns: int
    """Turns missing inside the conversations of the period: rows were removed."""
    numbers_may_skip: bool
    """PostgreSQL takes a number for a turn that is then cancelled; SQLite does not, and the guards forbid deletion."""


def holes(session: Session, period: Period) -> Holes:
    """Look for missing exchanges: whatever the program that removed them, numbers and turns still count them."""
    exchange = models.Exchange
    before = session.scalar(select(func.max(exchange.id)).where(exchange.at < period.start)) if period.start else None
    after = session.scalar(select(func.min(exchange.id)).where(exchange.at >= period.end)) if period.end else None
    first, last = (before or 0) + 1, (after or (session.scalar(select(func.max(exchange.id))) or 0) + 1) - 1
    present = session.scalar(select(func.count()).where(exchange.id.between(first, last))) or 0
    touched = select(exchange.conversation_id).where(*period.conditions())
    turns = (
        select((func.max(exchange.turn) - func.count()).label("missing"))
        .where(exchange.conversation_id.in_(touched))
        .group_by(exchange.conversation_id)
        .subquery()
    )
    missing = session.scalar(select(func.sum(turns.c.missing))) or 0
    return Holes(max(last - first + 1 - present, 0), int(missing), session.get_bind().dialect.name == "postgresql")


# --- Forgetting ----------------------------------------------------------------------------------------------------------


def kept_before(session: Session, instant: datetime) -> int:
    """How many exchanges given before `instant` still have their words."""
    return session.scalar(select(func.count()).where(models.ExchangeText.exchange_id.in_(_before(instant)))) or 0


def forget(session: Session, instant: datetime, days: int, clock: Clock = now) -> int:
    """Delete the words of the exchanges given before `instant` (retention of `days` days), note it in the journal; how many there were.

    The figures stay. Call `knowledge.database.scrub` after the commit: until then the file may keep traces.
    """
    gone = _delete_words(session, models.ExchangeText.exchange_id.in_(_before(instant)))
    _note(session, "retention", {"days": days, "before": instant.isoformat(), "texts": gone}, clock)
    return gone


def erase(session: Session, conversation: str, clock: Clock = now) -> int:
    """Delete the words of one conversation, on request, and note it in the journal; how many exchanges had some. See `forget`.

    Raises:
        ConversationUnknown: no conversation has this identifier.
    """
    if session.get(models.Conversation, conversation) is None:
        raise ConversationUnknown(f"Aucune conversation ne porte la référence « {conversation} ».")
    mine = select(models.Exchange.id).where(models.Exchange.conversation_id == conversation)
    gone = _delete_words(session, models.ExchangeText.exchange_id.in_(mine))
    for learned in (LearnedPhrasing, ConfirmedAnswer):  # what was learned from these words goes with them
        session.execute(delete(learned).where(learned.exchange_id.in_(mine)).execution_options(synchronize_session=False))
    _note(session, "erasure", {"conversation": conversation, "texts": gone}, clock)
    return gone


def spoken_around(session: Session, instant: datetime, minutes: int) -> tuple[tuple[str, datetime, str], ...]:
    """Conversations whose words are kept, with an exchange at most `minutes` from `instant`: reference, first instant, first question.

    People who ask for an erasure know the hour and the subject, not the reference.
    """
    margin = timedelta(minutes=minutes)
    rows = session.execute(
        select(models.Exchange.conversation_id, models.Exchange.at, models.ExchangeText.question)
        .join(models.ExchangeText, models.ExchangeText.exchange_id == models.Exchange.id)
        .where(models.Exchange.at.between(instant - margin, instant + margin))
        .order_by(models.Exchange.id)
    )
    first: dict[str, tuple[str, datetime, str]] = {}
    for conversation, at, question in rows:
        first.setdefault(conversation, (conversation, at, question))
    return tuple(first.values())


def _before(instant: datetime) -> Select[int]:
    return select(models.Exchange.id).where(models.Exchange.at < instant)


def _delete_words(session: Session, condition: ColumnElement[bool]) -> int:
    done = session.execute(delete(models.ExchangeText).where(condition).execution_options(synchronize_session=False))
    return int(done.rowcount)  # type: ignore[attr-defined]  # a DELETE gives a CursorResult


def _note(session: Session, kind: str, detail: dict[str, object], clock: Clock) -> None:
    session.execute(insert(models.JournalEvent).values(at=clock(), kind=kind, detail=detail))
