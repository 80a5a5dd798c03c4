"""The real assistant over the real content, and every engine that honours the contract."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine as Database

from bot.assistant import Assistant
from bot.engines.contract import Engine
from bot.engines.state import fingerprint
from bot.training.rasa.project import Project
from bot.training.rasa.server import RasaServer
from tests.contracts.rasa_side import RECORDED, RecordedRasa, embedded, rasa_engine, serving, trained_project
from tests.stock import real_assistant, shared_folder, stocked_database


@pytest.fixture(scope="session")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with stocked_database(tmp_path_factory.mktemp("stock")) as engine:
        yield engine


@pytest.fixture(scope="session")
def assistant(stocked: Database) -> Assistant:
    return real_assistant(stocked)


@pytest.fixture(scope="session")
def shared() -> Path:
    return shared_folder()


@pytest.fixture(scope="session")
def rasa(assistant: Assistant, shared: Path) -> Iterator[RasaServer]:
    """A real Rasa with our component."""
    folder, model = trained_project(assistant, shared, Project())
    with serving(folder, model) as server:
        yield server


@pytest.fixture(params=["embedded", "recorded", pytest.param("rasa", marks=[pytest.mark.rasa, pytest.mark.slow])])
def engine(request: pytest.FixtureRequest, assistant: Assistant) -> Iterator[Engine]:
    """Each engine in turn."""
    match request.param:
        case "embedded":
            yield embedded(assistant)
        case "recorded":
            answers = json.loads(RECORDED.read_text("utf-8"))
            for answer in answers.values():  # recorded on another day's knowledge: said of today's
                answer["accueil"]["digest"] = fingerprint(assistant.catalogue.index.digest)
            with RecordedRasa(answers) as fake:
                yield rasa_engine(assistant, fake.url)
        case _:
            yield rasa_engine(assistant, request.getfixturevalue("rasa").url)
