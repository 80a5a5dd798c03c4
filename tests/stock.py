"""Databases for the tests, empty or stocked with the real content, and the real assistant over it: what the entrances stand on.

On SQLite, or on the PostgreSQL named in ACCUEIL_TEST_DATABASE. Migrating and loading take seconds: each program does them once, in a
model from which every test receives its own copy.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from sqlalchemy import URL, Engine, text
from sqlalchemy.engine import make_url

from bot.assistant import Assistant
from bot.catalogue import Catalogue
from knowledge.clock import Clock, today
from knowledge.database import migrate, open_engine, reading, session
from knowledge.loading import load
from knowledge.settings import settings


def tuesday_morning() -> datetime:
    """An instant when the services are open."""
    return datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


@contextmanager
def empty_database(folder: Path) -> Iterator[Engine]:
    """A database of its own, with the schema of this program and nothing else."""
    with _copy(_model(stocked=False), folder) as engine:
        yield engine


@contextmanager
def stocked_database(folder: Path) -> Iterator[Engine]:
    """A database of its own, loaded with the real content."""
    with _copy(_model(stocked=True), folder) as engine:
        yield engine


def real_assistant(engine: Engine, clock: Clock = tuesday_morning) -> Assistant:
    """The assistant as it is shipped, over the content of `engine`."""
    with reading(engine) as opened:
        return Assistant.over(Catalogue.load(opened, today(clock)), clock)


@cache
def _model(stocked: bool) -> URL:
    url = _named("model") or make_url(f"sqlite:///{Path(tempfile.mkdtemp(prefix='accueil-')) / 'model.db'}")
    if url.get_backend_name() == "postgresql":
        _order(f"CREATE DATABASE {url.database}")
    engine = open_engine(url.render_as_string(hide_password=False))
    migrate(engine)
    if stocked:
        with session(engine) as opened:
            load(opened, settings().content)
    engine.dispose()  # SQLite then holds all in one file; PostgreSQL copies only a database that nobody uses
    _models.append(url)
    return url


_models: list[URL] = []


def forget_models() -> None:
    """Leave nothing of the models that this program made."""
    for url in _models:
        _forget(url)
    _models.clear()
    _model.cache_clear()


@contextmanager
def _copy(model: URL, folder: Path) -> Iterator[Engine]:
    if url := _named("test"):
        _order(f"CREATE DATABASE {url.database} TEMPLATE {model.database}")
    else:
        url = make_url(f"sqlite:///{folder / 'accueil.db'}")
        shutil.copy(str(model.database), str(url.database))
    engine = open_engine(url.render_as_string(hide_password=False))
    yield engine
    engine.dispose()
    if url.get_backend_name() == "postgresql":
        _forget(url)


def _named(use: str) -> URL | None:
    """A new name on the PostgreSQL of the tests, if there is one."""
    server = os.environ.get("ACCUEIL_TEST_DATABASE")
    return make_url(server).set(database=f"accueil_{use}_{uuid.uuid4().hex[:12]}") if server else None


def _forget(url: URL) -> None:
    if url.get_backend_name() == "postgresql":
        _order(f"DROP DATABASE {url.database} WITH (FORCE)")
    else:
        shutil.rmtree(Path(str(url.database)).parent)


def _order(statement: str) -> None:
    """Have the PostgreSQL of the tests do something that no transaction may hold."""
    server = open_engine(os.environ["ACCUEIL_TEST_DATABASE"]).execution_options(isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(statement))
    server.dispose()
