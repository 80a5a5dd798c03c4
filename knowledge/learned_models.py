"""What is learned from the questions people ask: phrasings attached to a fiche, and answers that were confirmed.

Rows are added; only `withdrawn_at` and `withdrawn_by` are written later, once: what was undone stays readable.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.models import Base, UtcDateTime


class LearnedPhrasing(Base):
    """A way of asking, attached to a fiche by a person. It is never said to anybody: it only helps to find the fiche."""

    __tablename__ = "learned_phrasing"

    id: Mapped[int] = mapped_column(primary_key=True)
    fiche_id: Mapped[str] = mapped_column(String(80), index=True)
    language: Mapped[str] = mapped_column(String(8))
    text: Mapped[str] = mapped_column(Text)
    exchange_id: Mapped[int | None] = mapped_column(ForeignKey("exchange.id"))
    """The exchange of the journal it was taken from, if any."""
    author: Mapped[str] = mapped_column(String(120))
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    withdrawn_by: Mapped[str | None] = mapped_column(String(120))


class ConfirmedAnswer(Base):
    """A question and the fiche that answers it, as a person said: no publication may lose it without saying why."""

    __tablename__ = "confirmed_answer"
    __table_args__ = (UniqueConstraint("exchange_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    question: Mapped[str] = mapped_column(Text)
    """Redacted."""
    language: Mapped[str] = mapped_column(String(8))
    fiche_id: Mapped[str] = mapped_column(String(80))
    exchange_id: Mapped[int | None] = mapped_column(ForeignKey("exchange.id"))
    author: Mapped[str] = mapped_column(String(120))
    """Who confirmed it: a person of the team, or « usager » for the feedback of a visitor."""
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    withdrawn_by: Mapped[str | None] = mapped_column(String(120))
