"""`simulate`: live a call in the terminal, one line for each sentence that a caller would hear."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from knowledge.commands import Subparsers
from knowledge.commands.screen import add_content, content_of, say, show, warn
from telephony.commands.check import add_script

_MEANINGS = "0 à 9, *, # ; rien entre deux virgules : silence ; n : personne ne répond ; p : la file est pleine ; m : numéro masqué"


def register(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "simulate",
        help="vivre un appel dans le terminal",
        description="Joue le script téléphonique : une ligne par phrase entendue. Sans --keys, dans un terminal, c'est vous qui pressez.",
    )
    parser.add_argument("--keys", type=_keys, metavar="2,1,0", help=f"ce que fait l'appelant, dans l'ordre : {_MEANINGS}")
    parser.add_argument("--at", type=_instant, metavar="AAAA-MM-JJTHH:MM", help="heure de l'appel à la préfecture (par défaut maintenant)")
    parser.add_argument("--language", metavar="en", help="langue choisie d'avance (sinon, une touche la choisit)")
    parser.add_argument("--crisis", metavar="PHRASE", help="message de crise en cours")
    parser.add_argument("--closed", action="store_true", help="ligne fermée sur ordre")
    add_script(parser)
    add_content(parser)
    parser.set_defaults(run=run)


def _keys(written: str) -> tuple[str, ...]:
    from telephony.rehearsal import DEEDS

    keys = tuple(key.strip() for key in written.split(","))
    for key in keys:
        if key not in DEEDS:
            raise argparse.ArgumentTypeError(f"« {key} » n'est pas une touche. Écrivez : {_MEANINGS}")
    return keys


def _instant(written: str) -> datetime:
    try:
        return datetime.fromisoformat(written)
    except ValueError:
        raise argparse.ArgumentTypeError(f"« {written} » n'est pas une date et une heure : écrivez 2026-11-24T10:00") from None


def run(arguments: argparse.Namespace) -> int:
    from knowledge import directory
    from knowledge.clock import now
    from knowledge.scripts import contents
    from knowledge.scripts.call import situation
    from knowledge.scripts.telling import Sentence, cut
    from telephony.rehearsal import Rehearsal

    folder = content_of(arguments)
    zone = ZoneInfo(directory.read(folder).prefecture.zone)
    at = arguments.at or now()
    at = at.replace(tzinfo=zone) if at.tzinfo is None else at.astimezone(zone)
    read = contents.read(folder, arguments.script, at.date())
    remarks = read.refusals()
    if remarks:
        show(remarks)
        warn(f"{len(remarks)} refus : corrigez le script avant de l'écouter.")
        return 1
    languages = read.file.script.languages
    if arguments.language not in (None, *languages):
        warn(f"« {arguments.language} » n'est pas une langue de ce script : choisissez parmi {', '.join(languages)}.")
        return 2
    crisis = tuple(Sentence(text, languages[0]) for text in cut(arguments.crisis or ""))
    deeds = _typed() if arguments.keys is None and sys.stdin.isatty() else iter(arguments.keys or ())
    rehearsal = Rehearsal(read.told(), lambda: next(deeds, None), arguments.language)
    for line in rehearsal.lines(situation(read.directory, at, crisis, arguments.closed)):
        say(line)
    return 0


def _typed() -> Iterator[str]:
    """What the person at the keyboard does, until q or the end of the input."""
    from telephony.rehearsal import DEEDS

    while True:
        try:
            deed = input("  touche, Entrée (silence) ou q (raccrocher) ? ").strip()
        except EOFError:
            return
        if deed == "q":
            return
        if deed in DEEDS:
            yield deed
        else:
            say(f"  {_MEANINGS}")
