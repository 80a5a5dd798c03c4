"""The journal of exchanges: written once, never rewritten; the only source of the indicators.

Figures (`exchange`, `feedback`) stay; words (`exchange_text`), already redacted, are forgotten after their retention. The context of a
conversation is read back from here, so that any process can serve its next turn.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from bot.errors import ConversationUnknown
from bot.messages import Answer, Channel, Clarify, Context, Decision, Nature, Reply, Turn
from bot.redaction import redact
from knowledge import models
from knowledge.clock import Clock, now

CONTEXT_TURNS = 3
"""Previous turns that can complete a question."""


def open_conversation(session: Session, channel: Channel, clock: Clock = now) -> str:
    """Start a conversation and return its identifier: 128 random bits, in hexadecimal (T24)."""
    identifier = secrets.token_hex(16)
    session.execute(insert(models.Conversation).values(id=identifier, channel=channel.value, started_at=clock()))
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
        .limit(CONTEXT_TURNS)
    ).all()
    if not rows and session.get(models.Conversation, conversation) is None:
        raise ConversationUnknown("Cette conversation n'existe pas ou n'est plus ouverte. Commencez une nouvelle conversation.")
    turns = tuple(_turn(exchange, question or "") for exchange, question in reversed(rows))
    return Context(turns), (rows[0][0].turn + 1 if rows else 1)


def _turn(exchange: models.Exchange, question: str) -> Turn:
    decision = Decision(exchange.decision)
    choices = tuple(candidate["fiche"] for candidate in exchange.candidates if candidate.get("offered"))
    return Turn(question, exchange.fiche_id, Nature(exchange.nature), decision, choices, exchange.language)


def record(session: Session, answer: Answer, question: str, topic: str | None, release: int, engine: str, at: datetime) -> int:
    """Add one exchange with its words, and return its number.

    Args:
        question: what was typed or said, not yet redacted: it is redacted here, before anything is kept.
        at: when the answer was given.
    """
    understood = answer.interpretation
    offered = {choice.fiche for choice in answer.choices} if isinstance(answer, Clarify) else set()
    replied = answer if isinstance(answer, Reply) else None
    number = session.execute(
        insert(models.Exchange)
        .values(
            conversation_id=answer.conversation,
            turn=answer.turn,
            at=at,
            channel=answer.channel.value,
            language=understood.language,
            nature=understood.nature.value,
            decision=answer.decision.value,
            reason=answer.reason,
            fiche_id=replied.fiche if replied else None,
            fiche_number=replied.version if replied else None,
            topic=topic,
            service_id=answer.service,
            emergency=understood.emergency,
            competent=understood.competent,
            confidence=understood.confidence,
            candidates=[
                {"fiche": candidate.fiche, "sheets": list(candidate.service_public), "score": candidate.score}
                | ({"offered": True} if candidate.fiche in offered else {})
                for candidate in understood.candidates
            ],
            provenance=sorted(
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
            release_id=release,
            engine=engine,
            latency_ms=round(answer.latency_ms, 3),
        )
        .returning(models.Exchange.id)
    ).scalar_one()
    session.execute(insert(models.ExchangeText).values(exchange_id=number, question=redact(question), answer=answer.text))
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
