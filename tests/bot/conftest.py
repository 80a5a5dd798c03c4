"""The real assistant over the real content, opened once; and the commands of `python -m bot` over the database of one test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
import yaml
from sqlalchemy import Engine

from bot.__main__ import main
from bot.assistant import Assistant
from bot.messages import Answer, Channel, Interpretation, Nature
from bot.policy import Verdict
from bot.wording import Wording
from knowledge import database
from tests.bot.approved import refused
from tests.bot.builders import CARD
from tests.knowledge.builders import Content
from tests.stock import real_assistant, stocked_database, tuesday_morning

Run = Callable[..., int]
Word = Callable[..., Answer]


@pytest.fixture(scope="session")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with stocked_database(tmp_path_factory.mktemp("stock")) as engine:
        yield engine


@pytest.fixture(scope="session")
def assistant(stocked: Engine) -> Assistant:
    """Open on a Tuesday morning. Shared: a test that swaps its knowledge makes its own."""
    return real_assistant(stocked)


@pytest.fixture
def word(assistant: Assistant) -> Word:
    """Word a verdict with the real content, on a Tuesday morning."""

    def word(
        verdict: Verdict,
        channel: Channel = Channel.CHAT,
        *,
        first: bool = False,
        at: datetime | None = None,
        nature: Nature = Nature.GENERAL,
        language: str = "fr",
        text: str = "carte perdue",
        emergency: str | None = None,
        otherwise: Nature | None = None,
        cut_short: bool = False,
        competent: str | None = None,
    ) -> Answer:
        understood = Interpretation(
            text, language, nature, 0.9, (CARD,), emergency=emergency, otherwise=otherwise, competent=competent, cut_short=cut_short
        )
        answer = Wording(assistant.catalogue, at or tuesday_morning()).word(verdict, understood, channel, first_turn=first)
        assert refused(assistant, answer) == []
        return answer

    return word


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
