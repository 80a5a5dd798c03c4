"""How texts and questions are read: the same word however it is typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.wordforms import CONCEPT, Lexicon, character_grams, clean, default_lexicon, fold_word, folded_words
from tests.texts import ANY_TEXT

LEXICON = Lexicon(
    abbreviations={"cni": ("carte", "identite"), "slt": ("salut",)},
    fillers=frozenset({"salut", "svp", "je", "voudrais"}),
    concepts={"perte": ["perdu", "perte de", "ne retrouve plus"], "carte_identite": ["carte d'identité"]},
)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("Carte d'IDENTITÉ", ["carte", "d", "identite"]),
        ("carte d’identité", ["carte", "d", "identite"]),
        ("œuvre ex æquo", ["oeuvre", "ex", "aequo"]),
        ("carte\u200bgrise\u00a0ok", ["carte", "grise", "ok"]),
        ("permis…de_conduire!!!", ["permis", "de", "conduire"]),
        ("c combien 25€", ["c", "combien", "25"]),
        ("\x00\x1b[31m rouge", ["31m", "rouge"]),
        ("", []),
        ("🚗🚙 !!!", []),
    ],
)
def test_words_are_the_same_whatever_the_typing(typed: str, words: list[str]) -> None:
    assert folded_words(typed) == words


def test_a_word_typed_decomposed_is_the_composed_one() -> None:
    assert fold_word("e\u0301tranger") == fold_word("étranger") == "etranger"


@pytest.mark.parametrize(
    "pair", [("perdu", "perdue"), ("permis", "permis"), ("carte", "cartes"), ("mineur", "mineurs"), ("renouveler", "renouvelé")]
)
def test_forms_of_one_word_share_their_stem(pair: tuple[str, str]) -> None:
    first, second = (LEXICON.stem(fold_word(word)) for word in pair)
    assert first == second


def test_abbreviations_are_expanded_and_fillers_left_out() -> None:
    assert LEXICON.read("slt je voudrais cni svp").words == ("carte", "identite")


def test_a_text_made_of_fillers_keeps_them() -> None:
    assert LEXICON.read("slt svp").words == ("salut", "svp")


def test_concepts_are_recognised_in_the_order_of_their_words_whatever_the_articles() -> None:
    assert LEXICON.read("la carte d'identité que je ne retrouve plus").concepts == {f"{CONCEPT}carte_identite", f"{CONCEPT}perte"}
    assert LEXICON.read("identité de la carte").concepts == frozenset()


def test_each_concept_counts_once() -> None:
    assert LEXICON.read("perdu perdu perdu").terms.count(f"{CONCEPT}perte") == 1


def test_misspelled_words_meet_the_trusted_ones() -> None:
    trusting = LEXICON.trusting({"passeport": 3, "identite": 2})

    assert trusting.read("paseport").words == ("passeport",)
    assert LEXICON.read("paseport").words == ("paseport",)


def test_grams_mark_both_edges_of_a_word() -> None:
    assert character_grams(["cni"]) == ["<cn", "cni", "ni>", "<cni", "cni>", "<cni>"]
    assert character_grams(["à"]) == ["<à>"]
    assert character_grams([]) == []


def test_the_shipped_lexicon_reads_an_sms_as_a_sentence() -> None:
    lexicon = default_lexicon()

    assert lexicon.read("g perdu ma cni").concepts & lexicon.read("j'ai perdu ma carte d'identité").concepts


@given(ANY_TEXT)
def test_any_text_is_read_and_cleaning_twice_changes_nothing(text: str) -> None:
    reading = LEXICON.read(text)

    assert len(reading.terms) >= len(reading.words)
    assert clean(clean(text)) == clean(text)
    clean(text).encode()


@given(st.lists(st.sampled_from(["cni", "perdu", "svp", "x", "1"]), max_size=6))
def test_reading_the_words_kept_gives_them_back(words: list[str]) -> None:
    kept = LEXICON.read(" ".join(words)).words
    assert LEXICON.read(" ".join(kept)).words == kept
