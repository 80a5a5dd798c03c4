"""The whole report: questions put to the assistant once, parts measured, then printed or written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from bot.assistant import Assistant
from bot.catalogue import Catalogue
from bot.evaluation import baselines, conversations, footprint, natures, questions, ranks, risk, robustness, speed
from bot.evaluation.asking import Outcome, Progress, ask_all
from bot.evaluation.baselines import Baseline
from bot.evaluation.questions import ASIDE, JUDGED, TUNED, Sets
from bot.evaluation.risk import Mix
from bot.evaluation.tables import Part, as_json
from bot.training import shares
from knowledge.fiches import PublishedFiche
from knowledge.search import Sheet

FORMAT = 1
"""Of the JSON file; changes when a reader of the former shape would be mistaken."""
PARTS = ("ranks", "risk", "natures", "conversations", "robustness", "systems", "speed")
PHRASINGS, EXAMPLES = "phrasings", "examples"
Counted = Callable[[str], AbstractContextManager[Progress]]
"""A progress bar, by its title; it gives what is told (done, total)."""


@dataclass(frozen=True)
class Report:
    """What was measured, of what, when."""

    at: datetime
    engine: str
    fiches: int
    phrasings: int
    sheets: int
    """National sheets added to the index for this run."""
    sets: Mapping[str, Mapping[str, int]]
    """Number of questions, by set, then by part."""
    parts: tuple[Part, ...]

    def as_json(self) -> dict[str, Any]:
        """Every figure with its number of questions and its interval; no word of a question or of an answer."""
        return {
            "format": FORMAT,
            "at": self.at.isoformat(timespec="seconds"),
            "engine": self.engine,
            "fiches": self.fiches,
            "phrasings": self.phrasings,
            "sheets": self.sheets,
            "sets": {name: dict(counts) for name, counts in self.sets.items()},
            "parts": {part.key: as_json(part) for part in self.parts},
        }


@dataclass(frozen=True)
class Evaluation:
    """An assistant over the index that citizens meet, the same without the phrasings kept aside, and what is asked of them."""

    assistant: Assistant
    unread: Assistant
    """Has never met the phrasings kept aside; they are asked to this one only."""
    sheets: Sequence[Sheet]
    sets: Sets
    rasa: Path | None
    counted: Counted

    @classmethod
    def of(cls, catalogue: Catalogue, sheets: Sequence[Sheet], sets: Sets, rasa: Path | None, counted: Counted) -> Evaluation:
        """Build both indexes.

        Args:
            sheets: national sheets added to both, for this run only.
            rasa: what Rasa answered to the same questions.
        """
        fiches = tuple(catalogue.fiches.values())
        known = {sheet.id for sheet in sheets}
        every = [*sheets, *(sheet for number, sheet in catalogue.sheets.items() if number not in known)]
        if sheets:
            with counted("Index with the corpus") as step:
                catalogue = catalogue.with_sheets(every, step)
        kept = {fiche.id: fiche for fiche in shares.without(fiches, frozenset({shares.Share.ASIDE}))}
        with counted("Index without the phrasings kept aside") as step:
            unread = replace(catalogue, fiches=kept).with_sheets(every, step)
        asked = {**sets, PHRASINGS: questions.phrasings(fiches), EXAMPLES: questions.examples()}
        return cls(Assistant.over(catalogue), Assistant.over(unread), sheets, asked, rasa, counted)

    def run(self, wanted: Sequence[str] = PARTS) -> Report:
        """Measure the parts wanted, in the order of the report.

        Raises:
            BatchRefused: the answers of another system do not fit the sets.
        """
        fiches = self.assistant.catalogue.fiches.values()
        return Report(
            at=self.assistant.clock(),
            engine=self.assistant.engine.name,
            fiches=len(fiches),
            phrasings=sum(len(texts) for fiche in fiches for texts in fiche.questions.values()),
            sheets=len(self.sheets),
            sets={name: {half: len(questions.of(asked, half)) for half in questions.PARTS} for name, asked in self.sets.items()},
            parts=tuple(getattr(self, f"_{name}")() for name in PARTS if name in wanted),
        )

    @cached_property
    def _answers(self) -> dict[str, Sequence[Outcome]]:
        return {}

    def outcomes(self, *names: str) -> list[Outcome]:
        """The answers to some sets, each asked once whatever the parts; a set that is absent has none."""
        for name in names:
            if name not in self._answers:
                with self.counted(f"Questions: {name}") as step:
                    asked = self.sets.get(name, ())
                    self._answers[name] = ask_all(self.unread if name == PHRASINGS else self.assistant, asked, step)
        return [one for name in names for one in self._answers[name]]

    @cached_property
    def others(self) -> Mapping[str, Baseline]:
        """The other systems, learned from the phrasings that are not kept aside; the regression, from the questions of people too."""
        unread: tuple[PublishedFiche, ...] = tuple(self.unread.catalogue.fiches.values())
        with self.counted("Other systems") as step:
            found = {footprint.BM25S: baselines.bm25s(unread, self.sheets)}
            step(1, 3)
            found[footprint.REGRESSION] = baselines.character_regression(unread, questions.teaching(self.sets))
            step(2, 3)
            return {**found, "rasa": baselines.recorded(self.rasa, unread)}

    def _ranks(self) -> Part:
        return ranks.part(self.assistant.catalogue, self._covered())

    def _systems(self) -> Part:
        return ranks.beside(self._covered(), tuple(self.others.values()))

    def _covered(self) -> dict[str, list[Outcome]]:
        return {name: self.outcomes(name) for name, found in self.sets.items() if any(one.covered for one in found)}

    def _risk(self) -> Part:
        return risk.part(self._mixes(), self.assistant.thresholds, self.assistant.catalogue.neighbours)

    def _mixes(self) -> list[Mix]:
        """Each set of covered questions with those that must not be answered, half by half; development questions are all tuned."""
        forbidden = [one for one in self.outcomes("natures", "unseen_natures", "hors_perimetre") if one.asked.forbidden]
        mixes = []
        for name in ("citizens", "unseen", f"unseen{JUDGED}", "usager", PHRASINGS):
            for half in (TUNED, ASIDE):
                covered = [one for one in self.outcomes(name) if one.asked.part == half]
                if covered:
                    mixes.append(Mix(name, half, covered, [one for one in forbidden if one.asked.part == half]))
        return mixes

    def _natures(self) -> Part:
        named = (name for name, asked in self.sets.items() if name != EXAMPLES and any(one.nature for one in asked))
        return natures.part(self.outcomes(*named), self.outcomes(EXAMPLES))

    def _conversations(self) -> Part:
        followups, foreign = self.outcomes("followups", "unseen_followups"), self.outcomes("foreign")
        return conversations.part(followups, foreign, self.assistant.thresholds, self.assistant.catalogue.neighbours)

    def _robustness(self) -> Part:
        clean = self.outcomes("citizens", "natures")
        with self.counted("Noise") as step:
            return robustness.part(self.assistant, clean, step)

    def _speed(self) -> Part:
        texts = [one.text for name in ("citizens", "natures") for one in self.sets.get(name, ())]
        with self.counted("Speed") as step:
            return speed.part(self.assistant, self.others, texts, step)
