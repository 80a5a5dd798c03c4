"""The real Asterisk of the tests: the product's own configuration, on a fresh LINE folder, on free ports of the loopback address."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import Engine

from bot.assistant import Assistant
from telephony.asterisk.instance import Instance, Place, free_port, program
from telephony.errors import AsteriskAbsent
from tests.stock import real_assistant, stocked_database
from tests.telephony.spoken_line import OpenLine, opener

CONFIGURATION = Path(__file__).parents[2] / "deploy" / "asterisk"

StartAsterisk = Callable[..., Instance]
"""start(line: Path | None = None, configuration: Path = CONFIGURATION, place: Place | None = None): a started Instance."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the whole line: its preparation is the longest, and programs that share the tests out then make it once."""
    items.sort(key=lambda item: "test_whole_line" not in item.nodeid)


@pytest.fixture(scope="session")
def asterisk_root() -> str:
    """Where the real Asterisk is: ACCUEIL_ASTERISK, else the root file system that `.ci/run` builds."""
    named = os.environ.get("ACCUEIL_ASTERISK", "")
    root = named or str(Path(os.environ.get("ACCUEIL_CACHE") or "~/.cache/accueil").expanduser() / "asterisk")
    try:
        program(root)
    except AsteriskAbsent as absent:
        if os.environ.get("CI") == "true":
            pytest.fail(f"under CI the real Asterisk must be there: {absent}")
        pytest.skip(f"{absent} ACCUEIL_ASTERISK says where it is.")
    return root


@pytest.fixture(scope="module")
def asterisk(asterisk_root: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """One Asterisk for each file of tests, with its own `line` folder: it starts in less than a second, and nobody else's script is in it.

    Its desks are called at `asterisk.place.desks`: a test that answers there binds that port (see calls.Desks).
    """
    line = tmp_path_factory.mktemp("line")
    with Instance.throwaway(asterisk_root, line, CONFIGURATION, Place(desks=f"127.0.0.1:{free_port()}")) as started:
        yield started


@pytest.fixture
def start_asterisk(asterisk_root: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartAsterisk]:
    """Starts further instances, each with its own LINE folder unless one is given; all are stopped at the end of the test."""
    with ExitStack() as stack:

        def start(line: Path | None = None, configuration: Path = CONFIGURATION, place: Place | None = None) -> Instance:
            place = place or Place(desks=f"127.0.0.1:{free_port()}")
            folder = line or tmp_path_factory.mktemp("line")
            return stack.enter_context(Instance.throwaway(asterisk_root, folder, configuration, place))

        yield start


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A database with the shipped contents."""
    with stocked_database(tmp_path_factory.mktemp("stock")) as engine:
        yield engine


@pytest.fixture(scope="module")
def assistant(stocked: Engine) -> Assistant:
    return real_assistant(stocked)


@pytest.fixture
def open_line(stocked: Engine, assistant: Assistant) -> OpenLine:
    """Opens lines that answer spoken questions: see `spoken_line.opener`."""
    return opener(stocked, assistant)
