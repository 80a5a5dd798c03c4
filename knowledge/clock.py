"""The clock is received, so "closed on Monday morning" is an ordinary test."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from knowledge.settings import settings

Clock = Callable[[], datetime]
"""Gives the present instant, with its zone."""


def now() -> datetime:
    """The present instant in UTC."""
    return datetime.now(UTC)


def as_utc(instant: datetime) -> datetime:
    """`instant` in UTC; one without a zone is taken as UTC already."""
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def local(instant: datetime) -> datetime:
    """`instant` as read on the wall of the préfecture."""
    return as_utc(instant).astimezone(ZoneInfo(settings().timezone))


def today(clock: Clock = now) -> date:
    """The day it is at the préfecture, which decides the facts in force."""
    return local(clock()).date()


def start_of(day: date) -> datetime:
    """The instant at which `day` begins at the préfecture, whatever the length of the days around it."""
    return datetime.combine(day, time.min, ZoneInfo(settings().timezone))
