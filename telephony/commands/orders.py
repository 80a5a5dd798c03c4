"""`orders`: the register of the changes of the phone script that services order (SVI-1)."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from knowledge.commands import Subparsers
from knowledge.commands.screen import FrenchParser, day, say
from telephony.commands.signature import add_author, author_of

if TYPE_CHECKING:
    from knowledge.scripts.orders import Entry

IMPACTS = {"wording": "formulation", "routing": "orientation", "hours": "horaires", "message": "message"}
_PROGRESS = {"open": "en cours", "on_time": "faite à temps", "late": "en retard", "cancelled": "annulée"}


def register(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "orders",
        help="registre des demandes de modification (SVI-1)",
        description="Le registre des demandes de modification du script, et l'indicateur SVI-1.",
    )
    actions = parser.add_subparsers(required=True, metavar="action", title="actions", parser_class=FrenchParser)

    listing = actions.add_parser("list", help="lire le registre", description="Lit le registre et l'indicateur d'une période.")
    listing.add_argument("--first", type=day, metavar="AAAA-MM-JJ", help="premier jour")
    listing.add_argument("--last", type=day, metavar="AAAA-MM-JJ", help="dernier jour, compris")
    listing.set_defaults(run=_list)

    place = actions.add_parser("place", help="inscrire une demande", description="Inscrit une demande : elle est due dans trois jours.")
    place.add_argument("reason", metavar="MOTIF", help="ce qui doit changer, et pourquoi")
    place.add_argument("--service", required=True, metavar="SERVICE", help="identifiant du service qui demande")
    impacts = ", ".join(f"{name} ({french})" for name, french in IMPACTS.items())
    place.add_argument("--impact", required=True, choices=list(IMPACTS), help=f"ce que cela touche : {impacts}")
    add_author(place)
    place.set_defaults(run=_place)

    answer = actions.add_parser(
        "answer", help="dire quelle version répond à une demande", description="Rattache une version à une demande."
    )
    answer.add_argument("number", metavar="N", type=int, help="numéro de la demande")
    answer.add_argument("version", metavar="VERSION", type=int, help="numéro de la version")
    add_author(answer)
    answer.set_defaults(run=_answer)

    cancel = actions.add_parser(
        "cancel", help="annuler une demande", description="Annule une demande : elle reste au registre, sans compter."
    )
    cancel.add_argument("number", metavar="N", type=int, help="numéro de la demande")
    add_author(cancel)
    cancel.set_defaults(run=_cancel)


def _list(arguments: argparse.Namespace) -> int:
    from knowledge.database import reading, require_schema
    from knowledge.scripts import orders

    require_schema()
    with reading() as opened:
        entries = orders.register(opened, arguments.first, arguments.last)
        rate = orders.svi1(opened, arguments.first, arguments.last)
    for entry in entries:
        _print(entry)
    match rate:
        case orders.Value():
            say(f"SVI-1 : {rate.numerator} sur {rate.denominator} à temps ({rate.rate:.0%}).")
        case orders.NotApplicable():
            say(f"SVI-1 : sans objet ({rate.reason}).")
    return 0


def _place(arguments: argparse.Namespace) -> int:
    from knowledge.database import require_schema, session
    from knowledge.scripts import orders

    require_schema()
    with session() as opened:
        placed = orders.place(opened, author_of(arguments), arguments.service, arguments.reason, orders.Impact(arguments.impact))
        _print(orders.entry(opened, placed.id))
    return 0


def _answer(arguments: argparse.Namespace) -> int:
    from knowledge.database import require_schema, session
    from knowledge.scripts import orders

    require_schema()
    with session() as opened:
        orders.attach(opened, arguments.number, arguments.version, author_of(arguments))
        _print(orders.entry(opened, arguments.number))
    return 0


def _cancel(arguments: argparse.Namespace) -> int:
    from knowledge.database import require_schema, session
    from knowledge.scripts import orders

    require_schema()
    with session() as opened:
        orders.cancel(opened, arguments.number, author_of(arguments))
        _print(orders.entry(opened, arguments.number))
    return 0


def _print(entry: Entry) -> None:
    from knowledge.clock import local

    order = entry.order
    say(f"{order.id:>4}  {_PROGRESS[entry.progress]:<14} {order.service_id} ({IMPACTS[order.impact]}) : {order.reason}")
    counted = "ouvrés" if order.counted_in == "working" else "calendaires"
    say(
        f"      demandée par {order.author} le {local(order.ordered_at):%d/%m/%Y} ; due le {entry.due:%d/%m/%Y} en jours {counted} "
        f"(ouvrés : {order.due_working:%d/%m}, calendaires : {order.due_calendar:%d/%m})"
    )
    if entry.answer:
        live = f"en service le {local(entry.live_at):%d/%m/%Y %H:%M}" if entry.live_at else "pas en service"
        proof = "certificat" if entry.answer.certificate else "sans certificat"
        say(f"      version {entry.answer.version.number}, approuvée par {entry.approver or 'personne encore'}, {live}, {proof}")
