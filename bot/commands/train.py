"""`train`: learn the order, the confidence and the natures again from the contents, or the encoder; written in the package."""

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
        help="réapprendre le classement, la confiance et les natures, ou l'encodeur",
        description="Réapprend des contenus le classement, la confiance et les natures (environ trois minutes ; demande l'extra « dev »), "
        "ou l'encodeur (environ cinq minutes ; demande torch et sentence-transformers, voir docs/decisions/0008).",
    )
    parser.add_argument(
        "part",
        nargs="?",
        choices=("encoder", "conversation"),
        help="encoder : l'encodeur seul, avant le reste qui s'en sert ; "
        "conversation : le lien entre les tours, après le reste dont il se sert",
    )
    parser.add_argument("--corpus", type=Path, metavar="CORPUS.jsonl.gz", help="fiches officielles parmi lesquelles il faut retrouver")
    parser.add_argument(
        "--guides",
        type=Path,
        metavar="DOSSIER",
        help="questions d'autres personnes (citizens.jsonl, natures.jsonl) ; celles dont « part » est « aside » ne sont jamais lues, "
        "et l'encodeur n'en lit aucune",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from bot.assistant import Assistant
    from bot.catalogue import Catalogue
    from bot.errors import NothingToAnswerWith
    from bot.training import conversation, encoder, learning
    from bot.training.families import named_concepts
    from knowledge.clock import today
    from knowledge.database import reading, require_schema
    from knowledge.embeddings import shipped_encoder
    from knowledge.fiches import published
    from knowledge.indexing import corpus
    from knowledge.settings import settings
    from knowledge.wordforms import default_lexicon

    require_schema()
    with reading() as opened:
        fiches = published(opened, today())
    if not fiches:
        raise NothingToAnswerWith("Aucune fiche publiée. Lancez d'abord : python -m knowledge load")
    sheets = corpus(arguments.corpus) if arguments.corpus else ()
    lexicon = default_lexicon()
    if arguments.part == "encoder":
        encoder.train(fiches, sheets, lexicon, named_concepts(settings().content), shipped_encoder(), say)
        return 0
    asked = [row for name in ("citizens", "foreign") for row in _tuned(arguments.guides / f"{name}.jsonl")] if arguments.guides else []
    guides = [Guide(row["query"], frozenset(row["relevant"])) for row in asked]
    if arguments.part == "conversation":
        turns = _tuned(arguments.guides / "followups.jsonl") if arguments.guides else []
        with reading() as opened:
            catalogue = Catalogue.load(opened, today())
        assistants = [Assistant.over(known) for known in (catalogue, *([catalogue.with_sheets(sheets)] if sheets else []))]
        dialogues = [conversation.Dialogue(tuple(row["turns"]), frozenset(row["relevant_last"])) for row in turns]
        conversation.train(assistants, dialogues, guides, learning.models_folder(), say)
        return 0
    judged = _tuned(arguments.guides / "natures.jsonl") if arguments.guides else []
    learning.train(
        fiches,
        sheets,
        lexicon,
        guides,
        [(row["query"], f"{row['nature']} {row.get('emergency') or ''}".strip()) for row in judged],
        say,
    )
    return 0


def _tuned(file: Path) -> list[dict[str, Any]]:
    """The questions of a file that may be looked at; those kept aside are left out."""
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines() if line.strip()]
    return [row for row in rows if row.get("part") != "aside"]
