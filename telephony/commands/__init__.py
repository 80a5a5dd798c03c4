"""The commands of `python -m telephony`: one module each, found by being here.

A module has `register(commands)`, which adds its parser and sets `run`, a function that takes the arguments and gives the exit code. What
it needs to import for its work is imported in `run`, so that `--help` stays quick.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from knowledge.commands import Command


def every_command() -> Iterator[Command]:
    """The modules of this folder that are commands, by name."""
    for found in iter_modules(__path__):
        module = import_module(f"{__name__}.{found.name}")
        if hasattr(module, "register"):
            yield module
