"""What fails again and again is left alone, then tried by one."""

from __future__ import annotations

from bot.engines.breaker import Breaker


class Hours:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_failures_in_a_row_open_it_and_a_success_in_between_does_not() -> None:
    breaker = Breaker(failures=3)
    for _ in range(10):
        breaker.failed()
        breaker.failed()
        breaker.succeeded()
    assert breaker.allows()
    assert [breaker.failed() for _ in range(4)] == [False, False, True, False]
    assert not breaker.allows()


def test_half_open_only_one_may_try() -> None:
    hours = Hours()
    breaker = Breaker(failures=1, pause=10, monotonic=hours)
    breaker.failed()
    hours.now = 10.0

    assert [breaker.allows() for _ in range(5)] == [True, False, False, False, False]


def test_a_probe_that_never_comes_back_does_not_shut_it_for_ever() -> None:
    hours = Hours()
    breaker = Breaker(failures=1, pause=10, monotonic=hours)
    breaker.failed()
    hours.now = 10.0
    assert breaker.allows()
    hours.now = 20.0

    assert breaker.allows()


def test_a_probe_that_succeeds_closes_it_and_one_that_fails_does_not() -> None:
    hours = Hours()
    breaker = Breaker(failures=3, pause=10, monotonic=hours)
    for _ in range(3):
        breaker.failed()
    hours.now = 10.0
    assert breaker.allows()
    assert not breaker.failed()
    assert not breaker.allows()
    hours.now = 20.0
    assert breaker.allows()
    assert breaker.succeeded()
    assert [breaker.allows() for _ in range(3)] == [True] * 3
