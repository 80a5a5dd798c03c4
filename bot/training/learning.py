"""The whole training, one command: `python -m bot train [--corpus FILE]`. Deterministic: the same contents give the same models."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path

from bot.messages import Nature
from bot.training import natures, ranking
from knowledge.fiches import PublishedFiche
from knowledge.search import Sheet
from knowledge.wordforms import Lexicon

THRESHOLDS = {"sure": 0.5, "possible": 0.2, "close": 0.75}
"""Chosen on the risk-coverage curve of `bench/quality.py`."""
NOT_FOR_FICHES = (Nature.OUT_OF_SCOPE, Nature.OTHER_ADMINISTRATION, Nature.SMALL_TALK, Nature.NONSENSE)


def models_folder() -> Path:
    """Where the shipped models stand."""
    return Path(str(files("bot"))) / "models"


def train(
    fiches: Sequence[PublishedFiche],
    sheets: Sequence[Sheet],
    lexicon: Lexicon,
    guides: Sequence[ranking.Guide],
    judged: Sequence[tuple[str, str]],
    tell: Callable[[str], None],
) -> None:
    """Train natures, ranking and confidence, and write them in the package."""
    folder = models_folder()
    folder.mkdir(exist_ok=True)
    general = [text for fiche in fiches for texts in fiche.questions.values() for text in texts]
    tell(f"Natures : {len(general)} formulations générales et les exemples de chaque nature…")
    natures.save(natures.train(general, judged), folder)
    strangers = [text for nature in NOT_FOR_FICHES for text in natures.examples().get(nature.value, ())]
    random.Random(ranking.SEED).shuffle(strangers)
    everything, parts = [], []
    for index, trials in ranking.held_out(fiches, sheets, lexicon, strangers, guides):
        tell(f"Classement : {len(trials)} questions mises de côté, {len(index.subjects)} sujets…")
        everything.extend(trials)
        parts.append((index, trials))
    ranker = ranking.fit_ranker(everything)
    ranking.save_ranker(ranker, folder)
    rows, outcomes, weights = [], [], []
    for number, (index, trials) in enumerate(parts, start=1):
        tell(f"Confiance : partie {number} sur {len(parts)}…")
        unseen = {one.text for one in trials}
        blind = natures.train((text for text in general if text not in unseen), judged, unseen)
        more_rows, more_outcomes, more_weights = ranking.certainty_rows(ranker, index, trials, blind)
        rows.extend(more_rows)
        outcomes.extend(more_outcomes)
        weights.extend(more_weights)
    calibration = ranking.fit_calibration(rows, outcomes, weights)
    ranking.save_calibration(calibration, THRESHOLDS, folder)
    tell(f"Première réponse juste pour {sum(outcomes) / max(len(outcomes), 1):.1%} des questions mises de côté (étrangères comprises).")
