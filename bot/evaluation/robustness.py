"""What noise costs: the same questions, clean and noisy, at the shipped thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bot.assistant import Assistant
from bot.evaluation.asking import Judgement, Outcome, Progress, ask
from bot.evaluation.figures import Figure, Floats, Unit, bootstrapped
from bot.evaluation.noise import Noise, noisy
from bot.evaluation.questions import Asked
from bot.evaluation.risk import FORBIDDEN_SHARE
from bot.evaluation.tables import Cell, Part, Table
from bot.messages import Channel

Places = npt.NDArray[np.intp]
_CHANNELS = {Noise.MAIL: Channel.MAIL, Noise.HEARD_10: Channel.PHONE, Noise.HEARD_20: Channel.PHONE}
_FOREIGN = "etranger"
"""Kind of the requests written in another language: French noise says nothing of them."""


def part(assistant: Assistant, clean: Sequence[Outcome], progress: Progress) -> Part:
    """The table of losses.

    Args:
        clean: answers to the questions as they were written; covered or forbidden, the others are left out.
    """
    kept = [one for one in clean if (one.asked.covered or one.asked.forbidden) and one.asked.kind != _FOREIGN and not one.asked.turns]
    before = _judged(assistant, kept)
    rows: list[Mapping[str, Cell]] = []
    for done, kind in enumerate(Noise):
        noised = [ask(assistant, one, _CHANNELS.get(kind, Channel.CHAT)) for one in spoiled([one.asked for one in kept], kind)]
        after = _judged(assistant, noised)
        for half in dict.fromkeys(one.asked.part for one in kept):
            places = [place for place, one in enumerate(kept) if one.asked.part == half]
            rows.append({"noise": kind.value, "part": half, **_compared([kept[at] for at in places], before[places], after[places])})
        progress(done + 1, len(Noise))
    columns = {
        "noise": "noise",
        "part": "part",
        "clean": "answered, clean",
        "noisy": "answered, noisy",
        "loss": "difference, points (target ≥ -10)",
        "clean_wrong": "wrong, clean",
        "noisy_wrong": "wrong, noisy",
        "wrong_more": "difference, points (target ≤ 0)",
    }
    return Part(
        "robustness",
        "What does noise cost?",
        "Answered: rightly, at once or after one clarification, among covered questions. Wrong: of the mix of the part « risk », where one "
        "third must not be answered. Intervals of differences are paired: the same question, clean and noisy. Of two questions in one, the "
        "answer is right when it answers either. Mails are asked by the channel of mails, what a recogniser heard by the telephone.",
        (Table("losses", "By kind of noise, at the shipped thresholds", columns, rows),),
    )


def spoiled(asked: Sequence[Asked], kind: Noise) -> list[Asked]:
    """The same questions with this noise; two in one are joined with the next of the same nature, and either answer is right."""
    if kind is not Noise.TWO:
        return [replace(one, text=noisy(one.text, kind)) for one in asked]
    groups: dict[tuple[str, str], list[Asked]] = {}
    for one in asked:
        groups.setdefault((one.part, one.nature), []).append(one)
    after = {one: second for group in groups.values() for one, second in zip(group, [*group[1:], group[0]], strict=True)}
    return [replace(one, text=noisy(one.text, kind, after[one].text), relevant=one.relevant | after[one].relevant) for one in asked]


def _judged(assistant: Assistant, outcomes: Sequence[Outcome]) -> Floats:
    """Whether each question was answered rightly (at once or after one clarification), and wrongly: shape (questions, 2)."""
    judged = [one.judged(assistant.thresholds, assistant.catalogue.neighbours) for one in outcomes]
    helped = (Judgement.RIGHT, Judgement.OFFERED)
    return np.array([(one in helped, one is Judgement.WRONG) for one in judged], float).reshape(len(judged), 2)


def _compared(kept: Sequence[Outcome], before: Floats, after: Floats) -> dict[str, Cell]:
    """Coverage and wrong answers of one half, clean, noisy, and by how much they differ."""
    inside, outside = (np.flatnonzero([one.asked.covered is covered for one in kept]) for covered in (True, False))
    covered = Rows(inside, inside[:0])
    mix = Rows(inside, outside)
    return {
        "clean": covered.mean(before[:, 0]),
        "noisy": covered.mean(after[:, 0]),
        "loss": covered.mean(100 * (after - before)[:, 0], Unit.POINTS),
        "clean_wrong": mix.mean(before[:, 1]),
        "noisy_wrong": mix.mean(after[:, 1]),
        "wrong_more": mix.mean(100 * (after - before)[:, 1], Unit.POINTS),
    }


@dataclass(frozen=True)
class Rows:
    """Places of covered questions and of forbidden ones, which weigh one third when there are any."""

    inside: Places
    outside: Places

    def mean(self, values: Floats, unit: Unit = Unit.SHARE) -> Figure:
        """The weighted mean of one value a question, with a bootstrap interval."""
        if not len(self.inside):
            return Figure(None, unit=unit)
        found = bootstrapped(
            self._weighed(values[self.inside], values[self.outside]),
            lambda chance: self._weighed(*(values[chance.choice(rows, len(rows))] if len(rows) else values[rows] for rows in self._both)),
            len(self.inside) + len(self.outside),
        )
        return replace(found, unit=unit)

    @property
    def _both(self) -> tuple[Places, Places]:
        return self.inside, self.outside

    def _weighed(self, inside: Floats, outside: Floats) -> float:
        share = FORBIDDEN_SHARE if len(outside) else 0.0
        return float((1 - share) * inside.mean() + share * (outside.mean() if len(outside) else 0.0))
