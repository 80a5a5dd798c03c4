"""The written line as it is served, over the real content."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from api import keys
from api.app import create_app
from api.settings import ApiSettings
from bot.assistant import Assistant
from knowledge.database import session
from tests.api.staff import Staff
from tests.stock import real_assistant, stocked_database, tuesday_morning

SECRET = "un secret de test assez long pour signer"


@pytest.fixture(scope="session")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with stocked_database(tmp_path_factory.mktemp("stock")) as engine:
        yield engine


@pytest.fixture(scope="session")
def assistant(stocked: Engine) -> Assistant:
    return real_assistant(stocked)


@pytest.fixture
def an_app(stocked: Engine, assistant: Assistant, tmp_path: Path) -> Callable[..., FastAPI]:
    """Makes an application with the settings given, and tests' own otherwise."""

    def make(**changed: Any) -> FastAPI:
        chosen = {"secret": SECRET, "state": tmp_path, "rate_per_minute": 0, "trusted_hosts": ("testserver",), **changed}
        return create_app(assistant, stocked, ApiSettings(_env_file=None, **chosen), tuesday_morning)

    return make


@pytest.fixture
def client(an_app: Callable[..., FastAPI]) -> TestClient:
    return TestClient(an_app(), raise_server_exceptions=True)


@pytest.fixture
def staff(client: TestClient, stocked: Engine) -> Iterator[Staff]:
    yield Staff(client, stocked)
    with session(stocked) as opened:
        for key in keys.in_use(opened):
            keys.remove(opened, key.id)
