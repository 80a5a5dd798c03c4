"""`regression`: the answers that people confirmed, and whether they still hold."""

from __future__ import annotations

import argparse

from knowledge.commands import Subparsers
from knowledge.commands.screen import counted, say, warn


def register(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "regression",
        help="les réponses confirmées, et si elles tiennent encore",
        description="Ajoute au jeu les réponses que des usagers ont confirmées depuis la dernière fois, puis vérifie que la version en "
        "service les donne toujours. Le même jeu arrête une publication qui en perdrait.",
    )
    parser.add_argument("question", nargs="?", metavar="QUESTION", help="une question à ajouter, avec --to")
    parser.add_argument("--to", metavar="FICHE", help="la fiche qui doit répondre à cette question")
    parser.add_argument("--language", default="fr", metavar="CODE", help="langue de la question (fr)")
    parser.add_argument("--by", metavar="NOM", default="équipe", help="qui confirme ou retire")
    parser.add_argument("--withdraw", type=int, metavar="N", help="retirer du jeu la réponse numéro N")
    parser.add_argument("--list", action="store_true", help="montrer le jeu")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from bot.workbench import regression
    from knowledge.database import reading, require_schema, session

    require_schema()
    if arguments.withdraw is not None:
        with session() as opened:
            row = regression.withdraw(opened, arguments.withdraw, arguments.by)
            say(f"Retirée du jeu : « {row.question} » ({row.fiche_id})")
        return 0
    if arguments.question:
        return _confirm(arguments)
    with session() as opened:
        grown = regression.grow(opened)
    with reading() as opened:
        cases = regression.confirmed(opened)
    if arguments.list:
        for case in cases:
            say(f"n° {case.id}  {case.fiche_id}  ({case.language}, {case.author}, {case.added_at:%d/%m/%Y})  « {case.question} »")
    if grown:
        say(f"{grown} réponse(s) confirmée(s) par des usagers ajoutée(s).")
    if not cases:
        warn('Le jeu est vide. Ajoutez une réponse sûre : python -m bot regression "la question" --to FICHE')
        return 0
    return _check(cases)


def _confirm(arguments: argparse.Namespace) -> int:
    from bot.redaction import redact
    from bot.workbench.regression import confirm
    from knowledge.database import session
    from knowledge.errors import FicheUnknown
    from knowledge.loading import current_versions

    if not arguments.to:
        say("Dites quelle fiche doit répondre : --to FICHE")
        return 2
    with session() as opened:
        row = current_versions(opened).get(arguments.to)
        if row is None or row.status != "published":
            raise FicheUnknown(f"Aucune fiche publiée ne s'appelle « {arguments.to} ».")
        case = confirm(opened, redact(arguments.question), arguments.to, arguments.language, arguments.by)
        say(f"Ajoutée (n° {case.id}) : « {case.question} » → {case.fiche_id}")
    return 0


def _check(cases: tuple[object, ...]) -> int:
    from bot.commands.ask import load
    from bot.workbench.regression import failing

    assistant = load()
    with counted("Réponses confirmées") as step:
        missed = failing(assistant, cases, step)  # type: ignore[arg-type]  # rows of the set, imported late
    say(f"{len(cases) - len(missed)} sur {len(cases)} réponses confirmées tiennent.")
    for one in missed:
        say(f"  {one}")
    return 1 if missed else 0
