"""What every test may receive: a migrated database, on SQLite or on the PostgreSQL named in ACCUEIL_TEST_DATABASE."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url

from knowledge.database import migrate, open_engine

CONTENT = Path(__file__).parent.parent / "knowledge" / "content"


@pytest.fixture(scope="session", autouse=True)
def _leave_the_working_copy_alone(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Commands started by tests write under a temporary folder, never in the checkout's var/."""
    folder = tmp_path_factory.mktemp("accueil")
    os.environ.setdefault("KNOWLEDGE_DATABASE", f"sqlite:///{folder / 'accueil.db'}")
    os.environ.setdefault("KNOWLEDGE_INDEX", str(folder / "index"))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An empty database with the schema of this program."""
    server = os.environ.get("ACCUEIL_TEST_DATABASE")
    if not server:
        opened = open_engine(f"sqlite:///{tmp_path / 'accueil.db'}")
        migrate(opened)
        yield opened
        opened.dispose()
        return
    name = f"accueil_{uuid.uuid4().hex[:12]}"
    admin = open_engine(server)
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    opened = open_engine(make_url(server).set(database=name).render_as_string(hide_password=False))
    migrate(opened)
    yield opened
    opened.dispose()
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()
