"""`preview`: what a change of content or of thresholds would do to the last questions, before anything is published."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bot.commands.report import DECISIONS, counted_as, shortened
from knowledge.commands import Subparsers
from knowledge.commands.screen import counted, say

if TYPE_CHECKING:
    from bot.messages import Answer
    from bot.workbench.preview import Preview
    from bot.workbench.remembered import Remembered

SHOWN = 20


def register(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "preview",
        help="voir l'effet d'un changement avant de publier",
        description="Répond aux dernières questions du journal avec la version en service et avec la version modifiée, et montre "
        "les différences. Rien n'est publié, rien n'est gardé.",
    )
    parser.add_argument("--content", type=Path, metavar="DOSSIER", help="contenus modifiés (fiches, faits, services)")
    parser.add_argument("--sure", type=float, metavar="S", help="seuil à partir duquel l'assistant répond")
    parser.add_argument("--possible", type=float, metavar="S", help="seuil à partir duquel il fait préciser")
    parser.add_argument("--last", type=int, default=500, metavar="N", help="nombre de questions (500)")
    parser.add_argument("--most", type=int, default=SHOWN, metavar="N", help=f"différences montrées ({SHOWN})")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from bot.commands.ask import load
    from bot.workbench import preview, regression
    from bot.workbench.candidate import thresholds_of, with_content, with_thresholds
    from bot.workbench.remembered import last_questions
    from knowledge.database import reading, session

    if arguments.content is None and arguments.sure is None and arguments.possible is None:
        say("Dites ce qui change : --content DOSSIER, --sure S ou --possible S.")
        return 2
    before = after = load()
    with reading() as opened:
        asked = last_questions(opened, arguments.last)
        cases = regression.confirmed(opened)[: regression.MOST_ASKED]
    if arguments.content is not None:
        with session() as opened, counted("Index de la version modifiée") as step:
            after = with_content(opened, arguments.content, before, step)
            opened.rollback()
    try:
        after = with_thresholds(after, thresholds_of(before.thresholds, arguments.sure, arguments.possible))
    except ValueError:
        say("Le seuil pour faire préciser doit être au-dessous du seuil pour répondre.")
        return 2
    with counted("Dernières questions du journal") as step:
        show(preview.preview(before, after, asked, step), asked, arguments.most)
    lost = regression.broken(before, after, cases)
    say(f"\nRéponses confirmées : {len(cases)}, dont perdues : {len(lost)}")
    for missed in lost[: arguments.most]:
        say(f"  {missed}")
    return 0


def show(found: Preview, asked: Sequence[Remembered], most: int = SHOWN) -> None:
    """Print a preview."""
    from bot.workbench.preview import Kind

    names = {
        Kind.LOST: "ne sont plus répondues",
        Kind.OTHER: "sont répondues par une autre fiche",
        Kind.REWORDED: "ont une réponse réécrite",
        Kind.CHOICES: "sont précisées ou confiées autrement",
        Kind.GAINED: "sont désormais répondues",
    }
    if not asked:
        say("Le journal n'a aucune question dont les mots soient gardés : pas d'effet à montrer.")
        return
    say(f"Sur les {counted_as(found.asked, 'dernière question')} : {counted_as(len(found.differences), 'différence')}.")
    for kind in Kind:
        if found.count(kind):
            say(f"  {found.count(kind)} {names[kind]}")
    for difference in found.differences[:most]:
        say(f"\n« {shortened(difference.question.question)} » ({names[difference.kind]})")
        say(f"   avant : {_told(difference.before)}")
        say(f"   après : {_told(difference.after)}")


def _told(answer: Answer) -> str:
    from bot.messages import Clarify, Reply

    match answer:
        case Reply() if answer.fiche:
            return f"{answer.fiche} — {answer.title}"
        case Clarify():
            return "fait préciser : " + " / ".join(choice.label for choice in answer.choices)
        case _:
            return DECISIONS[answer.decision]
