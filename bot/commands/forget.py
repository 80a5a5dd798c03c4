"""`forget`: the retention. Words older than it are deleted, and nothing of them stays in the database file; figures stay."""

from __future__ import annotations

import argparse
import sys
from datetime import timedelta

from knowledge.commands import Subparsers
from knowledge.commands.screen import say, warn


def register(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "forget",
        help="oublier les mots trop anciens",
        description="Efface les mots des échanges plus vieux que la durée de conservation. Les chiffres restent.",
    )
    parser.add_argument("--days", type=_days, metavar="N", help="jours de conservation (par défaut BOT_RETENTION_DAYS)")
    parser.add_argument("--yes", action="store_true", help="ne pas demander de confirmation")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from bot import journal
    from bot.settings import settings
    from knowledge.clock import local, now
    from knowledge.database import reading, require_schema, scrub, session

    days = arguments.days or settings().retention_days
    limit = now() - timedelta(days=days)
    require_schema()
    with reading() as opened:
        count = journal.kept_before(opened, limit)
    say(f"Conservation : {days} jours. {count} échange(s) d'avant le {local(limit):%d/%m/%Y à %H:%M} ont encore leurs mots.")
    if count and not (arguments.yes or confirmed("Effacer ces mots pour toujours ? Les chiffres restent.")):
        return 1
    with session() as opened:
        gone = journal.forget(opened, limit, days)
    scrub()
    say(f"Effacé : les mots de {gone} échange(s). Il n'en reste rien dans le fichier de la base.")
    return 0


def confirmed(question: str) -> bool:
    """Whether the person at the keyboard says yes; without a keyboard, nobody does."""
    if not sys.stdin.isatty():
        warn(f"{question} Ajoutez --yes pour le confirmer. Rien n'a changé.")
        return False
    if input(f"{question} [o/N] ").strip().lower() in ("o", "oui"):
        return True
    say("Rien n'a changé.")
    return False


def _days(written: str) -> int:
    if not written.isdecimal() or int(written) < 1:
        raise argparse.ArgumentTypeError(f"« {written} » n'est pas un nombre de jours : écrivez 1 ou plus")
    return int(written)
