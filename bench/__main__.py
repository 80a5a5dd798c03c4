"""`python -m bench [quality|decisions|speed|telephone|menu|…]`: every measure with its baseline, or beside its target.

Those of the assistant want `--corpus corpus.jsonl.gz --questions FOLDER`; those of the telephone line want a real Asterisk
(TELEPHONY_ASTERISK), and SIPp for the loads. `telephone` is all of these.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from bench.questions import refuse
from bot.assistant import Assistant
from bot.errors import BotError
from knowledge.errors import KnowledgeError
from knowledge.indexing import corpus
from telephony.errors import TelephonyError

ASSISTANT = ("quality", "decisions", "speed")
TELEPHONE = ("publication", "menu", "pickup", "kills", "application", "records", "speech-legs", "transfers")


def main() -> int:
    """Run the measures named on the command line, those of the assistant by default."""
    names = [*ASSISTANT, "telephone", *TELEPHONE]
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures the product, each figure beside its baseline or target.")
    parser.add_argument("measures", nargs="*", choices=[*names, []], metavar="MEASURE", help=f"among {', '.join(names)}")
    parser.add_argument(
        "--corpus", type=Path, metavar="FILE", default=_path("ACCUEIL_CORPUS"), help="the national sheets, JSON lines (ACCUEIL_CORPUS)"
    )
    parser.add_argument(
        "--questions", type=Path, metavar="FOLDER", default=_path("ACCUEIL_QUESTIONS"), help="the development questions (ACCUEIL_QUESTIONS)"
    )
    parser.add_argument("--calls", type=_several, metavar="N", help="calls, changes or kills of each measure of the telephone, for a trial")
    chosen = parser.parse_args()
    measures = list(chosen.measures or ASSISTANT)
    if "telephone" in measures:
        measures += TELEPHONE
    try:
        if any(name in ASSISTANT for name in measures):
            _assistant(measures, chosen.corpus, chosen.questions)
        for name in TELEPHONE:
            if name in measures:
                _telephone(name, () if chosen.calls is None else (chosen.calls,))
    except (KnowledgeError, BotError, TelephonyError) as error:
        refuse(str(error))
    return 0


def _assistant(measures: Sequence[str], sheets_file: Path | None, questions: Path | None) -> None:
    if sheets_file is None or questions is None:
        refuse("Missing data: say where they are with --corpus CORPUS.jsonl.gz and --questions FOLDER.")
    sheets = corpus(sheets_file)
    installed = Assistant.from_settings()
    assistant = Assistant.over(installed.catalogue.with_sheets(sheets))
    if "quality" in measures:
        from bench import quality

        quality.run(assistant, sheets, questions)
    if "decisions" in measures:
        from bench import decisions

        decisions.run(assistant, questions)
    if "speed" in measures:
        from bench import speed

        speed.run(assistant, sheets)


def _telephone(name: str, calls: tuple[int, ...]) -> None:
    """One measure of the telephone line; `calls`: its size, its own when empty."""
    from bench.telephone.stage import asterisk_root
    from telephony.settings import settings

    root = asterisk_root()
    match name:
        case "publication" | "menu" | "pickup" | "kills" | "application":
            import_module(f"bench.telephone.{name}").run(*calls)
        case "records":
            from bench import records

            records.run(root, settings().configuration)
        case "speech-legs":
            from bench import speech_legs
            from knowledge.database import require_schema

            require_schema()
            speech_legs.run(Assistant.from_settings(), *calls)
        case "transfers":
            from bench import transfers

            transfers.run(*calls)


def _several(written: str) -> int:
    number = int(written) if written.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError("a number of calls, from 1")
    return number


def _path(name: str) -> Path | None:
    value = os.environ.get(name)
    return Path(value) if value else None


if __name__ == "__main__":
    sys.exit(main())
