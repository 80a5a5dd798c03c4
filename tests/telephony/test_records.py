"""The files of Asterisk are read to their end, each line exactly once, whatever happens to them and to the reader."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, insert, select

from knowledge.database import reading, session
from knowledge.line_models import Call, CallEvent, RecordCursor, ScriptVersion
from telephony.records import tail as records_module
from telephony.records.lines import MOST_BYTES
from telephony.records.tail import DAMAGED, Reading, Records
from tests.telephony.asterisk_lines import BEGINNING, LEG, Writer, append, mixed, quoted, simple_calls
from tests.telephony.small_script import SMALL


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "log"
    made.mkdir()
    return made


def _records(engine: Engine, folder: Path, at: datetime | None = None) -> Records:
    return Records(engine, folder / "cel.csv", folder / "cdr.csv", clock=lambda: at or datetime.fromtimestamp(BEGINNING, UTC))


def _stored(engine: Engine) -> tuple[int, int, int]:
    """Rows of events that were read, of damaged lines, of calls."""
    with reading(engine) as opened:
        damaged = opened.scalar(select(func.count()).where(CallEvent.kind == DAMAGED)) or 0
        events = opened.scalar(select(func.count()).select_from(CallEvent)) or 0
        return events - damaged, damaged, opened.scalar(select(func.count()).select_from(Call)) or 0


def test_each_line_is_stored_once_and_each_call_told_once(engine: Engine, folder: Path) -> None:
    append(folder / "cel.csv", mixed(simple_calls(8)))
    append(folder / "cdr.csv", LEG)
    records = _records(engine, folder)

    assert records.read() == Reading(lines=8 * 9 + 1, calls=8)
    assert records.read() == Reading()
    assert _stored(engine) == (8 * 9 + 1, 0, 8)
    with reading(engine) as opened:
        leg = opened.scalars(select(CallEvent).where(CallEvent.kind == "CDR")).one()
    assert (leg.call, leg.detail["disposition"], leg.at) == ("1795869000.0", "NO ANSWER", datetime.fromtimestamp(1795869009.5, UTC))


def test_reading_the_whole_file_again_changes_nothing(engine: Engine, folder: Path) -> None:
    append(folder / "cel.csv", mixed(simple_calls(20)))
    _records(engine, folder).read()
    before = _stored(engine)
    shutil.copy(folder / "cel.csv", folder / "cel.csv.restored")

    assert _records(engine, folder).read() == Reading()
    assert _stored(engine) == before


def test_a_row_already_stored_is_not_stored_again_when_its_position_was_lost(engine: Engine, folder: Path) -> None:
    append(folder / "cel.csv", mixed(simple_calls(5)))
    _records(engine, folder).read()
    before = _stored(engine)
    with session(engine) as opened:
        for cursor in opened.scalars(select(RecordCursor)):
            cursor.offset = 0

    _records(engine, folder).read()
    assert _stored(engine) == before


def test_a_line_cut_at_any_byte_waits_for_its_end(engine: Engine, folder: Path) -> None:
    first, last = simple_calls(2)
    line = last.lines.pop()
    append(folder / "cel.csv", first.text + last.text)
    records = _records(engine, folder)
    read = records.read()
    for position in range(len(line) - 1):
        append(folder / "cel.csv", line[position : position + 1])
        assert records.read() == Reading(), position
    append(folder / "cel.csv", line[-1:])

    assert records.read() == Reading(lines=1, calls=1)
    assert read == Reading(lines=17, calls=1)
    assert _stored(engine) == (18, 0, 2)


# --- Rotation ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["rename", "copy and empty"])
@pytest.mark.parametrize("moment", range(5))
def test_a_rotation_between_any_two_readings_loses_nothing(engine: Engine, folder: Path, way: str, moment: int) -> None:
    current, aside = folder / "cel.csv", folder / "cel.csv.1"
    lines = mixed(simple_calls(5)).splitlines(keepends=True)
    records = _records(engine, folder)
    for step in range(5):
        append(current, b"".join(lines[step * 9 : step * 9 + 5]))
        if step % 2:
            records.read()
        append(current, b"".join(lines[step * 9 + 5 : step * 9 + 9]))
        if step == moment:
            if way == "rename":
                current.rename(aside)
            else:
                shutil.copy2(current, aside)
                os.truncate(current, 0)
    records.read()

    assert _stored(engine) == (45, 0, 5)


def test_three_rotations_while_the_reader_was_away_are_read_in_order(engine: Engine, folder: Path) -> None:
    lines = [line for call in simple_calls(4) for line in call.lines]
    for number, cut in enumerate((0, 5, 14, 30)):
        path = folder / ("cel.csv" if number == 3 else f"cel.csv-2026112{number}")
        append(path, b"".join(lines[cut : (5, 14, 30, 36)[number]]))
        os.utime(path, (BEGINNING + number, BEGINNING + number))

    assert _records(engine, folder).read() == Reading(lines=36, calls=4)
    with reading(engine) as opened:
        assert list(opened.scalars(select(CallEvent.at).order_by(CallEvent.id))) == sorted(opened.scalars(select(CallEvent.at)))
        assert all(call.welcomed for call in opened.scalars(select(Call)))


def test_compressed_files_are_left_alone(engine: Engine, folder: Path) -> None:
    append(folder / "cel.csv.2.gz", os.urandom(100_000))
    append(folder / "cel.csv", mixed(simple_calls(1)))

    assert _records(engine, folder).read() == Reading(lines=9, calls=1)


def test_what_is_unfinished_in_a_file_put_aside_is_kept_as_damaged(engine: Engine, folder: Path) -> None:
    first, second = simple_calls(2)
    append(folder / "cel.csv.1", first.text + b'"ANSWER","","17958')
    append(folder / "cel.csv", second.text)
    os.utime(folder / "cel.csv.1", (BEGINNING, BEGINNING))

    assert _records(engine, folder).read().damaged == 0
    assert _records(engine, folder, datetime.fromtimestamp(BEGINNING, UTC) + timedelta(hours=2)).read() == Reading(lines=1, damaged=1)
    assert _stored(engine) == (18, 1, 2)


def test_a_file_written_anew_with_other_lines_is_read_from_its_beginning(engine: Engine, folder: Path) -> None:
    writer = Writer()
    append(folder / "cel.csv", mixed(simple_calls(3, writer)))
    records = _records(engine, folder)
    records.read()
    (folder / "cel.csv").write_bytes(mixed(simple_calls(9, writer)))

    assert records.read() == Reading(lines=81, calls=9)


def test_a_file_emptied_and_written_anew_while_it_is_read_is_not_mixed_with_what_it_was(
    engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer()
    old, more, new = (b"".join(call.text for call in simple_calls(number, writer)) for number in (3, 1, 9))
    current = folder / "cel.csv"
    append(current, old)
    records = _records(engine, folder)
    records.read()
    append(current, more)
    known = records_module._position

    def emptied_meanwhile(*arguments: Any) -> int:
        if not (folder / "cel.csv.1").exists():
            shutil.copy2(current, folder / "cel.csv.1")
            current.write_bytes(new)
        return known(*arguments)

    monkeypatch.setattr(records_module, "_position", emptied_meanwhile)
    records.read()
    records.read()

    assert _stored(engine) == (13 * 9, 0, 13)


def test_nothing_is_read_before_asterisk_has_written(engine: Engine, folder: Path) -> None:
    records = _records(engine, folder)
    assert records.read() == Reading()
    append(folder / "cel.csv", b"")
    assert records.read() == Reading()


# --- Damage --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "damage",
    [
        b"nothing of ours\n",
        b'"ANSWER","too","few"\n',
        quoted("ANSWER", "", "not an instant", "", "1.1", "1.1", "PJSIP/trunk-1", "", "", "", ""),
        quoted("ANSWER", "", "1795869001.0", "", "1.1", "x" * 81, "PJSIP/trunk-1", "", "", "", ""),
        quoted("ANSWER", "", "9" * 40, "", "1.1", "1.1", "PJSIP/trunk-1", "", "", "", ""),
        b'"ANSWER","","1795869001.0","\n',
        b'"ANSWER",""",\n\n\n',
        b"\xff\xfe\x00\n",
        b"x" * (MOST_BYTES * 3) + b"\n",
        b'"ANSWER","","17958690',  # Asterisk was killed while it wrote, then started again
        b'"ANSWER',
        b'"ANSWER","",',
    ],
    ids=range(12),
)
def test_a_damaged_line_is_kept_and_hides_nothing_of_what_surrounds_it(engine: Engine, folder: Path, damage: bytes) -> None:
    before, after = simple_calls(2)
    append(folder / "cel.csv", before.text + damage + after.text)

    found = _records(engine, folder).read()

    assert (found.calls, found.lines - found.damaged) == (2, 18)
    assert found.damaged >= 1
    with reading(engine) as opened:
        kept = opened.scalars(select(CallEvent).where(CallEvent.kind == DAMAGED).order_by(CallEvent.offset)).all()
    assert sum(row.detail["bytes"] for row in kept) >= len(damage.strip(b"\n"))
    assert kept[0].detail["line"]


def test_a_damaged_first_line_does_not_hide_the_file(engine: Engine, folder: Path) -> None:
    append(folder / "cel.csv", b"garbage\n" + mixed(simple_calls(1)))

    assert _records(engine, folder).read() == Reading(lines=10, damaged=1, calls=1)


# --- The reader is stopped -----------------------------------------------------------------------------------------------

_READER = """
import sys
from pathlib import Path
from knowledge.database import open_engine
from telephony.records import tail as records
records.BATCH_BYTES = 4096
reader = records.Records(open_engine(sys.argv[1]), Path(sys.argv[2]))
print("ready", flush=True)
while True:
    reader.read()
"""


@pytest.mark.slow
def test_fifty_kills_in_the_middle_of_the_reading_lose_and_repeat_nothing(engine: Engine, folder: Path) -> None:
    calls = simple_calls(560)
    lines = mixed(calls).splitlines(keepends=True)
    url = engine.url.render_as_string(hide_password=False)
    chance = random.Random(3)
    kills, written = 0, 0
    while kills < 50:
        reader = subprocess.Popen([sys.executable, "-c", _READER, url, str(folder / "cel.csv")], stdout=subprocess.PIPE)
        assert reader.stdout is not None
        reader.stdout.readline()
        amount = chance.randint(60, 140)
        append(folder / "cel.csv", b"".join(lines[written : written + amount]))
        written = min(written + amount, len(lines))
        time.sleep(chance.random() * 0.05)
        reader.send_signal(signal.SIGKILL)
        reader.wait()
        reader.stdout.close()
        kills += 1
    append(folder / "cel.csv", b"".join(lines[written:]))
    _records(engine, folder).read()

    assert _stored(engine) == (5040, 0, 560)
    with reading(engine) as opened:
        offsets = sorted(opened.scalars(select(CallEvent.offset)))
    assert offsets == [sum(map(len, lines[:number])) for number in range(0, len(lines))]


def test_two_readers_at_once_store_each_line_once(engine: Engine, folder: Path) -> None:
    append(folder / "cel.csv", mixed(simple_calls(300)))
    readers = [threading.Thread(target=_records(engine, folder).read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()

    assert _stored(engine) == (2700, 0, 300)


def test_the_reading_goes_on_after_the_database_was_away(engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy.exc import OperationalError

    records, stop, turns = _records(engine, folder), threading.Event(), []
    real = records.read

    def sometimes() -> Reading:
        turns.append(len(turns))
        if len(turns) == 1:
            raise OperationalError("SELECT 1", {}, Exception("away"))
        found = real()
        stop.set()
        return found

    monkeypatch.setattr(records, "read", sometimes)
    append(folder / "cel.csv", mixed(simple_calls(1)))
    records.follow(stop, every=0.01)

    assert _stored(engine) == (9, 0, 1)


# --- Calls ---------------------------------------------------------------------------------------------------------------


def test_a_call_bears_the_names_of_the_nodes_of_its_version(engine: Engine, folder: Path) -> None:
    with session(engine) as opened:
        made = {"script_id": "accueil", "text": SMALL, "digest": "d", "author": "a", "comment": "", "created_at": datetime.now(UTC)}
        opened.execute(insert(ScriptVersion).values(number=12, **made))
    call = Writer().call().greeted().says("KEY", "1", node="n4").says("NODE", node="n99").ends()
    append(folder / "cel.csv", call.text)
    _records(engine, folder).read()

    with reading(engine) as opened:
        told = opened.scalars(select(Call)).one()
    assert [step["node"] for step in told.path] == ["bienvenue", "principal", "n99"]
    assert told.heard == ["bienvenue"]


def test_a_call_without_an_end_is_closed_as_lost_after_four_hours(engine: Engine, folder: Path) -> None:
    writer = Writer()
    open_call, desk = writer.call().greeted(), writer.call("desks")
    append(folder / "cel.csv", open_call.text + desk.text)
    start = datetime.fromtimestamp(BEGINNING, UTC)

    assert _records(engine, folder, start + timedelta(hours=3)).read().calls == 0
    records = _records(engine, folder, start + timedelta(hours=5))
    assert records.read().calls == 1
    assert _records(engine, folder, start + timedelta(hours=9)).read().calls == 0
    with reading(engine) as opened:
        told = opened.scalars(select(Call)).one()
    assert (told.id, told.end, told.welcomed) == (open_call.id, "lost", True)

    append(folder / "cel.csv", open_call.ends().lines[-1])
    assert records.read() == Reading(lines=1)


def test_a_call_whose_lines_are_in_two_files_is_told_whole(engine: Engine, folder: Path) -> None:
    call = Writer().call().greeted().says("KEY", "1").ends()
    append(folder / "cel.csv", b"".join(call.lines[:7]))
    records = _records(engine, folder)
    records.read()
    (folder / "cel.csv").rename(folder / "cel.csv.1")
    append(folder / "cel.csv", b"".join(call.lines[7:]))
    records.read()

    with reading(engine) as opened:
        told = opened.scalars(select(Call)).one()
    assert (told.welcomed, [step["kind"] for step in told.path], told.end) == (True, ["node", "key"], "caller")


@pytest.mark.slow
def test_a_hundred_megabytes_are_read_in_little_memory(tmp_path: Path) -> None:
    """In a process of its own, whose memory is measured."""
    folder = tmp_path / "log"
    folder.mkdir()
    calls = [Writer(BEGINNING + number).call().greeted().says("KEY", "1" * 6000).ends() for number in range(100)]
    block = mixed(calls)
    copies = 100_000_000 // len(block) + 1
    with (folder / "cel.csv").open("wb") as file:
        for number in range(copies):
            file.write(block.replace(b"17958", b"%d" % (17000 + number)))  # other calls, at other instants
    program = (
        "import resource, sys; from pathlib import Path; from knowledge.database import open_engine, migrate\n"
        "from telephony.records.tail import Records\n"
        "engine = open_engine(sys.argv[1]); migrate(engine)\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "found = Records(engine, Path(sys.argv[2])).read()\n"
        "print(found.lines, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, f"sqlite:///{tmp_path / 'big.db'}", str(folder / "cel.csv")],
        capture_output=True,
        check=True,
        text=True,
    )
    lines, kilobytes = map(int, done.stdout.split())

    assert lines == copies * 1000
    assert kilobytes < 60_000
