"""The working-day calendar of a préfecture: legal deadlines count Monday to Friday without public holidays.

Rule and test vectors: rules-and-indicators, section 5.4. Day of reception is day 0. Local closing days (a bridge between a holiday and
a week-end) close the counters but suspend no legal delay.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (Meeus, Jones and Butcher)."""
    golden = year % 19
    century, rest = divmod(year, 100)
    leap_centuries, century_rest = divmod(century, 4)
    moon = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leap_centuries - moon + 15) % 30
    leaps, leap_rest = divmod(rest, 4)
    weekday = (32 + 2 * century_rest + 2 * leaps - epact - leap_rest) % 7
    correction = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * correction + 114, 31)
    return date(year, month, day + 1)


@lru_cache(maxsize=256)
def public_holidays(year: int, alsace_moselle: bool = False, local: frozenset[tuple[int, int]] = frozenset()) -> frozenset[date]:
    """The holidays of `year` (Code du travail, L3133-1; Alsace and Moselle: L3134-13). `local`: (month, day) of a territory."""
    sunday = easter(year)
    moving = {sunday + timedelta(days=1), sunday + timedelta(days=39), sunday + timedelta(days=50)}
    fixed = {(1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)} | local
    if alsace_moselle:
        moving.add(sunday - timedelta(days=2))
        fixed |= {(12, 26)}
    return frozenset(moving | {date(year, month, day) for month, day in fixed})


@dataclass(frozen=True)
class Calendar:
    """The days on which a préfecture works."""

    alsace_moselle: bool = False
    local_holidays: frozenset[tuple[int, int]] = frozenset()
    """(month, day) of the holidays of a territory, for example (5, 22) in Martinique."""
    closing_days: frozenset[date] = frozenset()
    """Days on which the counters stay closed although the law counts them."""

    def is_holiday(self, day: date) -> bool:
        return day in public_holidays(day.year, self.alsace_moselle, self.local_holidays)

    def is_working_day(self, day: date) -> bool:
        """Whether a legal delay counts `day`."""
        return day.weekday() < 5 and not self.is_holiday(day)

    def receives(self, day: date) -> bool:
        """Whether a service may be open on `day`, whatever its hours (a service may open on Saturdays)."""
        return not self.is_holiday(day) and day not in self.closing_days

    def deadline(self, received: date, working_days: int) -> date:
        """The last day of a delay of `working_days` that starts on the day after `received`."""
        day = received
        for _ in range(working_days):
            day = self.next_working_day(day)
        return day

    def next_working_day(self, day: date) -> date:
        """The first working day after `day`."""
        day += timedelta(days=1)
        while not self.is_working_day(day):
            day += timedelta(days=1)
        return day

    def working_days_between(self, start: date, end: date) -> int:
        """Working days after `start` up to `end` included; 0 when `end` is not after `start`."""
        return sum(self.is_working_day(start + timedelta(days=offset)) for offset in range(1, (end - start).days + 1))
