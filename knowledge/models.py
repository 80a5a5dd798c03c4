"""The schema on one page.

Three groups: what the préfecture knows (services, facts, fiches, pages), what is announced to the processes (knowledge
releases, editions of the book), and the journal (conversations, exchanges, feedback), which is append-only: figures are never
updated or deleted, the texts beside them are forgotten after their retention.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Date, DateTime, ForeignKey, Index, MetaData, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from knowledge.clock import as_utc


class UtcDateTime(TypeDecorator[datetime]):
    """An instant, stored in UTC and always given back with its zone (SQLite forgets it)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: object) -> datetime | None:
        return None if value is None else as_utc(value)

    def process_result_value(self, value: datetime | None, dialect: object) -> datetime | None:
        return None if value is None else as_utc(value)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


# --- What the préfecture knows -------------------------------------------------------------------------------------------


class Service(Base):
    """A department of the préfecture. The identifier is stable; everything in `data` may change."""

    __tablename__ = "service"

    id: Mapped[str] = mapped_column(String(60), primary_key=True)
    position: Mapped[int]
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    """Official, short and spoken names, acronym, hours, phone, email, address, languages."""


class Fact(Base):
    """A dated amount, delay, hour, number or address that texts quote. Two periods of one fact are two rows."""

    __tablename__ = "fact"
    __table_args__ = (UniqueConstraint("kind", "key", "valid_from"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    key: Mapped[str] = mapped_column(String(80))
    label: Mapped[str] = mapped_column(Text)
    values: Mapped[dict[str, str]] = mapped_column(JSON)
    """Wording by language; `fr` is always there."""
    valid_from: Mapped[date | None] = mapped_column(Date)
    valid_to: Mapped[date | None] = mapped_column(Date)
    """Last day in force."""
    source: Mapped[dict[str, str]] = mapped_column(JSON)
    checked_on: Mapped[date] = mapped_column(Date)
    certainty: Mapped[str] = mapped_column(String(1))
    to_check: Mapped[bool]
    file: Mapped[str] = mapped_column(String(120))


class FicheVersion(Base):
    """One version of one approved reply. Rows are added, never changed, except `replaced_at`."""

    __tablename__ = "fiche_version"
    __table_args__ = (UniqueConstraint("fiche_id", "number"), Index("ix_fiche_version_current", "fiche_id", "replaced_at"))

    id: Mapped[int] = mapped_column(primary_key=True)
    fiche_id: Mapped[str] = mapped_column(String(80))
    number: Mapped[int]
    status: Mapped[str] = mapped_column(String(20))
    theme: Mapped[str] = mapped_column(String(60))
    """Folder of the file: identite, permis, sejour…"""
    digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the file: the same text never makes a second version."""
    front: Mapped[dict[str, Any]] = mapped_column(JSON)
    sections: Mapped[dict[str, str]] = mapped_column(JSON)
    """Wordings by section name (court, detail, étapes, then languages), with their fact calls."""
    file_text: Mapped[str] = mapped_column(Text)
    """The file as it was read: export writes it back byte for byte."""
    approved_by: Mapped[str | None] = mapped_column(String(120))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    replaced_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Page(Base):
    """An official page or national sheet, as it was last read. Quoted, never rewritten; served only once approved."""

    __tablename__ = "page"
    __table_args__ = (UniqueConstraint("origin", "external_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    origin: Mapped[str] = mapped_column(String(40))
    """`service-public` or the host of a site."""
    external_id: Mapped[str] = mapped_column(String(500))
    """`F1344` for a national sheet, the canonical address for a page of a site."""
    url: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    breadcrumb: Mapped[str] = mapped_column(Text)
    updated_on: Mapped[date | None] = mapped_column(Date)
    sections: Mapped[list[dict[str, str]]] = mapped_column(JSON)
    """`[{"title", "text"}]` in reading order; the introduction has an empty title."""
    digest: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(20))
    """proposed, approved, withdrawn (no longer at its address)."""
    service_id: Mapped[str | None] = mapped_column(String(60))
    """The service that claims the page; empty pages appear in the report."""
    validators: Mapped[dict[str, str]] = mapped_column(JSON)
    """`etag` and `last_modified` of the last answer, for conditional requests."""
    fetched_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Edition(Base):
    """One edition of the book of replies: what it held, to tell the next one what changed."""

    __tablename__ = "edition"

    id: Mapped[int] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    digest: Mapped[str] = mapped_column(String(64))
    contents: Mapped[dict[str, int]] = mapped_column(JSON)
    """Version number by fiche identifier."""


class Release(Base):
    """A new state of the knowledge was announced: processes compare the newest row with theirs and swap their index."""

    __tablename__ = "release"

    id: Mapped[int] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    digest: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(Text)


# --- Journal --------------------------------------------------------------------------------------------------------------


class Conversation(Base):
    """Groups the questions of one visit, call or mail thread; carries no identity."""

    __tablename__ = "conversation"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    channel: Mapped[str] = mapped_column(String(10))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Exchange(Base):
    """One question and what was decided. Append-only: a trigger refuses UPDATE and DELETE."""

    __tablename__ = "exchange"
    __table_args__ = (UniqueConstraint("conversation_id", "turn"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversation.id"))
    turn: Mapped[int]
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    channel: Mapped[str] = mapped_column(String(10))
    language: Mapped[str] = mapped_column(String(8))
    nature: Mapped[str] = mapped_column(String(24))
    decision: Mapped[str] = mapped_column(String(12))
    reason: Mapped[str] = mapped_column(String(40))
    fiche_id: Mapped[str | None] = mapped_column(String(80))
    fiche_number: Mapped[int | None]
    topic: Mapped[str | None] = mapped_column(String(8))
    service_id: Mapped[str | None] = mapped_column(String(60))
    emergency: Mapped[str | None] = mapped_column(String(40))
    competent: Mapped[str | None] = mapped_column(String(120))
    confidence: Mapped[float]
    candidates: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    provenance: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    release_id: Mapped[int | None]
    engine: Mapped[str] = mapped_column(String(20))
    latency_ms: Mapped[float]


class ExchangeText(Base):
    """The words beside an exchange, redacted; forgotten after their retention. Deleting a row leaves every figure in place."""

    __tablename__ = "exchange_text"

    exchange_id: Mapped[int] = mapped_column(ForeignKey("exchange.id"), primary_key=True)
    question: Mapped[str] = mapped_column(Text)
    answer: Mapped[str] = mapped_column(Text)


class Feedback(Base):
    """What a person said of an answer. Append-only; the newest row of an exchange counts."""

    __tablename__ = "feedback"

    id: Mapped[int] = mapped_column(primary_key=True)
    exchange_id: Mapped[int] = mapped_column(ForeignKey("exchange.id"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    clear: Mapped[bool | None]
    """Was the answer clear?"""
    helped: Mapped[bool | None]
    """Did you get what you needed?"""


class JournalEvent(Base):
    """What was done to the journal itself: retention applied, a conversation erased on request. Append-only."""

    __tablename__ = "journal_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    kind: Mapped[str] = mapped_column(String(40))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)
