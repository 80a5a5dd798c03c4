from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from knowledge.clock import Clock
from tests.knowledge.builders import Content


@pytest.fixture
def content(tmp_path: Path) -> Content:
    """A content folder that proofreading accepts, without any fiche yet."""
    return Content(tmp_path / "content")


@pytest.fixture
def clock() -> Clock:
    """Saturday 21 November 2026, at noon in Paris."""
    return lambda: datetime(2026, 11, 21, 11, 0, tzinfo=UTC)
