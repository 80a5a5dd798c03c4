"""`python -m bench [speed|swap|telephone|menu|…]`: every measure with its baseline, or beside its target.

`speed` wants `--corpus corpus.jsonl.gz`; the measures of the telephone line want a real Asterisk (TELEPHONY_ASTERISK), and SIPp for the
loads. `telephone` is all of these. How well questions are answered is told by `python -m bot evaluate`.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.figures import refuse
from bot.assistant import Assistant
from bot.errors import BotError
from knowledge.errors import KnowledgeError
from knowledge.indexing import corpus
from telephony.errors import TelephonyError

TELEPHONE = ("publication", "menu", "pickup", "kills", "application", "records", "speech-legs", "transfers")


def main() -> int:
    """Run the measures named on the command line, `speed` by default."""
    names = ["speed", "swap", "telephone", *TELEPHONE]
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures the product, each figure beside its baseline or target.")
    parser.add_argument("measures", nargs="*", choices=[*names, []], metavar="MEASURE", help=f"among {', '.join(names)}")
    parser.add_argument(
        "--corpus", type=Path, metavar="FILE", default=_path("ACCUEIL_CORPUS"), help="the national sheets, JSON lines (ACCUEIL_CORPUS)"
    )
    parser.add_argument("--calls", type=_several, metavar="N", help="calls, changes or kills of each measure of the telephone, for a trial")
    chosen = parser.parse_args()
    measures = list(chosen.measures or ("speed",))
    if "telephone" in measures:
        measures += TELEPHONE
    try:
        if "speed" in measures:
            _speed(chosen.corpus)
        if "swap" in measures:
            _swap()
        for name in TELEPHONE:
            if name in measures:
                _telephone(name, () if chosen.calls is None else (chosen.calls,))
    except (KnowledgeError, BotError, TelephonyError) as error:
        refuse(str(error))
    return 0


def _speed(sheets_file: Path | None) -> None:
    from bench import speed

    if sheets_file is None:
        refuse("Missing data: say where the national sheets are with --corpus CORPUS.jsonl.gz.")
    sheets = corpus(sheets_file)
    speed.run(Assistant.over(Assistant.from_settings().catalogue.with_sheets(sheets)), sheets)


def _swap() -> None:
    from bench import swap

    with TemporaryDirectory() as folder:
        swap.run(Path(folder))


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
