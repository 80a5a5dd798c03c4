"""A newer knowledge is swapped whole, even in the middle of answers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from bot.assistant import Assistant
from bot.catalogue import Catalogue
from bot.errors import NothingToAnswerWith
from bot.messages import Question
from knowledge.clock import today
from knowledge.database import reading, session
from knowledge.loading import load
from tests.knowledge.builders import Content


def _two_versions(content: Content, number: int) -> None:
    for fiche in ("cni-perte", "passeport-perte"):
        content.fiche(
            fiche,
            {
                "court": f"Texte approuvé {number} de {fiche}.",
                "detail": f"Détail {number} de {fiche}.",
                "étapes": None,
                "en": f"Approved text {number} of {fiche}.",
            },
        )


def test_nothing_is_swapped_when_nothing_changed(engine: Engine, content: Content) -> None:
    _two_versions(content, 1)
    assistant = _small_assistant(engine, content)

    with reading(engine) as opened:
        assert not assistant.refresh(opened)


def test_a_new_day_swaps_the_knowledge_even_without_a_new_release(engine: Engine, content: Content) -> None:
    _two_versions(content, 1)
    instant = [datetime(2026, 11, 24, 22, 59, tzinfo=UTC)]
    assistant = _small_assistant(engine, content, lambda: instant[0])
    instant[0] = datetime(2026, 11, 24, 23, 1, tzinfo=UTC)

    with reading(engine) as opened:
        assert assistant.refresh(opened)
    assert assistant.catalogue.day.day == 25


def test_a_swap_during_answers_never_mixes_two_states(engine: Engine, content: Content) -> None:
    _two_versions(content, 1)
    assistant = _small_assistant(engine, content)
    wrong: list[object] = []
    seen: set[int | None] = set()
    done = threading.Event()

    def ask(fiche: str) -> None:
        while not done.is_set():
            answer = assistant.answer(Question("", choice=fiche))
            said = [sentence for sentence in answer.sentences if sentence.provenance.reference == fiche]
            versions = {sentence.provenance.version for sentence in said}
            seen.update(versions)
            if len(versions) != 1 or not all(f" {sentence.provenance.version} de {fiche}" in sentence.text for sentence in said):
                wrong.append(said)

    askers = [threading.Thread(target=ask, args=(fiche,)) for fiche in ("cni-perte", "passeport-perte")]
    for asker in askers:
        asker.start()
    try:
        for number in range(2, 6):
            _two_versions(content, number)
            with session(engine) as opened:
                load(opened, content.folder, assistant.clock)
            with reading(engine) as opened:
                assert assistant.refresh(opened)
    finally:
        done.set()
        for asker in askers:
            asker.join()

    assert wrong == []
    assert len(seen) > 1


def _small_assistant(
    engine: Engine, content: Content, clock: Callable[[], datetime] = lambda: datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
) -> Assistant:
    with session(engine) as opened:
        load(opened, content.folder, clock)
    with reading(engine) as opened:
        return Assistant.over(Catalogue.load(opened, today(clock)), clock)


def test_an_assistant_without_a_switchboard_does_not_open(engine: Engine, tmp_path: Path) -> None:
    without = Content(tmp_path / "sans standard")
    _two_versions(without, 1)

    with pytest.raises(NothingToAnswerWith, match="standard"):
        _small_assistant(engine, without)


def test_an_assistant_without_a_fiche_does_not_open(engine: Engine) -> None:
    with reading(engine) as opened, pytest.raises(NothingToAnswerWith, match="knowledge load"):
        Catalogue.load(opened, datetime(2026, 11, 24, tzinfo=UTC).date())
