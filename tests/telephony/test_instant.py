"""The crisis message and the forced closure reach Asterisk whatever was stopped or erased, and never with a wrong sound (T33)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from knowledge.database import reading, session
from knowledge.line_models import LineState
from knowledge.scripts import state
from knowledge.scripts.state import Kind
from telephony.errors import AmiUnavailable, SpeechUnavailable
from telephony.instant import FAMILY, Instant

NOON = datetime(2026, 11, 21, 11, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
EPOCH = int((NOON + HOUR).timestamp())
FLOOD = "Alerte inondation. Restez chez vous."


def sound_of(text: str) -> str:
    return f"{sum(text.encode()):032x}"


class FakeShelf:
    """Asterisk's database, in memory. `broken` makes it refuse; `written` remembers in what order keys were changed."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.written: list[str] = []
        self.broken = False

    def get(self, family: str, key: str) -> str | None:
        self._reach(family)
        return self.values.get(key)

    def put(self, family: str, key: str, value: str) -> None:
        self._reach(family)
        self.written.append(key)
        self.values[key] = value

    def delete(self, family: str, key: str) -> bool:
        self._reach(family)
        self.written.append(f"-{key}")
        return self.values.pop(key, None) is not None

    def _reach(self, family: str) -> None:
        assert family == FAMILY
        if self.broken:
            raise AmiUnavailable("Asterisk ne répond pas.")


class Line:
    """Our database and a fake Asterisk, at an hour that moves."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.at = NOON
        self.shelf = FakeShelf()
        self.said: list[str] = []
        self.instant = self.started()

    def started(self, say: Callable[[str], str] | None = None) -> Instant:
        """As after a restart of the process."""
        return Instant(self.engine, self.shelf, say or self.say, lambda: self.at)

    def say(self, text: str) -> str:
        self.said.append(text)
        return sound_of(text)

    def on(self, kind: Kind = Kind.CRISIS, text: str = FLOOD, until: datetime = NOON + HOUR) -> LineState:
        with session(self.engine) as opened:
            return state.switch_on(opened, kind, text, until, "Marie Lenoir", "crue", False, lambda: self.at)

    def off(self, kind: Kind = Kind.CRISIS) -> None:
        with session(self.engine) as opened:
            state.switch_off(opened, kind, "Marie Lenoir", "", lambda: self.at)

    def effects(self) -> list[datetime | None]:
        """Of each order, oldest first."""
        with reading(self.engine) as opened:
            return [told.effects.get(state.PHONE) for told in reversed(state.log(opened))]


@pytest.fixture
def line(engine: Engine) -> Line:
    return Line(engine)


def test_a_message_is_said_to_a_file_then_its_end_is_written_last(line: Line) -> None:
    line.on()
    assert line.instant.reconcile() == ("crisis_sound", "crisis_until")
    assert line.shelf.values == {"crisis_sound": sound_of(FLOOD), "crisis_until": str(EPOCH)}
    assert line.shelf.written == ["crisis_sound", "crisis_until"]


def test_switched_off_its_end_is_erased_first(line: Line) -> None:
    line.on()
    line.instant.reconcile()
    line.off()
    line.shelf.written.clear()
    line.instant.reconcile()

    assert line.shelf.values == {}
    assert line.shelf.written == ["-crisis_until", "-crisis_sound"]


def test_a_message_that_is_over_is_cleaned(line: Line) -> None:
    line.on()
    line.instant.reconcile()
    line.at = NOON + HOUR
    assert line.instant.reconcile() == ("crisis_until", "crisis_sound")


def test_a_closure_has_a_message_of_its_own_or_leaves_that_of_the_script(line: Line) -> None:
    line.on(Kind.CLOSURE, "Fermé pour travaux.")
    line.instant.reconcile()
    assert line.shelf.values == {"closed_sound": sound_of("Fermé pour travaux."), "closed_until": str(EPOCH)}

    line.on(Kind.CLOSURE, "")
    line.instant.reconcile()
    assert line.shelf.values == {"closed_until": str(EPOCH)}
    assert line.said == ["Fermé pour travaux."]


def test_the_end_is_written_as_an_instant_whatever_the_change_of_hour(line: Line) -> None:
    line.at = datetime(2026, 10, 24, 22, 0, tzinfo=UTC)
    line.on(until=state.instant("2026-10-25T04:00"))
    line.instant.reconcile()
    assert line.shelf.values["crisis_until"] == str(int(datetime(2026, 10, 25, 3, 0, tzinfo=UTC).timestamp()))


def test_when_nothing_changed_nothing_is_written(line: Line) -> None:
    line.on()
    line.instant.reconcile()
    line.shelf.written.clear()
    assert line.instant.reconcile() == ()
    assert line.shelf.written == []


def test_what_was_erased_or_changed_in_asterisk_is_mended(line: Line) -> None:
    line.on()
    line.instant.reconcile()
    line.shelf.values = {"crisis_sound": sound_of("autre chose"), "closed_until": str(EPOCH)}
    assert set(line.instant.reconcile()) == {"crisis_sound", "crisis_until", "closed_until"}
    assert line.shelf.values == {"crisis_sound": sound_of(FLOOD), "crisis_until": str(EPOCH)}


def test_after_a_restart_of_this_process_and_of_asterisk_the_message_is_back(line: Line) -> None:
    line.on()
    line.instant.reconcile()
    line.shelf.values.clear()
    line.started().reconcile()
    assert line.shelf.values["crisis_sound"] == sound_of(FLOOD)


def test_what_was_ordered_while_asterisk_was_away_is_obeyed_when_it_is_back(line: Line) -> None:
    line.shelf.broken = True
    line.on()
    with pytest.raises(AmiUnavailable):
        line.instant.reconcile()
    assert line.effects() == [None]

    line.shelf.broken = False
    line.at = NOON + timedelta(seconds=8)
    line.instant.reconcile()
    assert line.effects() == [NOON + timedelta(seconds=8)]


def test_an_order_that_ended_before_asterisk_heard_of_it_is_never_said_to_be_obeyed(line: Line) -> None:
    line.on()
    line.at = NOON + HOUR
    line.instant.reconcile()
    assert line.effects() == [None]


def test_each_order_is_noted_once_when_it_was_read_back(line: Line) -> None:
    line.on()
    for seconds in (2, 7):
        line.at = NOON + timedelta(seconds=seconds)
        line.instant.reconcile()
    line.started().reconcile()
    line.off()
    line.instant.reconcile()

    assert line.effects() == [NOON + timedelta(seconds=2), NOON + timedelta(seconds=7)]


def test_a_value_that_asterisk_does_not_keep_is_not_said_to_be_obeyed(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line.shelf, "put", lambda family, key, value: None)
    line.on()
    with pytest.raises(Exception, match="pas gardé"):
        line.instant.reconcile()
    assert line.effects() == [None]


def test_a_message_that_no_voice_can_say_does_not_prevent_the_closure(line: Line) -> None:
    def dumb(text: str) -> str:
        raise SpeechUnavailable("Aucune voix.")

    line.on()
    line.on(Kind.CLOSURE, "")
    with pytest.raises(SpeechUnavailable):
        line.started(dumb).reconcile()
    assert line.shelf.values == {"closed_until": str(EPOCH)}
    assert line.effects() == [None, NOON]


def test_an_order_given_while_the_message_is_being_said_is_the_one_obeyed(line: Line) -> None:
    def slow(text: str) -> str:
        if not line.said:
            line.off()
        return line.say(text)

    line.on()
    line.started(slow).reconcile()
    assert line.shelf.values == {}
    assert "crisis_until" not in line.shelf.written, "nobody heard a message that was called off meanwhile"


@pytest.fixture
def running(line: Line) -> Iterator[Line]:
    """The loop of the telephony process."""
    stopping = threading.Event()
    thread = threading.Thread(target=line.instant.run, args=(stopping,))
    thread.start()
    yield line
    stopping.set()
    thread.join(5)
    assert not thread.is_alive()


def eventually(true: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_loop_obeys_within_ten_seconds_and_survives_every_failure(running: Line) -> None:
    running.on()
    eventually(lambda: "crisis_until" in running.shelf.values)
    running.shelf.broken = True
    running.off()
    time.sleep(1.5)
    running.shelf.broken = False
    eventually(lambda: not running.shelf.values)
    running.on(Kind.CLOSURE, "")
    running.shelf.values.clear()
    eventually(lambda: "closed_until" in running.shelf.values)
