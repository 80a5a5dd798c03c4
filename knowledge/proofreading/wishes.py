"""Judges `lexicon/wishes.yml`: its shape, words that are another wish already, fiches that are not served."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, RootModel

from knowledge.documents import Document, Strict, read_text, read_yaml, shaped
from knowledge.errors import Remark
from knowledge.wishes import FILE
from knowledge.wordforms import Lexicon

Words = Annotated[str, Field(min_length=2)]


class _Wish(Strict):
    words: Annotated[tuple[Words, ...], Field(min_length=1)]
    fiches: Annotated[tuple[str, ...], Field(min_length=1, max_length=3)]


class _Wishes(RootModel[tuple[_Wish, ...]]):
    pass


@dataclass(frozen=True)
class Written:
    """The wishes as they are written, before their fiches are looked for."""

    document: Document
    rows: tuple[_Wish, ...]


def read(content: Path) -> Written | None:
    """The wishes of a content folder; None when it has none. Raises ContentRefused."""
    if not (content / FILE).is_file():
        return None
    document = read_yaml(read_text(content / FILE, FILE), FILE)
    return Written(document, shaped(_Wishes, document, document.value or ()).root)


def refusals(written: Written | None, lexicon: Lexicon) -> Iterator[Remark]:
    """Words that two wishes share. `lexicon`: how words are read."""
    if written is None:
        return
    said: dict[frozenset[str], str] = {}
    for number, row in enumerate(written.rows):
        for place, words in enumerate(row.words):
            bare = lexicon.bare(lexicon.read(words))
            if said.setdefault(bare, row.words[0]) != row.words[0]:
                message = f"« {words} » est déjà un mot de « {said[bare]} »"
                yield written.document.refused((number, "words", place), "souhait", message, "gardez-le sur une seule ligne")


def unserved(written: Written | None, served: Set[str]) -> Iterator[Remark]:
    """The fiches that wishes name and that are not served: they are not offered, and the line should name another.

    Args:
        served: identifiers of the fiches that may be offered.
    """
    if written is None:
        return
    for number, row in enumerate(written.rows):
        for place, fiche in enumerate(row.fiches):
            if fiche not in served:
                message = f"« {fiche} » n'est pas une fiche publiée"
                yield written.document.refused((number, "fiches", place), "souhait", message, "donnez le nom d'une fiche publiée")
