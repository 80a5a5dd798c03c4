"""Dated amounts, delays, hours, numbers and addresses: the only place where a figure that changes may be written.

A fact is named by its kind and its key; two periods of one fact are two entries. Texts call them (`knowledge.rendering`), so that a new
amount changes every fiche on its day, without anybody rewriting a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from knowledge import models
from knowledge.documents import Strict, read_text, read_yaml, refusal, shaped
from knowledge.errors import ContentRefused, FactMissing, Remark


class Kind(StrEnum):
    """What a fact is; also the name of the function that texts call."""

    AMOUNT = "montant"
    DELAY = "delai"
    HOURS = "horaire"
    NUMBER = "numero"
    ADDRESS = "adresse"


CERTAINTIES = "ABCK"
"""From the text of the law (A) to what nobody has checked (K)."""


@dataclass(frozen=True)
class Fact:
    kind: str
    key: str
    label: str
    values: tuple[tuple[str, str], ...]
    """Wording by language, sorted; `fr` is always there."""
    valid_from: date | None
    valid_to: date | None
    """Last day in force."""
    source: tuple[tuple[str, str], ...]
    """`url` and `label`."""
    checked_on: date
    certainty: str
    to_check: bool
    file: str
    """Name of the file that declares it."""
    line: int = field(default=1, compare=False)

    @property
    def may_be_stated(self) -> bool:
        """Whether a text may quote it (architecture, section 3): neither unverified knowledge nor marked "à vérifier"."""
        return self.certainty != "K" and not self.to_check

    def on(self, day: date) -> bool:
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)

    def text(self, language: str = "fr") -> str:
        """Its wording in `language`, in French when there is none (amounts and numbers read the same)."""
        wordings = dict(self.values)
        return wordings.get(language, wordings["fr"])


class _Source(Strict):
    url: Annotated[str, Field(pattern=r"^https?://\S+$")]
    label: Annotated[str, Field(min_length=1)]


class _Entry(Strict):
    key: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,80}$")]
    kind: Kind
    label: Annotated[str, Field(min_length=1)]
    values: dict[Annotated[str, Field(pattern=r"^[a-z]{2}$")], Annotated[str, Field(min_length=1, max_length=300)]]
    valid_from: date | None
    valid_to: date | None
    source: _Source
    checked_on: date
    certainty: Literal["A", "B", "C", "K"]
    to_check: bool = False

    @model_validator(mode="before")
    @classmethod
    def _wordings(cls, entry: Any) -> Any:
        """`value` and `value_en`, as people write them, become one table of wordings."""
        if not isinstance(entry, dict):
            return entry
        rest = {name: value for name, value in entry.items() if not re.fullmatch(r"value(_[a-z]{2})?", str(name))}
        if "value" not in entry:
            raise ValueError("la ligne « value » manque")
        rest["values"] = {str(name)[6:] or "fr": value for name, value in entry.items() if name not in rest}
        return rest


class Facts:
    """All the facts, found by kind and key."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self._by_name: dict[tuple[str, str], list[Fact]] = {}
        for fact in facts:
            self._by_name.setdefault((fact.kind, fact.key), []).append(fact)

    def __iter__(self) -> Iterator[Fact]:
        return (fact for periods in self._by_name.values() for fact in periods)

    def periods(self, kind: str, key: str) -> tuple[Fact, ...]:
        return tuple(self._by_name.get((kind, key), ()))

    def in_force(self, kind: str, key: str, day: date) -> Fact:
        """The fact that a text may state on `day`.

        Raises:
            FactMissing: no such fact, none in force on that day, or one that may not be stated.
        """
        periods = self.periods(kind, key)
        if not periods:
            raise FactMissing(f'Le fait {kind}("{key}") n\'existe pas : déclarez-le dans content/facts/.')
        current = [fact for fact in periods if fact.on(day)]
        if not current:
            raise FactMissing(f'Le fait {kind}("{key}") n\'est pas en vigueur le {day:%d/%m/%Y} : ajoutez sa nouvelle période.')
        fact = max(current, key=lambda found: found.valid_from or date.min)
        if not fact.may_be_stated:
            raise FactMissing(f'Le fait {kind}("{key}") est à vérifier : il ne peut pas être affirmé.')
        return fact


def in_force(source: Session | Iterable[Fact] | Facts, kind: str, key: str, day: date, language: str = "fr") -> str:
    """The wording of one fact on `day`.

    Raises:
        FactMissing: no such fact in force that day, or one that may not be stated.
    """
    if isinstance(source, Session):
        source = stored(source)
    facts = source if isinstance(source, Facts) else Facts(source)
    return facts.in_force(kind, key, day).text(language)


def read(content: Path) -> tuple[Fact, ...]:
    """Every fact declared in `content/facts/*.yml`, sorted by kind, key and date.

    Raises:
        ContentRefused: a file is malformed, or two periods of one fact overlap.
    """
    facts: list[Fact] = []
    remarks: list[Remark] = []
    for path in sorted((content / "facts").glob("*.yml")):
        try:
            facts.extend(_read_file(path, f"facts/{path.name}", remarks))
        except ContentRefused as refused:
            remarks.extend(refused.remarks)
    facts.sort(key=lambda fact: (fact.kind, fact.key, fact.valid_from or date.min))
    remarks.extend(_overlaps(facts))
    if remarks:
        raise ContentRefused(remarks)
    return tuple(facts)


def _read_file(path: Path, name: str, remarks: list[Remark]) -> Iterator[Fact]:
    document = read_yaml(read_text(path, name), name)
    if document.value is None:
        return
    if not isinstance(document.value, list):
        raise refusal(name, 1, "forme", "le fichier doit être une liste de faits", "commencez chaque fait par « - key: »")
    for index, value in enumerate(document.value):
        try:
            entry = shaped(_Entry, document, value, (index,))
        except ContentRefused as refused:
            remarks.extend(refused.remarks)
            continue
        if entry.valid_from and entry.valid_to and entry.valid_to < entry.valid_from:
            remarks.append(document.refused((index, "valid_to"), "dates", "la période finit avant de commencer", "corrigez les dates"))
            continue
        yield Fact(
            kind=entry.kind.value,
            key=entry.key,
            label=entry.label,
            values=tuple(sorted((language, " ".join(text.split())) for language, text in entry.values.items())),
            valid_from=entry.valid_from,
            valid_to=entry.valid_to,
            source=tuple(sorted(entry.source.model_dump().items())),
            checked_on=entry.checked_on,
            certainty=entry.certainty,
            to_check=entry.to_check,
            file=path.name,
            line=document.line((index,)),
        )


def _overlaps(facts: list[Fact]) -> Iterator[Remark]:
    for earlier, later in pairwise(facts):
        if (earlier.kind, earlier.key) != (later.kind, later.key):
            continue
        if earlier.valid_to is None or later.valid_from is None or later.valid_from <= earlier.valid_to:
            yield Remark(
                f"facts/{later.file}",
                later.line,
                "fait en double",
                f'{later.kind}("{later.key}") est déjà déclaré pour la même période dans facts/{earlier.file}',
                "fermez l'ancienne période (valid_to) ou retirez l'un des deux",
            )


def stored(session: Session) -> Facts:
    """The facts of the database."""
    return Facts(
        Fact(
            kind=row.kind,
            key=row.key,
            label=row.label,
            values=tuple(sorted(row.values.items())),
            valid_from=row.valid_from,
            valid_to=row.valid_to,
            source=tuple(sorted(row.source.items())),
            checked_on=row.checked_on,
            certainty=row.certainty,
            to_check=row.to_check,
            file=row.file,
        )
        for row in session.scalars(select(models.Fact))
    )


def store(session: Session, facts: Iterable[Fact]) -> bool:
    """Make the database hold exactly `facts`; whether anything changed."""
    wanted = tuple(facts)
    if set(wanted) == set(stored(session)):
        return False
    session.execute(delete(models.Fact))
    session.add_all(
        models.Fact(
            kind=fact.kind,
            key=fact.key,
            label=fact.label,
            values=dict(fact.values),
            valid_from=fact.valid_from,
            valid_to=fact.valid_to,
            source=dict(fact.source),
            checked_on=fact.checked_on,
            certainty=fact.certainty,
            to_check=fact.to_check,
            file=fact.file,
        )
        for fact in wanted
    )
    return True
