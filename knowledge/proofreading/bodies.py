"""Judges `competent.yml`: its shape, addresses that are not official, words that point at two bodies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field, RootModel

from knowledge.competence import FILE
from knowledge.documents import Strict
from knowledge.errors import Remark
from knowledge.proofreading.rows import Rows, read_rows
from knowledge.proofreading.vocabulary import Vocabulary
from knowledge.wordforms import folded_words

Words = Annotated[str, Field(min_length=2)]


class _Body(Strict):
    body: Words
    keywords: Annotated[tuple[Words, ...], Field(min_length=1)]
    url: Annotated[str, Field(pattern=r"^https://")]
    rubric: Words


class _Bodies(RootModel[tuple[_Body, ...]]):
    pass


def read(content: Path) -> Rows[_Body]:
    """The bodies of a content folder. Raises ContentRefused."""
    return read_rows(content, FILE, _Bodies)


def refusals(written: Rows[_Body], vocabulary: Vocabulary) -> Iterator[Remark]:
    """Addresses that nobody answers for, and words by which a citizen would be sent to one body or to another by chance."""
    said: dict[tuple[str, ...], str] = {}
    for number, row in enumerate(written.rows):
        if not vocabulary.is_official_address(row.url):
            message = f"« {row.url} » n'est pas un site officiel connu"
            yield written.document.refused((number, "url"), "site", message, "donnez un site de official_domains.yml, ou ajoutez-le")
        for place, words in enumerate(row.keywords):
            if said.setdefault(tuple(folded_words(words)), row.body) != row.body:
                message = f"« {words} » désigne déjà « {said[tuple(folded_words(words))]} »"
                yield written.document.refused((number, "keywords", place), "organisme", message, "gardez ce mot pour un seul organisme")
