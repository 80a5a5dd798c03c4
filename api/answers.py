"""The public shape of an answer: what the widget, the page and other programs receive. Nothing internal leaves by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Literal, assert_never

from pydantic import BaseModel, Field

from api.person import Person, how_to_reach
from api.texts import direction, typeset
from bot.messages import Answer, Choice, Clarify, Decision, Decline, Handover, Nature, Reply, Role, Sentence, Source, SourceLink
from knowledge.directory import Directory

ShownBy = Literal["banner", "person", "sources", "choices", "related"]
_SHOWN_BY: Mapping[str, ShownBy] = {
    "notice": "banner",
    "contact": "person",
    "closed_now": "person",
    "relay": "person",
    "person": "person",
    "source": "sources",
    "competent_contact": "sources",
    "clarify_titles": "choices",
    "suggestions": "related",
}
"""Fixed sentences that a screen shows as a card, links or buttons, by key."""


class ProvenanceView(BaseModel):
    """Proof that a sentence was approved."""

    source: Source = Field(description="`fiche`: an approved reply; `passage`: an official page; `fixed`: a sentence of the product.")
    reference: str = Field(description="Fiche identifier, address of the page, or key of the sentence.", examples=["cni-perte"])
    version: int | None = Field(default=None, examples=[3])
    section: str = Field(default="", examples=["court"])


class SentenceView(BaseModel):
    text: str = Field(description="Plain text, to be shown as text and never as HTML.")
    role: Role
    language: str = Field(examples=["fr"])
    dir: str | None = Field(default=None, description="`rtl` when the language is written from right to left.")
    shown_by: ShownBy | None = Field(
        default=None, description="Part of this answer that says the same: a screen that shows this part may leave the sentence out."
    )
    provenance: ProvenanceView


class SourceView(BaseModel):
    """The official page where the answer can be checked."""

    url: str = Field(examples=["https://www.service-public.gouv.fr/particuliers/vosdroits/F1344"])
    rubric: str = Field(description="Where on the site.", examples=["Papiers - Citoyenneté > Carte d'identité > Perte"])
    checked_on: date


class ChoiceView(BaseModel):
    """A subject that can be chosen: send its `id` back as `choice`, with its label as `message`."""

    id: str = Field(examples=["cni-perte"])
    label: str = Field(examples=["Carte nationale d'identité perdue"])


class PublicAnswer(BaseModel):
    token: str = Field(description="Send it back with the next message of this conversation. It says nothing about the visitor.")
    exchange: int | None = Field(description="Number of this answer, for the two questions of feedback.")
    decision: Decision
    nature: Nature
    language: str = Field(description="Language of the question.", examples=["fr"])
    emergency: str | None = Field(default=None, description="Number to call at once.", examples=["15"])
    competent: str | None = Field(default=None, description="Competent body when it is not the préfecture.", examples=["mairie"])
    title: str = Field(default="", description="Subject of the approved reply.")
    sentences: list[SentenceView]
    sources: list[SourceView] = Field(default_factory=list)
    choices: list[ChoiceView] = Field(default_factory=list, description="Readings of the question, when `decision` is `clarify`.")
    related: list[ChoiceView] = Field(default_factory=list, description="Neighbouring subjects.")
    person: Person


def public_answer(answer: Answer, token: str, directory: Directory, instant: datetime, language: str) -> PublicAnswer:
    """`answer` as the public sees it; `language` is that of the interface."""
    understood = answer.interpretation
    service = answer.service
    title = ""
    sources: tuple[SourceLink, ...] = ()
    choices: tuple[Choice, ...] = ()
    related: tuple[Choice, ...] = ()
    match answer:
        case Reply():
            service = answer.handed_over_to or answer.service
            title, sources, related = answer.title, answer.sources, answer.related
        case Clarify():
            choices = answer.choices
        case Handover():
            related = answer.suggestions
        case Decline():
            pass
        case _:
            assert_never(answer)
    return PublicAnswer(
        token=token,
        exchange=answer.exchange,
        decision=answer.decision,
        nature=understood.nature,
        language=understood.language,
        emergency=understood.emergency,
        competent=understood.competent,
        title=title,
        sentences=[_sentence(sentence) for sentence in answer.sentences],
        sources=[SourceView(url=link.url, rubric=link.rubric, checked_on=link.checked_on) for link in sources],
        choices=[_choice(choice) for choice in choices],
        related=[_choice(choice) for choice in related],
        person=how_to_reach(directory, service, instant, language),
    )


@dataclass(frozen=True)
class Paragraph:
    """Neighbouring sentences of one role and language, for a screen."""

    role: Role
    language: str
    dir: str | None
    texts: tuple[str, ...]


def paragraphs(answer: PublicAnswer) -> tuple[Paragraph, ...]:
    """The sentences of `answer` that no other part shows, in reading order."""
    told = [sentence for sentence in answer.sentences if sentence.shown_by is None]
    groups = groupby(told, key=lambda sentence: (sentence.role, sentence.language, sentence.dir))
    return tuple(
        Paragraph(role, language, dir_, tuple(typeset(one.text, language) for one in group)) for (role, language, dir_), group in groups
    )


def _sentence(sentence: Sentence) -> SentenceView:
    proof = sentence.provenance
    return SentenceView(
        text=sentence.text,
        role=sentence.role,
        language=sentence.language,
        dir=direction(sentence.language),
        shown_by=_SHOWN_BY.get(proof.reference) if proof.source is Source.FIXED else None,
        provenance=ProvenanceView(source=proof.source, reference=proof.reference, version=proof.version, section=proof.section),
    )


def _choice(choice: Choice) -> ChoiceView:
    return ChoiceView(id=choice.fiche, label=choice.label)
