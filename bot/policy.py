"""The decision: reply, ask back, hand over or decline. Pure: an interpretation goes in, a verdict comes out.

The table of natures is the one of the architecture (section 2): nothing personal is ever answered, whatever the confidence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

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
OURS_AFTER_ALL = 0.1
"""Confidence in a fiche from which "another body is competent" is not told: in one doubt in ten, a question costs less than a wrong door
(of 14 questions of other people sent elsewhere, 10 are asked back; of 253 requests that another body treats, 32)."""
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
            if interpretation.otherwise is None:
                return Verdict(Decision.REPLY, "emergency")
            calm = replace(interpretation, nature=interpretation.otherwise, otherwise=None)
            return decide(calm, thresholds, twins, asked)  # `wording` tells the number before it
        case Nature.PERSONAL_FILE:
            return Verdict(Decision.HANDOVER, "personal_file", service or "standard", choices=_replies(interpretation))
        case Nature.COMPLAINT:
            return Verdict(Decision.HANDOVER, "complaint", "qualite")
        case Nature.WANTS_PERSON:
            return Verdict(Decision.HANDOVER, "wants_person", service or "standard")
        case Nature.OTHER_ADMINISTRATION:
            return _other_body(interpretation, thresholds, asked)
        case Nature.MIXED:
            if interpretation.candidates and interpretation.confidence >= thresholds.sure:
                first = interpretation.candidates[0]
                return Verdict(Decision.REPLY, "mixed", service, first, handed_over_to=service or "standard")
            return Verdict(Decision.HANDOVER, "personal_file", service or "standard", choices=_replies(interpretation))
        case _ if nature in DECLINED:
            return Verdict(Decision.DECLINE, nature.value)
    return _general(interpretation, thresholds, twins or {}, asked)


def _other_body(interpretation: Interpretation, thresholds: Thresholds, asked: Sequence[Sequence[str]]) -> Verdict:
    """The fiche that says where to go, else the name of the body; asks back where one of our fiches may well answer."""
    first = interpretation.candidates[0] if interpretation.candidates else None
    if first and first.fiche and (interpretation.redirects or interpretation.likeness >= thresholds.sure):
        return Verdict(Decision.REPLY, "other_administration", candidate=first)
    choices = _replies(interpretation) if interpretation.confidence >= OURS_AFTER_ALL and not asked else ()
    if choices:
        return Verdict(Decision.CLARIFY, "unsure_reading", interpretation.service, choices[0], choices)
    if interpretation.competent is None:
        return Verdict(Decision.DECLINE, "other_administration")  # "not for us" without a name answers nothing
    return Verdict(Decision.REPLY, "other_administration")


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
