"""`python -m bench [quality|decisions|speed] --corpus corpus.jsonl.gz --questions FOLDER`: every measure with its baseline."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from bench.questions import refuse
from bot.assistant import Assistant
from bot.errors import BotError
from knowledge.errors import KnowledgeError
from knowledge.indexing import corpus

NAMES = ("quality", "decisions", "speed")


def main() -> int:
    """Run the measures named on the command line, all of them by default."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures the product, each figure beside its baseline.")
    parser.add_argument("measures", nargs="*", choices=[*NAMES, []], metavar="MEASURE", help=f"among {', '.join(NAMES)}; all by default")
    parser.add_argument(
        "--corpus", type=Path, metavar="FILE", default=_path("ACCUEIL_CORPUS"), help="the national sheets, JSON lines (ACCUEIL_CORPUS)"
    )
    parser.add_argument(
        "--questions", type=Path, metavar="FOLDER", default=_path("ACCUEIL_QUESTIONS"), help="the development questions (ACCUEIL_QUESTIONS)"
    )
    chosen = parser.parse_args()
    if chosen.corpus is None or chosen.questions is None:
        refuse("Missing data: say where they are with --corpus CORPUS.jsonl.gz and --questions FOLDER.")
    try:
        sheets = corpus(chosen.corpus)
        installed = Assistant.from_settings()
        assistant = Assistant.over(installed.catalogue.with_sheets(sheets))
    except (KnowledgeError, BotError) as error:
        refuse(str(error))
    measures = chosen.measures or NAMES
    if "quality" in measures:
        from bench import quality

        quality.run(assistant, sheets, chosen.questions)
    if "decisions" in measures:
        from bench import decisions

        decisions.run(assistant, chosen.questions)
    if "speed" in measures:
        from bench import speed

        speed.run(assistant, sheets)
    return 0


def _path(name: str) -> Path | None:
    value = os.environ.get(name)
    return Path(value) if value else None


if __name__ == "__main__":
    sys.exit(main())
