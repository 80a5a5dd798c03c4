"""What every test may receive: a migrated database, on SQLite or on the PostgreSQL named in ACCUEIL_TEST_DATABASE."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from knowledge.settings import settings
from tests.stock import SHARED, empty_database, forget_models

CONTENT = Path(__file__).parent.parent / "knowledge" / "content"
DATABASES = {"engine", "stocked", "database"}
"""The fixtures that are a database, wherever they are made."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what stands on a database, be it through other fixtures: `.ci/run` asks it again of PostgreSQL."""
    for item in items:
        if isinstance(item, pytest.Function) and DATABASES & set(item.fixturenames):
            item.add_marker("database")


@pytest.fixture(scope="session", autouse=True)
def _leave_the_working_copy_alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Commands started by tests write under a temporary folder, never in the checkout's var/."""
    folder = tmp_path_factory.mktemp("accueil")
    base = tmp_path_factory.getbasetemp()
    os.environ[SHARED] = str(base.parent if base.name.startswith("popen-") else base)  # a worker of pytest-xdist has its own within
    os.environ.setdefault("KNOWLEDGE_DATABASE", f"sqlite:///{folder / 'accueil.db'}")
    os.environ.setdefault("KNOWLEDGE_INDEX", str(folder / "index"))
    settings.cache_clear()  # a module of tests may have read them while it was collected
    yield
    forget_models()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An empty database with the schema of this program."""
    with empty_database(tmp_path) as opened:
        yield opened
