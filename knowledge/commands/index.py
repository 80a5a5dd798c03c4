"""`index`: build the search index of the published knowledge."""

from __future__ import annotations

import argparse

from knowledge.commands import Subparsers
from knowledge.commands.screen import counted, say


def register(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "index",
        help="construire l'index de recherche",
        description="Construit l'index de recherche des fiches publiées et des pages approuvées. Sans effet s'il est déjà à jour.",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from knowledge.clock import today
    from knowledge.database import reading, require_schema
    from knowledge.indexing import store

    require_schema()
    with counted("Index de recherche") as step, reading() as opened:
        index, built = store(opened, today(), progress=step)
    say(f"Index {'construit' if built else 'déjà à jour'} : {len(index.subjects)} sujets.")
    return 0
