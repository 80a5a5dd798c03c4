"""The index of a database: built once per state of the knowledge, with the approved pages only, and whatever another process does."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Engine

from knowledge import indexing, models
from knowledge.clock import Clock, today
from knowledge.database import session
from knowledge.errors import IndexMissing
from knowledge.loading import load
from knowledge.search import Index
from tests.knowledge.builders import Content


def test_the_index_is_built_once_and_again_only_when_the_knowledge_changes(
    engine: Engine, content: Content, clock: Clock, tmp_path: Path
) -> None:
    folder, day = tmp_path / "index", today(clock)
    content.fiche("cni-perte")
    with session(engine) as opened:
        load(opened, content.folder, clock)
        _, first = indexing.store(opened, day, folder)
        _, second = indexing.store(opened, day, folder)
        content.fiche("cni-vol", service_public=["F1"])
        load(opened, content.folder, clock)
        index, third = indexing.store(opened, day, folder)

    assert (first, second, third) == (True, False, True)
    assert set(index.by_fiche) == {"cni-perte", "cni-vol"}


def test_a_page_enters_the_index_only_once_approved(engine: Engine, content: Content, clock: Clock, tmp_path: Path) -> None:
    def page(identifier: str, status: str) -> models.Page:
        return models.Page(
            origin="service-public",
            external_id=identifier,
            url=f"https://a/{identifier}",
            title="Permis de chasser",
            breadcrumb="Loisirs > Chasse",
            updated_on=date(2026, 1, 2),
            sections=[{"title": "", "text": "Il faut un examen."}],
            digest="0" * 64,
            status=status,
            validators={},
            fetched_at=clock(),
            changed_at=clock(),
        )

    content.fiche("cni-perte")
    with session(engine) as opened:
        load(opened, content.folder, clock)
        opened.add_all([page("F1", "proposed"), page("F2", "approved"), page("F3", "withdrawn")])
        opened.flush()
        index, _ = indexing.store(opened, today(clock), tmp_path / "index")

    assert [subject.service_public for subject in index.subjects if subject.fiche is None] == [("F2",)]
    assert index.subjects[-1].quotation == "Il faut un examen."


def test_a_corpus_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing, match=r"n'existe pas. Indiquez son chemin avec --corpus"):
        indexing.corpus(tmp_path / "absent.jsonl.gz")
    for name, text in (("a.jsonl", "{"), ("b.jsonl", '{"id": "F1"}'), ("c.jsonl.gz", "pas compressé"), ("d.jsonl", "[]")):
        (tmp_path / name).write_text(text, "utf-8")
        with pytest.raises(IndexMissing, match="ne se lit pas"):
            indexing.corpus(tmp_path / name)


def test_an_index_replaced_by_another_process_at_once_is_still_that_of_the_state_asked_for(
    engine: Engine, content: Content, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two servers start on two states: the one whose index was just replaced answers with the one that it built."""
    content.fiche("cni-perte")
    kept = Index.save

    def replaced(self: Index, folder: Path) -> None:
        kept(self, folder)
        (folder / "manifest.json").unlink()

    monkeypatch.setattr(Index, "save", replaced)
    with session(engine) as opened:
        load(opened, content.folder)
        index, built = indexing.store(opened, date(2026, 11, 21), tmp_path / "index")

    assert built
    assert index.by_fiche == {"cni-perte": 0}
