"""Fiches asked about with the same words are found before publication, and must be told apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.twins import TWINS, pairs, typical_of

TERMS = st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=4), min_size=1, max_size=4)


@given(st.dictionaries(st.text("xyz", min_size=1, max_size=3), TERMS, max_size=6))
def test_a_pair_is_told_once_and_its_likeness_is_a_cosine(terms: dict[str, list[list[str]]]) -> None:
    found = list(pairs(typical_of(terms), list(terms), 0.0))

    assert len({frozenset((pair.first, pair.second)) for pair in found}) == len(found)
    assert all(pair.first != pair.second and -1e-6 <= pair.likeness <= 1 + 1e-5 for pair in found)


def test_the_same_words_make_twins_and_others_do_not() -> None:
    terms = {
        "lost": [["carte", "perdu"], ["carte", "egare"]],
        "mislaid": [["carte", "perdu"], ["carte", "egare"]],
        "vote": [["vote", "procuration"]],
    }
    found = list(pairs(typical_of(terms), list(terms)))

    assert [(pair.first, pair.second) for pair in found] == [("lost", "mislaid")]
    assert found[0].likeness == pytest.approx(1.0, abs=1e-5)
    assert TWINS < 1


def test_an_official_sheet_has_no_twin() -> None:
    terms = {"one": [["a"]], "sheet": [["a"]]}

    assert list(pairs(typical_of(terms), ["one", None])) == []
