"""Whether every call that Asterisk counts is in the records, and whether their disk has room."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from knowledge.database import reading
from knowledge.line_models import LineCheck
from telephony.errors import AmiUnavailable
from telephony.records.reconciliation import CALLS, DISK, TRANSFERS, check_calls, check_disk, check_transfers
from telephony.records.tail import Records
from tests.telephony.asterisk_lines import Told, Writer, append, quoted, simple_calls

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Count:
    processed: int
    started: str = "2026-11-24 06:00:00"


class Line:
    """The records of an Asterisk whose count is given."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine, self.file = engine, folder / "cel.csv"
        self.records = Records(engine, self.file)
        self.count = Count(0)

    def calls_processed(self) -> Count:
        return self.count

    def write(self, *calls: Told) -> None:
        append(self.file, b"".join(call.text for call in calls))

    def check(self, processed: int, started: str = "2026-11-24 06:00:00") -> LineCheck:
        self.count = Count(processed, started)
        return check_calls(self.engine, self.records.read, self, lambda: NOW)


@pytest.fixture
def line(engine: Engine, tmp_path: Path) -> Line:
    return Line(engine, tmp_path)


def _answered(writer: Writer) -> Told:
    call = writer.call().greeted().says("ANNOUNCED", "permis", "SUCCESS")
    leg = call.dials()
    return call.after(2).desk("ANSWER", leg).bridged(leg).after(5).ends()


def test_the_same_count_on_both_sides_is_kept_with_both_figures(line: Line) -> None:
    line.write(*simple_calls(7))

    check = line.check(7)

    assert (check.kind, check.ok, check.detail["asterisk"], check.detail["records"]) == (CALLS, True, 7, 7)
    with reading(line.engine) as opened:
        assert opened.scalars(select(LineCheck.ok)).all() == [True]


def test_an_agent_who_hears_the_whisper_is_counted_by_asterisk(line: Line) -> None:
    writer = Writer()
    line.write(*simple_calls(2, writer), _answered(writer))

    assert line.check(4).ok
    assert not line.check(5).ok


def test_a_call_missing_from_the_records_is_an_alarm_told_once(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    writer = Writer()
    calls = simple_calls(5, writer)
    line.write(*calls[:3])

    with caplog.at_level(logging.ERROR):
        check = line.check(5)
    assert (check.ok, check.detail["new"], check.detail["missing"]) == (False, 2, 2)
    assert "5 appels comptés, 3 écrits" in caplog.text

    line.write(*simple_calls(4, writer))
    again = line.check(9)
    assert (again.ok, again.detail["new"], again.detail["missing"]) == (True, 0, 2)


def test_lines_of_a_call_that_asterisk_does_not_count_are_an_alarm(line: Line) -> None:
    line.write(*simple_calls(5))

    assert (line.check(3).ok, line.check(3).detail["missing"]) == (False, -2)


def test_a_restart_of_asterisk_begins_the_count_again(line: Line) -> None:
    line.write(*simple_calls(5))
    assert line.check(5).ok
    second = Writer(at=Writer().at + 4000)
    line.write(*simple_calls(8, second))

    check = line.check(8, "2026-11-24 07:00:00")
    assert (check.ok, check.detail["records"]) == (True, 8)
    line.write(*simple_calls(2, second))
    assert not line.check(11, "2026-11-24 07:00:00").ok


def test_a_restart_with_no_call_since_is_no_loss(line: Line) -> None:
    line.write(*simple_calls(5))
    assert line.check(5).ok
    assert line.check(0, "2026-11-24 07:00:00").ok
    assert line.check(0, "2026-11-24 07:30:00").ok
    line.write(*simple_calls(3, Writer(at=Writer().at + 7000)))

    assert line.check(3, "2026-11-24 07:30:00").ok
    line.write(*simple_calls(3, Writer(at=Writer().at + 9000)))
    assert line.check(3, "2026-11-24 08:00:00").ok


def test_a_loss_after_a_restart_is_seen(line: Line) -> None:
    line.write(*simple_calls(5))
    assert line.check(5).ok

    assert not line.check(4, "2026-11-24 07:00:00").ok


def test_a_call_that_arrives_while_asterisk_is_asked_is_no_alarm(line: Line) -> None:
    """Asterisk counted it and its line was not read yet, or its line was read and it was not counted yet."""
    first, second, third = simple_calls(3)
    line.write(first)
    arriving = iter([second, third])

    def read() -> None:
        line.write(*([call] if (call := next(arriving, None)) else []))
        line.records.read()

    line.count = Count(3)
    assert check_calls(line.engine, read, line, lambda: NOW).ok  # two lines when asked, three afterwards
    assert line.check(3).ok


def test_legs_written_out_of_order_are_one_run(line: Line) -> None:
    writer = Writer()
    one, two = simple_calls(2, writer)
    line.write(two, one)

    assert line.check(2).ok


def test_a_leg_whose_identifier_is_not_asterisks_is_passed_over(line: Line) -> None:
    strange = quoted("CHAN_START", "", "1795869001.5", "", "no leg", "no leg", "PJSIP/trunk-1", "", "", "trunk", "s")
    line.write(*simple_calls(1))
    append(line.file, strange)

    assert line.check(1).ok


def test_nothing_is_kept_when_asterisk_cannot_be_asked(line: Line) -> None:
    class Away:
        def calls_processed(self) -> Count:
            raise AmiUnavailable("Asterisk ne répond pas.")

    with pytest.raises(AmiUnavailable):
        check_calls(line.engine, line.records.read, Away())
    with reading(line.engine) as opened:
        assert opened.scalars(select(LineCheck)).all() == []


def test_a_disk_with_room_is_fine_and_a_full_one_is_an_alarm(engine: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert check_disk(engine, tmp_path, 0, lambda: NOW).ok
    assert caplog.text == ""

    check = check_disk(engine, tmp_path, 10**12, lambda: NOW)

    assert (check.kind, check.ok, check.detail["least_mb"]) == (DISK, False, 10**12)
    assert "Mo libres" in caplog.text
    with reading(engine) as opened:
        assert list(opened.scalars(select(LineCheck.ok).order_by(LineCheck.id))) == [True, False]


def test_a_folder_that_is_not_there_is_told(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="absent"):
        check_disk(engine, tmp_path / "absent", 500)


# --- Transfers -----------------------------------------------------------------------------------------------------------


def test_a_service_that_rings_more_than_it_should_in_an_hour_is_named_in_the_log(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    writer = Writer(at=NOW.timestamp() - 600)
    made = []
    for service in ("permis", "permis", "permis", "migrations"):
        call = writer.call().greeted().says("ANNOUNCED", service, "SUCCESS", node="n6")
        call.dials()
        made.append(call.after(1).ends())
    made.append(Writer(at=NOW.timestamp() - 7200).call().greeted().says("ANNOUNCED", "permis", "SUCCESS", node="n6").ends())
    line.write(*made)
    line.records.read()

    with caplog.at_level(logging.ERROR):
        kept = check_transfers(line.engine, 2, lambda: NOW)
        assert check_transfers(line.engine, 3, lambda: NOW).ok

    assert (kept.kind, kept.ok, kept.detail) == (TRANSFERS, False, {"most": 2, "by_service": {"permis": 3, "migrations": 1}})
    assert [record.getMessage().partition(".")[0] for record in caplog.records] == [
        "Transferts vers « permis » : 3 en une heure, plus que 2"
    ]
