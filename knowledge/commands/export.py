"""`export`: write the fiches of the database back as files."""

from __future__ import annotations

import argparse
from pathlib import Path

from knowledge.commands import Subparsers
from knowledge.commands.screen import progress, say


def register(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "export",
        help="réécrire les fiches de la base en fichiers",
        description="Réécrit chaque fiche de la base, à l'octet près, sous DOSSIER/fiches/.",
    )
    parser.add_argument("folder", type=Path, metavar="DOSSIER", help="où écrire")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from knowledge.database import reading, require_schema
    from knowledge.fiches import export
    from knowledge.loading import current_versions

    require_schema()
    with reading() as session, progress("Écriture", len(current_versions(session))) as step:
        count = export(session, arguments.folder, step)
    say(f"{count} fiches écrites dans {arguments.folder / 'fiches'}.")
    return 0
