"""Questions of the journal that can be put again: their words are kept, redacted, with the turns that preceded them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.journal import turn_of
from bot.messages import NO_CONTEXT, REMEMBERED, Channel, Context, Decision
from knowledge.models import Exchange, ExchangeText, Feedback


@dataclass(frozen=True)
class Remembered:
    exchange: int
    question: str
    """Redacted."""
    channel: Channel
    language: str
    context: Context


def last_questions(session: Session, limit: int) -> tuple[Remembered, ...]:
    """The last `limit` questions whose words are kept, newest first."""
    rows = session.execute(
        select(Exchange, ExchangeText.question)
        .join(ExchangeText, ExchangeText.exchange_id == Exchange.id)
        .order_by(Exchange.id.desc())
        .limit(limit)
    ).all()
    continued = {exchange.conversation_id for exchange, _ in rows if exchange.turn > 1}
    turns: dict[str, list[tuple[Exchange, str]]] = {}
    for exchange, question in session.execute(
        select(Exchange, ExchangeText.question)
        .outerjoin(ExchangeText, ExchangeText.exchange_id == Exchange.id)
        .where(Exchange.conversation_id.in_(continued))
        .order_by(Exchange.turn)
    ):
        turns.setdefault(exchange.conversation_id, []).append((exchange, question or ""))
    return tuple(_remembered(exchange, question, turns.get(exchange.conversation_id, ())) for exchange, question in rows)


def question_of(session: Session, exchange: int) -> Remembered | None:
    """The question of one exchange, on its own; None when there is no such exchange or its words are forgotten."""
    row = session.execute(
        select(Exchange, ExchangeText.question).join(ExchangeText, ExchangeText.exchange_id == Exchange.id).where(Exchange.id == exchange)
    ).one_or_none()
    return _remembered(row[0], row[1], ()) if row else None


def helped(session: Session) -> tuple[tuple[Remembered, str], ...]:
    """First turns answered by a fiche that visitors said had helped, and nobody said had not, with the fiche; oldest first."""
    against = select(Feedback.exchange_id).where(Feedback.helped.is_(False) | Feedback.clear.is_(False))
    rows = session.execute(
        select(Exchange, ExchangeText.question)
        .join(ExchangeText, ExchangeText.exchange_id == Exchange.id)
        .where(
            Exchange.turn == 1,
            Exchange.decision == Decision.REPLY.value,
            Exchange.fiche_id.is_not(None),
            Exchange.id.in_(select(Feedback.exchange_id).where(Feedback.helped.is_(True))),
            Exchange.id.not_in(against),
        )
        .order_by(Exchange.id)
    )
    return tuple((_remembered(exchange, question, ()), exchange.fiche_id or "") for exchange, question in rows)


def _remembered(exchange: Exchange, question: str, turns: list[tuple[Exchange, str]] | tuple[()]) -> Remembered:
    before = [turn_of(other, said) for other, said in turns if exchange.turn - REMEMBERED <= other.turn < exchange.turn]
    context = Context(tuple(before)) if before else NO_CONTEXT
    return Remembered(exchange.id, question, Channel(exchange.channel), exchange.language, context)
