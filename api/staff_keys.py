"""`python -m api staff`: give, list and take back the keys of the staff. Whoever may run it on the server is trusted."""

from __future__ import annotations

import argparse

from api import keys
from api.keys import Role
from knowledge.clock import local
from knowledge.commands import Subparsers
from knowledge.commands.screen import FrenchParser, say, warn
from knowledge.database import reading, require_schema, session

ROLES = {
    Role.COMMUNICATION: "communication : écrit et approuve le script, message de crise",
    Role.QUALITY: "qualité : lit tout, propose un script, demande une modification",
    Role.ADMINISTRATOR: "administrateur : approuve, message de crise, registre",
    Role.AGENT: "agent : lit l'état, demande une modification, transfère un appel",
}


def register(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "staff",
        help="donne, liste ou retire les clés du personnel",
        description="Les clés avec lesquelles le personnel utilise l'interface des programmes (script téléphonique, état de la ligne).",
    )
    actions = parser.add_subparsers(required=True, metavar="action", title="actions", parser_class=FrenchParser)
    add = actions.add_parser(
        "add", help="donne une clé, montrée une seule fois", description="Donne une clé. " + " ; ".join(ROLES.values())
    )
    add.add_argument("name", metavar="NOM", help="prénom et nom : l'auteur de ce qui sera fait avec la clé")
    add.add_argument("--role", required=True, choices=[role.value for role in Role], help="ce que la personne peut faire")
    add.set_defaults(run=_add)
    listing = actions.add_parser("list", help="liste les clés en usage", description="Liste les clés en usage, sans les montrer.")
    listing.set_defaults(run=_list)
    remove = actions.add_parser("remove", help="retire une clé", description="Retire une clé : elle n'ouvre plus rien, aussitôt.")
    remove.add_argument("number", metavar="NUMÉRO", type=int, help="numéro donné par « staff list »")
    remove.set_defaults(run=_remove)


def _add(arguments: argparse.Namespace) -> int:
    require_schema()
    try:
        with session() as opened:
            key = keys.issue(opened, arguments.name, Role(arguments.role))
    except ValueError as error:
        warn(f"Nom refusé : {error}.")
        return 2
    say(key)
    warn("Cette clé ne sera plus montrée : remettez-la à la personne par un moyen sûr.")
    return 0


def _list(arguments: argparse.Namespace) -> int:
    require_schema()
    with reading() as opened:
        found = keys.in_use(opened)
    for key in found:
        say(f"{key.id:>4}  {key.role:<14} {key.name}  (depuis le {local(key.created_at):%d/%m/%Y})")
    if not found:
        say("Aucune clé : donnez-en une avec « python -m api staff add ».")
    return 0


def _remove(arguments: argparse.Namespace) -> int:
    require_schema()
    with session() as opened:
        key = keys.remove(opened, arguments.number)
    if key is None:
        warn(f"Aucune clé en usage ne porte le numéro {arguments.number}. Voyez « python -m api staff list ».")
        return 1
    say(f"La clé de {key.name} n'ouvre plus rien.")
    return 0
