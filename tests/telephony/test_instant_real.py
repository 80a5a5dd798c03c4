"""A crisis message and a closure, heard by real callers of a real Asterisk within ten seconds of the order (T33)."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from knowledge.clock import now
from knowledge.database import reading, session
from knowledge.scripts import state
from knowledge.scripts.state import Kind
from telephony.asterisk.ami import Account, Asterisk
from telephony.asterisk.instance import Instance
from telephony.instant import Instant
from telephony.publication.building import Builder
from telephony.publication.folder import LineFolder
from telephony.settings import TelephonySettings
from telephony.sip import hearing
from telephony.speech.prompts import Prompt, Prompts
from tests.telephony.calls import NUMBER, caller
from tests.telephony.conftest import CONFIGURATION
from tests.telephony.small_script import CONTENT, told

pytestmark = [pytest.mark.asterisk, pytest.mark.slow]

FLOOD = "Alerte inondation. Restez chez vous, et n'allez pas chercher vos enfants à l'école."
STRIKE = "L'accueil est fermé par une grève."
GREETING = "Bonjour, vous êtes à la préfecture."
CLOSED = "La préfecture est fermée en ce moment."
WITHIN = 10.0
"""Seconds that an order may take to be heard."""

KILLED_AFTER_THE_ORDER = """
import os, signal, sys
from datetime import timedelta
from knowledge.clock import now
from knowledge.database import open_engine, session
from knowledge.scripts import state
with session(open_engine(sys.argv[1])) as opened:
    state.switch_on(opened, state.Kind.CRISIS, sys.argv[2], now() + timedelta(hours=1), "Marie Lenoir", "crue", True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def prompts_of(asterisk: Instance) -> Prompts:
    return Prompts.from_settings(TelephonySettings(_env_file=None, line=asterisk.line), CONTENT)


def publish(asterisk: Instance, version: int) -> None:
    """Put the small script in service."""
    folder = LineFolder(asterisk.line)
    built = Builder(folder, prompts_of(asterisk), "Europe/Paris").build(told(), version)
    folder.switch(folder.write(built.dialplan, built.queues, {}))
    asterisk.console("dialplan reload")


class Line:
    """A real Asterisk that serves the small script, and the process that keeps its instant state."""

    def __init__(self, engine: Engine, asterisk: Instance) -> None:
        self.engine, self.asterisk = engine, asterisk
        self.prompts = prompts_of(asterisk)

    @contextmanager
    def process(self) -> Iterator[None]:
        """The telephony process, for as long as it runs."""
        account = Account("accueil_publish", self.asterisk.secrets["accueil_publish"])
        stopping = threading.Event()
        with Asterisk("127.0.0.1", self.asterisk.ami_port, account) as door:
            thread = threading.Thread(target=Instant(self.engine, door, self.sound).run, args=(stopping,))
            thread.start()
            try:
                yield
            finally:
                stopping.set()
                thread.join()

    def sound(self, text: str) -> str:
        prompt = Prompt(text, "fr")
        return self.prompts.ensure([prompt])[prompt]

    def order(self, kind: Kind, text: str, seconds: float = 3600) -> None:
        with session(self.engine) as opened:
            state.switch_on(opened, kind, text, now() + timedelta(seconds=seconds), "Marie Lenoir", "", True)

    def off(self, kind: Kind) -> None:
        with session(self.engine) as opened:
            assert state.switch_off(opened, kind, "Marie Lenoir", "")

    def heard(self, seconds: float = 8) -> list[str]:
        """What a caller who presses nothing hears in his first seconds, of the sentences of this test."""
        family = {text: self.prompts.load(self.sound(text)) for text in (FLOOD, STRIKE, GREETING, CLOSED)}

        async def story() -> list[str]:
            async with caller(self.asterisk) as phone:
                call = await (await phone.call(NUMBER)).answered()
                await asyncio.sleep(seconds)
                call.hang_up()
                return [one.name for one in hearing.sequence(call.heard(), family)]

        return asyncio.run(story())

    def wait_for(self, kind: Kind, channel: str = state.PHONE) -> float:
        """Seconds from the newest order of a kind to its effect, as they are in the journal."""
        deadline = time.monotonic() + WITHIN
        while True:
            with reading(self.engine) as opened:
                newest = next(told for told in state.log(opened) if told.order.kind == kind)
            if channel in newest.effects:
                return (newest.effects[channel] - newest.order.at).total_seconds()
            assert time.monotonic() < deadline, "not in force after ten seconds"
            time.sleep(0.1)


@pytest.fixture(scope="module")
def serving(asterisk_root: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """An Asterisk of these tests only, as they cut its power."""
    with Instance.throwaway(asterisk_root, tmp_path_factory.mktemp("line"), CONFIGURATION) as started:
        publish(started, 1)
        yield started


@pytest.fixture
def line(engine: Engine, serving: Instance) -> Line:
    return Line(engine, serving)


def test_an_order_is_heard_within_ten_seconds_first_on_the_line_then_no_more(line: Line) -> None:
    with line.process():
        line.order(Kind.CRISIS, FLOOD)
        assert line.wait_for(Kind.CRISIS) < WITHIN
        assert line.heard()[:2] == [FLOOD, GREETING]

        line.off(Kind.CRISIS)
        assert line.wait_for(Kind.CRISIS) < WITHIN
        assert line.heard()[:1] == [GREETING]


def test_a_closure_is_heard_with_its_message_or_that_of_the_script(line: Line) -> None:
    with line.process():
        line.order(Kind.CLOSURE, STRIKE)
        line.wait_for(Kind.CLOSURE)
        assert line.heard()[:1] == [STRIKE]

        line.order(Kind.CLOSURE, "")
        line.wait_for(Kind.CLOSURE)
        assert line.heard()[:1] == [CLOSED]


def test_a_message_stops_at_its_end_even_with_the_process_dead(line: Line) -> None:
    with line.process():
        line.order(Kind.CRISIS, FLOOD, seconds=6)
        line.wait_for(Kind.CRISIS)
    time.sleep(8)  # the end is kept to the second
    assert line.heard()[:1] == [GREETING]


def test_an_order_whose_program_is_killed_at_once_is_heard_all_the_same(line: Line) -> None:
    address = line.engine.url.render_as_string(hide_password=False)
    killed = subprocess.run([sys.executable, "-c", KILLED_AFTER_THE_ORDER, address, FLOOD], cwd=Path(__file__).parents[2])
    assert killed.returncode == -9

    with line.process():
        line.wait_for(Kind.CRISIS)
        assert line.heard()[:1] == [FLOOD]


def test_a_message_survives_a_power_cut_of_asterisk_and_the_loss_of_its_own_database(line: Line) -> None:
    with line.process():
        line.order(Kind.CRISIS, FLOOD)
        line.wait_for(Kind.CRISIS)
        line.asterisk.kill()
        for file in line.asterisk.state.rglob("astdb.sqlite3*"):
            file.unlink()
        line.asterisk.start()
        deadline = time.monotonic() + WITHIN
        while "crisis_until" not in line.asterisk.console("database show accueil"):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert line.heard()[:1] == [FLOOD]


def test_a_publication_during_a_crisis_keeps_the_message(line: Line) -> None:
    with line.process():
        line.order(Kind.CRISIS, FLOOD)
        line.wait_for(Kind.CRISIS)
        publish(line.asterisk, 2)
        assert line.heard()[:2] == [FLOOD, GREETING]
