"""The decision: reply, ask back, hand over or decline. Pure: an interpretation goes in, a verdict comes out.

The table of natures is the one of the architecture (section 2): nothing personal is ever answered, whatever the confidence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.messages import Candidate, Decision, Interpretation, Nature

DECLINED = frozenset(
    {
        Nature.SMALL_TALK,
        Nature.OUT_OF_SCOPE,
        Nature.ABUSE,
        Nature.INJECTION,
        Nature.NONSENSE,
        Nature.LEGAL_OPINION,
        Nature.FALSE_PAPERS,
    }
)
MOST_CHOICES = 3
MOST_IN_A_ROW = 2
"""Clarifications in a row: the second one only about something else than the first, that is likelier than not (`LIKELY`)."""
LIKELY = 0.5
FAR_FETCHED = 0.08
"""Share of the score of the first fiche under which another one is no choice: offered to somebody who renews a passport, a residence
permit only puzzles. Of the clarifications of unseen citizens, 1 in 100 loses the right choice, and a quarter of the choices go."""


@dataclass(frozen=True)
class Thresholds:
    """Confidences that decide, chosen on a risk-coverage curve (`python -m bot evaluate`)."""

    sure: float = 0.5
    """At or above: reply at once."""
    possible: float = 0.22
    """From this sum of the scores of the first three candidates: ask which of them is meant; under: hand over."""
    close: float = 0.75
    """A second candidate of another fiche with this share of the first one's score is a second reading."""


@dataclass(frozen=True)
class Verdict:
    decision: Decision
    reason: str
    service: str | None = None
    candidate: Candidate | None = None
    choices: tuple[Candidate, ...] = ()
    handed_over_to: str | None = None
    second: Candidate | None = None
    """What answers the second question of the message."""


def decide(
    interpretation: Interpretation,
    thresholds: Thresholds,
    twins: Mapping[str, frozenset[str]] | None = None,
    asked: Sequence[Sequence[str]] = (),
) -> Verdict:
    """What to do with a request.

    Args:
        twins: fiches that must be told apart by a question when both are close, by fiche.
        asked: what the clarifications just asked in a row offered (`Context.asked`): the same thing is not asked twice.
    """
    nature = interpretation.nature
    service = interpretation.service
    match nature:
        case Nature.EMERGENCY:
            return Verdict(Decision.REPLY, "emergency")
        case Nature.PERSONAL_FILE:
            return Verdict(Decision.HANDOVER, "personal_file", service or "standard", choices=_replies(interpretation))
        case Nature.COMPLAINT:
            return Verdict(Decision.HANDOVER, "complaint", "qualite")
        case Nature.WANTS_PERSON:
            return Verdict(Decision.HANDOVER, "wants_person", service or "standard")
        case Nature.OTHER_ADMINISTRATION:
            first = interpretation.candidates[0] if interpretation.candidates else None
            fits = first is not None and first.fiche is not None and interpretation.likeness >= thresholds.sure
            if not fits and interpretation.competent is None:
                return Verdict(Decision.DECLINE, "other_administration")  # "not for us" without a name answers nothing
            return Verdict(Decision.REPLY, "other_administration", candidate=first if fits else None)
        case Nature.MIXED:
            if interpretation.candidates and interpretation.confidence >= thresholds.sure:
                first = interpretation.candidates[0]
                return Verdict(Decision.REPLY, "mixed", service, first, handed_over_to=service or "standard")
            return Verdict(Decision.HANDOVER, "personal_file", service or "standard", choices=_replies(interpretation))
        case _ if nature in DECLINED:
            return Verdict(Decision.DECLINE, nature.value)
    return _general(interpretation, thresholds, twins or {}, asked)


def _general(
    interpretation: Interpretation, thresholds: Thresholds, twins: Mapping[str, frozenset[str]], asked: Sequence[Sequence[str]]
) -> Verdict:
    service = interpretation.service
    offered = sum(candidate.score for candidate in interpretation.candidates[:MOST_CHOICES])  # of a subject that several fiches share
    if not interpretation.candidates or offered < thresholds.possible:
        return Verdict(Decision.HANDOVER, "unsure", service or "standard", choices=_replies(interpretation))
    first = interpretation.candidates[0]
    told_anew = interpretation.confidence >= LIKELY and all(first.fiche not in choices for choices in asked)
    already_asked = bool(asked) and not (told_anew and len(asked) < MOST_IN_A_ROW)
    close = tuple(
        other
        for other in interpretation.candidates[1:]
        if other.fiche and first.score > 0 and other.score >= thresholds.close * first.score
    )
    forced = first.fiche is not None and any(other.fiche in twins.get(first.fiche, frozenset()) for other in close)
    if interpretation.confidence >= thresholds.sure and not (forced and not already_asked):
        second = interpretation.second
        return Verdict(Decision.REPLY, "sure", service, first, second=second if second and second.score >= thresholds.sure else None)
    choices = _replies(interpretation)
    if already_asked or not choices:
        return Verdict(Decision.HANDOVER, "unsure", service or "standard", choices=choices)
    return Verdict(Decision.CLARIFY, "two_readings" if forced or close else "unsure_reading", service, first, choices)


def _replies(interpretation: Interpretation) -> tuple[Candidate, ...]:
    """The first candidates that are fiches, far-fetched ones left out: what can be offered as a choice."""
    found = [candidate for candidate in interpretation.candidates if candidate.fiche][:MOST_CHOICES]
    return tuple(candidate for candidate in found if candidate.score >= FAR_FETCHED * found[0].score)
