"""The words of the assistant: a question, what was understood of it, and the four answers it may get.

Pure data: nothing here reads or writes anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from itertools import takewhile
from typing import ClassVar


class Channel(StrEnum):
    CHAT = "chat"
    PHONE = "phone"
    MAIL = "mail"
    DESK = "desk"


class Nature(StrEnum):
    """What kind of request it is; decides what may be done with it (architecture, section 2)."""

    GENERAL = "general"
    MIXED = "mixed"
    PERSONAL_FILE = "personal_file"
    COMPLAINT = "complaint"
    WANTS_PERSON = "wants_person"
    OTHER_ADMINISTRATION = "other_administration"
    EMERGENCY = "emergency"
    SMALL_TALK = "small_talk"
    OUT_OF_SCOPE = "out_of_scope"
    ABUSE = "abuse"
    INJECTION = "injection"
    NONSENSE = "nonsense"
    LEGAL_OPINION = "legal_opinion"
    FALSE_PAPERS = "false_papers"


class Decision(StrEnum):
    REPLY = "reply"
    CLARIFY = "clarify"
    HANDOVER = "handover"
    DECLINE = "decline"


@dataclass(frozen=True)
class Question:
    """What a person typed, said or wrote."""

    text: str
    channel: Channel = Channel.CHAT
    conversation: str | None = None
    """Groups the questions of one visit; carries no identity. None: the question stands alone."""
    choice: str | None = None
    """Identifier of the fiche chosen among the choices of a clarification, when a button was pressed."""


class Source(StrEnum):
    """Where a sentence comes from."""

    FICHE = "fiche"
    PASSAGE = "passage"
    FIXED = "fixed"


@dataclass(frozen=True)
class Provenance:
    """Proof that a sentence was approved: the fiche and its version, the official passage, or the fixed sentence."""

    source: Source
    reference: str
    """Fiche identifier, address of the passage, or key of the fixed sentence."""
    version: int | None = None
    section: str = ""


class Role(StrEnum):
    """What a sentence is for, so that each channel can set it apart."""

    NOTICE = "notice"
    ANSWER = "answer"
    DETAIL = "detail"
    """More of the same fiche: folded in the chat, said on request on the phone, written in full in a mail."""
    STEP = "step"
    SOURCE = "source"
    HANDOVER = "handover"
    QUESTION = "question"
    HELP = "help"


@dataclass(frozen=True)
class Sentence:
    text: str
    provenance: Provenance
    role: Role = Role.ANSWER
    language: str = "fr"


@dataclass(frozen=True)
class Candidate:
    """A fiche or national sheet that may answer, with its score (0 to 1, best first)."""

    fiche: str | None
    """Identifier of the fiche; None for a national sheet without fiche."""
    service_public: tuple[str, ...]
    url: str
    score: float
    title: str = ""


@dataclass(frozen=True)
class Interpretation:
    """What an engine understood. `candidates` holds ten at most, best first."""

    text: str
    """The question after normalisation, as the retrieval read it."""
    language: str
    nature: Nature
    confidence: float
    """Calibrated probability that the first candidate answers the question; low for everything but general requests."""
    candidates: tuple[Candidate, ...] = ()
    second: Candidate | None = None
    """What answers the second question of a message that asks two, when both are sure."""
    likeness: float = 0.0
    """Probability that the first candidate speaks of the subject, whatever the nature of the request."""
    emergency: str | None = None
    """Number to call (15, 17, 18, 112, 114, 119, 3114, 3919…) when the nature is an emergency."""
    otherwise: Nature | None = None
    """Of an emergency that is doubtful: what the request is if nobody is in danger; the number comes first, then the answer to that."""
    competent: str | None = None
    """Competent body when it is not the préfecture."""
    redirects: bool = False
    """Of what another body treats: the first candidate is a fiche about it, which says where to go."""
    service: str | None = None
    """Service in charge of the subject, even when the request cannot be answered."""
    cut_short: bool = False
    """Whether the message was too long to be read whole."""
    carried_over: bool = False
    """Whether the previous turns completed this one ("et pour mon fils mineur ?")."""
    explanation: tuple[str, ...] = ()
    """Why, in plain words, for `--explain`."""


REMEMBERED = 3
"""Turns that a conversation remembers."""


@dataclass(frozen=True)
class Turn:
    """What one turn of a conversation left behind, kept only while the conversation lasts."""

    text: str
    fiche: str | None
    nature: Nature
    decision: Decision
    choices: tuple[str, ...] = ()
    language: str = "fr"


@dataclass(frozen=True)
class Context:
    """The previous turns, oldest first."""

    turns: tuple[Turn, ...] = ()

    @property
    def last(self) -> Turn | None:
        return self.turns[-1] if self.turns else None

    @property
    def asked(self) -> tuple[tuple[str, ...], ...]:
        """The fiches that each of the clarifications just asked in a row offered, newest first."""
        in_a_row = takewhile(lambda turn: turn.decision is Decision.CLARIFY, reversed(self.turns))
        return tuple(turn.choices for turn in in_a_row)

    def after(self, text: str, answer: Answer) -> Context:
        """The context of the turn that comes after `text` and its answer, when no journal keeps them."""
        understood = answer.interpretation
        fiche = answer.fiche if isinstance(answer, Reply) else None
        choices = tuple(choice.fiche for choice in answer.choices) if isinstance(answer, Clarify) else ()
        turn = Turn(text, fiche, understood.nature, answer.decision, choices, understood.language)
        return Context((*self.turns, turn)[-REMEMBERED:])


NO_CONTEXT = Context()


@dataclass(frozen=True)
class SourceLink:
    """The official page where the answer can be checked, with its section."""

    url: str
    rubric: str
    checked_on: date


@dataclass(frozen=True)
class Choice:
    """One reading of a question, offered in a clarification."""

    fiche: str
    label: str


@dataclass(frozen=True)
class _Answer:
    decision: ClassVar[Decision]

    interpretation: Interpretation
    sentences: tuple[Sentence, ...]
    reason: str
    """Short key of the rule that decided (`sure`, `two_readings`, `personal_file`, …)."""
    service: str | None
    channel: Channel = Channel.CHAT
    conversation: str | None = None
    turn: int = 1
    exchange: int | None = None
    """Row of the journal; None when nothing was kept (batch, previews)."""
    answered_at: datetime | None = None
    latency_ms: float = 0.0
    text: str = field(init=False, default="")
    """What is read or heard at once; details and steps are folded in the chat and on the phone."""

    def __post_init__(self) -> None:
        folded = {Role.DETAIL, Role.STEP} if self.channel in (Channel.CHAT, Channel.PHONE) else set()
        object.__setattr__(self, "text", "\n".join(sentence.text for sentence in self.sentences if sentence.role not in folded))


@dataclass(frozen=True)
class Reply(_Answer):
    """An approved answer. `fiche` is None for an emergency or another administration without fiche."""

    decision = Decision.REPLY
    fiche: str | None = None
    version: int | None = None
    title: str = ""
    sources: tuple[SourceLink, ...] = ()
    related: tuple[Choice, ...] = ()
    handed_over_to: str | None = None
    """Service that receives the personal part of a mixed request."""


@dataclass(frozen=True)
class Clarify(_Answer):
    """A question back, when two readings are close or the situation decides."""

    decision = Decision.CLARIFY
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True)
class Handover(_Answer):
    """The request goes to a person; `service` says where, `context` what that person is told."""

    decision = Decision.HANDOVER
    context: str = ""
    suggestions: tuple[Choice, ...] = ()


@dataclass(frozen=True)
class Decline(_Answer):
    """A calm fixed sentence: what the assistant can do, and a person if wanted."""

    decision = Decision.DECLINE


Answer = Reply | Clarify | Handover | Decline
