"""The approved replies as they are read on a day: current versions, with the facts in force.

A fiche that cannot be told truthfully that day (a fact expired, unknown, or still to be checked) is left out and logged: it is never
served with a hole or an old figure.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from knowledge import models, phrasings
from knowledge.errors import ContentRefused, FactMissing, FicheUnknown
from knowledge.facts import Facts, stored
from knowledge.fiche_files import DETAIL, FRENCH_SECTIONS, SHORT, STEPS, FicheFile, Front, paragraphs, parse, steps
from knowledge.loading import Change, LoadReport, diff, export, load
from knowledge.rendering import compiled

__all__ = [
    "Change",
    "FicheFile",
    "FicheSource",
    "LoadReport",
    "Procedure",
    "PublishedFiche",
    "diff",
    "export",
    "in_files",
    "load",
    "parse",
    "published",
    "titles_by_topic",
    "version",
]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FicheSource:
    url: str
    rubric: str
    """Where on the site: "Papiers - Citoyenneté > Carte d'identité > Perte"."""


@dataclass(frozen=True)
class Procedure:
    online: bool
    url: str | None
    exclusive: bool
    """Whether the online service is the only way (rules, section 1.6)."""


@dataclass(frozen=True)
class PublishedFiche:
    """One approved reply, with the facts of the day filled in."""

    id: str
    number: int
    """Version."""
    title: str
    theme: str
    topics: tuple[str, ...]
    audience: tuple[str, ...]
    service: str
    competent: str | None
    """Competent body when it is not the préfecture."""
    contrast: str | None
    """Completes "Est-ce … ?" to tell it from its neighbours."""
    related: tuple[str, ...]
    service_public: tuple[str, ...]
    sources: tuple[FicheSource, ...]
    procedure: Procedure | None
    help: tuple[str, ...]
    checked_on: date
    review_by: date
    certainty: str
    questions: Mapping[str, tuple[str, ...]]
    """Phrasings by language."""
    court: str
    """Short form on one line, for the ear and the chat."""
    detail: str
    """Paragraphs and lists, Markdown."""
    steps: tuple[str, ...]
    translations: Mapping[str, str]
    """Approved translation of the short form by language."""


def published(session: Session, day: date) -> tuple[PublishedFiche, ...]:
    """The fiches that may be served on `day`, sorted by identifier."""
    facts, learned = stored(session), phrasings.by_fiche(session)
    found = []
    for row in session.scalars(_current().where(models.FicheVersion.status == "published")):
        front = Front.model_validate(row.front)
        if not _in_season(front, day):
            continue
        try:
            fiche = _rendered(row.number, row.theme, front, row.sections, facts, day)
            found.append(replace(fiche, questions=_with(fiche.questions, learned.get(fiche.id, {}))))
        except (FactMissing, ContentRefused) as error:
            log.warning("fiche %s, version %s, left out on %s: %s", row.fiche_id, row.number, day, error)
    return tuple(sorted(found, key=lambda fiche: fiche.id))


def in_files(files: Iterable[FicheFile], facts: Facts, day: date) -> tuple[PublishedFiche, ...]:
    """The fiches of a content folder that may be served on `day`, as if they were loaded; their version is 0."""
    found = []
    for file in files:
        if file.front.status != "published" or not _in_season(file.front, day):
            continue
        try:
            found.append(_rendered(0, file.theme, file.front, file.sections, facts, day))
        except (FactMissing, ContentRefused) as error:
            log.warning("fiche %s left out on %s: %s", file.id, day, error)
    return tuple(sorted(found, key=lambda fiche: fiche.id))


def _with(questions: Mapping[str, tuple[str, ...]], learned: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
    """The phrasings of a fiche, then those attached to it."""
    return {
        code: tuple(dict.fromkeys((*questions.get(code, ()), *learned.get(code, ()))))
        for code in (*questions, *(learned.keys() - questions))
    }


def titles_by_topic(session: Session) -> dict[str, list[str]]:
    """Titles of the current fiches by main topic, archived ones included (the journal still names them), in the order of identifiers."""
    titles: dict[str, list[str]] = {}
    for front in session.scalars(_current().with_only_columns(models.FicheVersion.front).order_by(models.FicheVersion.fiche_id)):
        if front["topics"]:
            titles.setdefault(front["topics"][0], []).append(front["title"])
    return titles


def version(session: Session, identifier: str, number: int) -> models.FicheVersion:
    """One stored version, current or not: what an exchange of the journal quoted.

    Raises:
        FicheUnknown: no such version.
    """
    wanted = select(models.FicheVersion).where(models.FicheVersion.fiche_id == identifier, models.FicheVersion.number == number)
    row = session.scalars(wanted).one_or_none()
    if row is None:
        raise FicheUnknown(f"La fiche « {identifier} », version {number}, n'existe pas.")
    return row


def _current() -> Select[models.FicheVersion]:
    return select(models.FicheVersion).where(models.FicheVersion.replaced_at.is_(None))


def _in_season(front: Front, day: date) -> bool:
    return (front.valid_from is None or front.valid_from <= day) and (front.valid_to is None or day <= front.valid_to)


def _rendered(number: int, theme: str, front: Front, sections: Mapping[str, str], facts: Facts, day: date) -> PublishedFiche:
    texts = {
        section: compiled(text).render(facts, day, "fr" if section in FRENCH_SECTIONS else section) for section, text in sections.items()
    }
    procedure = front.procedure
    return PublishedFiche(
        id=front.id,
        number=number,
        title=front.title,
        theme=theme,
        topics=front.topics,
        audience=front.audience,
        service=front.service,
        competent=front.competent,
        contrast=front.contrast,
        related=front.related,
        service_public=front.service_public,
        sources=tuple(FicheSource(source.url, source.rubric) for source in front.sources),
        procedure=Procedure(procedure.online, procedure.url, procedure.exclusive) if procedure else None,
        help=front.help,
        checked_on=front.checked_on,
        review_by=front.review_by,
        certainty=front.certainty,
        questions=dict(front.questions),
        court=" ".join(texts[SHORT].split()),
        detail=paragraphs(texts[DETAIL]),
        steps=steps(texts.get(STEPS, "")),
        translations={section: " ".join(text.split()) for section, text in sorted(texts.items()) if section not in FRENCH_SECTIONS},
    )
