"""The database: one engine a process, sessions opened at the entrances.

SQLite is opened with foreign keys on, write-ahead logging, full synchronisation (a journal row that was acknowledged survives
a power cut), deleted bytes overwritten, and BEGIN IMMEDIATE for every writing session: with SQLite's default, concurrent
read-then-write loses updates silently.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from knowledge.errors import DatabaseUnready, PartMissing
from knowledge.settings import settings


def open_engine(url: str) -> Engine:
    """An engine for `url`, configured for durability.

    Raises:
        DatabaseUnready: the folder of the SQLite file cannot be created.
        PartMissing: the driver of that database is not installed.
    """
    address = make_url(url)
    if address.get_backend_name() != "sqlite":
        try:
            return create_engine(address, pool_size=10, max_overflow=10, pool_pre_ping=True, hide_parameters=True)
        except ModuleNotFoundError as error:
            raise PartMissing("PostgreSQL demande psycopg : lancez « deploy/setup.sh requirements-server.lock », puis relancez.") from error
    if address.database and address.database != ":memory:":
        try:
            Path(address.database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseUnready(f"Impossible de créer le dossier de la base ({error}). Vérifiez KNOWLEDGE_DATABASE.") from error
    engine = create_engine(address, connect_args={"timeout": 15, "check_same_thread": False}, hide_parameters=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we emit BEGIN ourselves
    for pragma in ("foreign_keys=ON", "journal_mode=WAL", "synchronous=FULL", "busy_timeout=15000", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


@lru_cache
def default_engine() -> Engine:
    """The engine of the database named in the settings."""
    return open_engine(settings().database)


@contextmanager
def session(engine: Engine | None = None) -> Iterator[Session]:
    """A writing session, committed at the end of the block and rolled back when it raises."""
    with Session(engine or default_engine(), expire_on_commit=False) as opened, opened.begin():
        yield opened


@contextmanager
def reading(engine: Engine | None = None) -> Iterator[Session]:
    """A reading session: one snapshot, no lock taken."""
    engine = engine or default_engine()
    snapshot = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
    with Session(engine.execution_options(reading=True, **snapshot), expire_on_commit=False) as opened:
        yield opened


def scrub(engine: Engine | None = None) -> None:
    """Leave in the files of the database nothing of what was deleted (T28).

    SQLite: free pages are dropped and the write-ahead log is emptied. PostgreSQL: dead rows are reclaimed; its own log and backups
    follow the retention of the server.

    Raises:
        DatabaseUnready: another program holds the database; running again is enough.
    """
    engine = engine or default_engine()
    busy = "Les mots sont effacés, mais le fichier de la base peut en garder trace : relancez quand aucun autre programme ne l'occupe."
    if engine.dialect.name != "sqlite":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM exchange_text")
        return
    with closing(engine.raw_connection()) as raw:  # outside any transaction, where VACUUM runs
        cursor = raw.cursor()
        try:
            cursor.execute("VACUUM")
            still_read, *_ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.OperationalError as error:
            raise DatabaseUnready(f"{busy} ({error})") from error
    if still_read:
        raise DatabaseUnready(busy)


def migrate(engine: Engine | None = None) -> None:
    """Bring the schema to this program's version. Running it twice changes nothing.

    Raises:
        DatabaseUnready: the database cannot be reached or written.
    """
    engine = engine or default_engine()
    config = _alembic_config()
    try:
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
    except OperationalError as error:
        raise DatabaseUnready(
            f"La base ne répond pas ou ne peut pas être écrite ({error.orig}). "
            "Vérifiez KNOWLEDGE_DATABASE, l'espace disque et les droits du dossier, puis relancez."
        ) from error


def schema_is_current(engine: Engine | None = None) -> bool:
    """Whether every migration of this program has been applied."""
    head = ScriptDirectory.from_config(_alembic_config()).get_current_head()
    with (engine or default_engine()).connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() == head


def require_schema(engine: Engine | None = None) -> None:
    """Raises DatabaseUnready when the database does not answer or its schema is not this program's."""
    try:
        current = schema_is_current(engine)
    except OperationalError as error:
        raise DatabaseUnready(f"La base ne répond pas ({error.orig}). Vérifiez KNOWLEDGE_DATABASE.") from error
    if not current:
        raise DatabaseUnready("La base n'est pas prête pour cette version. Lancez « python -m knowledge migrate ».")


def _alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
