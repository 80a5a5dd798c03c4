"""Learns the words of natures, the intents, the order and the confidence from the contents. Deterministic: the same contents give the same
models."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bot.engines.intents import Intents
from bot.messages import Nature
from bot.training import intents, natures, ranking
from bot.training.shares import Blind, Share, half, without
from knowledge.embeddings import Embedder, Vectors, default_embedder
from knowledge.fiches import PublishedFiche
from knowledge.search import Index, Sheet
from knowledge.wordforms import Lexicon

MOST_TITLES = 1200
"""Titles of sheets that no fiche covers, put to the fiches alone."""
NOT_FOR_FICHES = (Nature.OUT_OF_SCOPE, Nature.OTHER_ADMINISTRATION, Nature.SMALL_TALK, Nature.NONSENSE)


def train(
    fiches: Sequence[PublishedFiche],
    sheets: Sequence[Sheet],
    lexicon: Lexicon,
    guides: Sequence[ranking.Guide],
    judged: Sequence[tuple[str, str]],
    blind: Blind[Intents],
    asked: Sequence[tuple[str, str]],
    folder: Path,
    tell: Callable[[str], None],
) -> None:
    """Train natures, intents, ranking and confidence, and write them in `folder`.

    Args:
        guides: questions of other people, which teach the order and the confidence.
        judged: examples of natures, as (text, label).
        blind: classifiers that have seen no phrasing of the share ORDER, and one half of the questions of people, beside which the order
            and the confidence are learned.
        asked: questions of people that teach the intents too, as (fiche, text).
    """
    general = Phrasings.of(fiches).all
    tell(f"Natures : {len(general)} formulations générales et les exemples de chaque nature…")
    natures.save(natures.train(general, judged), folder)
    tell("Intentions : une classe par fiche…")
    intents.save(intents.train(without(fiches, frozenset({Share.ASIDE})), sheets, lexicon, asked), folder)
    strangers = [text for nature in NOT_FOR_FICHES for text in natures.examples().get(nature.value, ())]
    random.Random(ranking.SEED).shuffle(strangers)
    guided = frozenset(guide.text for guide in guides)
    everything: list[ranking.Trial] = []
    parts = []
    for index, trials in _held_out(fiches, sheets, lexicon, blind, strangers, guides):
        tell(f"Classement : {len(trials)} questions mises de côté, {len(index.subjects)} sujets…")
        everything.extend(trials)
        parts.append((index, trials))
    ranker = ranking.fit_ranker(everything)
    ranking.save_ranker(ranker, folder)
    tell("Confiance : ordre appris sans une moitié des questions d'autres personnes, puis sans l'autre…")
    without_half = [ranking.fit_ranker([one for one in everything if one.text not in guided or half(one.text) != gone]) for gone in (0, 1)]
    rows, outcomes, weights = [], [], []
    for number, (index, trials) in enumerate(parts, start=1):
        tell(f"Confiance : partie {number} sur {len(parts)}…")
        unseen = {one.text for one in trials}
        unread = natures.train((text for text in general if text not in unseen), judged, unseen)
        more_rows, more_outcomes, more_weights = ranking.certainty_rows(
            lambda one: without_half[half(one.text)] if one.text in guided else ranker, index, trials, unread
        )
        rows.extend(more_rows)
        outcomes.extend(more_outcomes)
        weights.extend(more_weights)
    ranking.save_calibration(ranking.fit_calibration(rows, outcomes, weights), folder)
    tell(f"Première réponse juste pour {sum(outcomes) / max(len(outcomes), 1):.1%} des questions mises de côté (étrangères comprises).")


@dataclass(frozen=True)
class Phrasings:
    """Phrasings of fiches that may be learned from: general questions."""

    french: Sequence[str]
    foreign: Sequence[str]

    @classmethod
    def of(cls, fiches: Sequence[PublishedFiche]) -> Phrasings:
        """Those of `fiches`."""
        kept = [asked for fiche in without(fiches, frozenset({Share.ASIDE})) for asked in fiche.questions.items()]
        french, foreign = ([text for code, texts in kept for text in texts if (code == "fr") is own] for own in (True, False))
        return cls(french, foreign)

    @property
    def all(self) -> list[str]:
        return [*self.french, *self.foreign]


def _held_out(
    fiches: Sequence[PublishedFiche],
    sheets: Sequence[Sheet],
    lexicon: Lexicon,
    blind: Blind[Intents],
    strangers: Sequence[str],
    guides: Sequence[ranking.Guide],
) -> Iterable[tuple[Index, list[ranking.Trial]]]:
    """The trials of `ranking.held_out` among the sheets, then on the fiches alone: an installation may have approved no sheet yet.

    The fiches alone are also asked the titles of sheets that none of them covers: nothing there answers those.
    """
    embedder = Remembering(default_embedder())
    yield from ranking.held_out(fiches, sheets, lexicon, embedder, blind, strangers, guides)
    if sheets:
        covered = {number for fiche in fiches for number in fiche.service_public}
        titles = [sheet.title for sheet in sheets if sheet.id not in covered]
        random.Random(ranking.SEED).shuffle(titles)
        yield from ranking.held_out(fiches, (), lexicon, embedder, blind, [*strangers, *titles[:MOST_TITLES]], guides)


class Remembering:
    """An embedder that embeds each text once: the indexes of the folds hold nearly the same ones."""

    def __init__(self, embedder: Embedder) -> None:
        self.name, self.dimensions = embedder.name, embedder.dimensions
        self._embedder = embedder
        self._known: dict[str, Vectors] = {}

    def embed(self, texts: Sequence[str]) -> Vectors:
        fresh = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known.update(zip(fresh, self._embedder.embed(fresh), strict=True))
        return np.stack([self._known[text] for text in texts]) if texts else np.zeros((0, self.dimensions), np.float32)
