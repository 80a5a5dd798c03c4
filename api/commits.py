"""Writes of several visitors committed together: one wait for the disk serves all those who arrived meanwhile.

SQLite admits one writer at a time, and each commit waits for the disk. Left to themselves, writers poll for their turn with growing
pauses; here they queue, and the first in line does the work of those waiting behind it in one transaction. Each work has its own
savepoint: one that fails takes nothing else with it. PostgreSQL groups commits by itself: there, each work has its own transaction.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from knowledge.database import session

T = TypeVar("T")
MOST_TOGETHER = 32


class _Work(Generic[T]):
    """What one visitor waits for."""

    def __init__(self, act: Callable[[Session], T]) -> None:
        self.act = act
        self.done = False
        self.result: T | None = None
        self.error: Exception | None = None

    def outcome(self) -> T:
        if self.error is not None:
            raise self.error
        return self.result  # type: ignore[return-value]  # `act` has returned: this is what it gave


class Commits:
    """Gives each write a session, and returns once it is on the disk."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._grouped = engine.dialect.name == "sqlite"
        self._waiting: list[_Work[Any]] = []
        self._list = threading.Lock()
        self._writer = threading.Lock()

    def write(self, act: Callable[[Session], T]) -> T:
        """The result of `act`, committed. Raises what `act` raises, or what prevented the commit."""
        if not self._grouped:
            with session(self._engine) as opened:
                return act(opened)
        work = _Work(act)
        with self._list:
            self._waiting.append(work)
        with self._writer:
            while not work.done:
                with self._list:
                    together, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
                self._commit(together)
        return work.outcome()

    def _commit(self, together: list[_Work[Any]]) -> None:
        try:
            with session(self._engine) as opened:
                if len(together) == 1:
                    together[0].result = together[0].act(opened)
                else:
                    for work in together:
                        self._attempt(opened, work)
        except Exception as error:  # nobody's work is on the disk
            for work in together:
                work.error = work.error or error
        finally:
            for work in together:
                work.done = True

    def _attempt(self, opened: Session, work: _Work[Any]) -> None:
        try:
            with opened.begin_nested():
                work.result = work.act(opened)
        except Exception as error:  # told to the visitor concerned; the others go on
            work.error = error
