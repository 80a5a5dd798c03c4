"""Does the right fiche come first? By set, by kind of writing, beside other systems; and the worst answers, word for word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.catalogue import Catalogue
from bot.evaluation.asking import Outcome
from bot.evaluation.baselines import Baseline
from bot.evaluation.figures import Figure, mean, share
from bot.evaluation.questions import PARTS, Asked
from bot.evaluation.tables import Cell, Part, Table
from bot.messages import Decision
from knowledge.postings import cosine
from knowledge.wordforms import character_grams, folded_words

Ranks = Sequence[int | None]
"""Position of the first right candidate of each question, from 1; None: not among the ten."""
NEAR = 0.9
"""Similarity of character n-grams from which a question looks copied in a phrasing."""
WORST = 10
_HEADINGS = {"rank_1": "@1", "rank_3": "@3", "mrr": "MRR"}
_COLUMNS = {f"{part}_{key}": f"{part} {heading}" for part in PARTS for key, heading in _HEADINGS.items()}


def part(catalogue: Catalogue, outcomes: Mapping[str, Sequence[Outcome]]) -> Part:
    """The tables of ranking.

    Args:
        outcomes: answers by set; only questions whose answer is known are ranked.
    """
    known = {name: [one for one in found if one.asked.covered] for name, found in outcomes.items()}
    by_set: list[Mapping[str, Cell]] = []
    by_kind: list[Mapping[str, Cell]] = []
    for name, found in known.items():
        asked, ranks = [one.asked for one in found], [one.rank for one in found]
        by_set.append({"set": name, **_columns(asked, ranks)})
        for kind in sorted({one.kind for one in asked if one.kind}):
            rows = [(one, rank) for one, rank in zip(asked, ranks, strict=True) if one.kind == kind]
            by_kind.append({"set": name, "kind": kind, **_columns([one for one, _ in rows], [rank for _, rank in rows])})
    everything = [one for found in known.values() for one in found]
    return Part(
        "ranks",
        "Is the right fiche first?",
        "A candidate is right when it is a fiche that stands for one of the national sheets that answer the question (for a phrasing: when "
        "it is the very fiche it was written for). Ten candidates are kept; beyond, the reciprocal rank is 0. The phrasings kept aside are "
        "asked to an index built without them; the other sets are asked to the index that citizens meet.",
        (
            Table("sets", "Right first, right among three, mean reciprocal rank", {"set": "set", **_COLUMNS}, by_set),
            Table("kinds", "By kind of writing, or by language", {"set": "set", "kind": "kind", **_COLUMNS}, by_kind),
            _held(catalogue, known),
            _copied(catalogue, [one for one in everything if one.asked.set != "phrasings"]),
            _worst(everything),
        ),
    )


def beside(outcomes: Mapping[str, Sequence[Outcome]], others: Sequence[Baseline]) -> Part:
    """The same questions, put to other systems.

    Raises:
        BatchRefused: recorded answers do not fit a set.
    """
    rows: list[Mapping[str, Cell]] = []
    for name, found in outcomes.items():
        known = [place for place, one in enumerate(found) if one.asked.covered]
        asked = [found[place].asked for place in known]
        rows.append({"set": name, "system": "Accueil", **_columns(asked, [found[place].rank for place in known])})
        for other in others:
            ranks = other.ranks(name, [one.asked for one in found])
            rows.append({"set": name, "system": other.name, **_columns(asked, ranks and [ranks[place] for place in known])})
    return Part(
        "systems",
        "Beside other systems",
        "All learn from the same phrasings, without those kept aside (ours meets them only in the sets of other people). bm25s searches "
        "the fiches with their phrasings and sheets, and the other sheets; the regression and Rasa know the fiches only: a question whose "
        "sheet has no fiche counts against them. None of them reads the turns before.",
        (
            Table(
                "systems",
                "Right first, right among three, mean reciprocal rank",
                {"set": "set", "system": "system", **_COLUMNS},
                rows,
                " ".join(f"{one.name}: not measured, {one.missing}." for one in others if one.missing),
            ),
        ),
    )


def _columns(asked: Sequence[Asked], ranks: Ranks | None) -> dict[str, Figure | None]:
    cells: dict[str, Figure | None] = {}
    for half in PARTS:
        kept = None if ranks is None else [rank for one, rank in zip(asked, ranks, strict=True) if one.part == half]
        if not kept:
            cells |= {f"{half}_{key}": None for key in _HEADINGS}
            continue
        cells[f"{half}_rank_1"] = share([rank == 1 for rank in kept])
        cells[f"{half}_rank_3"] = share([rank is not None and rank <= 3 for rank in kept])
        cells[f"{half}_mrr"] = mean([1 / rank if rank else 0.0 for rank in kept])
    return cells


def _held(catalogue: Catalogue, known: Mapping[str, Sequence[Outcome]]) -> Table:
    """How many questions a fiche can answer at all: the others may only be quoted a national sheet, when the corpus is there."""
    held = frozenset(name for fiche in catalogue.fiches.values() for name in (fiche.id, *fiche.service_public))
    rows: list[Mapping[str, Cell]] = []
    for name, found in known.items():
        row: dict[str, Cell] = {"set": name}
        for half in PARTS:
            asked = [one.asked for one in found if one.asked.part == half]
            row[half] = share([one.fiche in held or not held.isdisjoint(one.relevant) for one in asked]) if asked else None
        rows.append(row)
    return Table("held", "Questions that a published fiche answers", {"set": "set", "tuned": "tuned", "aside": "aside"}, rows)


def _copied(catalogue: Catalogue, outcomes: Sequence[Outcome]) -> Table:
    """Questions that stand nearly word for word among the phrasings: copied ones would measure nothing."""
    texts = [text for fiche in catalogue.fiches.values() for texts in fiche.questions.values() for text in texts]
    phrasings = cosine([(number, character_grams(folded_words(text))) for number, text in enumerate(texts)], len(texts))

    def near(text: str) -> bool:
        tally: dict[str, float] = {}
        for gram in character_grams(folded_words(text)):
            tally[gram] = tally.get(gram, 0.0) + 1.0
        scores = phrasings.per_document({gram: count**0.5 for gram, count in tally.items()}, normalised=True)
        return scores is not None and float(scores.max()) >= NEAR

    rows: list[Mapping[str, Cell]] = []
    for name in dict.fromkeys(one.asked.set for one in outcomes):
        row: dict[str, Cell] = {"set": name}
        for half in PARTS:
            asked = [one.asked for one in outcomes if one.asked.set == name and one.asked.part == half]
            row[half] = share([near(one.text) for one in asked]) if asked else None
        rows.append(row)
    title = f"Questions with a phrasing at similarity ≥ {NEAR} (target ≤ .03)"
    return Table("copied", title, {"set": "set", "tuned": "tuned", "aside": "aside"}, rows)


def _worst(outcomes: Sequence[Outcome]) -> Table:
    """Replies that are wrong, the most confident first, then the other first candidates that are wrong."""
    wrong = sorted((one for one in outcomes if one.rank != 1), key=lambda one: (one.decision is not Decision.REPLY, -one.confidence))
    rows: list[Mapping[str, Cell]] = [
        {
            "confidence": f"{one.confidence:.2f}",
            "set": f"{one.asked.set} ({one.asked.part})",
            "question": one.asked.text,
            "decision": one.decision.value,
            "answer": one.answer.text,
        }
        for one in wrong[:WORST]
    ]
    columns = {"confidence": "confidence", "set": "set", "question": "question", "decision": "decision", "answer": "answer"}
    return Table("worst", "The ten worst answers, verbatim", columns, rows, verbatim=True)
