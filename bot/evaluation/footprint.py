"""Memory of one system in a process of its own: it opens the knowledge, answers questions, and prints its resident bytes.

Run as `python -m bot.evaluation.footprint SYSTEM` with the texts as JSON on its input; `measured` does so.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence

from bot.evaluation.figures import Figure, Unit
from knowledge import database

OURS, BM25S, REGRESSION = "accueil", "bm25s", "regression"
DEADLINE = 900
"""Seconds after which a system is not waited for."""
_MEGA = 1e6


def measured(system: str, texts: Sequence[str]) -> Figure:
    """Resident memory of `system` after it answered `texts`, in megabytes; without a value when it could not be measured."""
    address = database.default_engine().url.render_as_string(hide_password=False)
    try:
        done = subprocess.run(
            [sys.executable, "-m", __name__, system],
            input=json.dumps(list(texts)),
            env={**os.environ, "KNOWLEDGE_DATABASE": address},
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=True,
        )
        return Figure(int(done.stdout) / _MEGA, n=len(texts), unit=Unit.MEGABYTES)
    except (subprocess.SubprocessError, ValueError):
        return Figure(None, unit=Unit.MEGABYTES)


def main() -> None:
    import psutil

    from bot.assistant import Assistant
    from bot.evaluation import baselines
    from bot.messages import Question
    from bot.training import shares

    system, texts = sys.argv[1], json.load(sys.stdin)
    assistant = Assistant.from_settings()
    fiches = shares.without(tuple(assistant.catalogue.fiches.values()), frozenset({shares.Share.ASIDE}))
    if system == OURS:
        for text in texts:
            assistant.answer(Question(text))
    else:
        del assistant
        other = baselines.bm25s(fiches, ()) if system == BM25S else baselines.character_regression(fiches)
        for text in texts:
            if other.search is not None:
                other.search(text)
    sys.stdout.write(str(psutil.Process().memory_info().rss))


if __name__ == "__main__":
    main()
