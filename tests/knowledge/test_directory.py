"""Services, their hours, and the working days of the préfecture."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from knowledge import directory
from knowledge.database import session
from knowledge.directory import hours_text, parse_hours
from knowledge.errors import ContentRefused, DatabaseUnready
from knowledge.workdays import Calendar, easter
from tests.conftest import CONTENT
from tests.knowledge.builders import SERVICES, Content

ALSACE = "  site: https://www.val-dambre.gouv.fr\n  alsace_moselle: true\n"


def _paris(written: str) -> datetime:
    return datetime.fromisoformat(written)


def test_a_service_is_found_by_its_identifier(content: Content) -> None:
    services = directory.read(content.folder)

    assert services["citoyennete"].spoken == "le service de la citoyenneté"
    assert "armes" not in services
    assert services.get("armes") is None
    assert services.prefecture.fictional


@pytest.mark.parametrize(
    ("instant", "opened"),
    [
        ("2026-11-23T09:00:00+01:00", True),
        ("2026-11-23T08:59:59+01:00", False),
        ("2026-11-23T12:00:00+01:00", False),
        ("2026-11-23T13:30:00+01:00", True),
        ("2026-11-23T12:30:00+00:00", True),  # 13 h 30 in Paris
        ("2026-11-28T10:00:00+01:00", True),  # a Saturday
        ("2026-11-29T10:00:00+01:00", False),
        ("2026-11-11T10:00:00+01:00", False),  # Armistice
        ("2027-03-29T10:00:00+02:00", False),  # Easter Monday, the day after summer time
        ("2027-03-30T07:30:00+00:00", True),  # 9 h 30 in summer time
    ],
)
def test_a_service_is_open_at_its_hours_in_the_zone_of_the_prefecture(content: Content, instant: str, opened: bool) -> None:
    services = directory.read(content.folder)

    assert services.is_open(services["citoyennete"], _paris(instant)) is opened


@pytest.mark.parametrize(
    ("instant", "opening"),
    [
        ("2026-11-23T12:15:00+01:00", "2026-11-23T13:30:00+01:00"),
        ("2026-11-23T10:00:00+01:00", "2026-11-23T13:30:00+01:00"),
        ("2026-11-28T12:00:00+01:00", "2026-11-30T09:00:00+01:00"),
        ("2027-03-27T12:00:00+01:00", "2027-03-30T09:00:00+02:00"),  # Easter week-end and the change of hour
    ],
)
def test_the_next_opening_skips_nights_and_holidays(content: Content, instant: str, opening: str) -> None:
    services = directory.read(content.folder)

    assert services.next_opening(services["citoyennete"], _paris(instant)) == _paris(opening)


def test_a_service_without_hours_never_opens(content: Content) -> None:
    (content.folder / "services.yml").write_text(
        SERVICES.replace('hours: {lun-ven: "9h-12h, 13h30-16h", sam: "9h-12h"}', "hours: {}"), "utf-8"
    )
    services = directory.read(content.folder)

    assert services.next_opening(services["citoyennete"], datetime(2026, 11, 23, tzinfo=UTC)) is None
    assert hours_text(services["citoyennete"]) == ""


def test_good_friday_closes_only_in_alsace_and_moselle(content: Content) -> None:
    good_friday = _paris("2026-04-03T10:00:00+02:00")
    general = directory.read(content.folder)
    assert general.is_open(general["citoyennete"], good_friday)

    (content.folder / "services.yml").write_text(SERVICES.replace("  site: https://www.val-dambre.gouv.fr\n", ALSACE), "utf-8")
    local = directory.read(content.folder)
    assert not local.is_open(local["citoyennete"], good_friday)


def test_hours_are_said_in_a_sentence(content: Content) -> None:
    service = directory.read(content.folder)["citoyennete"]

    assert hours_text(service) == "du lundi au vendredi de 9 h à 12 h et de 13 h 30 à 16 h, le samedi de 9 h à 12 h"
    assert hours_text(service, "en") == "Monday to Friday from 09:00 to 12:00 and from 13:30 to 16:00, Saturday from 09:00 to 12:00"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"lundi": "9h-12h"}, "jours « lundi » incompris"),
        ({"ven-lun": "9h-12h"}, "incompris"),
        ({"lun": "9-12"}, "horaire « 9-12 » incompris"),
        ({"lun": "9h-25h"}, "impossible"),
        ({"lun": "12h-9h"}, "la fin précède le début"),
        ({"lun": "9h-12h, 11h-14h"}, "se chevauchent"),
        ({"lun-ven": "9h-12h", "ven": "9h-11h"}, "deux horaires"),
    ],
)
def test_hours_that_cannot_be_read_are_refused_in_french(written: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_hours(written)


@pytest.mark.parametrize(
    ("before", "after", "line", "said"),
    [
        ("hours: {lun-ven", "hours: {lundi", 12, "incompris"),
        ("    phone:", "    telephone:", 13, "n'est pas un champ connu"),
        ("  fictional: true", "  zone: Europe/Ambreville", 5, "fuseau horaire inconnu"),
        ("  - id: citoyennete", "  - id: prefecture", 7, "en double ou réservé"),
        ("  chief:", "  name:", 3, "est écrit deux fois"),
        ("services:", "services", 8, "YAML"),
    ],
)
def test_a_malformed_directory_is_refused_with_its_line(content: Content, before: str, after: str, line: int, said: str) -> None:
    (content.folder / "services.yml").write_text(SERVICES.replace(before, after), "utf-8")

    with pytest.raises(ContentRefused, match=said) as refused:
        directory.read(content.folder)
    assert line in {remark.line for remark in refused.value.remarks}


def test_a_missing_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContentRefused, match=r"services\.yml:1 — fichier illisible"):
        directory.read(tmp_path)


def test_the_stored_directory_is_the_one_that_was_read(engine: Engine) -> None:
    services = directory.read(CONTENT)
    with session(engine) as opened:
        with pytest.raises(DatabaseUnready, match="knowledge load"):
            directory.stored(opened)
        assert directory.store(opened, services)
        assert not directory.store(opened, services)
        again = directory.stored(opened)

    assert (again.prefecture, again.services) == (services.prefecture, services.services)


@pytest.mark.parametrize(
    ("year", "sunday"),
    [
        (2000, "04-23"),
        (2008, "03-23"),
        (2024, "03-31"),
        (2025, "04-20"),
        (2026, "04-05"),
        (2027, "03-28"),
        (2038, "04-25"),
        (2076, "04-19"),
    ],
)
def test_easter_falls_on_its_known_dates(year: int, sunday: str) -> None:
    assert easter(year) == date.fromisoformat(f"{year}-{sunday}")


@pytest.mark.parametrize(
    ("received", "general", "alsace_moselle"),
    [
        ("2026-04-30", "2026-05-11", "2026-05-11"),
        ("2026-04-01", "2026-04-09", "2026-04-10"),
        ("2025-12-24", "2026-01-02", "2026-01-05"),
    ],
)
def test_five_working_days_end_as_in_the_referential(received: str, general: str, alsace_moselle: str) -> None:
    """Vectors of rules-and-indicators, section 5.4."""
    day = date.fromisoformat(received)

    assert Calendar().deadline(day, 5) == date.fromisoformat(general)
    assert Calendar(alsace_moselle=True).deadline(day, 5) == date.fromisoformat(alsace_moselle)


def test_a_bridge_closes_the_counters_but_counts_for_the_law() -> None:
    bridge = date(2026, 5, 15)
    calendar = Calendar(closing_days=frozenset({bridge}))

    assert not calendar.receives(bridge)
    assert calendar.is_working_day(bridge)


def test_a_local_holiday_counts_only_where_it_is_declared() -> None:
    abolition = date(2026, 5, 22)

    assert Calendar().is_working_day(abolition)
    assert not Calendar(local_holidays=frozenset({(5, 22)})).is_working_day(abolition)


def test_counting_and_deadlines_agree_over_ten_years() -> None:
    for calendar in (Calendar(), Calendar(alsace_moselle=True)):
        day = date(2024, 1, 1)
        while day.year < 2034:
            end = calendar.deadline(day, 10)
            assert calendar.working_days_between(day, end) == 10
            assert calendar.is_working_day(end)
            day = calendar.next_working_day(day)
