"""A file of the contents that is one list, read for its shape before its rows are judged; a content folder may have none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import RootModel

from knowledge.documents import Document, read_text, read_yaml, shaped

Row = TypeVar("Row")


@dataclass(frozen=True)
class Rows(Generic[Row]):
    """The rows as they are written, with where they stand."""

    document: Document
    rows: tuple[Row, ...]


def read_rows(content: Path, file: str, shape: type[RootModel[tuple[Row, ...]]]) -> Rows[Row]:
    """The rows of `file`; none when the folder has no such file. Raises ContentRefused."""
    text = read_text(content / file, file) if (content / file).is_file() else ""
    document = read_yaml(text, file)
    return Rows(document, shaped(shape, document, document.value or ()).root)
