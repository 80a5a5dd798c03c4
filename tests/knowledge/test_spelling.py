"""Misspelled words find the word they stand for; right ones are left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.spelling import SHORTEST, Speller, sound

TRUSTED = {
    "passeport": 9,
    "nationalite": 7,
    "permis": 12,
    "immatriculation": 5,
    "rendez": 3,
    "carte": 30,
    "carton": 1,
    "prefecture": 20,
    "conduire": 8,
    "l34": 1,
}


@pytest.fixture
def speller() -> Speller:
    return Speller(TRUSTED)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("paseport", "passeport"),
        ("passport", "passeport"),
        ("nationaliter", "nationalite"),
        ("nassionalite", "nationalite"),
        ("permi", "permis"),
        ("imatriculation", "immatriculation"),
        ("immatriculasion", "immatriculation"),
        ("prefectur", "prefecture"),
        ("condwire", "conduire"),
    ],
)
def test_a_misspelled_word_finds_the_trusted_one(speller: Speller, written: str, meant: str) -> None:
    assert speller.correct(written) == meant


@pytest.mark.parametrize("written", ["passeport", "carte", "cni", "xylophone", "12345", "l34", "été", "permis2"])
def test_a_word_that_is_right_short_or_foreign_is_left_alone(speller: Speller, written: str) -> None:
    assert speller.correct(written) is None


def test_of_two_words_as_near_the_commoner_is_meant() -> None:
    assert Speller({"carde": 1, "carte": 30}).correct("carpe") in {"carde", "carte"}
    assert Speller({"titres": 1, "titre": 50}).correct("titree") == "titre"


@pytest.mark.parametrize(("one", "other"), [("paseport", "passeport"), ("nationaliter", "nationalite"), ("fotografie", "photographie")])
def test_words_pronounced_alike_share_a_sound(one: str, other: str) -> None:
    assert sound(one) == sound(other)


@given(st.text(max_size=40))
def test_any_word_can_be_asked_and_only_a_trusted_word_is_given(word: str) -> None:
    found = Speller(TRUSTED).correct(word)
    assert found is None or found in TRUSTED


@given(st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=12))
def test_asking_twice_gives_the_same_word(word: str) -> None:
    speller = Speller(TRUSTED)
    assert speller.correct(word) == speller.correct(word)
    assert len(word) >= SHORTEST or speller.correct(word) is None
