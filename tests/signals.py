"""Programs that tests interrupt hear the signals, whoever started the suite."""

from __future__ import annotations

import signal


def hearing_signals() -> None:
    """To call in a program before it begins: a suite run in the background, or under nohup, would hand down that they are ignored."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
