"""Databases for the tests, empty or stocked with the real content, and the real assistant over it: what the entrances stand on.

On SQLite, or on the PostgreSQL named in ACCUEIL_TEST_DATABASE. Migrating, loading and indexing take seconds: they are done once for all
the programs of a run, in models from which every test receives its own copy.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import URL, Engine, text
from sqlalchemy.engine import make_url

from bot.assistant import Assistant
from bot.catalogue import Catalogue
from knowledge.clock import Clock, today
from knowledge.database import migrate, open_engine, reading, session
from knowledge.indexing import store
from knowledge.loading import load
from knowledge.settings import settings

SHARED = "ACCUEIL_TEST_SHARED"
"""Variable of the environment that names `shared_folder`."""


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


@contextmanager
def alone(folder: Path, about: str) -> Iterator[None]:
    """Only one program of this run at a time does what follows."""
    import fcntl

    with (folder / f"{about}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def shared_folder() -> Path:
    """A folder that all the programs of this run see."""
    return Path(os.environ[SHARED])


def _model(*, stocked: bool) -> URL:
    """The model of all the programs of this run, made by the first that needs it."""
    name = "stocked" if stocked else "empty"
    with alone(shared_folder(), "stock"):
        kept = shared_folder() / f"{name}.url"
        (shared_folder() / f"user-{os.getpid()}").touch()
        if not kept.exists():
            url = _named("model") or make_url(f"sqlite:///{shared_folder() / name}.db")
            _make(url, stocked=stocked)
            kept.write_text(url.render_as_string(hide_password=False))
        if stocked and not settings().index.exists():
            shutil.copytree(shared_folder() / "index", settings().index)
        return make_url(kept.read_text())


def _make(url: URL, *, stocked: bool) -> None:
    if url.get_backend_name() == "postgresql":
        _order(f"CREATE DATABASE {url.database}")
    engine = open_engine(url.render_as_string(hide_password=False))
    migrate(engine)
    if stocked:
        with session(engine) as opened:
            load(opened, settings().content)
        with reading(engine) as opened:
            store(opened, today(tuesday_morning), shared_folder() / "index")
    engine.dispose()  # SQLite then holds all in one file; PostgreSQL copies only a database that nobody uses


def forget_models() -> None:
    """Leave nothing of the models, once no program of this run uses them."""
    with alone(shared_folder(), "stock"):
        (shared_folder() / f"user-{os.getpid()}").unlink(missing_ok=True)
        if not list(shared_folder().glob("user-*")):
            for kept in shared_folder().glob("*.url"):
                _forget(make_url(kept.read_text()))
                kept.unlink()


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
        Path(str(url.database)).unlink()


def _order(statement: str) -> None:
    """Have the PostgreSQL of the tests do something that no transaction may hold."""
    server = open_engine(os.environ["ACCUEIL_TEST_DATABASE"]).execution_options(isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(statement))
    server.dispose()
