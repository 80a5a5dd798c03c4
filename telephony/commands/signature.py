"""Who gives an order on the command line, and when: shared by the commands that change the line."""

from __future__ import annotations

import argparse
import getpass
import sys
from datetime import datetime

from knowledge.commands.screen import FrenchParser, say, warn


def add_author(parser: FrenchParser) -> None:
    parser.add_argument("--by", metavar="NOM", help="prénom et nom de qui donne l'ordre (par défaut, le compte qui lance la commande)")


def author_of(arguments: argparse.Namespace) -> str:
    """Who gives the order: named on the command line, else the account of the system."""
    return str(arguments.by or getpass.getuser())


def instant_of(written: str) -> datetime:
    """An argument that is an instant on the clock of the préfecture."""
    from knowledge.errors import StateRefused
    from knowledge.scripts.state import instant

    try:
        return instant(written)
    except StateRefused as refused:
        raise argparse.ArgumentTypeError(str(refused)) from None


def confirmed(question: str, word: str, already: bool) -> bool:
    """Whether the person types `word`; without a keyboard, nobody does. `already`: it was confirmed on the command line."""
    say(question)
    if already:
        return True
    if not sys.stdin.isatty():
        warn("Ajoutez --oui pour confirmer. Rien n'a changé.")
        return False
    if input(f"Tapez {word} pour confirmer : ").strip().upper() == word:
        return True
    say("Rien n'a changé.")
    return False
