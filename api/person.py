"""How to reach a person: service, line, hours, relay for deaf callers. Shown with every answer."""

from __future__ import annotations

import re
from datetime import datetime, time
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field

from api.texts import interface_language, texts
from knowledge.clock import as_utc
from knowledge.directory import Directory, Service, hour_text, hours_text

SWITCHBOARD = "standard"
_HOUR = re.compile(r"\d+ h(?: \d\d\b)?")


class RelayLink(BaseModel):
    """The telephone relay for deaf, hard of hearing, deafblind and aphasic callers."""

    name: str = Field(examples=["Acceo"])
    url: str = Field(examples=["https://www.val-dambre.gouv.fr/Contact/Relais-telephonique"])


class Person(BaseModel):
    """How to reach a person."""

    service: str = Field(description="Official name of the service, to be shown.", examples=["Bureau du séjour des étrangers"])
    phone: str = Field(description="As it is read.", examples=["03 53 01 10 10"])
    hours: str = Field(description="Opening hours in a sentence.", examples=["du lundi au vendredi de 9 h à 12 h"])
    open: bool = Field(description="Whether the service answers at this moment.")
    status: str = Field(description="The same in words, with the next opening.", examples=["Fermé en ce moment, ouvre lundi à 9 h"])
    email: str = Field(examples=["sejour@val-dambre.gouv.fr"])
    address: str = Field(examples=["1 place de la Préfecture, 00100 Ambreville"])
    relay: RelayLink | None = None


def switchboard(directory: Directory) -> Service:
    """The switchboard, or the first service of a préfecture that has none."""
    return directory.get(SWITCHBOARD) or directory.services[0]


def how_to_reach(directory: Directory, service: str | None, instant: datetime, language: str) -> Person:
    """How to reach `service` at `instant`; the switchboard when the service is not known."""
    language = interface_language(language)
    reached = (directory.get(service) if service else None) or switchboard(directory)
    relay = directory.prefecture.relay
    return Person(
        service=reached.name,
        phone=reached.phone,
        hours=_unbroken(hours_text(reached, language)),
        open=directory.is_open(reached, instant),
        status=_status(directory, reached, instant, language),
        email=reached.email,
        address=reached.address,
        relay=RelayLink(name=relay.name, url=relay.url) if relay else None,
    )


def _status(directory: Directory, service: Service, instant: datetime, language: str) -> str:
    words = texts(language)["person"]
    here = as_utc(instant).astimezone(ZoneInfo(directory.prefecture.zone))
    if directory.is_open(service, instant):
        closing = next(end for start, end in service.hours[here.weekday()] if start <= here.time() < end)
        return str(words["open_until"].format(hour=_hour(closing, language)))
    opening = directory.next_opening(service, instant)
    if opening is None:
        return str(words["closed"])
    ahead = (opening.date() - here.date()).days
    day = words["today"] if ahead == 0 else words["tomorrow"] if ahead == 1 else texts(language)["days"][opening.weekday()]
    if ahead > 6:
        day = f"{day} {opening:%d/%m}"
    return str(words["closed_until"].format(day=day, hour=_hour(opening.time(), language)))


def _unbroken(hours: str) -> str:
    """`hours` with no line end inside an hour: "12 h 30" stays together."""
    return _HOUR.sub(lambda found: found[0].replace(" ", "\N{NO-BREAK SPACE}"), hours)


def _hour(hour: time, language: str) -> str:
    return _unbroken(hour_text(hour)) if language == "fr" else f"{hour:%H:%M}"
