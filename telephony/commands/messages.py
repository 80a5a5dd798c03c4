"""`messages`: what callers left for a service when nobody could answer."""

from __future__ import annotations

import argparse

from rich.console import Console
from rich.table import Table

from knowledge.commands import Subparsers
from knowledge.commands.screen import say, warn


def register(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "messages",
        help="lire la liste des messages laissés, effacer ceux qui sont traités",
        description="Messages laissés par les appelants, le plus ancien d'abord, avec le fichier à écouter. --done l'efface.",
    )
    parser.add_argument("--done", metavar="APPEL", help="effacer ce message : il a été écouté et traité")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from knowledge.clock import local
    from knowledge.database import reading, require_schema
    from telephony.records.messages import erase, waiting
    from telephony.settings import settings

    folder = settings().line / "messages"
    if arguments.done:
        if not erase(folder, arguments.done):
            warn(f"Aucun message pour l'appel « {arguments.done} ». La liste : python -m telephony messages")
            return 1
        say("Message effacé.")
        return 0
    require_schema()
    with reading() as opened:
        messages = waiting(opened, folder)
    if not messages:
        say("Aucun message n'attend.")
        return 0
    table = Table(title="Messages laissés", title_justify="left")
    for column in ("laissé", "service", "fichier", "appel"):
        table.add_column(column)
    for message in messages:
        table.add_row(f"{local(message.left_at):%d/%m/%Y %H:%M}", message.service, str(message.sound), message.call)
    Console(highlight=False).print(table)
    return 0
