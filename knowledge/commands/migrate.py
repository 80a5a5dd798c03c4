"""`migrate`: bring the database to this program's schema."""

from __future__ import annotations

import argparse

from knowledge.commands import Subparsers
from knowledge.commands.screen import say


def register(commands: Subparsers) -> None:
    parser = commands.add_parser("migrate", help="préparer la base ou la mettre à jour", description="Prépare la base ou la met à jour.")
    parser.set_defaults(run=run)


def run(_: argparse.Namespace) -> int:
    from knowledge.database import migrate

    migrate()
    say("La base est prête.")
    return 0
