"""`crisis`: the message that callers hear before anything else."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from knowledge.commands import Subparsers
from knowledge.commands.screen import FrenchParser, say, warn
from telephony.commands.signature import add_author, author_of, confirmed, instant_of

if TYPE_CHECKING:
    from knowledge.line_models import LineState
    from knowledge.scripts.state import Kind, Told

WITHIN = 10.0
"""Seconds in which the line obeys, or is named as not obeying."""


def register(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "crisis",
        help="message de crise : premier mot de la ligne",
        description="Met, retire ou montre le message de crise. En moins de dix secondes, chaque appelant l'entend avant tout le reste.",
    )
    actions = parser.add_subparsers(required=True, metavar="action", title="actions", parser_class=FrenchParser)
    on = actions.add_parser("on", help="mettre le message", description="Met le message. Il s'arrête tout seul à l'heure dite.")
    on.add_argument("text", metavar="TEXTE", help="ce qu'entendent les appelants, 60 mots au plus")
    add_switch_on(on)
    on.set_defaults(run=_on)
    off = actions.add_parser("off", help="retirer le message", description="Retire le message.")
    add_switch_off(off)
    off.set_defaults(run=_off)
    show = actions.add_parser(
        "show", help="montrer l'état de la ligne", description="Montre ce qui est en vigueur, et les derniers ordres."
    )
    show.set_defaults(run=_show)


def add_switch_on(parser: FrenchParser) -> None:
    """What switching on asks, for a crisis as for a closure."""
    parser.add_argument("--until", required=True, metavar="AAAA-MM-JJTHH:MM", type=instant_of, help="fin, dans trente jours au plus")
    parser.add_argument("--exercise", action="store_true", help="c'est un exercice (sinon, c'est réel)")
    parser.add_argument("--oui", action="store_true", help="confirmer sans rien taper")
    add_switch_off(parser)


def add_switch_off(parser: FrenchParser) -> None:
    parser.add_argument("--reason", metavar="TEXTE", default="", help="pourquoi, pour le journal")
    parser.add_argument(
        "--wait", metavar="SECONDES", type=float, default=WITHIN, help=f"attendre que la ligne obéisse (par défaut {WITHIN:g} s ; 0 : non)"
    )
    add_author(parser)


def _on(arguments: argparse.Namespace) -> int:
    from knowledge.scripts.state import Kind

    return switch_on(Kind.CRISIS, arguments.text, "CRISE", arguments)


def _off(arguments: argparse.Namespace) -> int:
    from knowledge.scripts.state import Kind

    return switch_off(Kind.CRISIS, arguments)


def switch_on(kind: Kind, text: str, word: str, arguments: argparse.Namespace) -> int:
    """Confirm, order, then say whether the line obeys; the exit code."""
    from knowledge.clock import local
    from knowledge.database import require_schema, session
    from knowledge.scripts import state

    require_schema()
    nature = "EXERCICE" if arguments.exercise else "RÉEL, ce n'est pas un exercice"
    heard = f"« {text} »" if text else "le message du script"
    question = f"{word} ({nature}), jusqu'au {local(arguments.until):%d/%m/%Y à %H:%M}. Tous les appelants entendront {heard}"
    if not confirmed(question, word, arguments.oui):
        return 1
    with session() as opened:
        order = state.switch_on(opened, kind, text, arguments.until, author_of(arguments), arguments.reason, arguments.exercise)
    return _followed(order, arguments.wait)


def switch_off(kind: Kind, arguments: argparse.Namespace) -> int:
    """Order, then say whether the line obeys; the exit code."""
    from knowledge.database import require_schema, session
    from knowledge.scripts import state

    require_schema()
    with session() as opened:
        order = state.switch_off(opened, kind, author_of(arguments), arguments.reason)
    if order is None:
        say("Rien n'était en vigueur : rien ne change.")
        return 0
    return _followed(order, arguments.wait)


def _followed(order: LineState, seconds: float) -> int:
    from knowledge.database import reading
    from knowledge.scripts import state

    if seconds <= 0:
        say("Ordre enregistré.")
        return 0
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with reading() as opened:
            effect = next(told.effects.get(state.PHONE) for told in state.log(opened) if told.order.id == order.id)
        if effect is not None:
            say(f"En vigueur au téléphone après {(effect - order.at).total_seconds():.1f} s.")
            return 0
        time.sleep(0.2)
    warn(
        f"L'ordre est enregistré, mais le téléphone n'obéit pas encore après {seconds:g} s. "
        "Vérifiez que « python -m telephony serve » et Asterisk tournent : l'ordre s'appliquera dès leur retour."
    )
    return 1


def _show(arguments: argparse.Namespace) -> int:
    from knowledge.clock import now
    from knowledge.database import reading, require_schema
    from knowledge.scripts import state

    require_schema()
    with reading() as opened:
        current = state.current(opened, now())
        told = state.log(opened, 10)
    on = {order.id for order in (current.crisis, current.closure) if order}
    if not on:
        say("Ni message de crise, ni fermeture par commande.")
    for one in told:
        _print(one, one.order.id in on)
    return 0


def _print(told: Told, on: bool) -> None:
    from knowledge.clock import local

    order = told.order
    name = "message de crise" if order.kind == "crisis" else "fermeture"
    end = f" jusqu'au {local(order.until):%d/%m/%Y %H:%M}" if order.until else ""
    nature = "exercice" if order.exercise else "réel"
    say(f"{local(order.at):%d/%m/%Y %H:%M}  {name} {'mis' if order.switched_on else 'retiré'} ({nature}){end}, {order.author}")
    if order.reason:
        say(f"    motif : {order.reason}")
    if order.text:
        say(f"    « {order.text} »")
    effect = told.effects.get("phone")
    if on or effect:
        say(f"    au téléphone à partir de {local(effect):%H:%M:%S}" if effect else "    PAS ENCORE EN VIGUEUR AU TÉLÉPHONE")
