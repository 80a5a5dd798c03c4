"""`attach`: a real question becomes one more way of asking for a fiche, once its effect has been looked at. It can be taken back."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from sqlalchemy.orm import Session

from bot.commands.forget import confirmed
from bot.commands.preview import show
from knowledge.commands import Subparsers
from knowledge.commands.screen import counted, say, warn

MOST_PREVIEWED = 200
"""Questions of the journal on which the effect is shown."""


def register(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "attach",
        help="rattacher une question à une fiche",
        description="Ajoute une formulation à une fiche : une question tapée, ou des échanges du journal par leur numéro. "
        "L'effet sur les dernières questions est montré avant ; les serveurs l'apprennent en quelques secondes, sans redémarrer.",
    )
    parser.add_argument("questions", nargs="*", metavar="QUESTION", help="numéros d'échanges du journal, ou une question entre guillemets")
    parser.add_argument("--to", metavar="FICHE", help="identifiant de la fiche")
    parser.add_argument("--language", default="fr", metavar="CODE", help="langue d'une question tapée (fr)")
    parser.add_argument("--by", metavar="NOM", default="équipe", help="qui rattache ou retire ; gardé avec la formulation")
    parser.add_argument("--yes", action="store_true", help="ne pas demander de confirmation")
    parser.add_argument("--despite", metavar="MOTIF", default="", help="rattacher même si des réponses confirmées sont perdues")
    parser.add_argument("--withdraw", type=int, metavar="N", help="retirer la formulation numéro N")
    parser.add_argument("--list", action="store_true", help="montrer les formulations rattachées")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from knowledge.database import require_schema

    require_schema()
    if arguments.list:
        return _list()
    if arguments.withdraw is not None:
        return _withdraw(arguments.withdraw, arguments.by)
    if not arguments.questions or not arguments.to:
        say("Donnez une question (ou des numéros d'échanges) et --to FICHE. Les questions à rattacher : python -m bot unanswered")
        return 2
    return _attach(arguments)


def _attach(arguments: argparse.Namespace) -> int:
    from bot.commands.ask import load
    from bot.workbench import preview, regression
    from bot.workbench.candidate import as_written
    from bot.workbench.remembered import last_questions
    from knowledge.clock import today
    from knowledge.database import reading, session
    from knowledge.loading import announce, one_at_a_time
    from knowledge.settings import settings

    before = load()
    with reading() as opened:
        asked = last_questions(opened, MOST_PREVIEWED)
    with session() as opened:
        one_at_a_time(opened)
        texts = _add(opened, arguments)
        with counted("Avec la nouvelle formulation") as step:
            after = as_written(opened, today(before.clock), before, step)
        with counted("Dernières questions du journal") as step:
            show(preview.preview(before, after, asked, step), asked)
        lost = regression.broken(before, after, regression.confirmed(opened)[: regression.MOST_ASKED])
        if not arguments.despite:
            regression.refuse_if_broken(lost)
        if not (arguments.yes or confirmed(f"Rattacher {len(texts)} formulation(s) à « {arguments.to} » ?")):
            opened.rollback()
            return 1
        after.catalogue.index.save(settings().index)  # before it is announced: the servers only have to open it
        despite = f" (malgré des réponses perdues : {arguments.despite})" if lost else ""
        announce(opened, f"{len(texts)} formulation(s) rattachée(s) à « {arguments.to} » par {arguments.by}{despite}")
    for number, text in texts:
        say(f"Rattachée (n° {number}) : « {text} »")
    say("Les serveurs l'apprennent en quelques secondes. Pour revenir en arrière : python -m bot attach --withdraw N")
    return 0


def _add(opened: Session, arguments: argparse.Namespace) -> Sequence[tuple[int, str]]:
    from bot.redaction import redact
    from bot.workbench.remembered import question_of
    from knowledge.errors import PhrasingRefused
    from knowledge.phrasings import attach

    added = []
    for written in arguments.questions:
        if not written.isdecimal():
            row = attach(opened, arguments.to, redact(written), arguments.language, arguments.by)
        else:
            found = question_of(opened, int(written))
            if found is None:
                raise PhrasingRefused(f"L'échange {written} n'existe pas, ou ses mots sont oubliés. Rien n'a changé.")
            row = attach(opened, arguments.to, found.question, found.language, arguments.by, found.exchange)
        added.append((row.id, row.text))
    return added


def _withdraw(number: int, author: str) -> int:
    from knowledge.database import session
    from knowledge.loading import announce, one_at_a_time
    from knowledge.phrasings import withdraw

    with session() as opened:
        one_at_a_time(opened)
        row = withdraw(opened, number, author)
        announce(opened, f"formulation n° {number} retirée de « {row.fiche_id} » par {author}")
        say(f"Retirée de « {row.fiche_id} » : « {row.text} »")
    return 0


def _list() -> int:
    from knowledge.database import reading
    from knowledge.phrasings import attached

    with reading() as opened:
        rows = attached(opened)
    if not rows:
        warn("Aucune formulation rattachée. Les questions à rattacher : python -m bot unanswered")
    for row in rows:
        say(f"n° {row.id}  {row.fiche_id}  ({row.language}, {row.author}, {row.added_at:%d/%m/%Y})  « {row.text} »")
    return 0
