"""`load`: publish the content folder in the database."""

from __future__ import annotations

import argparse

from knowledge.commands import Subparsers
from knowledge.commands.screen import add_content, content_of, fiches_in, progress, say, show


def register(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "load",
        help="relire puis publier les contenus",
        description="Relit puis publie les contenus, en une fois : tout ou rien. Recharger les mêmes contenus ne change rien.",
    )
    add_content(parser)
    parser.add_argument(
        "--despite", metavar="MOTIF", default="", help="publier même si des réponses confirmées sont perdues ; le motif est gardé"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from knowledge.database import require_schema, session
    from knowledge.fiches import load
    from knowledge.gate import installed
    from knowledge.gate import opened as no_gate

    content = content_of(arguments)
    require_schema()
    with progress("Relecture et chargement", fiches_in(content)) as step, session() as opened:
        report = load(opened, content, progress=step, gate=no_gate if arguments.despite else installed(), despite=arguments.despite)
    show((*report.overdue, *report.unserved))
    if report.to_approve:
        say(f"{len(report.to_approve)} fiche(s) chargée(s) comme brouillons : signez-les avec « approved_by: » pour les publier.")
    if report.release is None:
        say(f"Rien n'a changé : {len(report.unchanged)} fiches à jour.")
        return 0
    say(
        f"Publié : {len(report.added)} ajoutée(s), {len(report.changed)} modifiée(s), {len(report.archived)} archivée(s), "
        f"{len(report.unchanged)} inchangée(s)."
    )
    return 0
