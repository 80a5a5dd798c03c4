"""The assistant as a change would make it: other content, one more phrasing, other thresholds. Built in memory, published nowhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

from sqlalchemy.orm import Session

from bot.assistant import Assistant
from bot.catalogue import Catalogue
from bot.policy import Thresholds
from knowledge.building import build
from knowledge.clock import today
from knowledge.competence import Competence
from knowledge.directory import stored
from knowledge.fiches import published
from knowledge.indexing import approved_sheets, digest
from knowledge.loading import load
from knowledge.search import Progress
from knowledge.settings import settings
from knowledge.wordforms import default_lexicon


def _unseen(_done: int, _total: int) -> None:
    pass


def as_written(session: Session, day: date, base: Assistant, progress: Progress = _unseen) -> Assistant:
    """The assistant of what `session` holds, kept or not: the candidate of a publication in progress."""
    fiches, sheets = published(session, day), approved_sheets(session)
    catalogue = Catalogue(
        fiches={fiche.id: fiche for fiche in fiches},
        index=build(fiches, sheets, default_lexicon(), digest(fiches, sheets, settings().content), progress),
        directory=stored(session),
        competence=Competence.load(settings().content),
        release=base.catalogue.release,
        day=day,
        sheets={sheet.id: sheet for sheet in sheets},
    )
    return with_thresholds(Assistant.over(catalogue, base.clock, base.models), base.thresholds)


def with_content(session: Session, content: Path, base: Assistant, progress: Progress = _unseen) -> Assistant:
    """The assistant of a content folder. It is loaded in `session`, which the caller must give up afterwards.

    Raises:
        ContentRefused: the folder breaks a rule.
    """
    load(session, content, base.clock)
    return as_written(session, today(base.clock), base, progress)


def with_thresholds(base: Assistant, thresholds: Thresholds) -> Assistant:
    """The same knowledge, other thresholds."""
    return Assistant(base.catalogue, base.engine, thresholds, base.clock, base.models)


def thresholds_of(base: Thresholds, sure: float | None, possible: float | None) -> Thresholds:
    """`base` with those that are given.

    Raises:
        ValueError: the second is above the first.
    """
    changed = replace(base, sure=base.sure if sure is None else sure, possible=base.possible if possible is None else possible)
    if changed.possible > changed.sure:
        raise ValueError(f"{changed.possible} > {changed.sure}")
    return changed
