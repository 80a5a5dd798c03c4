"""The decision: the table of natures of the architecture, whatever the confidence."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.messages import Candidate, Decision, Interpretation, Nature
from bot.policy import DECLINED, MOST_CHOICES, Thresholds, Verdict, decide

THRESHOLDS = Thresholds(sure=0.6, possible=0.2, close=0.75)
NATURES = st.sampled_from(list(Nature))
SCORES = st.floats(0, 1)
CANDIDATES = st.lists(
    st.builds(
        Candidate,
        fiche=st.none() | st.sampled_from(["a", "b", "c", "d"]),
        service_public=st.just(("F1",)),
        url=st.just("https://www.service-public.gouv.fr/F1"),
        score=SCORES,
    ),
    max_size=10,
).map(lambda found: tuple(sorted(found, key=lambda candidate: -candidate.score)))
ASKED = st.lists(st.lists(st.sampled_from("abcd"), max_size=3), max_size=3)
TWINS = {"a": frozenset({"b"}), "b": frozenset({"a"})}


def understood(
    nature: Nature = Nature.GENERAL,
    confidence: float = 0.9,
    candidates: tuple[Candidate, ...] | None = None,
    service: str | None = "permis",
) -> Interpretation:
    found = (_candidate("a", confidence),) if candidates is None else candidates
    return Interpretation("permis perdu", "fr", nature, confidence, found, service=service, likeness=confidence)


def _candidate(fiche: str | None, score: float) -> Candidate:
    return Candidate(fiche, ("F1",), "https://www.service-public.gouv.fr/F1", score)


INTERPRETATIONS = st.builds(
    Interpretation,
    text=st.just("permis perdu"),
    language=st.sampled_from(["fr", "en", "zh"]),
    nature=NATURES,
    confidence=SCORES,
    candidates=CANDIDATES,
    service=st.none() | st.just("permis"),
    likeness=SCORES,
    competent=st.none() | st.just("mairie"),
    redirects=st.booleans(),
)


@pytest.mark.parametrize(
    ("nature", "decision", "reason", "service"),
    [
        (Nature.GENERAL, Decision.REPLY, "sure", "permis"),
        (Nature.MIXED, Decision.REPLY, "mixed", "permis"),
        (Nature.PERSONAL_FILE, Decision.HANDOVER, "personal_file", "permis"),
        (Nature.COMPLAINT, Decision.HANDOVER, "complaint", "qualite"),
        (Nature.WANTS_PERSON, Decision.HANDOVER, "wants_person", "permis"),
        (Nature.OTHER_ADMINISTRATION, Decision.REPLY, "other_administration", None),
        (Nature.EMERGENCY, Decision.REPLY, "emergency", None),
        *((nature, Decision.DECLINE, nature.value, None) for nature in sorted(DECLINED)),
    ],
)
def test_each_nature_has_its_decision(nature: Nature, decision: Decision, reason: str, service: str | None) -> None:
    verdict = decide(replace(understood(nature), competent="mairie", redirects=True), THRESHOLDS)

    assert (verdict.decision, verdict.reason, verdict.service) == (decision, reason, service)


def test_every_nature_is_in_the_table() -> None:
    assert DECLINED | {
        Nature.GENERAL,
        Nature.MIXED,
        Nature.PERSONAL_FILE,
        Nature.COMPLAINT,
        Nature.WANTS_PERSON,
        Nature.OTHER_ADMINISTRATION,
        Nature.EMERGENCY,
    } == set(Nature)


@given(INTERPRETATIONS, ASKED)
def test_a_personal_file_is_never_answered_whatever_the_confidence(interpretation: Interpretation, asked: list[list[str]]) -> None:
    verdict = decide(interpretation, THRESHOLDS, TWINS, asked)

    if interpretation.nature in (Nature.PERSONAL_FILE, Nature.COMPLAINT, Nature.WANTS_PERSON):
        assert verdict.decision is Decision.HANDOVER
        assert verdict.candidate is None
    if interpretation.nature in DECLINED:
        assert verdict.decision is Decision.DECLINE
    if interpretation.nature is Nature.EMERGENCY:
        assert verdict.reason == "emergency"


@given(INTERPRETATIONS, ASKED)
def test_a_doubtful_emergency_is_treated_as_what_it_is_otherwise(interpretation: Interpretation, asked: list[list[str]]) -> None:
    otherwise = decide(interpretation, THRESHOLDS, TWINS, asked)
    doubtful = replace(interpretation, nature=Nature.EMERGENCY, otherwise=interpretation.nature)

    assert decide(doubtful, THRESHOLDS, TWINS, asked) == otherwise
    assert decide(replace(doubtful, otherwise=None), THRESHOLDS, TWINS, asked) == Verdict(Decision.REPLY, "emergency")


def test_another_body_is_told_by_the_fiche_that_knows_it_or_by_its_name() -> None:
    assert decide(understood(Nature.OTHER_ADMINISTRATION, confidence=0.9), THRESHOLDS).candidate == _candidate("a", 0.9)
    far = understood(Nature.OTHER_ADMINISTRATION, confidence=0.05)
    assert decide(replace(far, competent="mairie", redirects=True), THRESHOLDS).candidate == _candidate("a", 0.05)
    assert decide(replace(far, competent="mairie"), THRESHOLDS).candidate is None
    unnamed = decide(far, THRESHOLDS)
    assert (unnamed.decision, unnamed.reason) == (Decision.DECLINE, "other_administration")


def test_who_may_be_at_the_right_door_after_all_is_asked_back_once() -> None:
    ours = replace(understood(Nature.OTHER_ADMINISTRATION, confidence=0.2), competent="mairie")
    asked = decide(ours, THRESHOLDS)
    assert (asked.decision, [choice.fiche for choice in asked.choices]) == (Decision.CLARIFY, ["a"])
    assert decide(ours, THRESHOLDS, asked=[["a"]]).decision is Decision.REPLY


@given(INTERPRETATIONS, ASKED)
def test_every_verdict_can_be_worded(interpretation: Interpretation, asked: list[list[str]]) -> None:
    verdict = decide(interpretation, THRESHOLDS, TWINS, asked)

    match verdict.decision:
        case Decision.HANDOVER:
            assert verdict.service
        case Decision.CLARIFY:
            assert 1 <= len(verdict.choices) <= MOST_CHOICES
            assert all(choice.fiche for choice in verdict.choices)
        case Decision.REPLY:
            assert verdict.candidate or verdict.reason in ("emergency", "other_administration")
        case Decision.DECLINE:
            assert verdict.candidate is None


@given(INTERPRETATIONS)
def test_nothing_general_is_answered_under_the_sure_threshold(interpretation: Interpretation) -> None:
    verdict = decide(interpretation, THRESHOLDS, TWINS)

    if interpretation.nature in (Nature.GENERAL, Nature.MIXED) and interpretation.confidence < THRESHOLDS.sure:
        assert verdict.decision is not Decision.REPLY


def test_an_unsure_mixed_request_is_handed_over_as_a_personal_file() -> None:
    assert decide(understood(Nature.MIXED, 0.3), THRESHOLDS).reason == "personal_file"


def test_a_sure_mixed_request_is_answered_and_its_personal_part_handed_over() -> None:
    verdict = decide(understood(Nature.MIXED, 0.9), THRESHOLDS)

    assert verdict.candidate is not None
    assert verdict.handed_over_to == "permis"


def test_between_the_thresholds_the_first_fiches_are_offered() -> None:
    found = tuple(_candidate(fiche, 0.4 - number / 100) for number, fiche in enumerate(("a", None, "b", "c", "d")))

    verdict = decide(understood(confidence=0.4, candidates=found), THRESHOLDS)

    assert verdict.decision is Decision.CLARIFY
    assert [choice.fiche for choice in verdict.choices] == ["a", "b", "c"]


def test_twins_that_are_close_are_told_apart_even_when_sure() -> None:
    found = (_candidate("a", 0.9), _candidate("b", 0.85))

    assert decide(understood(candidates=found), THRESHOLDS, TWINS).reason == "two_readings"
    assert decide(understood(candidates=found), THRESHOLDS).reason == "sure"


def test_the_same_thing_is_never_asked_twice_nor_three_times_anything() -> None:
    twins = (_candidate("a", 0.9), _candidate("b", 0.85))

    assert decide(understood(candidates=twins), THRESHOLDS, TWINS, [["b", "a"]]).decision is Decision.REPLY
    assert decide(understood(confidence=0.4), THRESHOLDS, TWINS, [["a", "c"]]).decision is Decision.HANDOVER
    assert decide(understood(confidence=0.4), THRESHOLDS, TWINS, [["c", "d"]]).decision is Decision.HANDOVER
    assert decide(understood(confidence=0.55), THRESHOLDS, TWINS, [["c", "d"]]).decision is Decision.CLARIFY
    assert decide(understood(confidence=0.55), THRESHOLDS, TWINS, [["c"], ["d"]]).decision is Decision.HANDOVER


def test_when_nothing_can_be_offered_a_person_is() -> None:
    only_sheets = (_candidate(None, 0.4),)

    for candidates in ((), only_sheets):
        verdict = decide(understood(confidence=0.4, candidates=candidates, service=None), THRESHOLDS)
        assert (verdict.decision, verdict.reason, verdict.service) == (Decision.HANDOVER, "unsure", "standard")


@pytest.mark.parametrize(("score", "both"), [(0.95, True), (0.3, False)])
def test_a_second_question_is_answered_only_when_it_is_sure_too(score: float, both: bool) -> None:
    asked = replace(understood(candidates=(_candidate("a", 0.9),)), second=_candidate("b", score))

    assert (decide(asked, THRESHOLDS).second is not None) == both


@given(INTERPRETATIONS, SCORES)
def test_a_second_question_is_never_answered_without_the_first(first: Interpretation, score: float) -> None:
    verdict = decide(replace(first, second=_candidate("b", score)), THRESHOLDS, TWINS)

    assert verdict.second is None or verdict.decision is Decision.REPLY


def test_a_choice_that_hardly_anything_speaks_for_is_not_offered() -> None:
    candidates = (_candidate("a", 0.5), _candidate("b", 0.2), _candidate("c", 0.02))

    verdict = decide(understood(confidence=0.5, candidates=candidates), THRESHOLDS)

    assert verdict.decision is Decision.CLARIFY
    assert [choice.fiche for choice in verdict.choices] == ["a", "b"]
