"""`train`: learn the order, the confidence and the natures again from the contents, and write them in the package."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from bot.training.ranking import Guide
from knowledge.commands import Subparsers
from knowledge.commands.screen import say


def register(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "train",
        help="réapprendre le classement, la confiance et les natures",
        description="Réapprend des contenus le classement, la confiance et les natures (environ trois minutes). Demande l'extra « dev ».",
    )
    parser.add_argument("--corpus", type=Path, metavar="CORPUS.jsonl.gz", help="fiches officielles parmi lesquelles il faut retrouver")
    parser.add_argument(
        "--guides",
        type=Path,
        metavar="DOSSIER",
        help="questions d'autres personnes (citizens.jsonl, natures.jsonl) ; celles dont « part » est « aside » ne sont jamais lues",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from bot.errors import NothingToAnswerWith
    from bot.training.learning import train
    from knowledge.clock import today
    from knowledge.database import reading, require_schema
    from knowledge.fiches import published
    from knowledge.indexing import corpus
    from knowledge.wordforms import default_lexicon

    require_schema()
    with reading() as opened:
        fiches = published(opened, today())
    if not fiches:
        raise NothingToAnswerWith("Aucune fiche publiée. Lancez d'abord : python -m knowledge load")
    sheets = corpus(arguments.corpus) if arguments.corpus else ()
    asked = _tuned(arguments.guides / "citizens.jsonl") if arguments.guides else []
    judged = _tuned(arguments.guides / "natures.jsonl") if arguments.guides else []
    train(
        fiches,
        sheets,
        default_lexicon(),
        [Guide(row["query"], frozenset(row["relevant"])) for row in asked],
        [(row["query"], f"{row['nature']} {row.get('emergency') or ''}".strip()) for row in judged],
        say,
    )
    return 0


def _tuned(file: Path) -> list[dict[str, Any]]:
    """The questions of a file that may be looked at; those kept aside are left out."""
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines() if line.strip()]
    return [row for row in rows if row.get("part") != "aside"]
