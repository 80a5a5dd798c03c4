"""`diff`: what loading would change among the fiches."""

from __future__ import annotations

import argparse
from difflib import unified_diff

from knowledge.commands import Subparsers
from knowledge.commands.screen import add_content, content_of, say

_LABELS = {"added": "ajoutée", "changed": "modifiée", "archived": "archivée"}


def register(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "diff",
        help="montrer ce que « load » changerait",
        description="Compare les fichiers et la base, sans rien modifier.",
    )
    add_content(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from knowledge.database import reading, require_schema
    from knowledge.fiches import diff

    require_schema()
    with reading() as session:
        changes = diff(session, content_of(arguments))
    for change in changes:
        say(f"{_LABELS[change.kind]} : {change.fiche}")
        if change.kind == "changed":
            lines = unified_diff(change.before.splitlines(), change.after.splitlines(), "base", "fichier", lineterm="", n=1)
            say("\n".join(f"    {line}" for line in lines))
    say(f"{len(changes)} fiche(s) à charger." if changes else "Aucune différence entre les fiches et la base.")
    return 0
