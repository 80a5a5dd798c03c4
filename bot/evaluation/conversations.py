"""Are the turns of a conversation understood, and people who write in another language?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.evaluation.asking import Judgement, Outcome
from bot.evaluation.figures import share
from bot.evaluation.questions import PARTS
from bot.evaluation.tables import Cell, Part, Table
from bot.messages import Reply, Role
from bot.policy import Thresholds

_HALVES = {"tuned": "tuned", "aside": "aside"}


def part(followups: Sequence[Outcome], foreign: Sequence[Outcome], thresholds: Thresholds, twins: Mapping[str, frozenset[str]]) -> Part:
    """The tables of conversations and of languages."""
    judged = {id(one): one.judged(thresholds, twins) for one in (*followups, *foreign)}
    turns: list[Mapping[str, Cell]] = []
    for key, name, worth in (
        ("understood", "right fiche first (target ≥ .85)", None),
        ("right", "answered rightly", {Judgement.RIGHT}),
        ("helped", "answered rightly, or asked back with the right reading", {Judgement.RIGHT, Judgement.OFFERED}),
        ("wrong", "answered wrongly", {Judgement.WRONG}),
    ):
        row: dict[str, Cell] = {"key": key, "measure": name}
        for half in PARTS:
            kept = [one for one in followups if one.asked.part == half]
            row[half] = share([one.rank == 1 if worth is None else judged[id(one)] in worth for one in kept])
        turns.append(row)
    languages: list[Mapping[str, Cell]] = []
    for language in ("all", *sorted({one.asked.kind for one in foreign})):
        for half in PARTS:
            kept = [one for one in foreign if one.asked.part == half and language in ("all", one.asked.kind)]
            if kept:
                languages.append(
                    {
                        "language": language,
                        "part": half,
                        "rank_1": share([one.rank == 1 for one in kept]),
                        "rank_3": share([one.rank is not None and one.rank <= 3 for one in kept]),
                        "recognised": share([one.answer.interpretation.language == one.asked.kind for one in kept]),
                        "right": share([judged[id(one)] is Judgement.RIGHT for one in kept]),
                        "helped": share([judged[id(one)] in (Judgement.RIGHT, Judgement.OFFERED) for one in kept]),
                        "wrong": share([judged[id(one)] is Judgement.WRONG for one in kept]),
                        "translated": share([_translated(one) for one in kept if isinstance(one.answer, Reply)]),
                    }
                )
    headings = {"rank_1": "@1 (target ≥ .75)", "rank_3": "@3", "recognised": "language recognised", "right": "answered rightly"}
    more = {"helped": "or asked back", "wrong": "answered wrongly", "translated": "replies in the language"}
    return Part(
        "conversations",
        "Turns and languages",
        "Follow-ups: the last turn of a conversation, read in the light of the others. Sets of foreign languages: one question each.",
        (
            Table("followups", "Follow-up turns", {"measure": "measure", **_HALVES}, turns),
            Table("languages", "Foreign languages", {"language": "language", "part": "part", **headings, **more}, languages),
        ),
    )


def _translated(outcome: Outcome) -> bool:
    said = [sentence for sentence in outcome.answer.sentences if sentence.role is Role.ANSWER]
    return bool(said) and all(sentence.language == outcome.asked.kind for sentence in said)
