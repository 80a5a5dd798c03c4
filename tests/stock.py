"""A database stocked with the real content, and the real assistant over it: what the tests of the entrances stand on."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, text
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
def stocked_database(folder: Path) -> Iterator[Engine]:
    """A database of its own, migrated and loaded with the real content; on PostgreSQL when ACCUEIL_TEST_DATABASE names one."""
    server = os.environ.get("ACCUEIL_TEST_DATABASE")
    if not server:
        engine = open_engine(f"sqlite:///{folder / 'accueil.db'}")
        yield _stocked(engine)
        engine.dispose()
        return
    name = f"accueil_{uuid.uuid4().hex[:12]}"
    admin = open_engine(server).execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine = open_engine(make_url(server).set(database=name).render_as_string(hide_password=False))
    yield _stocked(engine)
    engine.dispose()
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


def _stocked(engine: Engine) -> Engine:
    migrate(engine)
    with session(engine) as opened:
        load(opened, settings().content)
    return engine


def real_assistant(engine: Engine, clock: Clock = tuesday_morning) -> Assistant:
    """The assistant as it is shipped, over the content of `engine`."""
    with reading(engine) as opened:
        return Assistant.over(Catalogue.load(opened, today(clock)), clock)
