"""The real assistant over the real content, opened once; and the commands of `python -m bot` over the database of one test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from sqlalchemy import Engine

from bot.__main__ import main
from bot.assistant import Assistant
from knowledge import database
from tests.knowledge.builders import Content
from tests.stock import real_assistant, stocked_database

Run = Callable[..., int]


@pytest.fixture(scope="session")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with stocked_database(tmp_path_factory.mktemp("stock")) as engine:
        yield engine


@pytest.fixture(scope="session")
def assistant(stocked: Engine) -> Assistant:
    """Open on a Tuesday morning. Shared: a test that swaps its knowledge makes its own."""
    return real_assistant(stocked)


@pytest.fixture
def run(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command of `python -m bot` on the database of this test; its exit code."""
    monkeypatch.setattr(database, "default_engine", lambda: engine)
    return lambda *arguments: main([str(argument) for argument in arguments])


@pytest.fixture
def content(tmp_path: Path) -> Content:
    """A small content whose switchboard is its only service but one."""
    content = Content(tmp_path / "content")
    services = content.folder / "services.yml"
    described = yaml.safe_load(services.read_text("utf-8"))
    described["services"].append(described["services"][0] | {"id": "standard", "name": "Standard"})
    services.write_text(yaml.safe_dump(described, allow_unicode=True), "utf-8")
    return content


def files_of(engine: Engine) -> list[Path]:
    """The files of a SQLite database: itself and its write-ahead log; none for PostgreSQL."""
    if engine.dialect.name != "sqlite":
        return []
    path = Path(str(engine.url.database))
    return [file for file in (path, path.with_name(path.name + "-wal")) if file.exists()]
