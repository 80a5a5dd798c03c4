"""The figures of the report are those anyone can recompute by hand, and the noise is the same every time."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.evaluation import natures, risk
from bot.evaluation.asking import Judgement, Outcome, judge
from bot.evaluation.charts import points, svg
from bot.evaluation.figures import Figure, Unit, auroc, mean, percentile, reliability, share
from bot.evaluation.noise import Noise, noisy
from bot.evaluation.questions import Asked, own
from bot.evaluation.robustness import spoiled
from bot.evaluation.tables import Chart, Series
from bot.messages import Candidate, Decision, Handover, Interpretation, Nature
from bot.policy import Thresholds, Verdict

FICHE = Candidate("cni-perte", ("F1344",), "", 0.9)
OTHER = Candidate("permis-perte", ("F1450",), "", 0.5)
THRESHOLDS = Thresholds(sure=0.5, possible=0.2, close=0.75)


def outcome(asked: Asked, confidence: float, *candidates: Candidate, nature: Nature = Nature.GENERAL) -> Outcome:
    """An outcome of this confidence; what it would be worth is decided by the policy."""
    understood = Interpretation(asked.text, "fr", nature, confidence, candidates)
    return Outcome(asked, Handover(understood, (), "unsure", None))


def covered(confidence: float, right: bool = True) -> Outcome:
    return outcome(Asked("carte perdue", relevant=frozenset({"F1344"})), confidence, *((FICHE, OTHER) if right else (OTHER,)))


def forbidden(confidence: float) -> Outcome:
    return outcome(Asked("météo demain", nature="out_of_scope", expected="decline"), confidence, FICHE)


# --- Figures -------------------------------------------------------------------------------------------------------------


def test_a_share_says_its_value_its_interval_and_its_number() -> None:
    assert str(share([True] * 8 + [False] * 2)) == ".800 [.490–.943] n=10"
    assert str(share([])) == "—"
    assert share([True, True]).high == 1.0


def test_the_area_under_the_curve_counts_pairs_and_half_of_ties() -> None:
    assert auroc([0.9, 0.8, 0.4], [0.1, 0.8]).value == pytest.approx((2 + 1.5 + 1) / 6)
    assert auroc([1.0, 0.9], [0.1]).value == 1.0
    assert auroc([], [0.1]).value is None


def test_the_calibration_error_is_the_mean_distance_of_the_bins() -> None:
    bins, error = reliability([0.2] * 10 + [0.8] * 10, [True] * 3 + [False] * 7 + [True] * 6 + [False] * 4)

    assert [bin.found.n for bin in bins] == [2] * 10
    assert sum(bin.announced for bin in bins) / 10 == pytest.approx(0.5)
    by_hand = np.mean([abs(0.2 - right) for right in (1, 0.5, 0, 0, 0)] + [abs(0.8 - right) for right in (1, 1, 1, 0, 0)])
    assert error.value == pytest.approx(by_hand)


def test_a_confidence_that_tells_the_truth_has_no_calibration_error() -> None:
    assert reliability([1.0] * 10 + [0.0] * 10, [True] * 10 + [False] * 10)[1].value == 0.0


def test_weights_move_the_bins_and_the_error() -> None:
    heavy = reliability([0.9, 0.9], [True, False], [3.0, 1.0])[1].value

    assert heavy == pytest.approx((3 * 0.1 + 1 * 0.9) / 4)


def test_a_mean_and_a_percentile_are_those_of_their_values() -> None:
    assert mean([1.0, 0.5, 0.0]).value == pytest.approx(0.5)
    assert percentile([1.0, 2.0, 3.0], 50).value == 2.0
    assert str(Figure(-3.25, unit=Unit.POINTS)) == "-3.2"


@given(st.lists(st.booleans(), min_size=1))
def test_a_share_is_always_inside_its_interval(hits: list[bool]) -> None:
    found = share(hits)

    assert found.low is not None and found.value is not None and found.high is not None
    assert 0 <= found.low <= found.value <= found.high <= 1


# --- Judgements and the risk-coverage curve ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdict", "worth"),
    [
        (Verdict(Decision.REPLY, "sure", candidate=FICHE), Judgement.RIGHT),
        (Verdict(Decision.REPLY, "sure", candidate=OTHER), Judgement.WRONG),
        (Verdict(Decision.REPLY, "emergency"), Judgement.WRONG),
        (Verdict(Decision.REPLY, "sure", candidate=FICHE, second=OTHER), Judgement.WRONG),
        (Verdict(Decision.CLARIFY, "two_readings", choices=(OTHER, FICHE)), Judgement.OFFERED),
        (Verdict(Decision.CLARIFY, "two_readings", choices=(OTHER,)), Judgement.NOT_ANSWERED),
        (Verdict(Decision.HANDOVER, "unsure"), Judgement.NOT_ANSWERED),
    ],
)
def test_only_a_reply_can_be_wrong(verdict: Verdict, worth: Judgement) -> None:
    assert judge(Asked("carte perdue", relevant=frozenset({"F1344"})), verdict) is worth


def test_an_answer_is_known_by_its_sheet_or_by_its_fiche() -> None:
    by_fiche = Asked("carte perdue", relevant=frozenset({FICHE.fiche or ""}))

    assert by_fiche.is_right(FICHE)
    assert not by_fiche.is_right(OTHER)


def test_what_a_reader_accepts_is_measured_apart_from_what_the_writer_named(tmp_path: Path) -> None:
    read_rows = '{"query": "carte perdue", "relevant": ["F1344"], "judged": ["cni-perte"], "part": "aside"}\n'
    (tmp_path / "unseen.jsonl").write_text(read_rows + '{"query": "permis perdu", "relevant": ["F1450"], "part": "aside"}\n', "utf-8")

    sets = own(tmp_path)

    assert [one.text for one in sets["unseen"]] == ["carte perdue", "permis perdu"]
    (strict,) = sets["unseen_judged"]
    assert strict.is_right(FICHE)
    assert not strict.is_right(Candidate("cni-vol", ("F1344",), "", 0.9))


def test_another_service_or_number_that_readers_find_right_is_counted_apart() -> None:
    file = Asked("mon badge", nature="personal_file", service="standard", services_accepted=frozenset({"standard", "communication"}))
    fire = Asked("ça brûle", nature="emergency", emergency="18", numbers_accepted=frozenset({"18", "112"}))
    unread = Asked("mon permis", nature="personal_file", service="permis")
    alarm = Interpretation(fire.text, "fr", Nature.EMERGENCY, 0.9, emergency="112")
    sent = [(file, outcome(file, 0.9), "communication"), (unread, outcome(unread, 0.9), "permis")]
    outcomes = [Outcome(asked, replace(one.answer, service=service)) for asked, one, service in sent]
    (grave, *_) = natures.part([*outcomes, Outcome(fire, Handover(alarm, (), "emergency", None))], []).tables
    told = {row["key"]: row["tuned"] for row in grave.rows}

    assert [(told[key].value, told[key].n) for key in ("personal_service", "personal_accepted")] == [(0.5, 2), (1.0, 1)]
    assert [(told[key].value, told[key].n) for key in ("emergency_number", "emergency_accepted")] == [(0.0, 1), (1.0, 1)]


def test_any_reply_to_what_must_not_be_answered_is_wrong() -> None:
    asked = Asked("où en est mon dossier", relevant=frozenset({"F1344"}), expected="handover")

    assert judge(asked, Verdict(Decision.REPLY, "sure", candidate=FICHE)) is Judgement.WRONG


def test_a_phrasing_is_answered_by_its_own_fiche_only() -> None:
    twin = Candidate("cni-vol", ("F1344",), "", 0.9)

    assert Asked("perdue", fiche="cni-perte").is_right(FICHE)
    assert not Asked("perdue", fiche="cni-perte").is_right(twin)


def curve(inside: Sequence[Outcome], outside: Sequence[Outcome], grid: Sequence[float]) -> risk.Curve:
    return risk.curve(risk.sweep(inside, THRESHOLDS, {}, grid), risk.sweep(outside, THRESHOLDS, {}, grid))


def test_coverage_and_risk_are_those_counted_by_hand() -> None:
    inside, outside = [covered(0.9), covered(0.6), covered(0.6, right=False), covered(0.02)], [forbidden(0.7), forbidden(0.05)]

    found = curve(inside, outside, (0.5, 0.65, 0.8))

    assert found.at_once.tolist() == [0.5, 0.25, 0.25]
    assert found.after_one.tolist() == [0.75, 0.75, 0.75]  # two are asked back, with the right reading among the choices
    assert found.wrong.tolist() == pytest.approx([2 / 3 * 1 / 4 + 1 / 3 * 1 / 2, 1 / 3 * 1 / 2, 0.0])


def test_the_best_threshold_answers_most_within_the_risk() -> None:
    found = curve([covered(0.9), covered(0.6, right=False)], [], (0.0, 0.5, 0.7, 1.01))

    assert risk.best_under(found, 0.01) == 2
    assert risk.best_under(found, 0.5) == 0
    assert risk.best_under(curve([covered(0.9, right=False)], [], (0.5,)), 0.01) is None


def test_without_forbidden_questions_the_risk_is_that_of_the_others() -> None:
    assert curve([covered(0.6, right=False), covered(0.6)], [], (0.5,)).wrong.tolist() == [0.5]


# --- Noise ---------------------------------------------------------------------------------------------------------------

QUESTION = "Bonjour, j'ai perdu ma carte d'identité hier, est-ce que je dois faire une déclaration avant de la demander à nouveau ?"
SECOND = "Combien coûte un passeport ?"


@pytest.mark.parametrize("kind", Noise)
def test_each_noise_changes_what_is_said_and_always_in_the_same_way(kind: Noise) -> None:
    assert noisy(QUESTION, kind, SECOND) == noisy(QUESTION, kind, SECOND) != QUESTION


@given(st.text(max_size=80), st.sampled_from(list(Noise)))
def test_no_text_breaks_the_noise(text: str, kind: Noise) -> None:
    assert isinstance(noisy(text, kind, "Et le prix ?"), str)


def test_missing_accents_leave_every_letter() -> None:
    assert noisy("Où renouveler mon œuvre à Noël, ça coûte ?", Noise.ACCENTS) == "Ou renouveler mon oeuvre a Noel, ca coute ?"


def test_a_recogniser_at_twenty_percent_changes_twice_as_many_words_as_at_ten() -> None:
    words = ["dossier", "voiture", "passeport", "demande", "adresse"] * 40
    text = " ".join(words)

    heard = {kind: noisy(text, kind).split() for kind in (Noise.HEARD_10, Noise.HEARD_20)}
    kept = {kind: sum(word in found_at(found, place) for place, word in enumerate(words)) for kind, found in heard.items()}

    assert kept[Noise.HEARD_10] > kept[Noise.HEARD_20] > 100


def found_at(found: Sequence[str], place: int) -> Sequence[str]:
    """The words heard around a place: words dropped, joined or added shift the others."""
    return found[max(0, place - 6) : place + 7]


def test_a_long_mail_holds_the_question_word_for_word() -> None:
    written = noisy(QUESTION, Noise.MAIL)

    assert QUESTION in written
    assert len(written) > 3 * len(QUESTION)


def test_two_questions_in_one_are_answered_by_either() -> None:
    asked = [Asked("Perdue ?", relevant=frozenset({"F1"})), Asked("Volée ?", relevant=frozenset({"F2"}))]

    joined = spoiled(asked, Noise.TWO)

    assert all("Perdue" in one.text and "Volée" in one.text and one.relevant == {"F1", "F2"} for one in joined)


# --- Charts --------------------------------------------------------------------------------------------------------------


def test_a_chart_is_named_described_and_told_in_figures_without_being_seen() -> None:
    chart = Chart("risk", "Risk & <coverage>", "What it shows.", "x", "y", (Series("ours", ((0.0, 0.0), (1.0, 0.5))),))

    root = ElementTree.fromstring(svg(chart))

    names = {element.tag.rpartition("}")[2]: element for element in root}
    assert root.attrib["role"] == "img" and root.attrib["aria-labelledby"] == "risk-title risk-desc"
    assert names["title"].text == "Risk & <coverage>" and names["desc"].text == "What it shows."
    assert points(chart) == [("ours", [("0.000", "0.000"), ("1.000", "0.500")])]


def test_a_long_curve_is_told_in_twelve_points_its_ends_among_them() -> None:
    series = Series("ours", tuple((number / 100, 0.5) for number in range(101)))

    ((_, told),) = points(Chart("c", "t", "d", "x", "y", (series,)))

    assert len(told) == 12
    assert (told[0][0], told[-1][0]) == ("0.000", "1.000")
