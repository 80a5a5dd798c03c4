"""Crisis message and forced closure: always with an end, always signed, never rewritten."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from knowledge.database import session
from knowledge.errors import StateRefused
from knowledge.line_models import LineEffect, LineState
from knowledge.scripts import state
from knowledge.scripts.state import Kind

NOON = datetime(2026, 11, 21, 11, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
FLOOD = "Alerte inondation. Restez chez vous et n'allez pas chercher vos enfants à l'école."


@pytest.fixture
def opened(engine: Engine) -> Iterator[Session]:
    with session(engine) as opened:
        yield opened


def crisis(
    opened: Session, text: str = FLOOD, until: datetime = NOON + HOUR, author: str = "Marie Lenoir", exercise: bool = False
) -> LineState:
    return state.switch_on(opened, Kind.CRISIS, text, until, author, "crue de l'Ambre", exercise, lambda: NOON)


def closure(opened: Session, text: str = "", until: datetime = NOON + HOUR) -> LineState:
    return state.switch_on(opened, Kind.CLOSURE, text, until, "Marie Lenoir", "panne", False, lambda: NOON)


def test_a_crisis_message_is_heard_until_its_end_and_not_a_second_longer(opened: Session) -> None:
    order = crisis(opened)

    assert state.current(opened, NOON).crisis is order
    assert state.current(opened, NOON + HOUR - timedelta(seconds=1)).crisis is order
    assert state.current(opened, NOON + HOUR).crisis is None
    assert state.current(opened, NOON).closure is None


def test_a_closure_may_have_no_message_of_its_own(opened: Session) -> None:
    closure(opened)
    assert state.current(opened, NOON) == state.Current(None, state.newest(opened, Kind.CLOSURE))


def test_a_message_takes_the_place_of_the_one_before_it(opened: Session) -> None:
    crisis(opened)
    second = crisis(opened, "La crue baisse. Les écoles rouvrent demain.", NOON + 2 * HOUR)
    assert state.current(opened, NOON + HOUR).crisis is second


def test_switched_off_it_is_no_longer_heard_and_stays_off(opened: Session) -> None:
    crisis(opened, exercise=True)
    off = state.switch_off(opened, Kind.CRISIS, "Jean Petit", "fin d'exercice", lambda: NOON)

    assert off is not None
    assert (off.switched_on, off.exercise, off.author) == (False, True, "Jean Petit")
    assert state.current(opened, NOON).crisis is None
    assert state.switch_off(opened, Kind.CRISIS, "Jean Petit", "", lambda: NOON) is None


@pytest.mark.parametrize("until", [NOON, NOON - HOUR, NOON + timedelta(days=30, seconds=1)])
def test_an_end_that_is_past_or_too_far_is_refused(opened: Session, until: datetime) -> None:
    with pytest.raises(StateRefused, match="30 jours"):
        crisis(opened, until=until)
    assert state.log(opened) == ()


@pytest.mark.parametrize("number", ["112", "3114", "03 53 01 10 40", "0 800 130 000"])
def test_numbers_at_an_ordinary_price_may_be_given(opened: Session, number: str) -> None:
    assert crisis(opened, f"En cas de danger, appelez le {number}.").id


def test_thirty_days_are_allowed(opened: Session) -> None:
    assert crisis(opened, until=NOON + timedelta(days=30)).id


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("", "vide"),
        (" … ! ", "vide"),
        ("mot " * 61, "61 mots.*60 mots et 25 s au plus"),
        ("anticonstitutionnellement " * 20, "20 mots et dure environ 35 s"),
        ("Appelez le 08 92 12 34 56.", "surtaxé"),
        ("Appelez le 3260.", "surtaxé"),
        ("___", "vide"),
        ("Alerte\x00 crue", "invisible"),
        ("Alerte \u202eeurc", "invisible"),
        ("Alerte \ud800", "invisible"),
    ],
)
def test_a_message_that_cannot_be_said_is_refused(opened: Session, message: str, reason: str) -> None:
    with pytest.raises(StateRefused, match=reason):
        crisis(opened, message)


def test_a_message_typed_on_several_lines_is_said_as_one(opened: Session) -> None:
    assert crisis(opened, "Alerte crue.\r\n  Restez chez vous.\n").text == "Alerte crue. Restez chez vous."


def test_nobody_switches_anything_without_a_name(opened: Session) -> None:
    with pytest.raises(StateRefused, match="qui"):
        crisis(opened, author=" ")
    with pytest.raises(StateRefused, match="qui"):
        state.switch_off(opened, Kind.CRISIS, "", "", lambda: NOON)


def test_the_log_tells_who_when_what_kind_and_since_when_each_channel_obeys(opened: Session) -> None:
    order = crisis(opened, exercise=True)
    assert state.obeyed(opened, order, state.PHONE, lambda: NOON + timedelta(seconds=3))
    assert not state.obeyed(opened, order, state.PHONE, lambda: NOON + HOUR), "the first reading counts"
    state.switch_off(opened, Kind.CRISIS, "Jean Petit", "fin", lambda: NOON + HOUR / 2)

    off, on = state.log(opened)
    assert (on.order.author, on.order.at, on.order.exercise, on.order.kind) == ("Marie Lenoir", NOON, True, "crisis")
    assert on.effects == {"phone": NOON + timedelta(seconds=3)}
    assert (off.order.switched_on, off.effects) == (False, {})


@pytest.mark.parametrize("table", [LineState.__tablename__, LineEffect.__tablename__])
@pytest.mark.parametrize("statement", ["UPDATE {table} SET id = id + 1000", "DELETE FROM {table}"])
def test_the_log_cannot_be_rewritten(engine: Engine, table: str, statement: str) -> None:
    with session(engine) as opened:
        state.obeyed(opened, crisis(opened), state.PHONE, lambda: NOON)
    with pytest.raises(DatabaseError, match="append-only"), session(engine) as opened:
        opened.execute(text(statement.format(table=table)))


# --- Hours, summer and winter ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "utc"),
    [
        ("2026-11-28T20:00", "2026-11-28T19:00:00+00:00"),
        ("2026-07-14T20:00", "2026-07-14T18:00:00+00:00"),
        ("2026-10-25T02:30", "2026-10-25T01:30:00+00:00"),  # lived twice: the second time, so that nothing ends early
        ("2027-03-28T02:30", "2027-03-28T01:30:00+00:00"),  # never lived: half an hour after two o'clock is half past three
        ("2026-11-28T20:00+04:00", "2026-11-28T16:00:00+00:00"),
    ],
)
def test_an_end_is_read_on_the_clock_of_the_prefecture(written: str, utc: str) -> None:
    assert state.instant(written) == datetime.fromisoformat(utc)


@pytest.mark.parametrize("written", ["demain", "28/11/2026", "", "2026-13-01T10:00"])
def test_an_end_that_is_not_understood_is_refused_with_an_example(written: str) -> None:
    with pytest.raises(StateRefused, match="2026-11-28T20:00"):
        state.instant(written)


def test_a_message_of_the_night_of_the_change_of_hour_lasts_the_hours_really_lived(opened: Session) -> None:
    evening = datetime(2026, 10, 24, 22, 0, tzinfo=UTC)  # midnight in Paris
    state.switch_on(opened, Kind.CRISIS, FLOOD, state.instant("2026-10-25T04:00"), "Marie Lenoir", "", False, lambda: evening)

    assert state.current(opened, evening + timedelta(hours=4, minutes=59)).crisis
    assert state.current(opened, evening + timedelta(hours=5)).crisis is None
