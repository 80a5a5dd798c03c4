"""Whoever gives an age seldom says "mineur" or "adulte": the age says it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.ages import OLDEST, age
from knowledge.wordforms import default_lexicon, folded_words
from tests.texts import ANY_TEXT

TOLD = {
    "passeport de mon fils (8 ans)": 8,
    "le passeport du petit on l'a perdu il a neuf ans": 9,
    "notre dernier a huit mois": 8 / 12,
    "ma nièce elle a quatorze ans": 14,
    "ma fille de dix-sept ans": 17,
    "enfant 12ans pas français": 12,
    "à 16 ans ma fille voudrait conduire": 16,
    "mon fils vient d'avoir 18 ans": 18,
    "notre bébé aura 6 mois en mai": 0.5,
    "jé 32 an et pas de carte": 32,
    "j'ai soixante-douze ans": 72,
    "une personne âgée de 80 ans": 80,
}
NOT_AN_AGE = [
    "il y a 5 ans",
    "mon fils est ici il y a 3 ans",
    "j'ai 3 ans de présence en France",
    "ma carte de 10 ans",
    "mon fils a une carte de 10 ans",
    "j'attends depuis 8 mois",
    "ma voiture a 5 ans",
    "mon fils a 3 mois de retard",
    "j'ai 3 mois pour le faire",
    "pendant mes 6 mois en France",
    "ans",
]


@pytest.mark.parametrize(("text", "years"), TOLD.items())
def test_an_age_is_heard_in_the_words_of_people(text: str, years: float) -> None:
    assert age(folded_words(text)) == pytest.approx(years)


@pytest.mark.parametrize("text", NOT_AN_AGE)
def test_a_duration_is_no_age(text: str) -> None:
    assert age(folded_words(text)) is None


@pytest.mark.parametrize("text", ["passeport de mon fils, il a 9 ans", "ma fille aura 16 ans en juin"])
def test_under_eighteen_the_question_is_about_a_minor(text: str) -> None:
    assert {"~mineur"} <= default_lexicon().read(text).concepts


def test_a_son_of_twenty_is_an_adult() -> None:
    concepts = default_lexicon().read("mon fils de 20 ans a perdu son passeport").concepts

    assert "~adulte" in concepts
    assert "~mineur" not in concepts


@given(written=ANY_TEXT)
def test_any_text_tells_an_age_of_somebody_or_none(written: str) -> None:
    years = age(folded_words(written))

    assert years is None or 0 < years <= OLDEST


@given(number=st.integers(1, OLDEST))
def test_every_age_is_read_in_figures(number: int) -> None:
    assert age(["mon", "fils", "a", str(number), "ans"]) == number
