"""`train`: learn the order, the confidence and the natures again from the contents, and write them in the package."""

from __future__ import annotations

import argparse
from pathlib import Path

from knowledge.commands import Subparsers
from knowledge.commands.screen import say


def register(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "train",
        help="réapprendre le classement, la confiance et les natures",
        description="Réapprend des contenus le classement, la confiance et les natures (environ trois minutes). Demande l'extra « dev ».",
    )
    parser.add_argument("--corpus", type=Path, metavar="CORPUS.jsonl.gz", help="fiches officielles parmi lesquelles il faut retrouver")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from bot.errors import NothingToAnswerWith
    from bot.training.learning import train
    from knowledge.clock import today
    from knowledge.database import reading
    from knowledge.fiches import published
    from knowledge.indexing import corpus
    from knowledge.wordforms import default_lexicon

    with reading() as opened:
        fiches = published(opened, today())
    if not fiches:
        raise NothingToAnswerWith("Aucune fiche publiée. Lancez d'abord : python -m knowledge load")
    train(fiches, corpus(arguments.corpus) if arguments.corpus else (), default_lexicon(), say)
    return 0
