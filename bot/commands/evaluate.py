"""`evaluate`: one report on what is understood, answered and left unanswered, on the screen, as JSON and as a page."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from knowledge.commands import Subparsers
from knowledge.commands.screen import counted, say


def register(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "evaluate",
        help="mesurer les réponses",
        description="Un seul rapport : bonne fiche en tête, réponses et erreurs, calibration, natures, langues, bruit, vitesse. "
        "Rien n'est gardé. Quelques minutes.",
    )
    parser.add_argument("--json", type=Path, metavar="FICHIER", help="écrire tous les chiffres, sans les questions")
    parser.add_argument("--html", type=Path, metavar="FICHIER", help="écrire le rapport et ses courbes, en une page")
    parser.add_argument("--corpus", type=Path, metavar="CORPUS.jsonl.gz", help="fiches officielles parmi lesquelles il faut retrouver")
    parser.add_argument("--sets", type=Path, metavar="DOSSIER", help="nos jeux de questions (par défaut tests/questions du dépôt)")
    parser.add_argument("--questions", type=Path, metavar="DOSSIER", help="questions de mise au point, en plus (usager.jsonl…)")
    parser.add_argument("--rasa", type=Path, metavar="FICHIER", help="réponses de Rasa aux mêmes questions (« rasa measure »)")
    parser.add_argument(
        "--part",
        nargs="+",
        metavar="PARTIE",
        help="seulement ces parties : ranks, risk, natures, conversations, robustness, systems, speed",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from rich.console import Console

    from bot.assistant import Assistant
    from bot.evaluation import questions
    from bot.evaluation.report import PARTS, Evaluation
    from bot.evaluation.tables import WIDTH, show
    from knowledge.database import require_schema
    from knowledge.indexing import corpus

    wanted = tuple(arguments.part or PARTS)
    if unknown := [name for name in wanted if name not in PARTS]:
        say(f"Partie inconnue : {', '.join(unknown)}. Parties : {', '.join(PARTS)}.")
        return 2
    require_schema()
    sets = dict(questions.own(arguments.sets or questions.OWN))
    if arguments.questions:
        sets |= questions.development(arguments.questions)
    sheets = corpus(arguments.corpus) if arguments.corpus else ()
    with counted("Index") as step:
        catalogue = Assistant.from_settings(progress=step).catalogue
    report = Evaluation.of(catalogue, sheets, sets, arguments.rasa, counted).run(wanted)
    console = Console(width=WIDTH, highlight=False)
    for part in report.parts:
        show(part, console)
    if arguments.json:
        arguments.json.write_text(json.dumps(report.as_json(), ensure_ascii=False, indent=1) + "\n", "utf-8")
    if arguments.html:
        from bot.evaluation.page import html

        arguments.html.write_text(html(report), "utf-8")
    return 0
