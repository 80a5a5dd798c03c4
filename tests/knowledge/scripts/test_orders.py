"""The register of ordered changes: two due days, one that counts, and a rate that does not confuse « none » with zero."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine

from knowledge.clock import Clock
from knowledge.database import session
from knowledge.errors import OrderRefused, ScriptUnknown
from knowledge.loading import load
from knowledge.scripts import orders, versions
from knowledge.scripts.orders import Impact, NotApplicable, Progress, Value
from knowledge.scripts.versions import State
from knowledge.settings import settings
from tests.knowledge.builders import Content
from tests.knowledge.scripts.test_versions import JEAN, MARIE, Desk
from tests.knowledge.scripts.written import a_text

PARIS = ZoneInfo("Europe/Paris")


def paris(written: str) -> datetime:
    return datetime.fromisoformat(written).replace(tzinfo=PARIS)


class Register(Desk):
    """The register and the versions that answer it, at an hour that moves."""

    def place(self, at: str = "2026-11-23T10:00", service: str = "citoyennete") -> int:
        self.at = paris(at)
        return orders.place(self.session, "Marie Lenoir", service, "Nouveaux horaires du samedi", Impact.HOURS, self.clock).id

    def answer(self, order: int, at: str, *kinds: State) -> int:
        """A version attached to `order`, whose publication ends at `at` as `kinds` say."""
        newest = versions.tip(self.session, "accueil")
        number = self.draft(a_text(f"Bonjour {order}."), newest.number if newest else None)
        orders.attach(self.session, order, number, MARIE)
        self.at = paris(at)
        self.approve(number)
        self.note(number, *(kinds or (State.PUBLISHING, State.LIVE, State.PROVEN)))
        return number

    def entry(self, order: int) -> orders.Entry:
        return next(entry for entry in orders.register(self.session, clock=self.clock) if entry.order.id == order)

    def rate(self, first: date | None = None, last: date | None = None) -> Value | NotApplicable:
        return orders.svi1(self.session, first, last, self.clock)


@pytest.fixture
def register(engine: Engine, content: Content, clock: Clock) -> Iterator[Register]:
    with session(engine) as opened:
        load(opened, content.folder, clock)
        yield Register(opened)


@pytest.fixture
def calendar_days(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("KNOWLEDGE_ORDER_DAYS", "calendar")
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


@pytest.mark.parametrize(
    ("placed", "working", "calendar"),
    [
        ("2026-11-23T10:00", "2026-11-26", "2026-11-26"),  # a Monday
        ("2026-11-27T23:59", "2026-12-02", "2026-11-30"),  # a Friday, over the week-end
        ("2026-11-28T00:00", "2026-12-02", "2026-12-01"),  # a minute later, a Saturday: the working days are the same
        ("2026-12-24T10:00", "2026-12-30", "2026-12-27"),  # Christmas, then the week-end
        ("2027-03-26T10:00", "2027-04-01", "2027-03-29"),  # Easter Monday, and the change of hour
        ("2026-10-23T23:30", "2026-10-28", "2026-10-26"),  # the other change of hour
    ],
)
def test_an_order_is_due_three_days_later_counted_both_ways(register: Register, placed: str, working: str, calendar: str) -> None:
    order = register.entry(register.place(placed)).order
    assert (order.due_working, order.due_calendar) == (date.fromisoformat(working), date.fromisoformat(calendar))


def test_working_days_count_unless_the_setting_says_calendar_days(register: Register) -> None:
    assert register.entry(register.place("2026-11-27T10:00")).due == date(2026, 12, 2)


def test_with_the_setting_calendar_days_count(register: Register, calendar_days: None) -> None:
    assert register.entry(register.place("2026-11-27T10:00")).due == date(2026, 11, 30)


def test_an_order_keeps_the_days_it_was_placed_with_when_the_setting_changes(
    register: Register, monkeypatch: pytest.MonkeyPatch, calendar_days: None
) -> None:
    order = register.place("2026-11-27T10:00")
    monkeypatch.setenv("KNOWLEDGE_ORDER_DAYS", "working")
    settings.cache_clear()
    assert register.entry(order).due == date(2026, 11, 30)


@pytest.mark.parametrize(
    ("live", "progress"),
    [
        ("2026-11-23T10:00:01", Progress.ON_TIME),
        ("2026-11-26T23:59:59", Progress.ON_TIME),
        ("2026-11-27T00:00:00", Progress.LATE),
    ],
)
def test_what_is_live_before_the_end_of_its_day_is_on_time(register: Register, live: str, progress: Progress) -> None:
    order = register.place()
    register.answer(order, live)
    assert register.entry(order).progress is progress


@pytest.mark.parametrize(("seen", "progress"), [("2026-11-26T23:59:59", Progress.OPEN), ("2026-11-27T00:00:00", Progress.LATE)])
def test_what_is_not_done_is_late_once_its_day_is_over(register: Register, seen: str, progress: Progress) -> None:
    order = register.place()
    register.at = paris(seen)
    assert register.entry(order).progress is progress


def test_the_register_tells_the_approver_the_live_time_and_the_certificate(register: Register) -> None:
    order = register.place()
    number = register.answer(order, "2026-11-24T09:00")

    entry = register.entry(order)
    assert (entry.approver, entry.live_at) == ("Jean Petit", paris("2026-11-24T09:00"))
    assert entry.answer is not None
    assert (entry.answer.version.number, entry.answer.certificate) == (number, {"reason": "essai"})


@pytest.mark.parametrize("end", [(State.PUBLISHING, State.FAILED), (State.PUBLISHING, State.LIVE, State.ROLLED_BACK)])
def test_a_version_that_callers_do_not_hear_answers_nothing(register: Register, end: tuple[State, ...]) -> None:
    order = register.place()
    register.answer(order, "2026-11-24T09:00", *end)
    entry = register.entry(order)
    assert (entry.progress, entry.live_at) == (Progress.OPEN, None)


def test_an_order_stays_done_when_its_version_is_replaced_by_a_later_one(register: Register) -> None:
    order = register.place()
    first = register.answer(order, "2026-11-24T09:00")
    register.at = paris("2026-12-24T09:00")
    register.put_live(a_text("Bonne année."), first)
    assert register.entry(order).progress is Progress.ON_TIME


def test_a_version_overtaken_before_its_hour_is_answered_by_the_one_that_overtook_it(register: Register) -> None:
    order = register.place()
    waiting = register.draft(a_text("Bonsoir."))
    orders.attach(register.session, order, waiting, MARIE)
    register.approve(waiting, publish_at=register.at + timedelta(days=10))
    later = register.put_live(a_text("Bonsoir, bonsoir."), waiting)

    entry = register.entry(order)
    assert entry.answer is not None
    assert (entry.answer.version.number, entry.progress) == (later, Progress.ON_TIME)


def test_an_order_is_refused_for_an_unknown_service_or_without_a_name_or_a_reason(register: Register) -> None:
    with pytest.raises(OrderRefused, match="douanes"):
        register.place(service="douanes")
    for author, reason in (("", "Horaires"), ("Marie Lenoir", " ")):
        with pytest.raises(OrderRefused, match="qui"):
            orders.place(register.session, author, "citoyennete", reason, Impact.HOURS)


def test_what_is_done_or_cancelled_is_closed(register: Register) -> None:
    done, cancelled = register.place(), register.place()
    number = register.answer(done, "2026-11-24T09:00")
    orders.cancel(register.session, cancelled, JEAN, register.clock)

    for order in (done, cancelled, 99):
        with pytest.raises(OrderRefused, match=str(order)):
            orders.attach(register.session, order, number, MARIE)
        with pytest.raises(OrderRefused, match=str(order)):
            orders.cancel(register.session, order, JEAN, register.clock)


def test_the_register_says_who_answered_and_who_cancelled(register: Register) -> None:
    done, cancelled = register.place(), register.place()
    register.answer(done, "2026-11-24T09:00")
    orders.cancel(register.session, cancelled, JEAN, register.clock)
    assert (register.entry(done).order.answered_by, register.entry(cancelled).order.cancelled_by) == (MARIE, JEAN)


def test_an_unknown_version_answers_no_order(register: Register) -> None:
    with pytest.raises(ScriptUnknown):
        orders.attach(register.session, register.place(), 99, MARIE)


# --- SVI-1 ----------------------------------------------------------------------------------------------------------------


def test_without_any_order_the_rate_is_not_applicable_rather_than_zero(register: Register) -> None:
    assert register.rate() == NotApplicable("aucune demande dans la période")


def test_an_order_that_is_not_due_yet_is_not_counted(register: Register) -> None:
    register.place()
    assert register.rate() == NotApplicable("aucune demande n'est encore échue")


def test_the_rate_counts_orders_done_on_time_over_those_done_or_due(register: Register) -> None:
    on_time, late, never, cancelled = (register.place() for _ in range(4))
    register.answer(on_time, "2026-11-24T09:00")
    orders.cancel(register.session, cancelled, JEAN, register.clock)
    register.answer(late, "2026-12-01T09:00")
    open_order = register.place("2026-12-01T10:00")

    rate = register.rate()
    assert rate == Value(1, 3)
    assert isinstance(rate, Value)
    assert rate.rate == pytest.approx(1 / 3)
    assert (register.entry(never).progress, register.entry(open_order).progress) == (Progress.LATE, Progress.OPEN)


def test_a_period_holds_the_orders_placed_from_its_first_to_its_last_minute(register: Register) -> None:
    for at in ("2026-10-24T23:59", "2026-10-25T00:00", "2026-10-25T23:59:59", "2026-10-26T00:00"):
        register.place(at)
    register.at = paris("2026-12-01T10:00")
    assert register.rate(date(2026, 10, 25), date(2026, 10, 25)) == Value(0, 2), "a Sunday of twenty-five hours"
