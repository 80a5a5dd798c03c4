"""The commands of `python -m bot`, one module each."""

from __future__ import annotations

from types import ModuleType


def every_command() -> tuple[ModuleType, ...]:
    """The command modules, in the order of the help."""
    from bot.commands import ask, attach, erase, evaluate, forget, models, preview, rasa, regression, report, train, unanswered

    return (ask, report, unanswered, attach, preview, regression, evaluate, train, models, rasa, forget, erase)
