"""Which choice of a clarification a person names, by its place or in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.assistant import Assistant
from bot.engines.picking import MOST_BY_RANK, picked
from knowledge.wordforms import Lexicon
from tests.texts import ANY_TEXT

RENEWAL = {
    "first": "pour une première demande Carte nationale d'identité : première demande",
    "renewal": "pour renouveler une carte que vous avez encore Carte nationale d'identité : renouvellement",
    "child": "pour la carte d'identité d'un enfant Carte nationale d'identité d'un mineur",
}


@pytest.fixture(scope="module")
def lexicon(assistant: Assistant) -> Lexicon:
    return assistant.catalogue.lexicon


@pytest.mark.parametrize(
    ("said", "choice"),
    [
        ("1", "first"),
        ("la première", "first"),
        ("le deuxième svp", "renewal"),
        ("choix 2", "renewal"),
        ("la dernière", "child"),
        ("the second one", None),
        ("renouvellement", "renewal"),
        ("c'est pour un renouvellement", "renewal"),
        ("plutôt pour mon fils", "child"),
        ("une première demande", "first"),
        ("les deux", None),
        ("aucune des trois", None),
        ("non", None),
        ("la carte d'identité", None),
        ("4", None),
        ("pourquoi ma demande de renouvellement a été refusée", None),
        ("et le permis de conduire ?", None),
        ("", None),
    ],
)
def test_a_choice_is_named_by_its_place_or_in_words(lexicon: Lexicon, said: str, choice: str | None) -> None:
    assert picked(said, RENEWAL, lexicon) == choice


@given(said=ANY_TEXT, count=st.integers(0, 3))
def test_what_is_picked_was_offered(assistant: Assistant, said: str, count: int) -> None:
    offered = dict(list(RENEWAL.items())[:count])

    assert picked(said, offered, assistant.catalogue.lexicon) in {None, *offered}


@pytest.mark.parametrize(("said", "choice"), [("oui", "first"), ("oui c'est ça", "first"), ("yes", "first"), ("non", None)])
def test_yes_is_the_only_choice(lexicon: Lexicon, said: str, choice: str | None) -> None:
    assert picked(said, {"first": RENEWAL["first"]}, lexicon) == choice
    assert picked("oui", RENEWAL, lexicon) is None


def test_a_long_message_names_no_choice_by_its_place(lexicon: Lexicon) -> None:
    assert picked("1 " * (MOST_BY_RANK + 1), RENEWAL, lexicon) is None


def test_near_twins_are_picked_by_the_words_of_their_own_button(assistant: Assistant) -> None:
    catalogue = assistant.catalogue
    missed = []
    for first, others in catalogue.neighbours.items():
        for second in others:
            pair = [catalogue.fiches[first], catalogue.fiches[second]]
            named = {fiche.id: f"{fiche.contrast or ''} {fiche.title}" for fiche in pair}
            if picked(pair[0].contrast or "", named, catalogue.lexicon) not in (first, None):
                missed.append((first, second))

    assert missed == []
