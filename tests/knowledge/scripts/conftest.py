from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from knowledge.database import session
from tests.knowledge.scripts.desk import Desk


@pytest.fixture
def desk(engine: Engine) -> Iterator[Desk]:
    with session(engine) as opened:
        yield Desk(opened)
