"""Whatever instant a publication is interrupted at, the folder that Asterisk reads names one whole version (T02)."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from telephony.dialplan import Dialplan, Line
from telephony.publication import folder as folder_module
from telephony.publication.folder import LineFolder, Written

SOUND = "0123456789abcdef" * 2


def a_dialplan(version: int, says: str = "un") -> Dialplan:
    return Dialplan(version, (Line(f"a{version}_entry", "s", 1, "", "NoOp", says),), (SOUND,))


def put_in_service(line: LineFolder, dialplan: Dialplan, *draining: Written) -> Written:
    written = line.write(dialplan, f"; file {dialplan.version}\n", {"day": "2026-11-24"})
    line.switch(written, draining)
    return written


@pytest.fixture
def line(tmp_path: Path) -> LineFolder:
    return LineFolder(tmp_path / "line")


@pytest.fixture(autouse=True)
def _made(line: LineFolder) -> None:
    line.path.mkdir()


def whole(line: LineFolder) -> int:
    """The version in service, once it is sure that all that Asterisk would read of it is there, whole."""
    live = line.live()
    assert live is not None
    text = (line.path / "live.conf").read_text("utf-8")
    included = [Path(path) for path in re.findall('#include "(.+)"', text)]
    assert included[0].parent.name == live.name
    for path in included:
        before, _, end = path.read_text("utf-8").rpartition("[a")
        assert f"exten = digest,1,NoOp({path.parent.name.split('-')[1]}" in end
        assert before
    assert f"a{live.number}_entry" in text and f"a{live.number}_proof" in text
    assert (line.path / "queues.conf").read_text("utf-8").startswith("; file ")
    return live.number


def killed_at(step: int, work: Callable[[], object]) -> bool:
    """Run `work` in a process that dies of kill -9 before the line number `step` of the module; whether it died before its end."""
    child = os.fork()
    if child == 0:
        left = [step]

        def count(frame: FrameType, event: str, _: Any) -> Any:
            if frame.f_code.co_filename != folder_module.__file__:
                return None
            if event == "line":
                left[0] -= 1
                if left[0] < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
            return count

        sys.settrace(count)
        try:
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def test_killed_before_each_line_in_turn_the_folder_serves_the_old_version_or_the_new_one_whole(line: LineFolder) -> None:
    first = put_in_service(line, a_dialplan(1))
    served = set()
    step = version = 0
    while True:
        version += 1
        number = 1 + version
        if not killed_at(step, lambda number=number: put_in_service(line, a_dialplan(number), first)):
            break
        served.add(whole(line) == number)
        put_in_service(line, a_dialplan(number), first)
        assert whole(line) == number, "the next publisher finishes what was interrupted"
        line.keep([first.number])
        step += 1

    assert step > 40, "every line of the work was a place to die"
    assert served == {False, True}
    assert not [path for path in line.path.rglob(".*") if path.is_dir()], "nothing half-made is left"


def test_a_version_that_lies_in_the_folder_is_never_rewritten(line: LineFolder) -> None:
    written = put_in_service(line, a_dialplan(1))
    path = line.path / "versions" / written.name / "dialplan.conf"
    before = path.stat()

    put_in_service(line, a_dialplan(1))
    other = put_in_service(line, a_dialplan(1, "deux"))

    assert path.stat() == before
    assert other.name != written.name
    assert line.live() == other


def test_calls_go_on_running_on_the_versions_that_are_kept(line: LineFolder) -> None:
    one, two = put_in_service(line, a_dialplan(1)), line.write(a_dialplan(2), "; file 2\n", {})
    three = put_in_service(line, a_dialplan(3), one, two)
    included = re.findall(r"versions/(\S+)/dialplan", (line.path / "live.conf").read_text("utf-8"))

    assert included == [three.name, one.name, two.name]

    line.keep([2])
    assert line.versions() == (two, three)


def test_of_two_states_of_one_version_only_the_one_in_service_is_included(line: LineFolder) -> None:
    old, new = put_in_service(line, a_dialplan(1)), line.write(a_dialplan(1, "deux"), "; file 1\n", {})
    line.switch(new, [old])

    assert (line.path / "live.conf").read_text("utf-8").count("#include") == 1
    line.keep([1])
    assert line.versions() == (new,)


def test_without_any_version_nothing_is_in_service(line: LineFolder) -> None:
    assert line.live() is None
    put_in_service(line, a_dialplan(1))
    line.clear()
    assert line.live() is None
