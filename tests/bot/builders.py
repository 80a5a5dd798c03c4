"""Exchanges written in the journal as the assistant writes them, without asking it anything."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from bot import journal
from bot.messages import (
    Answer,
    Candidate,
    Channel,
    Choice,
    Clarify,
    Decision,
    Decline,
    Handover,
    Interpretation,
    Nature,
    Provenance,
    Reply,
    Role,
    Sentence,
    Source,
)

NOON = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
"""Tuesday 24 November 2026, at noon in Paris."""
CARD = Candidate("cni-perte", ("F1344",), "https://www.service-public.gouv.fr/particuliers/vosdroits/F1344", 0.9)


def at(instant: datetime) -> Callable[[], datetime]:
    """A clock stopped at `instant`."""
    return lambda: instant


def an_answer(
    decision: Decision = Decision.REPLY,
    *,
    nature: Nature = Nature.GENERAL,
    reason: str = "sure",
    service: str | None = "citoyennete",
    channel: Channel = Channel.CHAT,
    language: str = "fr",
    conversation: str | None = None,
    turn: int = 1,
    latency_ms: float = 2.0,
    text: str = "Une réponse approuvée.",
) -> Answer:
    interpretation = Interpretation("carte perdue", language, nature, 0.9, (CARD,))
    sentences = (Sentence(text, Provenance(Source.FICHE, "cni-perte", 1, "court"), Role.ANSWER),)
    common = (interpretation, sentences, reason, service, channel, conversation, turn, None, None, latency_ms)
    match decision:
        case Decision.REPLY:
            return Reply(*common, fiche="cni-perte", version=1)
        case Decision.CLARIFY:
            return Clarify(*common, choices=(Choice("cni-perte", "Carte perdue"),))
        case Decision.HANDOVER:
            return Handover(*common)
        case Decision.DECLINE:
            return Decline(*common)


class Journal:
    """Writes conversations, one exchange at a time."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def conversation(self, instant: datetime = NOON, channel: Channel = Channel.CHAT) -> str:
        return journal.open_conversation(self.session, channel, at(instant))

    def exchange(
        self,
        decision: Decision = Decision.REPLY,
        question: str = "carte d'identité perdue",
        *,
        instant: datetime = NOON,
        topic: str | None = "T22",
        conversation: str | None = None,
        turn: int = 1,
        channel: Channel = Channel.CHAT,
        nature: Nature = Nature.GENERAL,
        reason: str = "sure",
        service: str | None = "citoyennete",
        language: str = "fr",
        latency_ms: float = 2.0,
    ) -> int:
        """One exchange, in a conversation of its own unless one is given; its number."""
        answer = an_answer(
            decision,
            nature=nature,
            reason=reason,
            service=service,
            channel=channel,
            language=language,
            conversation=conversation or self.conversation(instant, channel),
            turn=turn,
            latency_ms=latency_ms,
        )
        return journal.record(self.session, answer, question, topic, 1, "embedded", instant)

    def opinion(self, exchange: int, *, clear: bool | None = None, helped: bool | None = None) -> None:
        owner = self.session.get_one(journal.models.Exchange, exchange).conversation_id
        journal.give_feedback(self.session, owner, exchange, clear, helped, at(NOON))
