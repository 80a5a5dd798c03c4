"""The Rasa project is written from the fiches: always the same, without a word that Rasa would take for an order."""

from __future__ import annotations

import ast
import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from bot.assistant import Assistant
from bot.engines.embedded import EmbeddedEngine
from bot.engines.state import export, fingerprint, open_engine, told
from bot.errors import RasaRefused
from bot.training import shares
from bot.training.rasa.project import HEADER, Classifier, Project, examples_of, write
from bot.training.shares import Share
from tests.conftest import CONTENT

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(assistant: Assistant, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("rasa") / "project"
    write(assistant.catalogue, CONTENT, made, Project())
    return made


def test_the_same_contents_give_the_same_files(assistant: Assistant, folder: Path, tmp_path: Path) -> None:
    write(assistant.catalogue, CONTENT, tmp_path / "again", Project())

    assert _sums(folder) == _sums(tmp_path / "again")


def test_a_project_is_written_over_its_older_self_and_over_nothing_else(assistant: Assistant, folder: Path, tmp_path: Path) -> None:
    before = _sums(folder)
    write(assistant.catalogue, CONTENT, folder, Project(Classifier.DIET))
    write(assistant.catalogue, CONTENT, folder, Project())
    (tmp_path / "photos.txt").write_text("à garder", "utf-8")

    with pytest.raises(RasaRefused, match="autre chose"):
        write(assistant.catalogue, CONTENT, tmp_path, Project())
    assert _sums(folder) == before
    assert [file.name for file in tmp_path.iterdir()] == ["photos.txt"]


def test_every_file_says_that_nobody_edits_it_and_holds_no_secret(folder: Path) -> None:
    for name in ("domain.yml", "config.yml", "endpoints.yml", "credentials.yml", "data/nlu.yml", "data/rules.yml"):
        assert (folder / name).read_text("utf-8").startswith(HEADER)
    assert yaml.safe_load((folder / "credentials.yml").read_text("utf-8")) == {
        "bot.training.rasa_component.GuardedRest": {"token": "${BOT_RASA_TOKEN}"}
    }


def test_every_fiche_is_an_intent_that_the_rule_knows(assistant: Assistant, folder: Path) -> None:
    intents = yaml.safe_load((folder / "domain.yml").read_text("utf-8"))["intents"]
    rule = yaml.safe_load((folder / "data/rules.yml").read_text("utf-8"))["rules"][0]
    learned = yaml.safe_load((folder / "data/nlu.yml").read_text("utf-8"))["nlu"]

    assert intents == sorted(assistant.catalogue.fiches)
    assert [step["intent"] for step in rule["steps"][0]["or"]] == intents
    assert [one["intent"] for one in learned] == intents
    assert all(len(one["examples"].splitlines()) >= 2 for one in learned)


def test_what_is_kept_aside_to_measure_is_never_an_example(assistant: Assistant, folder: Path) -> None:
    learned = yaml.safe_load((folder / "data/nlu.yml").read_text("utf-8"))["nlu"]
    examples = {(one["intent"], line.removeprefix("- ")) for one in learned for line in one["examples"].splitlines()}
    fiches = tuple(assistant.catalogue.fiches.values())
    titles = {(fiche.id, fiche.title) for fiche in fiches}
    aside = {(fiche.id, text) for fiche, _, text in shares.of(fiches, Share.ASIDE)} - titles

    assert len(aside & examples) == 0


def test_words_that_rasa_would_obey_become_words(assistant: Assistant) -> None:
    wicked = (
        "[Paris](ville) svp",
        '[x]{"entity": "y"}',
        "/restart",
        "le ${HOME} de moi",
        "a\\nb",
        "deux\nlignes",
        "- tiret",
        "oui",
        "12",
        "« é » : #",
    )
    fiche = replace(assistant.catalogue.fiches["cni-perte"], questions={"fr": wicked})
    learned = examples_of([fiche])["cni-perte"]

    assert len(learned) == len(wicked) + 1
    assert not any("](" in text or "]{" in text or "${" in text or "\\" in text or "\n" in text or text.startswith("/") for text in learned)


def test_a_text_that_two_fiches_claim_is_an_example_of_neither(assistant: Assistant) -> None:
    one, other = assistant.catalogue.fiches["cni-perte"], assistant.catalogue.fiches["cni-vol"]
    learned = examples_of([replace(one, questions={"fr": ("ma carte", "perdue")}), replace(other, questions={"fr": ("Ma carte", "volée")})])

    assert [text for texts in learned.values() for text in texts if text.casefold() == "ma carte"] == []
    assert "perdue" in learned["cni-perte"]


def test_the_state_read_back_understands_as_the_engine_does(assistant: Assistant, tmp_path: Path) -> None:
    export(assistant.catalogue, CONTENT, tmp_path / "state")
    read_back, own = open_engine(tmp_path / "state"), EmbeddedEngine.load(assistant.catalogue)

    for text in ("j'ai perdu ma carte d'identité", "bonjour", "mon mari me frappe", "¿cómo renuevo mi pasaporte?", "passeport", ""):
        assert read_back.interpret(text) == own.interpret(text)


def test_what_leaves_rasa_holds_no_word_of_the_person(assistant: Assistant) -> None:
    row = told(EmbeddedEngine.load(assistant.catalogue).interpret("carte d'identité perdue canari"), fingerprint("x"))

    assert "canari" not in str(row)
    assert row["nature"] == "general"


def test_only_the_component_imports_rasa() -> None:
    found = []
    for file in (path for name in ("knowledge", "bot", "telephony", "api", "bench") for path in (ROOT / name).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            if any(name.split(".")[0] == "rasa" for name in names):
                found.append(file.relative_to(ROOT).as_posix())

    assert set(found) == {"bot/training/rasa_component.py"}


def _sums(folder: Path) -> dict[str, str]:
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return {file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
