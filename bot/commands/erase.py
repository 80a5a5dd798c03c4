"""`erase`: the words of one conversation are deleted on request, by its reference; `--near` finds the reference from the hour."""

from __future__ import annotations

import argparse
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from bot.commands.forget import confirmed
from knowledge.commands import Subparsers
from knowledge.commands.screen import say

MINUTES = 30
"""People remember the hour to half an hour."""


def register(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "erase",
        help="effacer une conversation à la demande",
        description="Efface les mots d'une conversation, à la demande de la personne. Les chiffres restent.",
    )
    parser.add_argument("conversation", nargs="?", metavar="RÉFÉRENCE", help="référence de la conversation (32 signes)")
    parser.add_argument("--near", type=_instant, metavar="AAAA-MM-JJTHH:MM", help="lister les conversations de cette heure")
    parser.add_argument("--yes", action="store_true", help="ne pas demander de confirmation")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from bot import journal
    from knowledge.database import reading, require_schema, scrub, session

    if bool(arguments.conversation) == bool(arguments.near):
        say("Donnez la référence d'une conversation, ou --near AAAA-MM-JJTHH:MM pour la retrouver.")
        return 2
    require_schema()
    if arguments.near:
        with reading() as opened:
            return _list(opened, arguments.near)
    with reading() as opened:
        spoken = journal.transcript(opened, arguments.conversation)
    for exchange in spoken:
        say(f"« {exchange.question} »")
    if spoken and not (arguments.yes or confirmed("Effacer ces mots pour toujours ? Les chiffres restent.")):
        return 1
    with session() as opened:
        gone = journal.erase(opened, arguments.conversation)
    scrub()
    say(f"Effacé : les mots de {gone} échange(s). Il n'en reste rien dans le fichier de la base.")
    return 0


def _list(opened: Session, instant: datetime) -> int:
    from bot import journal
    from knowledge.clock import local

    found = journal.spoken_around(opened, instant, MINUTES)
    for conversation, at, question in found:
        say(f"{conversation}  {local(at):%d/%m/%Y %H:%M}  « {question[:100]} »")
    if not found:
        say(f"Aucune conversation dont les mots sont gardés, à {MINUTES} minutes près.")
    return 0


def _instant(written: str) -> datetime:
    from knowledge.settings import settings

    try:
        return datetime.fromisoformat(written).replace(tzinfo=ZoneInfo(settings().timezone))
    except ValueError:
        raise argparse.ArgumentTypeError(f"« {written} » n'est pas une heure : écrivez 2026-11-21T09:30") from None
