"""What `python -m bot train` learns from: the published fiches, official sheets, and questions of people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from bot.assistant import Assistant
from bot.catalogue import Catalogue
from bot.engines.embedded import EmbeddedEngine
from bot.engines.intents import Classes, Intents
from bot.engines.weighing import thresholds
from bot.messages import Nature
from bot.training import intents
from bot.training.conversation import Dialogue
from bot.training.ranking import Guide
from bot.training.shares import PEOPLE, Blind, Share, half, without
from knowledge.building import build
from knowledge.fiches import PublishedFiche
from knowledge.search import Sheet
from knowledge.wordforms import default_lexicon


@dataclass
class Lesson:
    """What is learned from."""

    catalogue: Catalogue
    sheets: Sequence[Sheet]
    guides: Path | None

    def rows(self, *names: str) -> list[dict[str, Any]]:
        """The questions of other people that may be looked at; those kept aside are left out."""
        files = [self.guides / f"{name}.jsonl" for name in names] if self.guides else []
        rows = [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines() if line.strip()]
        return [row for row in rows if row.get("part") != "aside"]

    def asked(self) -> list[Guide]:
        """The questions whose answer is known."""
        rows = self.rows(*PEOPLE)
        return [Guide(row["query"], frozenset(row["relevant"])) for row in rows if row.get("relevant")]

    def natures(self) -> list[tuple[str, str]]:
        """The requests whose nature is known, as (text, label)."""
        return [(row["query"], f"{row['nature']} {row.get('emergency') or ''}".strip()) for row in self.rows("natures", "services")]

    def services(self) -> list[tuple[str, str]]:
        """The requests about a file whose service is known, as (text, service)."""
        asked = [row for row in self.rows("natures", "services") if row["nature"] == Nature.PERSONAL_FILE and row.get("service")]
        return [(row["query"], row["service"]) for row in asked]

    def dialogues(self) -> list[Dialogue]:
        """The conversations whose last turn has a known answer."""
        return [Dialogue(tuple(row["turns"]), frozenset(row["relevant_last"])) for row in self.rows("followups")]

    def judges(self) -> list[Guide]:
        """The questions that only tell the confidence and choose the threshold."""
        return [Guide(row["query"], frozenset(row["relevant"])) for row in self.rows("thresholds")]

    def engines(self, folder: Path) -> list[EmbeddedEngine]:
        """With the models of `folder`, over the fiches alone, and among the official sheets when there are; whatever engine the settings
        name."""
        return [EmbeddedEngine.load(catalogue, models=folder) for catalogue in self.catalogues]

    def blind_engines(self, folder: Path) -> list[Blind[EmbeddedEngine]]:
        """The same, whose intents have not read the questions that they are asked."""
        return [self._blind(engine) for engine in self.engines(folder)]

    def blind_assistants(self, folder: Path) -> list[Blind[Assistant]]:
        """Likewise, whose decisions are worded."""
        kept = thresholds(folder)
        return [
            engines.each(lambda engine: Assistant(engine.catalogue, engine, kept, models=folder)) for engines in self.blind_engines(folder)
        ]

    def engines_without_order(self, folder: Path) -> list[Blind[EmbeddedEngine]]:
        """The blind engines whose search has never seen the phrasings of the share ORDER either."""
        found = []
        for catalogue in self.catalogues:
            index = build(self.without_order, tuple(catalogue.sheets.values()), default_lexicon())
            found.append(self._blind(EmbeddedEngine.load(replace(catalogue, index=index), models=folder)))
        return found

    def _blind(self, engine: EmbeddedEngine) -> Blind[EmbeddedEngine]:
        return self.blind.each(lambda one: replace(engine, classes=Classes.over(one, engine.catalogue.index)))

    @property
    def fiches(self) -> tuple[PublishedFiche, ...]:
        return tuple(self.catalogue.fiches.values())

    @cached_property
    def without_order(self) -> tuple[PublishedFiche, ...]:
        """The fiches without the phrasings of the share ORDER."""
        return without(self.fiches, frozenset({Share.ORDER}))

    @cached_property
    def taught(self) -> list[tuple[str, str, int]]:
        """The questions of people that teach the intents, as (fiche, text, half)."""
        asked = [(guide, half(guide.text)) for guide in self.asked()]
        asked += [(dialogue.guide, half(dialogue.turns[-1])) for dialogue in self.dialogues()]
        if not asked:
            return []
        return intents.attributed(asked, self.fiches, default_lexicon(), self._trained())

    @cached_property
    def blind(self) -> Blind[Intents]:
        """Classifiers of intents that have read no phrasing of the share ORDER, and of the questions of people one half each."""
        if not self.taught:
            alone = self._trained()
            return Blind((alone, alone))
        read = [[(fiche, text) for fiche, text, its_half in self.taught if its_half != gone] for gone in (0, 1)]
        return Blind((self._trained(read[0]), self._trained(read[1])))

    def _trained(self, asked: Sequence[tuple[str, str]] = ()) -> Intents:
        """A classifier of intents that has read the questions `asked` and the phrasings, but those of the order and those aside."""
        fiches = without(self.without_order, frozenset({Share.ASIDE}))
        return intents.train(fiches, self.sheets, default_lexicon(), asked)

    @cached_property
    def catalogues(self) -> tuple[Catalogue, ...]:
        """The fiches alone, and among the official sheets when there are."""
        return (self.catalogue, *([self.catalogue.with_sheets(self.sheets)] if self.sheets else []))
