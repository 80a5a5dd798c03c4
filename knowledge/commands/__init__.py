"""The sub-commands of `python -m knowledge`: one module each, found by being here.

A module has `register(commands)`, which adds its parser and sets `run`, a function that takes the arguments and gives the exit code:
0 done, 1 refused or failed, 2 wrong usage or a part to install. What it needs to import for its work is imported in `run`, so that
`--help` stays quick.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol

from knowledge.commands.screen import FrenchParser


class Subparsers(Protocol):
    """Where a command adds its parser."""

    def add_parser(self, name: str, *, help: str, description: str) -> FrenchParser: ...


class Command(Protocol):
    def register(self, commands: Subparsers) -> None: ...


def every_command() -> Iterator[Command]:
    """The modules of this folder that are commands, by name."""
    for found in iter_modules(__path__):
        module = import_module(f"{__name__}.{found.name}")
        if hasattr(module, "register"):
            yield module
