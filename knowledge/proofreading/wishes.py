"""Judges `lexicon/wishes.yml`: its shape, words that are another wish already, fiches that are not served."""

from __future__ import annotations

from collections.abc import Iterator, Set
from pathlib import Path
from typing import Annotated

from pydantic import Field, RootModel

from knowledge.documents import Strict
from knowledge.errors import Remark
from knowledge.proofreading.rows import Rows, read_rows
from knowledge.wishes import FILE
from knowledge.wordforms import Lexicon

Words = Annotated[str, Field(min_length=2)]


class _Wish(Strict):
    words: Annotated[tuple[Words, ...], Field(min_length=1)]
    fiches: Annotated[tuple[str, ...], Field(min_length=1, max_length=3)]


class _Wishes(RootModel[tuple[_Wish, ...]]):
    pass


def read(content: Path) -> Rows[_Wish]:
    """The wishes of a content folder, before their fiches are looked for. Raises ContentRefused."""
    return read_rows(content, FILE, _Wishes)


def refusals(written: Rows[_Wish], lexicon: Lexicon) -> Iterator[Remark]:
    """Words that two wishes share. `lexicon`: how words are read."""
    said: dict[frozenset[str], str] = {}
    for number, row in enumerate(written.rows):
        for place, words in enumerate(row.words):
            bare = lexicon.bare(lexicon.read(words))
            if said.setdefault(bare, row.words[0]) != row.words[0]:
                message = f"« {words} » est déjà un mot de « {said[bare]} »"
                yield written.document.refused((number, "words", place), "souhait", message, "gardez-le sur une seule ligne")


def unserved(written: Rows[_Wish], served: Set[str]) -> Iterator[Remark]:
    """The fiches that wishes name and that are not served: they are not offered, and the line should name another.

    Args:
        served: identifiers of the fiches that may be offered.
    """
    for number, row in enumerate(written.rows):
        for place, fiche in enumerate(row.fiches):
            if fiche not in served:
                message = f"« {fiche} » n'est pas une fiche publiée"
                yield written.document.refused((number, "fiches", place), "souhait", message, "donnez le nom d'une fiche publiée")
