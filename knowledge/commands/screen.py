"""What commands share on the screen: a parser that speaks French, a progress bar, the printing of refusals."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from knowledge.errors import Remark

_HEADINGS = (("usage: ", "usage : "), ("positional arguments:", "arguments :"), ("options:", "options :"))
_MISTAKES = (
    (r"the following arguments are required: (.*)", r"il manque : \1"),
    (r"unrecognized arguments: (.*)", r"argument inconnu : \1"),
    (r"argument ([^:]+): expected one argument", r"\1 attend une valeur"),
    (r"argument ([^:]+): invalid choice: (.*) \(choose from (.*)\)", r"\2 n'est pas prévu : choisissez parmi \3"),
    (r"argument ([^:]+): (.*)", r"\1 : \2"),
)


class FrenchParser(argparse.ArgumentParser):
    """An argument parser whose help and mistakes are read in French. Wrong usage exits with 2."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "add_help": False})
        self.add_argument("-h", "--help", action="help", help="afficher cette aide")

    def format_usage(self) -> str:
        return _in_french(super().format_usage())

    def format_help(self) -> str:
        return _in_french(super().format_help())

    def error(self, message: str) -> NoReturn:
        for pattern, french in _MISTAKES:
            if re.fullmatch(pattern, message):
                message = re.sub(pattern, french, message)
                break
        self.exit(2, f"{message}\nAide : {self.prog} --help\n")


def _in_french(text: str) -> str:
    for english, french in _HEADINGS:
        text = text.replace(english, french)
    return re.sub(r"^(\w+):$", r"\1 :", text, flags=re.MULTILINE)


def day(written: str) -> date:
    """An argument that is a date."""
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise argparse.ArgumentTypeError(f"« {written} » n'est pas une date : écrivez AAAA-MM-JJ") from None


def add_content(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--content", type=Path, metavar="DOSSIER", help="dossier des contenus (par défaut KNOWLEDGE_CONTENT)")


def content_of(arguments: argparse.Namespace) -> Path:
    """The content folder named on the command line, or that of the settings."""
    from knowledge.settings import settings

    folder: Path = arguments.content or settings().content
    return folder


def fiches_in(content: Path) -> int:
    return sum(1 for _ in (content / "fiches").glob("*/*.md"))


@contextmanager
def progress(title: str, total: int) -> Iterator[Callable[[str], None]]:
    """A bar on the error output; call what it gives once for each of the `total` steps, with its name."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[name]}"))
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=total, name="")

        def step(name: str) -> None:
            bar.update(task, advance=1, name=name)

        yield step


@contextmanager
def counted(title: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on the error output for work that says how far it is: call what it gives with (done, total)."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def waiting(title: str) -> Iterator[None]:
    """A moving mark on the error output while something long is done in one piece."""
    with Console(stderr=True).status(title):
        yield


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def warn(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def show(remarks: Sequence[Remark]) -> None:
    """Every refusal on its line, by file."""
    for remark in remarks:
        say(f"[{remark.rule}] {remark}")
