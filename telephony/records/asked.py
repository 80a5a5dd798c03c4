"""What was asked aloud during a call: read from the journal of the assistant, by nature and by titles of fiches, never by words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.messages import Answer, Decision, Nature
from knowledge.clock import Clock, now
from knowledge.line_models import Call, SpokenConversation
from knowledge.models import Exchange, FicheVersion

MOST_CONSIDERED = 2
"""Fiches named for a question that was not answered."""
SUBJECTS = (Nature.GENERAL, Nature.MIXED, Nature.PERSONAL_FILE)
"""Natures of a question whose subject is one of the fiches; for any other, those that come first are there by chance."""


@dataclass(frozen=True)
class Asked:
    """One question of a caller."""

    talk: str
    """The spoken question of the call (`Call.questions`, `conversation`)."""
    exchange: int
    """Of the journal."""
    nature: Nature
    decision: Decision
    titles: tuple[str, ...]
    """In French: of the fiche that answered, else of those that were considered, the most likely first."""


def link(opened: Session, talk: str, answer: Answer, clock: Clock = now) -> None:
    """Note in which conversation of the journal a spoken question was answered, once, in the transaction that keeps the answer."""
    if answer.conversation and opened.get(SpokenConversation, (talk, answer.conversation)) is None:
        opened.add(SpokenConversation(talk=talk, conversation_id=answer.conversation, at=clock()))
        opened.flush()


def asked_during(opened: Session, call: Call) -> tuple[Asked, ...]:
    """What was asked during a call, in order; nothing for a question that nobody could hear, or that the menu answered."""
    talks = list(dict.fromkeys(str(question["conversation"]) for question in call.questions))
    rows = opened.execute(
        select(SpokenConversation.talk, Exchange)
        .join(Exchange, Exchange.conversation_id == SpokenConversation.conversation_id)
        .where(SpokenConversation.talk.in_(talks))
        .order_by(Exchange.id)
    ).all()
    considered = {exchange.id: _considered(exchange) for _, exchange in rows}
    titles = _titles(opened, {fiche for fiches in considered.values() for fiche in fiches})
    return tuple(
        Asked(
            talk,
            exchange.id,
            Nature(exchange.nature),
            Decision(exchange.decision),
            tuple(titles[fiche] for fiche in considered[exchange.id] if fiche in titles),
        )
        for talk, exchange in rows
    )


def _considered(exchange: Exchange) -> tuple[str, ...]:
    if exchange.fiche_id:
        return (exchange.fiche_id,)
    if exchange.nature not in SUBJECTS:
        return ()
    offered = [candidate["fiche"] for candidate in exchange.candidates if candidate.get("offered")]
    likely = offered or [candidate["fiche"] for candidate in exchange.candidates if candidate.get("fiche")]
    return tuple(likely[:MOST_CONSIDERED])


def _titles(opened: Session, fiches: Iterable[str]) -> dict[str, str]:
    """The newest title of each fiche."""
    rows = select(FicheVersion.fiche_id, FicheVersion.front).where(FicheVersion.fiche_id.in_(fiches)).order_by(FicheVersion.number)
    return {fiche: str(front["title"]) for fiche, front in opened.execute(rows)}
