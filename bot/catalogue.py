"""Everything an assistant reads, loaded at once and swapped whole: fiches, index, services, lexicon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from sqlalchemy.orm import Session

from bot.errors import NothingToAnswerWith
from knowledge import directory, indexing, twins
from knowledge.building import build
from knowledge.competence import Competence
from knowledge.directory import Directory
from knowledge.fiches import PublishedFiche, published
from knowledge.search import Index, Progress, Sheet
from knowledge.settings import settings
from knowledge.wordforms import Lexicon, default_lexicon


@dataclass(frozen=True)
class Catalogue:
    """One state of the knowledge."""

    fiches: Mapping[str, PublishedFiche]
    index: Index
    directory: Directory
    competence: Competence
    release: int
    day: date
    sheets: Mapping[str, Sheet] = field(default_factory=dict)
    """Official sheets that may be quoted, by identifier."""

    @classmethod
    def load(cls, session: Session, day: date, progress: Progress = lambda _done, _total: None) -> Catalogue:
        """The knowledge of `day`, with the stored index (built if it is of another state).

        Raises:
            NothingToAnswerWith: no fiche is published, or no switchboard is described.
        """
        release = indexing.latest_release(session)
        fiches = published(session, day)
        if not fiches:
            raise NothingToAnswerWith("Aucune fiche publiée. Lancez d'abord : python -m knowledge load")
        services = directory.stored(session)
        if "standard" not in services:
            raise NothingToAnswerWith("Le service « standard » manque dans services.yml : c'est vers lui que l'assistant oriente toujours.")
        index, _ = indexing.store(session, day, progress=progress)
        return cls(
            fiches={fiche.id: fiche for fiche in fiches},
            index=index,
            directory=services,
            competence=Competence.load(settings().content),
            release=release,
            day=day,
            sheets={sheet.id: sheet for sheet in indexing.approved_sheets(session)},
        )

    def with_sheets(self, sheets: Sequence[Sheet], progress: Progress = lambda _done, _total: None) -> Catalogue:
        """The same knowledge with more official sheets in its index, for measures only."""
        index = build(tuple(self.fiches.values()), sheets, default_lexicon(), f"{self.index.digest}+corpus", progress)
        return Catalogue(self.fiches, index, self.directory, self.competence, self.release, self.day, {sheet.id: sheet for sheet in sheets})

    @property
    def lexicon(self) -> Lexicon:
        """How questions are read."""
        return self.index.lexicon

    @cached_property
    def neighbours(self) -> Mapping[str, frozenset[str]]:
        """Near twins, both ways: they are asked about with the same words, and a question must tell them apart."""
        near: dict[str, set[str]] = {}
        for pair in twins.pairs(self.index.typical, [subject.fiche for subject in self.index.subjects]):
            near.setdefault(pair.first, set()).add(pair.second)
            near.setdefault(pair.second, set()).add(pair.first)
        return {key: frozenset(value) for key, value in near.items()}
