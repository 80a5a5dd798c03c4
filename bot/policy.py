"""The decision: reply, ask back, hand over or decline. Pure: an interpretation goes in, a verdict comes out.

The table of natures is the one of the architecture (section 2): nothing personal is ever answered, whatever the confidence.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    already_asked: bool = False,
) -> Verdict:
    """What to do with a request.

    Args:
        twins: fiches that must be told apart by a question when both are close, by fiche.
        already_asked: a clarification was just asked: a second one is not.
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
            return Verdict(Decision.REPLY, "other_administration", candidate=first if fits else None)
        case Nature.MIXED:
            if interpretation.candidates and interpretation.confidence >= thresholds.sure:
                first = interpretation.candidates[0]
                return Verdict(Decision.REPLY, "mixed", service, first, handed_over_to=service or "standard")
            return Verdict(Decision.HANDOVER, "personal_file", service or "standard", choices=_replies(interpretation))
        case _ if nature in DECLINED:
            return Verdict(Decision.DECLINE, nature.value)
    return _general(interpretation, thresholds, twins or {}, already_asked)


def _general(interpretation: Interpretation, thresholds: Thresholds, twins: Mapping[str, frozenset[str]], already_asked: bool) -> Verdict:
    service = interpretation.service
    offered = sum(candidate.score for candidate in interpretation.candidates[:MOST_CHOICES])  # of a subject that several fiches share
    if not interpretation.candidates or offered < thresholds.possible:
        return Verdict(Decision.HANDOVER, "unsure", service or "standard", choices=_replies(interpretation))
    first = interpretation.candidates[0]
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
    """The first candidates that are fiches: what can be offered as a choice."""
    return tuple(candidate for candidate in interpretation.candidates if candidate.fiche)[:MOST_CHOICES]
