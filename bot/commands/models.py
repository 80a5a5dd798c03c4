"""`models`: which learned models are in service, and going back to others."""

from __future__ import annotations

import argparse
import json

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
    from bot.learned import PACKAGE, REASON, in_service, put_in_service, trained_here, versions

    root = trained_here()
    if root is None:
        warn("BOT_MODELS n'est pas réglé : les modèles sont ceux du paquet. Voyez docs/settings.md.")
        return 2 if arguments.use else 0
    if arguments.use:
        put_in_service(root, arguments.use)
    serving = in_service().name if in_service().parent == root else PACKAGE
    for name in (*versions(root), PACKAGE):
        folder = root / name
        mark = "→" if name == serving else " "
        kept = json.loads((folder / "confidence.json").read_text("utf-8"))["thresholds"]["sure"] if name != PACKAGE else None
        despite = " ; malgré des réponses perdues" if (folder / REASON).is_file() else ""
        say(f"{mark} {name}" + (f"  (répond à partir de {kept}{despite})" if kept is not None else ""))
    return 0
