"""`callbacks`: the callers who wait to be called back, and those who have been."""

from __future__ import annotations

import argparse

from rich.console import Console
from rich.table import Table

from knowledge.commands import Subparsers
from knowledge.commands.screen import say, warn
from telephony.commands.signature import add_author, author_of


def register(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "callbacks",
        help="lire les rappels demandés, noter ceux qui sont faits",
        description="Personnes à rappeler, la plus ancienne d'abord. Le numéro est effacé dès que le rappel est noté comme fait.",
    )
    parser.add_argument("--done", metavar="APPEL", help="noter que cette personne a été rappelée")
    add_author(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from knowledge.clock import local
    from knowledge.database import reading, require_schema, session
    from telephony.records.callbacks import done, waiting

    require_schema()
    if arguments.done:
        with session() as opened:
            noted = done(opened, arguments.done, author_of(arguments))
        if not noted:
            warn(f"Aucun rappel n'attend pour l'appel « {arguments.done} ». La liste : python -m telephony callbacks")
            return 1
        say("Rappel noté. Le numéro est effacé.")
        return 0
    with reading() as opened:
        requests = waiting(opened)
    if not requests:
        say("Personne n'attend d'être rappelé.")
        return 0
    table = Table(title="À rappeler", title_justify="left")
    for column in ("demandé", "service", "numéro", "appel"):
        table.add_column(column)
    for request in requests:
        table.add_row(f"{local(request.asked_at):%d/%m/%Y %H:%M}", request.service_id, request.number, request.call)
    Console(highlight=False).print(table)
    return 0
