"""Questions left without a good answer, grouped by likeness: what to write next.

Likeness is the cosine of character n-grams over the words that carry the subject. Groups are those of Taylor and Butina (1999): the
question with the most neighbours gathers them, then the next one among what remains. The same questions always make the same groups.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from bot.journal import Entry
from bot.messages import Decision
from knowledge.postings import Postings, cosine
from knowledge.wordforms import Lexicon, character_grams

ALIKE = 0.5
"""Cosine from which two questions are neighbours."""
GRAM = 4
"""Characters compared together: as good as 3 to 5 for grouping, in a third of the time (10,000 questions in 3 s)."""
MOST_EXAMPLES = 3
MOST_WORDS = 60
"""Words of a long mail that are compared."""
_MASKS = re.compile(r"\[[^\]]*\]")


class Why(StrEnum):
    UNSURE = "unsure"
    """Handed over because no reply was sure enough."""
    NO_REPLY = "no_reply"
    """Asked for a detail, and no reply came afterwards."""
    UNCLEAR = "unclear"
    """Answered, and said to be unclear."""
    NOT_HELPED = "not_helped"
    """Answered, and said to be of no help."""


@dataclass(frozen=True)
class Group:
    """Questions alike, the most typical first."""

    size: int
    examples: tuple[str, ...]
    reasons: Mapping[Why, int]
    services: Mapping[str, int]
    exchanges: tuple[int, ...] = ()
    """Numbers of all its exchanges, in the order of the journal."""


@dataclass(frozen=True)
class Unanswered:
    total: int
    forgotten: int
    """Of which the words are forgotten: they cannot be grouped."""
    groups: tuple[Group, ...]
    """Largest first."""


def why_unanswered(entry: Entry) -> Why | None:
    """Why an exchange counts as unanswered; None when it does not."""
    if entry.decision is Decision.HANDOVER and entry.reason == "unsure":
        return Why.UNSURE
    if entry.decision is Decision.CLARIFY and not entry.replied_later:
        return Why.NO_REPLY
    if entry.clear is False:
        return Why.UNCLEAR
    return Why.NOT_HELPED if entry.helped is False else None


def unanswered(entries: Iterable[Entry], lexicon: Lexicon) -> Unanswered:
    """The unanswered questions of a period, grouped."""
    found = [(entry, why) for entry in entries if (why := why_unanswered(entry))]
    kept = [(entry, why) for entry, why in found if entry.question is not None]
    groups = [_group([kept[number] for number in members]) for members in alike([entry.question or "" for entry, _ in kept], lexicon)]
    return Unanswered(len(found), len(found) - len(kept), tuple(groups))


def alike(questions: Sequence[str], lexicon: Lexicon) -> list[list[int]]:
    """Groups of the questions that are alike, as positions: largest group first, its most typical question first."""
    same: dict[tuple[str, ...], list[int]] = {}
    for position, question in enumerate(questions):
        same.setdefault(lexicon.read(_MASKS.sub(" ", question)).words[:MOST_WORDS], []).append(position)
    readings = list(same)
    grams = [character_grams(words, GRAM, GRAM) for words in readings]
    lists = cosine(enumerate(grams), len(readings))
    weights = np.array([len(same[words]) for words in readings])
    neighbours = [int(weights[_near(lists, grams[number], number)].sum()) for number in range(len(readings))]
    free = np.ones(len(readings), bool)
    groups = []
    for leader in sorted(range(len(readings)), key=lambda number: (-neighbours[number], number)):
        if free[leader]:
            near = _near(lists, grams[leader], leader)
            members = [leader, *(int(number) for number in near if free[number] and number != leader)]
            free[members] = False
            groups.append([position for number in members for position in same[readings[number]]])
    return sorted(groups, key=lambda members: (-len(members), members[0]))


def _near(lists: Postings, grams: Sequence[str], number: int) -> npt.NDArray[np.int64]:
    """The documents alike to document `number`, itself included, nearest first."""
    scores = lists.per_document({gram: count**0.5 for gram, count in Counter(grams).items()}, normalised=True)
    if scores is None:
        return np.array([number])
    scores[number] = 2.0
    near = np.flatnonzero(scores >= ALIKE)
    return near[np.argsort(-scores[near], kind="stable")]


def _group(members: Sequence[tuple[Entry, Why]]) -> Group:
    texts = dict.fromkeys(" ".join((entry.question or "").split()) for entry, _ in members)
    services = Counter(entry.service for entry, _ in members if entry.service)
    return Group(
        size=len(members),
        examples=tuple(texts)[:MOST_EXAMPLES],
        reasons=dict(Counter(why for _, why in members)),
        services=dict(services.most_common()),
        exchanges=tuple(sorted(entry.number for entry, _ in members)),
    )
