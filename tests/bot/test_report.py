"""The figures of the assistant: each can be recomputed by hand, and says what is missing."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from bot.indicators import Rate, State, figures, latency, wilson
from bot.journal import Holes, Period, entries, holes
from bot.messages import Channel, Decision, Nature
from bot.unanswered import Why, alike, unanswered
from knowledge.database import reading, session
from knowledge.wordforms import Lexicon, default_lexicon
from tests.bot.builders import NOON, Journal
from tests.bot.conftest import Run


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return default_lexicon()


# --- Rates ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    # Published examples: Newcombe (1998), Statistics in Medicine 17, table I.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_intervals_are_those_published_by_newcombe(count: int, total: int, low: float, high: float) -> None:
    assert wilson(count, total) == pytest.approx((low, high), abs=1e-4)


@given(st.integers(1, 10_000).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_an_interval_always_holds_its_rate(pair: tuple[int, int]) -> None:
    count, total = pair
    low, high = wilson(count, total)
    assert 0.0 <= low <= count / total + 1e-12
    assert count / total - 1e-12 <= high <= 1.0


def test_a_rate_without_anything_to_count_is_sans_objet() -> None:
    rate = Rate(0, 0)

    assert (rate.state, rate.share, rate.interval, rate.bounds) == (State.NOT_APPLICABLE, None, None, None)


def test_a_rate_with_missing_rows_says_between_which_bounds_it_is() -> None:
    rate = Rate(3, 8, missing=2)

    assert rate.state is State.INCOMPLETE
    assert rate.bounds == (0.3, 0.5)


def test_latency_is_the_median_and_the_99th_percentile() -> None:
    found = latency([float(value) for value in range(101)])

    assert (found.count, found.median, found.p99) == (101, 50.0, 99.0)
    assert latency([]).median is None


# --- From the journal ----------------------------------------------------------------------------------------------------


def _a_small_journal(engine: Engine) -> None:
    with session(engine) as opened:
        writer = Journal(opened)
        first = writer.exchange(topic="T22", latency_ms=1.0)
        writer.opinion(first, clear=True, helped=True)
        second = writer.exchange(topic="T22", latency_ms=3.0, language="en")
        writer.opinion(second, clear=False)
        writer.exchange(Decision.HANDOVER, "permis bateau", reason="unsure", topic="T40", service="permis", latency_ms=5.0)
        mail = writer.conversation(channel=Channel.MAIL)
        writer.exchange(Decision.CLARIFY, "mon titre", topic="T63", service="migrations", channel=Channel.MAIL, conversation=mail)
        writer.exchange(
            Decision.DECLINE, "bonjour", topic=None, service=None, nature=Nature.SMALL_TALK, conversation=mail, turn=2, channel=Channel.MAIL
        )


def test_every_figure_can_be_recomputed_by_hand(engine: Engine) -> None:
    _a_small_journal(engine)
    with reading(engine) as opened:
        found = figures(entries(opened, Period()), holes(opened, Period()))

    assert (found.exchanges, found.conversations) == (5, 4)
    counted = {decision: (rate.count, rate.total) for decision, rate in found.whole.decisions.items()}
    assert counted == {Decision.REPLY: (2, 5), Decision.CLARIFY: (1, 5), Decision.HANDOVER: (1, 5), Decision.DECLINE: (1, 5)}
    assert [(part.name, part.total) for part in found.by["topic"]] == [("T22", 2), ("T40", 1), ("T63", 1), ("—", 1)]
    assert [(part.name, part.total) for part in found.by["service"]] == [("citoyennete", 2), ("migrations", 1), ("permis", 1), ("—", 1)]
    assert [(part.name, part.total) for part in found.by["channel"]] == [("chat", 3), ("mail", 2)]
    assert [(part.name, part.total) for part in found.by["language"]] == [("fr", 4), ("en", 1)]
    assert [(part.name, part.total) for part in found.by["nature"]] == [("general", 4), ("small_talk", 1)]
    assert (found.resolved.count, found.resolved.total) == (3, 4)
    assert (found.uncertain.count, found.uncertain.total) == (1, 5)
    assert (found.clear.count, found.clear.total) == (1, 2)
    assert (found.helped.count, found.helped.total) == (1, 1)
    assert found.latency.median == 2.0
    assert found.completeness.missing == 0


def test_parts_always_add_up_to_the_whole(engine: Engine) -> None:
    _a_small_journal(engine)
    with reading(engine) as opened:
        found = figures(entries(opened, Period()), holes(opened, Period()))

    for parts in found.by.values():
        for decision, rate in found.whole.decisions.items():
            assert sum(part.decisions[decision].count for part in parts) == rate.count
    assert sum(rate.count for rate in found.whole.decisions.values()) == found.exchanges


def test_a_skipped_number_proves_a_removal_only_where_numbers_cannot_skip() -> None:
    assert figures([], Holes(2, 0, numbers_may_skip=False)).completeness.missing == 2
    assert figures([], Holes(2, 0, numbers_may_skip=True)).completeness.missing == 0
    assert figures([], Holes(2, 1, numbers_may_skip=True)).completeness.missing == 1


# --- Unanswered questions ------------------------------------------------------------------------------------------------


def test_unanswered_questions_are_those_unsure_left_unclear_or_useless(engine: Engine, lexicon: Lexicon) -> None:
    with session(engine) as opened:
        writer = Journal(opened)
        writer.exchange(Decision.HANDOVER, "permis bateau tarif", reason="unsure")
        writer.exchange(Decision.HANDOVER, "mon dossier avance-t-il", reason="personal_file")
        writer.exchange(Decision.CLARIFY, "adresse sur ma carte")
        writer.opinion(writer.exchange(question="chasse ouverture"), clear=False, helped=True)
        writer.opinion(writer.exchange(question="drone au parc"), helped=False)
        writer.opinion(writer.exchange(question="bien répondu"), clear=True, helped=True)
        found = unanswered(entries(opened, Period()), lexicon)

    assert found.total == 4
    assert {group.examples[0]: group.reasons for group in found.groups} == {
        "permis bateau tarif": {Why.UNSURE: 1},
        "adresse sur ma carte": {Why.NO_REPLY: 1},
        "chasse ouverture": {Why.UNCLEAR: 1},
        "drone au parc": {Why.NOT_HELPED: 1},
    }


def test_questions_alike_make_one_group_with_at_most_three_examples(engine: Engine, lexicon: Lexicon) -> None:
    boats = ["permis bateau tarif", "tarif du permis bateau", "tarifs permis bateau ?", "permis bateau, quel tarif", "permis bateau tarif"]
    with session(engine) as opened:
        writer = Journal(opened)
        for question in (*boats, "hérisson dans mon jardin"):
            writer.exchange(Decision.HANDOVER, question, reason="unsure", service="permis")
        first, second = unanswered(entries(opened, Period()), lexicon).groups

    assert (first.size, second.size) == (5, 1)
    assert len(first.examples) == 3
    assert set(first.examples) <= set(boats)
    assert first.services == {"permis": 5}


def test_words_already_forgotten_are_counted_but_not_grouped(engine: Engine, lexicon: Lexicon) -> None:
    with session(engine) as opened:
        writer = Journal(opened)
        for question in ("permis bateau", "drone"):
            writer.exchange(Decision.HANDOVER, question, reason="unsure")
        opened.execute(text("DELETE FROM exchange_text"))
        found = unanswered(entries(opened, Period()), lexicon)

    assert (found.total, found.forgotten, found.groups) == (2, 2, ())


def test_groups_cover_each_question_once_and_never_change(lexicon: Lexicon) -> None:
    dice = random.Random(3)
    words = "permis bateau carte grise drone chasse passeport mineur tarif délai adresse perdu vol titre séjour".split()
    questions = [" ".join(dice.choices(words, k=3)) for _ in range(300)] + ["", "?!", "…", "à"]

    groups = alike(questions, lexicon)

    assert sorted(position for group in groups for position in group) == list(range(len(questions)))
    assert all(len(earlier) >= len(later) for earlier, later in pairwise(groups))
    assert alike(questions, lexicon) == groups
    assert alike([], lexicon) == []


# --- The command ---------------------------------------------------------------------------------------------------------


def test_an_empty_journal_says_so(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("report") == 0
    assert capsys.readouterr().out == "Le journal est vide : aucune question n'a encore été posée.\n"

    assert run("report", "--from", "2026-11-01", "--to", "2026-11-30") == 0
    assert capsys.readouterr().out == "Aucun échange du 01/11/2026 au 30/11/2026.\n"


def test_the_report_shows_the_same_numbers_as_its_file(
    engine: Engine, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _a_small_journal(engine)
    file = tmp_path / "chiffres.json"

    assert run("report", "--json", file) == 0

    told = capsys.readouterr().out
    written = json.loads(file.read_text("utf-8"))
    assert written["decisions"]["reply"] | {"wilson_95": None} == {
        "count": 2,
        "total": 5,
        "share": 0.4,
        "wilson_95": None,
        "state": "value",
        "bounds": None,
    }
    assert written["unanswered"]["total"] == 3
    for shown in ("5 échanges dans 4 conversations", "40,0\u00a0%", "2 / 5", "permis bateau", "réponse pas assez sûre (1)", "Par langue"):
        assert shown in told


def test_only_the_days_asked_are_counted(engine: Engine, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "chiffres.json"
    with session(engine) as opened:
        writer = Journal(opened)
        for days in (-1, 0, 1):
            writer.exchange(instant=NOON + timedelta(days=days))

    assert run("report", "--from", "2026-11-24", "--to", "2026-11-24", "--json", file) == 0

    written = json.loads(file.read_text("utf-8"))
    assert (written["from"], written["to"], written["exchanges"]) == ("2026-11-24", "2026-11-24", 1)


def test_a_period_that_ends_before_it_begins_is_refused(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("report", "--from", "2026-11-30", "--to", "2026-11-01") == 2
    assert "vient après" in capsys.readouterr().err


def test_missing_rows_are_told_with_bounds(engine: Engine, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with session(engine) as opened:
        writer = Journal(opened)
        conversation = writer.conversation()
        writer.exchange(conversation=conversation, turn=1)
        writer.exchange(conversation=conversation, turn=3)

    assert run("report") == 0

    told = capsys.readouterr().out
    assert "Données incomplètes : il manque 1 échange." in told
    assert "entre 66,7\u00a0% et 100,0\u00a0%" in told


def test_what_a_person_typed_is_shown_as_text_and_never_as_formatting(engine: Engine, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with session(engine) as opened:
        Journal(opened).exchange(Decision.HANDOVER, "drone [bold]rouge[/bold] :smile: \x1b[31m", reason="unsure")

    assert run("report") == 0

    told = capsys.readouterr().out
    assert "[bold]rouge[/bold] :smile:" in told
    assert "\x1b[31m" not in told
