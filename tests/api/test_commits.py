from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from sqlalchemy import Engine, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.commits import Commits
from knowledge import models
from knowledge.clock import now
from knowledge.database import reading


def add(session: Session, name: str) -> str:
    session.execute(insert(models.Conversation).values(id=name, channel="chat", started_at=now()))
    return name


def present(engine: Engine, *names: str) -> int:
    with reading(engine) as session:
        query = select(func.count()).select_from(models.Conversation).where(models.Conversation.id.in_(names))
        return session.scalar(query) or 0


def test_a_write_is_on_the_disk_when_it_returns(engine: Engine) -> None:
    commits = Commits(engine)
    for number in range(20):
        name = f"c{number}"
        assert commits.write(partial(add, name=name)) == name
        assert present(engine, name) == 1


def test_forty_writers_at_once_lose_nothing(engine: Engine) -> None:
    commits = Commits(engine)
    names = [f"{number:03d}" for number in range(400)]
    with ThreadPoolExecutor(40) as pool:
        written = list(pool.map(lambda name: commits.write(lambda session: add(session, name)), names))
    assert written == names
    assert present(engine, *names) == 400


def test_a_write_that_fails_takes_no_other_with_it(engine: Engine) -> None:
    commits = Commits(engine)
    commits.write(lambda session: add(session, "taken"))
    together = threading.Barrier(16)

    def attempt(number: int) -> bool:
        together.wait()
        try:
            commits.write(lambda session: add(session, "taken" if number % 4 == 0 else f"n{number}"))
        except IntegrityError:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        passed = list(pool.map(attempt, range(16)))
    assert passed == [number % 4 != 0 for number in range(16)]
    assert present(engine, *(f"n{number}" for number in range(16))) == 12


def test_a_write_that_fails_alone_says_why_and_leaves_the_line_open(engine: Engine) -> None:
    commits = Commits(engine)
    with pytest.raises(ZeroDivisionError):
        commits.write(lambda session: 1 // len(add(session, "x")[1:]))
    assert present(engine, "x") == 0
    assert commits.write(lambda session: add(session, "x")) == "x"
