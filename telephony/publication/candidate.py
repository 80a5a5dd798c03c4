"""Every version is first loaded by an Asterisk that serves nobody, and read back line by line: what it cannot read reaches no caller."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

from telephony.asterisk.ami import Account, Asterisk
from telephony.asterisk.instance import Instance, Place
from telephony.dialplan import Dialplan, Line
from telephony.errors import PublicationRefused
from telephony.publication.folder import LineFolder

_PREFIX = "accueil-essai-"
_CONNECTED = 10.0
"""Seconds left to a candidate that has just started."""


def read_back(door: Asterisk, dialplan: Dialplan) -> int:
    """Compare what Asterisk runs with what was compiled, line by line; how many lines were compared.

    Raises:
        PublicationRefused: a line is missing, added or different: the first one is told.
        AmiUnavailable: Asterisk did not answer.
    """
    wanted = {_key(line): line for line in (*dialplan.lines, dialplan.end)}
    contexts = dict.fromkeys(line.context for line in wanted.values())  # one by one: the other versions do not slow it down
    running = {_key(line): line for context in contexts for line in door.dialplan(context)}
    for place in wanted.keys() | running.keys():
        expected, found = wanted.get(place), running.get(place)
        if expected is None or found is None or (expected.application, expected.data) != (found.application, found.data):
            what = "manque" if found is None else "est en trop" if expected is None else "diffère"
            raise PublicationRefused(f"Relecture d'Asterisk : la ligne {place[0]},{place[1]},{place[2]} {what}.")
    return len(wanted)


def _key(line: Line | object) -> tuple[str, str, int]:
    return line.context, line.extension, line.priority  # type: ignore[union-attr]  # both kinds of line have them


class Candidate:
    """A throw-away Asterisk, kept warm between two publications: it starts in a second, and reloads in a twentieth of one."""

    def __init__(self, asterisk: str, configuration: Path) -> None:
        self._asterisk, self._configuration = asterisk, configuration
        self._open = ExitStack()
        self._running: tuple[Instance, Asterisk, LineFolder] | None = None

    def try_out(self, dialplan: Dialplan, queues: str) -> int:
        """Load `dialplan` and read it back; how many lines were compared.

        Raises:
            PublicationRefused: it does not load whole.
            AsteriskAbsent, AsteriskUnstarted, AmiUnavailable: there is no Asterisk to try it on.
        """
        _, door, folder = self._started()
        written = folder.write(dialplan, queues, {})
        folder.switch(written)
        folder.keep(())
        door.reload_dialplan()
        return read_back(door, dialplan)

    def warm(self) -> None:
        """Start now what the first publication would start. Raises as `try_out`."""
        self._started()

    def close(self) -> None:
        self._open.close()
        self._running = None

    def _started(self) -> tuple[Instance, Asterisk, LineFolder]:
        if self._running is not None and self._running[0].running and self._running[1].wait(_CONNECTED):
            return self._running
        self.close()
        _sweep()
        place = Path(self._open.enter_context(tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-")))
        folder = LineFolder(place / "line")
        folder.path.mkdir()
        instance = Instance(self._asterisk, place / "state", folder.path, self._configuration, Place())
        self._open.callback(instance.stop)
        instance.start()
        account = Account("accueil_publish", instance.secrets["accueil_publish"])
        door = self._open.enter_context(Asterisk("127.0.0.1", instance.ami_port, account))
        door.wait(_CONNECTED)
        self._running = instance, door, folder
        return self._running


def _sweep() -> None:
    """Remove what candidates of processes that were killed left behind: their secrets are in it."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdecimal() and not Path("/proc", owner).exists():
            shutil.rmtree(folder, ignore_errors=True)
