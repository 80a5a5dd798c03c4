"""The services of the préfecture: names, lines, hours; and whether one of them is open.

Everything comes from `content/services.yml`. Hours are written as people write them: `{lun-ven: "8h30-12h30, 13h30-16h30"}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, field_validator
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from knowledge import models
from knowledge.clock import as_utc
from knowledge.documents import Strict, read_text, read_yaml, shaped
from knowledge.errors import DatabaseUnready
from knowledge.workdays import Calendar

Opening = tuple[time, time]
Week = tuple[tuple[Opening, ...], ...]
"""Openings of the seven days, Monday first."""

DAYS = ("lun", "mar", "mer", "jeu", "ven", "sam", "dim")
_DAY_NAMES = {
    "fr": ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
_OPENING = re.compile(r"(\d{1,2})h(\d{2})?-(\d{1,2})h(\d{2})?")
_PREFECTURE = "prefecture"
"""Identifier of the row that holds the préfecture itself."""


@dataclass(frozen=True)
class Service:
    id: str
    name: str
    """Official name."""
    short: str
    """As written in a sentence: "le bureau du séjour"."""
    spoken: str
    """As said on the phone: "le service des titres de séjour"."""
    acronym: str | None
    hours: Week
    phone: str
    email: str
    address: str
    languages: tuple[str, ...]
    spoken_names: Mapping[str, str] = field(default_factory=dict)
    """Spoken name in other languages than French."""
    extension: str | None = None
    """Internal number on the préfecture's own switchboard: where the telephone line transfers."""

    def spoken_in(self, language: str) -> str:
        """Its spoken name in `language`, in French when there is none."""
        return self.spoken_names.get(language, self.spoken)


@dataclass(frozen=True)
class Relay:
    """The telephone relay for deaf, hard of hearing, deaf-blind and aphasic persons."""

    name: str
    url: str


@dataclass(frozen=True)
class Prefecture:
    name: str
    """"préfecture du Val-d'Ambre"."""
    chief: str
    department: str
    fictional: bool
    """A demonstration: its pages say so and its approvals are signed "démonstration"."""
    site: str
    zone: str
    relay: Relay | None
    calendar: Calendar


class Directory:
    """The services in the order of the file, found by identifier."""

    def __init__(self, prefecture: Prefecture, services: tuple[Service, ...], data: Sequence[Mapping[str, Any]] = ()) -> None:
        self.prefecture = prefecture
        self.services = services
        self.data = list(data)
        """The rows that hold it in the database, the préfecture first."""
        self._by_id = {service.id: service for service in services}
        self._zone = ZoneInfo(prefecture.zone)

    def __iter__(self) -> Iterator[Service]:
        return iter(self.services)

    def __contains__(self, identifier: object) -> bool:
        return identifier in self._by_id

    def get(self, identifier: str) -> Service | None:
        return self._by_id.get(identifier)

    def __getitem__(self, identifier: str) -> Service:
        """Raises KeyError when no service has this identifier."""
        return self._by_id[identifier]

    def is_open(self, service: Service, instant: datetime) -> bool:
        """Whether `service` receives at `instant` (closing time excluded)."""
        here = as_utc(instant).astimezone(self._zone)
        return any(start <= here.time() < end for start, end in self._openings(service, here.date()))

    def next_opening(self, service: Service, instant: datetime) -> datetime | None:
        """When `service` opens next, in the zone of the préfecture: later than `instant`; None when it does not within 60 days."""
        here = as_utc(instant).astimezone(self._zone)
        for offset in range(61):
            day = here.date() + timedelta(days=offset)
            for start, _ in self._openings(service, day):
                opening = datetime.combine(day, start, self._zone)
                if opening > here:
                    return opening
        return None

    def _openings(self, service: Service, day: date) -> tuple[Opening, ...]:
        return service.hours[day.weekday()] if self.prefecture.calendar.receives(day) else ()


def hours_text(service: Service, language: str = "fr") -> str:
    """Its hours in a sentence: "du lundi au vendredi de 9 h à 12 h et de 13 h 30 à 16 h". French or English."""
    groups = []
    for openings, days in groupby(range(7), key=lambda day: service.hours[day]):
        if openings:
            groups.append(f"{_days_text(list(days), language)} {_openings_text(openings, language)}")
    return ", ".join(groups)


def _days_text(days: list[int], language: str) -> str:
    names = _DAY_NAMES[language]
    if len(days) == 1:
        return f"le {names[days[0]]}" if language == "fr" else names[days[0]]
    return f"du {names[days[0]]} au {names[days[-1]]}" if language == "fr" else f"{names[days[0]]} to {names[days[-1]]}"


def _openings_text(openings: tuple[Opening, ...], language: str) -> str:
    if language == "fr":
        return " et ".join(f"de {hour_text(start)} à {hour_text(end)}" for start, end in openings)
    return " and ".join(f"from {start:%H:%M} to {end:%H:%M}" for start, end in openings)


def hour_text(hour: time) -> str:
    """An hour as French is read aloud: "9 h", "13 h 30"."""
    return f"{hour.hour} h {hour.minute:02d}" if hour.minute else f"{hour.hour} h"


def parse_hours(written: Mapping[str, str]) -> Week:
    """The week described by `{lun-ven: "9h-12h, 14h-16h30", sam: "9h-12h"}`.

    Raises:
        ValueError: in French, when a day or an hour is not understood or a day is given twice.
    """
    week: list[tuple[Opening, ...] | None] = [None] * 7
    for days, openings in written.items():
        for day in _days(days):
            if week[day] is not None:
                raise ValueError(f"le jour « {DAYS[day]} » a deux horaires")
            week[day] = tuple(_opening(part.strip()) for part in openings.split(","))
            if any(later[0] < earlier[1] for earlier, later in zip(week[day] or (), (week[day] or ())[1:], strict=False)):
                raise ValueError(f"les horaires « {openings} » se chevauchent")
    return tuple(openings or () for openings in week)


def _days(written: str) -> range:
    first, _, last = written.partition("-")
    if first not in DAYS or (last or first) not in DAYS or DAYS.index(last or first) < DAYS.index(first):
        raise ValueError(f"jours « {written} » incompris, écrivez par exemple lun-ven ou sam")
    return range(DAYS.index(first), DAYS.index(last or first) + 1)


def _opening(written: str) -> Opening:
    match = _OPENING.fullmatch(written)
    if match is None:
        raise ValueError(f"horaire « {written} » incompris, écrivez par exemple 8h30-12h")
    try:
        start, end = time(int(match[1]), int(match[2] or 0)), time(int(match[3]), int(match[4] or 0))
    except ValueError:
        raise ValueError(f"horaire « {written} » impossible") from None
    if end <= start:
        raise ValueError(f"horaire « {written} » : la fin précède le début")
    return start, end


# --- The file and the database -------------------------------------------------------------------------------------------

_Line = Annotated[str, Field(min_length=1)]


class _RelayEntry(Strict):
    name: _Line
    url: _Line


class _PrefectureEntry(Strict):
    name: _Line
    chief: _Line
    department: _Line
    fictional: bool = False
    site: Annotated[str, Field(pattern=r"^https://\S+$")]
    zone: str = "Europe/Paris"
    relay: _RelayEntry | None = None
    alsace_moselle: bool = False
    local_holidays: tuple[Annotated[str, Field(pattern=r"^\d{2}-\d{2}$")], ...] = ()
    """Month and day."""
    closing_days: tuple[date, ...] = ()

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        if zone not in available_timezones():
            raise ValueError("fuseau horaire inconnu, écrivez par exemple Europe/Paris")
        return zone


class _ServiceEntry(Strict):
    id: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,60}$")]
    name: _Line
    short: _Line
    spoken: _Line
    acronym: str | None = None
    hours: dict[str, str] = Field(default_factory=dict)
    phone: Annotated[str, Field(pattern=r"^[+\d][\d ]+$")]
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]
    address: _Line
    languages: tuple[str, ...] = ("fr",)
    spoken_names: dict[Annotated[str, Field(pattern=r"^[a-z]{2}$")], _Line] = Field(default_factory=dict)
    extension: Annotated[str, Field(pattern=r"^\d{2,6}$")] | None = None

    @field_validator("hours")
    @classmethod
    def _readable(cls, hours: dict[str, str]) -> dict[str, str]:
        parse_hours(hours)
        return hours


class _File(Strict):
    prefecture: _PrefectureEntry
    services: Annotated[tuple[_ServiceEntry, ...], Field(min_length=1)]

    @field_validator("services")
    @classmethod
    def _once_each(cls, services: tuple[_ServiceEntry, ...]) -> tuple[_ServiceEntry, ...]:
        names = [service.id for service in services]
        twice = sorted({name for name in names if names.count(name) > 1} | ({_PREFECTURE} & set(names)))
        if twice:
            raise ValueError(f"identifiant en double ou réservé : {', '.join(twice)}")
        return services


def read(content: Path) -> Directory:
    """The directory written in `content/services.yml`.

    Raises:
        ContentRefused: the file is absent or malformed.
    """
    document = read_yaml(read_text(content / "services.yml", "services.yml"), "services.yml")
    file = shaped(_File, document, document.value)
    return _directory(file.prefecture, file.services)


def _directory(prefecture: _PrefectureEntry, services: tuple[_ServiceEntry, ...]) -> Directory:
    calendar = Calendar(
        alsace_moselle=prefecture.alsace_moselle,
        local_holidays=frozenset((int(written[:2]), int(written[3:])) for written in prefecture.local_holidays),
        closing_days=frozenset(prefecture.closing_days),
    )
    plain = prefecture.model_dump(exclude={"relay", "alsace_moselle", "local_holidays", "closing_days"})
    relay = Relay(prefecture.relay.name, prefecture.relay.url) if prefecture.relay else None
    described = tuple(Service(**{**service.model_dump(), "hours": parse_hours(service.hours)}) for service in services)
    data = [
        {"id": _PREFECTURE, **prefecture.model_dump(mode="json", exclude_defaults=True)},
        *(service.model_dump(mode="json", exclude_defaults=True) for service in services),
    ]
    return Directory(Prefecture(**plain, relay=relay, calendar=calendar), described, data)


def store(session: Session, directory: Directory) -> bool:
    """Make the database hold exactly `directory`; whether anything changed.

    The préfecture itself is kept as the row `prefecture`, before its services.
    """
    if stored_data(session) == directory.data:
        return False
    session.execute(delete(models.Service))
    session.add_all(
        models.Service(id=data["id"], position=position, data={name: value for name, value in data.items() if name != "id"})
        for position, data in enumerate(directory.data)
    )
    session.flush()
    return True


def stored(session: Session) -> Directory:
    """The directory of the database.

    Raises:
        DatabaseUnready: nothing has been loaded yet.
    """
    rows = stored_data(session)
    if not rows:
        raise DatabaseUnready("La base ne contient encore aucun service. Lancez « python -m knowledge load ».")
    prefecture = {name: value for name, value in rows[0].items() if name != "id"}
    return _directory(_PrefectureEntry.model_validate(prefecture), tuple(_ServiceEntry.model_validate(row) for row in rows[1:]))


def stored_data(session: Session) -> list[dict[str, Any]]:
    """The rows of the database, the préfecture first, as plain data."""
    return [{"id": row.id, **row.data} for row in session.scalars(select(models.Service).order_by(models.Service.position))]
