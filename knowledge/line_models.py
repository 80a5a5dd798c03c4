"""The telephone line's part of the schema: phone scripts and what happened to them, the state of the line, and the calls.

Versions of a script are never changed: what happens to one (approved, live, proven, rolled back…) is a row of `script_event`. Calls are
read from the files that Asterisk writes; `call_event` and `phone_call` are append-only, and a row that is read twice is kept once.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Date, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.models import Base, UtcDateTime

# --- Phone scripts --------------------------------------------------------------------------------------------------------


class ScriptVersion(Base):
    """One version of a phone script. The number is that of the dialplan's contexts: one sequence for all scripts."""

    __tablename__ = "script_version"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    script_id: Mapped[str] = mapped_column(String(40), index=True)
    text: Mapped[str] = mapped_column(Text)
    """The YAML as it was written."""
    digest: Mapped[str] = mapped_column(String(64))
    parent: Mapped[int | None]
    """Version it was written from: an edit of an outdated version is refused."""
    author: Mapped[str] = mapped_column(String(120))
    comment: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ScriptEvent(Base):
    """What happened to a version, in order: the last event is its state. Append-only."""

    __tablename__ = "script_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(ForeignKey("script_version.number"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    kind: Mapped[str] = mapped_column(String(20))
    """approved, withdrawn, publishing, live, proven, failed, rolled_back, replaced."""
    author: Mapped[str] = mapped_column(String(120))
    """A person, or `line` for the telephony process."""
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)
    """approved: `publish_at`; proven: the certificate; failed, rolled_back: the reason in French."""
    key: Mapped[str | None] = mapped_column(String(64), unique=True)
    """Of idempotency: the same request twice makes one event."""


class ScriptOrder(Base):
    """A change of the script that somebody ordered (indicator SVI-1)."""

    __tablename__ = "script_order"

    id: Mapped[int] = mapped_column(primary_key=True)
    author: Mapped[str] = mapped_column(String(120))
    service_id: Mapped[str] = mapped_column(String(60))
    reason: Mapped[str] = mapped_column(Text)
    impact: Mapped[str] = mapped_column(String(20))
    """wording, routing, hours, message."""
    ordered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_working: Mapped[date] = mapped_column(Date)
    due_calendar: Mapped[date] = mapped_column(Date)
    counted_in: Mapped[str] = mapped_column(String(10))
    """working or calendar: which of the two due days decides."""
    version: Mapped[int | None] = mapped_column(ForeignKey("script_version.number"))
    """The version that answers it; its events give approver, live time and certificate."""
    answered_by: Mapped[str | None] = mapped_column(String(120))
    """Who said that this version answers it."""
    cancelled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cancelled_by: Mapped[str | None] = mapped_column(String(120))


# --- State of the line ----------------------------------------------------------------------------------------------------


class LineState(Base):
    """A crisis message or a forced closure, switched on or off. Append-only; the newest row of a kind counts until `until`."""

    __tablename__ = "line_state"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    kind: Mapped[str] = mapped_column(String(10))
    """crisis or closure."""
    switched_on: Mapped[bool]
    text: Mapped[str] = mapped_column(Text)
    """What callers hear; empty when switched off, or for a closure with the script's own message."""
    until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Mandatory when switched on."""
    exercise: Mapped[bool]
    """Whether it is an exercise rather than a real crisis."""
    author: Mapped[str] = mapped_column(String(120))
    reason: Mapped[str] = mapped_column(Text)


class LineEffect(Base):
    """When a state was really in force on a channel, read back from it. Append-only."""

    __tablename__ = "line_effect"
    __table_args__ = (UniqueConstraint("state_id", "channel"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    state_id: Mapped[int] = mapped_column(ForeignKey("line_state.id"))
    channel: Mapped[str] = mapped_column(String(10))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


# --- Calls ----------------------------------------------------------------------------------------------------------------


class CallEvent(Base):
    """One line of a file that Asterisk wrote, as it was read. Append-only."""

    __tablename__ = "call_event"
    __table_args__ = (UniqueConstraint("source", "offset"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(String(120))
    """The file, by what does not change when it is rotated."""
    offset: Mapped[int] = mapped_column(BigInteger)
    """Of the first byte of the line."""
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    kind: Mapped[str] = mapped_column(String(40))
    call: Mapped[str] = mapped_column(String(80), index=True)
    """Asterisk's linkedid."""
    channel: Mapped[str] = mapped_column(String(80))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)


class Call(Base):
    """One call, once it is over. Append-only. Holds no number: `caller` is a keyed hash."""

    __tablename__ = "phone_call"

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    """Asterisk's linkedid."""
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    ended_at: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int | None]
    """Of the script; None when the call never reached one."""
    language: Mapped[str] = mapped_column(String(8))
    caller: Mapped[str | None] = mapped_column(String(64))
    proof: Mapped[bool]
    """The line called itself: never counted."""
    welcomed: Mapped[bool]
    """The greeting was heard to its end."""
    state: Mapped[str | None] = mapped_column(String(10))
    """crisis, closed or fallback, when such a message was heard."""
    path: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    """Steps in order: `{"at", "kind", "node", "key", "service"}`; kind: node, key, wrong, silence, callback, voicemail."""
    heard: Mapped[list[str]] = mapped_column(JSON)
    """Information messages and fiches heard to their end."""
    questions: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    """Spoken questions and their outcome."""
    transfers: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    """`{"service", "announced", "status", "offered_at", "answered_at", "by"}` in order."""
    offered: Mapped[bool]
    """Whether a person was rung or a queue entered."""
    announced: Mapped[bool | None]
    """Whether every transfer was announced to its end; None without transfer."""
    answered: Mapped[bool]
    """By an agent: an agent's leg entered a bridge."""
    wait_seconds: Mapped[float | None]
    """From the first offer to the answer."""
    rings: Mapped[int | None]
    """Seconds of ringing divided by five (rules, TEL-4)."""
    ended_in: Mapped[str | None] = mapped_column(String(40))
    """Node where the call ended."""
    end: Mapped[str] = mapped_column(String(20))
    """caller, line, agent, lost."""


class SpokenConversation(Base):
    """Under which conversation of the journal a spoken question of a call was answered. Append-only."""

    __tablename__ = "spoken_conversation"

    talk: Mapped[str] = mapped_column(String(20), primary_key=True)
    """As in `Call.questions` (`conversation`): 20 hexadecimal digits."""
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversation.id"), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class RecordCursor(Base):
    """How far each file of Asterisk has been read; moved in the transaction that stores its lines."""

    __tablename__ = "record_cursor"

    source: Mapped[str] = mapped_column(String(120), primary_key=True)
    offset: Mapped[int] = mapped_column(BigInteger)
    read_at: Mapped[datetime] = mapped_column(UtcDateTime)


class LineCheck(Base):
    """An hourly check: calls counted by Asterisk and by us, free space, transfers of a service. Append-only."""

    __tablename__ = "line_check"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    kind: Mapped[str] = mapped_column(String(20))
    """calls, disk or transfers."""
    ok: Mapped[bool]
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)


class CallbackRequest(Base):
    """A caller who asked to be called back. The number is erased as soon as it has been called."""

    __tablename__ = "callback_request"

    call: Mapped[str] = mapped_column(String(80), primary_key=True)
    service_id: Mapped[str] = mapped_column(String(60))
    number: Mapped[str | None] = mapped_column(String(20))
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    done_by: Mapped[str | None] = mapped_column(String(120))


class TransferRequest(Base):
    """An agent pressed the button: the caller is to hear the service named, then be put through."""

    __tablename__ = "transfer_request"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    author: Mapped[str] = mapped_column(String(120))
    call: Mapped[str] = mapped_column(String(80))
    service_id: Mapped[str] = mapped_column(String(60))
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    outcome: Mapped[str | None] = mapped_column(String(40))
    """sent, gone (the call was over), refused, late (over 30 s), sending (stopped in between), unsure (Asterisk did not answer)."""


# --- Staff ----------------------------------------------------------------------------------------------------------------


class StaffKey(Base):
    """A key with which a member of the staff uses the interface for programs. Of the key, only a hash is kept."""

    __tablename__ = "staff_key"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    """First name and name: the author of what is done with the key."""
    role: Mapped[str] = mapped_column(String(20))
    """communication, quality, administrator, agent."""
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    """SHA-256 of the key."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
