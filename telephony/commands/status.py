"""`status`: what callers hear now, and whether every part of the line answers."""

from __future__ import annotations

import argparse

from knowledge.commands import Subparsers
from knowledge.commands.screen import say, warn

_PATIENCE = 3.0
"""Seconds left to Asterisk."""
_ORDERS = {"crisis": "Message de crise", "closure": "Fermeture forcée"}


def register(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "status",
        help="dire ce que les appelants entendent en ce moment",
        description="La version en service, les messages de crise ; code 1 si Asterisk ne répond pas ou sert autre chose.",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from knowledge.clock import local, now
    from knowledge.database import reading, require_schema
    from knowledge.scripts import state, versions
    from telephony.asterisk.ami import Asterisk
    from telephony.errors import AmiUnavailable
    from telephony.settings import settings

    del arguments
    require_schema()
    with reading() as opened:
        live = versions.live(opened)
        told = versions.story(opened, live.number) if live else None
        orders = state.current(opened, now())
    if told is None:
        say("Aucun script en service : les appelants entendent le message de secours, puis le standard sonne.")
    else:
        last = told.events[-1]
        say(f"Version {told.version.number} : {versions.FRENCH[told.state]} (depuis le {local(last.at):%d/%m/%Y à %H:%M}).")
    for kind in state.Kind:
        order = orders.of(kind)
        if order is not None and order.until is not None:
            exercise = ", exercice" if order.exercise else ""
            say(f"{_ORDERS[kind.value]} jusqu'au {local(order.until):%d/%m/%Y à %H:%M}, par {order.author}{exercise}.")
    with Asterisk.publisher(settings()) as door:
        if not door.wait(_PATIENCE):
            warn(f"Asterisk ne répond pas à {door.address}. Vérifiez qu'il tourne, TELEPHONY_AMI_HOST, TELEPHONY_AMI_PORT et son secret.")
            return 1
        try:
            lines = {line.extension: line.data for line in door.dialplan("accueil_live")}
        except AmiUnavailable as absent:
            warn(str(absent))
            return 1
    served = lines.get("version", "").partition("-")[0]
    if served != (str(told.version.number) if told else ""):
        warn(f"Asterisk sert la version {served or '(aucune)'} : vérifiez que « python -m telephony serve » tourne.")
        return 1
    say("Asterisk répond et sert cette version.")
    return 0
