"""`check`: proofread a phone script before anybody hears it."""

from __future__ import annotations

import argparse

from knowledge.commands import Subparsers
from knowledge.commands.screen import add_content, content_of, day, say, show


def register(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "check",
        help="relire le script et dire ce qui est refusé",
        description="Relit un script téléphonique. Chaque refus donne le fichier, la ligne et le remède. Code 1 s'il y a un refus.",
    )
    add_script(parser)
    add_content(parser)
    parser.add_argument("--day", type=day, metavar="AAAA-MM-JJ", help="juger comme si nous étions ce jour-là")
    parser.set_defaults(run=run)


def add_script(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--script", default="accueil", metavar="FICHIER", help="fichier .yml, ou nom de content/scripts/ (par défaut accueil)"
    )


def run(arguments: argparse.Namespace) -> int:
    from knowledge.clock import today
    from knowledge.scripts import contents

    read = contents.read(content_of(arguments), arguments.script, arguments.day or today())
    remarks = read.refusals()
    show(remarks)
    script = read.file.script
    if not remarks:
        sentences = len(read.told().sentences())
        say(f"{script.title} : {len(script.nodes)} nœuds, {len(script.languages)} langues, {sentences} phrases. Aucun refus.")
        return 0
    say(f"\n{script.title} : {len(remarks)} refus.")
    return 1
