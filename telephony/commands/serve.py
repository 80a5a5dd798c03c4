"""`serve`: run the telephone line beside Asterisk; `--demo` brings an Asterisk of its own, to be called from a softphone."""

from __future__ import annotations

import argparse

from knowledge.commands import Subparsers
from knowledge.commands.screen import say


def register(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "serve",
        help="faire vivre la ligne à côté d'Asterisk",
        description="Publie le script approuvé, prouve qu'il est entendu, répond aux questions parlées, tient le journal des appels.",
    )
    parser.add_argument(
        "--demo",
        action="store_true",
        help="lancer aussi un Asterisk d'essai sur cette machine (TELEPHONY_ASTERISK) : appelez-le d'un téléphone logiciel",
    )
    parser.add_argument("--prepare", action="store_true", help="mettre d'abord à jour la base, les contenus et l'index")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    import logging
    import signal
    import threading

    from knowledge.database import default_engine, require_schema
    from knowledge.preparation import prepare
    from telephony.demonstration import demonstration
    from telephony.line import opened, wait_and_restore
    from telephony.settings import settings

    logging.getLogger("telephony").setLevel(logging.INFO)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    if arguments.prepare:
        prepare()
    require_schema()
    stopping = threading.Event()
    for asked in (signal.SIGINT, signal.SIGTERM):
        signal.signal(asked, lambda *_: stopping.set())
    with demonstration(settings(), arguments.demo) as chosen, opened(chosen, default_engine()) as line:
        if not wait_and_restore(line, 10):
            say("Asterisk ne répond pas encore : la ligne s'y connectera dès qu'il répondra.")
        say(f"La ligne est prête. Appelez sip:0353011000@{chosen.sip_address} d'un téléphone. Pour arrêter : Ctrl+C")
        line.run(stopping)
    return 0
