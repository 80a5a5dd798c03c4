"""Databases for the tests, empty or stocked with the real content, and the real assistant over it: what the entrances stand on.

On SQLite, or on the PostgreSQL named in ACCUEIL_TEST_DATABASE. Migrating, loading and indexing take seconds: they are done once for all
the programs of a run, in models from which every test receives its own copy. Where the content is published again and again, the brief one
stands for it: the fiches of one theme.
"""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Container, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

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
BRIEF = "identite"
"""Theme of the fiches of the brief content."""


def tuesday_morning() -> datetime:
    """An instant when the services are open."""
    return datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


@contextmanager
def empty_database(folder: Path) -> Iterator[Engine]:
    """A database of its own, with the schema of this program and nothing else."""
    with _copy(_model("empty"), folder) as engine:
        yield engine


@contextmanager
def stocked_database(folder: Path) -> Iterator[Engine]:
    """A database of its own, loaded with the real content, and its index where the settings say."""
    with _copy(_model("stocked"), folder) as engine:
        yield engine


@contextmanager
def brief_database(folder: Path) -> Iterator[Engine]:
    """The same with the brief content."""
    with _copy(_model("brief"), folder) as engine:
        yield engine


def brief_content() -> Path:
    """The real content, of which the fiches of one theme alone are kept. Read-only: it is that of every test."""
    with alone(shared_folder(), "brief content"):
        folder = shared_folder() / "brief content"
        if not folder.exists():
            unfinished = folder.with_suffix(".partial")
            shutil.copytree(settings().content, unfinished)
            kept = {file.stem: file for file in unfinished.glob(f"fiches/{BRIEF}/*.md")}
            for file in set(unfinished.glob("fiches/*/*.md")) - set(kept.values()):
                file.unlink()
            for file in kept.values():
                file.write_text(related_to(kept, file.read_text("utf-8")), "utf-8")
            unfinished.rename(folder)
    return folder


def related_to(fiches: Container[str], text: str) -> str:
    """The text of a fiche whose related fiches are among `fiches`."""

    def kept(line: re.Match[str]) -> str:
        names = [name for name in line[1].split(", ") if name in fiches]
        return f"related: [{', '.join(names)}]\n" if names else ""

    return re.sub(r"^related: \[(.*)\]\n", kept, text, count=1, flags=re.MULTILINE)


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


def _model(name: Literal["empty", "stocked", "brief"]) -> URL:
    """The model of all the programs of this run, made by the first that needs it."""
    with alone(shared_folder(), "stock"):
        kept = shared_folder() / f"{name}.url"
        (shared_folder() / f"user-{os.getpid()}").touch()
        if not kept.exists():
            url = _named("model") or make_url(f"sqlite:///{shared_folder() / name}.db")
            _make(url, name)
            kept.write_text(url.render_as_string(hide_password=False))
        if name != "empty" and not settings().index.exists():
            shutil.copytree(shared_folder() / f"index {name}", settings().index)
        return make_url(kept.read_text())


def _make(url: URL, name: str) -> None:
    if url.get_backend_name() == "postgresql":
        _order(f"CREATE DATABASE {url.database}")
    engine = open_engine(url.render_as_string(hide_password=False))
    migrate(engine)
    if name != "empty":
        with session(engine) as opened:
            load(opened, brief_content() if name == "brief" else settings().content)
        with reading(engine) as opened:
            store(opened, today(tuesday_morning), shared_folder() / f"index {name}")
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
