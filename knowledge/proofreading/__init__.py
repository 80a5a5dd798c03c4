"""Refuses what a citizen would not understand, could not find, or should not be told.

`check` reads a whole content folder and gives every refusal, each with its file, its line and its remedy. Drafts are read for their shape
only: they are not served.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from knowledge import directory, facts
from knowledge.errors import ContentRefused, Remark
from knowledge.fiche_files import FicheFile, read_all
from knowledge.proofreading import bodies, collection, vocabulary, wishes
from knowledge.proofreading.collection import Opening
from knowledge.proofreading.fiche import Reader, overdue
from knowledge.proofreading.rows import Rows
from knowledge.settings import shipped_content
from knowledge.wordforms import Lexicon

__all__ = ["Checked", "Opening", "Previous", "check", "overdue"]


class Previous(Protocol):
    """The version of a fiche that is in the database (`knowledge.models.FicheVersion`)."""

    sections: Any
    front: Any


@dataclass(frozen=True)
class Checked:
    """A content folder, read and judged."""

    fiches: tuple[FicheFile, ...]
    facts: tuple[facts.Fact, ...]
    directory: directory.Directory
    remarks: tuple[Remark, ...]
    """Refusals, by file and line."""
    overdue: tuple[Remark, ...]
    """Fiches whose review date has passed: refused by `check`, told but loaded by `load`, which must go on working on that day."""
    unserved: tuple[Remark, ...]
    """Wishes for fiches that are not served: refused by `check`; a fiche must be withdrawn at once all the same, so `load` goes on."""
    openings: tuple[Opening, ...]
    """The ten commonest openings of the French phrasings."""


def check(
    content: Path,
    day: date,
    previous: Mapping[str, Previous] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Checked:
    """Judge everything under `content` as of `day`; `previous` holds the loaded version of each fiche, for its translations.

    Raises:
        ContentRefused: services, facts, vocabulary, wishes or bodies cannot be read, so that fiches cannot be judged.
    """
    stock, services, known, wished, others = _foundations(content)
    files, remarks = read_all(content)
    judged = [file for file in files if file.front.status in ("published", "review")]
    reader = Reader(facts.Facts(stock), services, known, frozenset(file.id for file in files), day)
    found = [*remarks, *_premium_numbers(stock, services, content)]
    short_forms: dict[str, str] = {}
    for file in judged:
        progress(file.id)
        found.extend(reader.refusals(file, (previous or {}).get(file.id)))
        short_forms[file.id] = reader.short_form(file)
    lexicon = _lexicon(content)
    found.extend(collection.refusals(judged, short_forms, lexicon))
    found.extend(wishes.refusals(wished, lexicon))
    found.extend(bodies.refusals(others, known))
    served = frozenset(file.id for file in files if file.front.status == "published")
    return Checked(
        fiches=files,
        facts=stock,
        directory=services,
        remarks=_in_order(found),
        overdue=tuple(remark for file in files for remark in overdue(file, day)),
        unserved=tuple(wishes.unserved(wished, served)),
        openings=collection.openings(judged),
    )


def _foundations(
    content: Path,
) -> tuple[tuple[facts.Fact, ...], directory.Directory, vocabulary.Vocabulary, Rows[Any], Rows[Any]]:
    """Facts, services, vocabulary, wishes and bodies; all their refusals are told together."""
    remarks: list[Remark] = []
    read: list[Any] = []
    for part in (facts.read, directory.read, vocabulary.read_acronyms, vocabulary.read_domains, wishes.read, bodies.read):
        try:
            read.append(part(content))
        except ContentRefused as refused:
            remarks.extend(refused.remarks)
    if remarks:
        raise ContentRefused(_in_order(remarks))
    return read[0], read[1], vocabulary.Vocabulary(read[2], read[3]), read[4], read[5]


def _lexicon(content: Path) -> Lexicon:
    """The lexicon of the folder that is judged, or the shipped one when it brings none."""
    return Lexicon.load(content) if (content / "lexicon").is_dir() else _shipped_lexicon()


@lru_cache
def _shipped_lexicon() -> Lexicon:
    return Lexicon.load(shipped_content())


def _premium_numbers(stock: Sequence[facts.Fact], services: directory.Directory, content: Path) -> Iterator[Remark]:
    remedy = "donnez un numéro au prix d'un appel ordinaire"
    for fact in stock:
        for _, number in fact.values:
            if fact.kind == facts.Kind.NUMBER and vocabulary.is_premium(number):
                yield Remark(f"facts/{fact.file}", fact.line, "numéro surtaxé", f"« {number} » peut être surtaxé", remedy)
    for service in services:
        if vocabulary.is_premium(service.phone):
            line = next(
                (
                    number
                    for number, text in enumerate((content / "services.yml").read_text("utf-8").split("\n"), 1)
                    if service.phone in text
                ),
                1,
            )
            yield Remark("services.yml", line, "numéro surtaxé", f"« {service.phone} » ({service.id}) peut être surtaxé", remedy)


def _in_order(remarks: Sequence[Remark]) -> tuple[Remark, ...]:
    return tuple(sorted(set(remarks), key=lambda remark: (remark.file, remark.line, remark.rule, remark.message)))
