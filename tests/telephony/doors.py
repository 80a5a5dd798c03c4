"""Doors to a real Asterisk where callers wait, and a witness of what a door tells."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from telephony.asterisk.ami import Account, Asterisk, CallArrived, CallEnded, Channel, Pace, StateChange
from telephony.asterisk.instance import Instance, Place, free_port
from telephony.errors import AmiUnavailable
from tests.telephony.conftest import CONFIGURATION

QUICK = Pace(ping_every=0.2, silence=1, retry_first=0.05, retry_most=0.5, answer=1, listing=5)
"""Faster than in service, slow enough for a busy machine."""
LIVE = """\
[accueil_live]
exten = s,1,NoOp(waits: "a", b|c ${X})
 same = n(here),Wait(600)
 same = n,Hangup()
exten = elsewhere,1,Wait(601)
exten = elsewhere,hint,PJSIP/desks
include => accueil_more
[accueil_more]
exten = s,1,NoOp()
"""


@contextmanager
def waiting_room(root: str, line: Path) -> Iterator[Instance]:
    """An Asterisk whose callers wait for ten minutes."""
    (line / "live.conf").write_text(LIVE)
    with Instance.throwaway(root, line, CONFIGURATION, Place(desks=f"127.0.0.1:{free_port()}")) as started:
        yield started


def door(pbx: Instance, port: int, listener: Callable[[StateChange], None] | None = None, pace: Pace = QUICK) -> Asterisk:
    name = "accueil_publish" if listener is None else "accueil_view"
    return Asterisk("127.0.0.1", port, Account(name, pbx.secrets[name]), listener, pace)


def until(true: Callable[[], bool], timeout: float = 5) -> None:
    deadline = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def until_no_call(pbx: Instance) -> None:
    """Return when the line is free: a test leaves none of its calls to the next one."""
    with door(pbx, pbx.ami_port, pace=Pace()) as asterisk:
        until(lambda: asterisk.channels() == ())


def failure(asterisk: Asterisk) -> str:
    """What a request says when it fails."""
    with pytest.raises(AmiUnavailable) as unavailable:
        asterisk.ping()
    return str(unavailable.value)


class Witness:
    """Listens, remembers, and lets a test wait for what it should hear."""

    def __init__(self) -> None:
        self.events: list[StateChange] = []
        self.gate = threading.Event()
        """Cleared: the listener is stuck."""
        self.gate.set()
        self._heard = threading.Condition()

    def __call__(self, event: StateChange) -> None:
        self.gate.wait()
        with self._heard:
            self.events.append(event)
            self._heard.notify_all()

    def wait_for(self, told: Callable[[list[StateChange]], bool], timeout: float = 20) -> None:
        with self._heard:
            assert self._heard.wait_for(lambda: told(self.events), timeout), self.events[-5:]

    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.events]

    def regular(self) -> list[str]:
        """What should be heard, without any call, of as many disconnections: no event doubled, none missing."""
        return ["Connected", "Snapshot", "Disconnected"] * self.kinds().count("Disconnected") + ["Connected", "Snapshot"]

    def arrived(self) -> list[Channel]:
        return [event.channel for event in self.events if isinstance(event, CallArrived)]

    def ended(self) -> list[CallEnded]:
        return [event for event in self.events if isinstance(event, CallEnded)]
