"""What goes into the search index, and when it must be built again."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from knowledge import models
from knowledge.building import build
from knowledge.embeddings import default_embedder
from knowledge.errors import IndexMissing
from knowledge.fiches import PublishedFiche, published
from knowledge.search import INDEX_FORMAT, Index, Progress, Sheet
from knowledge.settings import settings
from knowledge.wordforms import default_lexicon


def digest(fiches: Sequence[PublishedFiche], sheets: Sequence[Sheet], content: Path) -> str:
    """Names one state of the knowledge: same fiches, same pages, same lexicon, same encoder, same digest. SHA-256 in hexadecimal."""
    total = hashlib.sha256(f"{INDEX_FORMAT}\0{default_embedder().name}".encode())
    for fiche in fiches:
        total.update(f"{fiche.id}\0{fiche.number}\0{fiche.court}\0{fiche.detail}\0{sorted(fiche.questions.items())}\n".encode())
    for sheet in sheets:
        total.update(repr(sheet).encode())
    for file in sorted((content / "lexicon").glob("*.yml")):
        total.update(file.read_bytes())
    return total.hexdigest()


def approved_sheets(session: Session) -> tuple[Sheet, ...]:
    """The official pages that someone approved for quotation, as sheets."""
    dated = (models.Page.status == "approved", models.Page.updated_on.is_not(None))  # what has no date is not quoted
    rows = session.scalars(select(models.Page).where(*dated).order_by(models.Page.external_id))
    return tuple(_sheet(row) for row in rows)


def _sheet(row: models.Page) -> Sheet:
    sections = [(section["title"], section["text"]) for section in row.sections]
    introduction = sections[0][1] if sections and not sections[0][0] else ""
    return Sheet(
        id=row.external_id,
        title=row.title,
        breadcrumb=row.breadcrumb,
        introduction=introduction,
        sections=tuple(sections[1:] if introduction else sections),
        url=row.url,
        date=row.updated_on.isoformat() if row.updated_on else "",
    )


def corpus(path: Path) -> tuple[Sheet, ...]:
    """Sheets of a JSON-lines file (`id, title, theme, intro, sections, url, date`), compressed or not.

    Raises:
        IndexMissing: the file is absent or is not of that shape.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines if line.strip()]
        return tuple(
            Sheet(
                id=row["id"],
                title=row["title"],
                breadcrumb=row.get("theme") or "",
                introduction=row.get("intro") or "",
                sections=tuple((section["title"], section["text"]) for section in row.get("sections", ())),
                url=row["url"],
                date=row.get("date") or "",
            )
            for row in rows
        )
    except FileNotFoundError as error:
        raise IndexMissing(f"Le corpus {path} n'existe pas. Indiquez son chemin avec --corpus.") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IndexMissing(f"Le corpus {path} ne se lit pas ({error}). Attendu : une fiche JSON par ligne.") from error


def store(session: Session, day: date, folder: Path | None = None, progress: Progress = lambda _done, _total: None) -> tuple[Index, bool]:
    """The index of the knowledge of `day`, built and stored if the stored one is of another state.

    Returns:
        the index, and whether it had to be built.
    """
    folder = folder or settings().index
    content = settings().content
    fiches, sheets = published(session, day), approved_sheets(session)
    wanted = digest(fiches, sheets, content)
    lexicon = default_lexicon()
    try:
        return Index.open(folder, lexicon, wanted), False
    except IndexMissing:
        built = build(fiches, sheets, lexicon, wanted, progress)
        built.save(folder)
    try:
        return Index.open(folder, lexicon, wanted), True
    except IndexMissing:  # another process has just stored that of another state
        return built, True


def latest_release(session: Session) -> int:
    """Number of the newest announced state of the knowledge; 0 before the first loading."""
    return session.scalar(select(func.max(models.Release.id))) or 0
