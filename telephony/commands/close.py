"""`close`: the line closed by command, whatever the hours."""

from __future__ import annotations

import argparse

from knowledge.commands import Subparsers
from knowledge.commands.screen import FrenchParser
from telephony.commands.crisis import add_switch_off, add_switch_on, switch_off, switch_on


def register(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "close",
        help="fermer la ligne par commande, ou la rouvrir",
        description="Ferme la ligne, quels que soient les horaires, ou la rouvre. L'état se lit avec « crisis show ».",
    )
    actions = parser.add_subparsers(required=True, metavar="action", title="actions", parser_class=FrenchParser)
    on = actions.add_parser("on", help="fermer la ligne", description="Ferme la ligne. Elle rouvre toute seule à l'heure dite.")
    on.add_argument("--text", metavar="TEXTE", default="", help="ce qu'entendent les appelants (par défaut, le message du script)")
    add_switch_on(on)
    on.set_defaults(run=_on)
    off = actions.add_parser("off", help="rouvrir la ligne", description="Rouvre la ligne : les horaires des services comptent de nouveau.")
    add_switch_off(off)
    off.set_defaults(run=_off)


def _on(arguments: argparse.Namespace) -> int:
    from knowledge.scripts.state import Kind

    return switch_on(Kind.CLOSURE, arguments.text, "FERMER", arguments)


def _off(arguments: argparse.Namespace) -> int:
    from knowledge.scripts.state import Kind

    return switch_off(Kind.CLOSURE, arguments)
