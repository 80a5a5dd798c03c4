"""The commands of `python -m bot`, one module each."""

from __future__ import annotations

from types import ModuleType


def every_command() -> tuple[ModuleType, ...]:
    """The command modules, in the order of the help."""
    from bot.commands import ask, train

    return (ask, train)
