"""`models`: which learned models are in service, and going back to others."""

from __future__ import annotations

import argparse

from knowledge.commands import Subparsers
from knowledge.commands.screen import say, warn


def register(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "models",
        help="les modèles appris, celui qui sert, et revenir à un autre",
        description="Montre les modèles que « train » a gardés dans le dossier de BOT_MODELS. Avec --use, met les autres en service : "
        "les serveurs en marche changent sans s'arrêter.",
    )
    parser.add_argument("--use", metavar="NOM", help="mettre ces modèles en service ; « paquet » : ceux du paquet")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from bot.engines.weighing import thresholds
    from bot.learned import PACKAGE, REASON, put_in_service, serving, trained_here, versions

    root = trained_here()
    if root is None:
        warn("BOT_MODELS n'est pas réglé : les modèles sont ceux du paquet. Voyez docs/settings.md.")
        return 2 if arguments.use else 0
    if arguments.use:
        put_in_service(root, arguments.use)
    chosen = serving(root)
    for name in versions(root):
        despite = ", malgré des réponses confirmées perdues" if (root / name / REASON).is_file() else ""
        say(f"{'→' if name == chosen else ' '} {name} : répond à partir de {thresholds(root / name).sure}{despite}")
    say(f"{'→' if chosen == PACKAGE else ' '} {PACKAGE} : les modèles livrés")
    return 0
