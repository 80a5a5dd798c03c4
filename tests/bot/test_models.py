"""Models trained by an installation take the service whole, without a stop, and give it back."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from bot import settings as bot_settings
from bot.__main__ import main as bot
from bot.engines.embedded import EmbeddedEngine
from bot.engines.shipped import PARTS, SHIPPED
from bot.errors import ModelsMissing
from bot.learned import CURRENT, PACKAGE, REASON, in_service, put_in_service, training, versions
from bot.messages import Decision, Question
from bot.training import natures, services
from bot.workbench import regression
from knowledge import database
from knowledge.clock import now
from knowledge.database import reading, session
from knowledge.errors import PublicationBlocked
from knowledge.loading import load
from tests.knowledge.builders import Content
from tests.stock import real_assistant

ASKED = "j'ai perdu ma carte d'identité, comment la refaire ?"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of an installation that trains its own models."""
    folder = tmp_path / "modeles"
    monkeypatch.setenv("BOT_MODELS", str(folder))
    bot_settings.settings.cache_clear()
    yield folder
    monkeypatch.undo()
    bot_settings.settings.cache_clear()


def _trained(root: Path, name: str, sure: float) -> None:
    """Models that differ from the shipped ones by what they are sure of."""
    shutil.copytree(SHIPPED, root / name)
    stored = json.loads((root / name / "weighing.json").read_text("utf-8"))
    stored["thresholds"] |= {"sure": sure}
    (root / name / "weighing.json").write_text(json.dumps(stored), "utf-8")


def test_the_models_of_the_package_serve_until_others_do(root: Path) -> None:
    assert in_service() == SHIPPED
    assert {file.name for file in SHIPPED.iterdir() if file.is_file()} == set(PARTS)


@pytest.mark.parametrize("part", PARTS)
def test_a_damaged_file_is_refused_by_its_name(part: str, tmp_path: Path, stocked: Engine) -> None:
    for name in PARTS:
        shutil.copy(SHIPPED / name, tmp_path)
    (tmp_path / part).write_bytes((SHIPPED / part).read_bytes()[:40])
    with pytest.raises(ModelsMissing, match=part):
        EmbeddedEngine.load(real_assistant(stocked).catalogue, models=tmp_path)


def test_a_running_assistant_changes_models_between_two_answers_and_back(root: Path, stocked: Engine) -> None:
    assistant = real_assistant(stocked)
    _trained(root, "prudents", sure=1.0)
    decisions: list[Decision] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            decisions.append(assistant.answer(Question(ASKED)).decision)

    asker = threading.Thread(target=ask)
    asker.start()
    try:
        for name, decision in (("prudents", Decision.CLARIFY), (PACKAGE, Decision.REPLY), ("prudents", Decision.CLARIFY)):
            put_in_service(root, name)
            with reading(stocked) as opened:
                assert assistant.refresh(opened)
                assert not assistant.refresh(opened)
            assert assistant.answer(Question(ASKED)).decision is decision
    finally:
        done.set()
        asker.join()
    assert set(decisions) <= {Decision.CLARIFY, Decision.REPLY}


def test_models_that_are_not_whole_never_take_the_service(root: Path, stocked: Engine) -> None:
    assistant = real_assistant(stocked)
    _trained(root, "abimés", sure=1.0)
    (root / "abimés" / "natures.npy").unlink()

    with pytest.raises(ModelsMissing, match="python -m bot models"):
        put_in_service(root, "abimés")
    (root / CURRENT).write_text("abimés\n", "utf-8")
    assert bot(["models"]) == 0  # the command that the error names shows them
    with reading(stocked) as opened, pytest.raises(ModelsMissing):
        assistant.refresh(opened)
    assert assistant.answer(Question(ASKED)).decision is Decision.REPLY
    for name in ("../modeles", "inconnus", ""):
        with pytest.raises(ModelsMissing):
            put_in_service(root, name)


@pytest.mark.slow
def test_a_team_trains_its_models_sees_them_and_goes_back(
    root: Path, engine: Engine, content: Content, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for fiche in ("cni-perte", "passeport-perte", "permis-perte"):
        content.fiche(fiche)
    with session(engine) as opened:
        load(opened, content.folder)
    monkeypatch.setattr(database, "default_engine", lambda: engine)
    some, files = natures.all_examples()[::30], services.written()[::30]  # of all of them, a quarter of an hour is learned
    monkeypatch.setattr(natures, "STEPS", 20)
    monkeypatch.setattr(natures, "all_examples", lambda: some)
    monkeypatch.setattr(services, "written", lambda: files)

    assert bot(["train"]) == 0
    (name,) = versions(root)
    assert in_service() == root / name
    assert (root / name / "ranking.json").read_bytes() != (SHIPPED / "ranking.json").read_bytes()
    assert (root / name / "conversation.json").read_bytes() == (SHIPPED / "conversation.json").read_bytes()
    assert bot(["models"]) == 0
    assert f"→ {name}" in capsys.readouterr().out
    assert bot(["models", "--use", PACKAGE]) == 0
    assert f"→ {PACKAGE}" in capsys.readouterr().out
    assert in_service() == SHIPPED
    assert bot(["models", "--use", "inconnus"]) == 1
    assert "inconnus" in capsys.readouterr().err


def test_models_that_lose_a_confirmed_answer_are_refused_unless_somebody_says_why(root: Path, stocked: Engine) -> None:
    _trained(root, "prudents", sure=1.0)
    with session(stocked) as opened:
        regression.confirm(opened, ASKED, "cni-perte", "fr", "équipe")
        catalogue = real_assistant(stocked).catalogue

        with pytest.raises(PublicationBlocked, match="cni-perte"):
            regression.verify(opened, catalogue, root / "prudents")
        regression.verify(opened, catalogue, root / "prudents", "essai d'un seuil plus prudent")
        opened.rollback()
    assert (root / "prudents" / REASON).read_text("utf-8").startswith("essai d'un seuil plus prudent\nn° ")


def test_a_training_that_fails_changes_nothing(root: Path) -> None:
    with pytest.raises(RuntimeError), training(root, now()) as folder:
        (folder / "ranking.json").write_text("{}", "utf-8")
        raise RuntimeError
    assert versions(root) == []
    assert in_service() == SHIPPED
    assert list(root.iterdir()) == []
