"""The nature of a request, weighed: words, meaning, clauses, and how well a fiche answers."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.assistant import Assistant
from bot.engines.embedded import EmbeddedEngine
from bot.engines.sense import Sense
from bot.engines.shipped import SHIPPED
from bot.engines.weighing import (
    LEAST_DOUBT,
    LEAST_EMERGENCY,
    LEAST_EMERGENCY_ELSEWHERE,
    LEAST_EMERGENCY_UNTAUGHT,
    MORE_GENERAL,
    NATURES,
    SIGNS,
    Clues,
    Weigher,
    likeliest,
    signs,
)
from bot.errors import ModelsMissing
from bot.messages import Nature

_WEIGHER = Weigher.load()
SHARES = st.dictionaries(st.sampled_from(NATURES), st.floats(0, 1))
CLUES = st.builds(
    Clues,
    words=SHARES,
    meaning=st.none() | SHARES,
    clauses=st.lists(SHARES, max_size=4),
    likeness=st.floats(0, 1),
    asks_a_way=st.booleans(),
    length=st.integers(1, 500),
    foreign=st.booleans(),
    follows=st.booleans(),
    continues=st.booleans(),
)


@pytest.fixture(scope="module")
def engine(assistant: Assistant) -> EmbeddedEngine:
    assert isinstance(assistant.engine, EmbeddedEngine)
    return assistant.engine


@given(CLUES)
def test_whatever_is_known_the_shares_of_natures_add_up_to_one(clues: Clues) -> None:
    shares = _WEIGHER.shares(clues)
    assert len(signs(clues)) == len(SIGNS)
    assert sum(shares.values()) == pytest.approx(1.0)
    assert all(0 <= share <= 1 for share in shares.values())


def test_a_question_about_nothing_in_particular_is_general_rather_than_anything_else_that_is_calm(engine: EmbeddedEngine) -> None:
    """Among what people ask, general questions are more frequent than among the examples, half of which are there for being hard."""
    clues = engine.clues("la préfecture ouvre à quelle heure le lundi")
    assert clues is not None
    unmoved = replace(engine.weigher, prior=1.0).shares(clues)
    shares = engine.weigher.shares(clues)

    assert shares[Nature.EMERGENCY] == pytest.approx(unmoved[Nature.EMERGENCY])
    assert shares[Nature.GENERAL] / shares[Nature.PERSONAL_FILE] == pytest.approx(
        MORE_GENERAL * unmoved[Nature.GENERAL] / unmoved[Nature.PERSONAL_FILE]
    )


def test_every_nature_of_the_examples_can_be_found() -> None:
    assert set(_WEIGHER.natures) == set(NATURES)


def test_a_doubt_is_enough_for_an_emergency_and_must_be_greater_in_other_languages() -> None:
    doubtful = {Nature.GENERAL: 1 - LEAST_EMERGENCY, Nature.EMERGENCY: LEAST_EMERGENCY}
    assert likeliest(doubtful) is Nature.EMERGENCY
    assert LEAST_EMERGENCY < LEAST_EMERGENCY_ELSEWHERE < LEAST_EMERGENCY_UNTAUGHT
    assert likeliest(doubtful, foreign=True) is Nature.GENERAL
    less = {Nature.GENERAL: 1 - LEAST_EMERGENCY_ELSEWHERE, Nature.EMERGENCY: LEAST_EMERGENCY_ELSEWHERE}
    assert likeliest(less, foreign=True) is Nature.EMERGENCY
    assert likeliest(less, foreign=True, taught=False) is Nature.GENERAL
    assert likeliest({Nature.GENERAL: 0.9, Nature.EMERGENCY: 0.1}) is Nature.GENERAL


@pytest.mark.parametrize(
    ("shares", "nature"),
    [
        ({Nature.GENERAL: 1 - LEAST_DOUBT, Nature.PERSONAL_FILE: LEAST_DOUBT}, Nature.PERSONAL_FILE),
        ({Nature.GENERAL: 0.7, Nature.MIXED: 0.2, Nature.PERSONAL_FILE: 0.1}, Nature.MIXED),
        ({Nature.GENERAL: 0.9, Nature.PERSONAL_FILE: 0.1}, Nature.GENERAL),
        ({Nature.OUT_OF_SCOPE: 0.5, Nature.PERSONAL_FILE: 0.3, Nature.GENERAL: 0.2}, Nature.OUT_OF_SCOPE),
    ],
)
def test_a_question_with_a_doubt_about_a_file_is_not_a_general_one(shares: dict[Nature, float], nature: Nature) -> None:
    assert likeliest(shares) is nature


def test_the_better_a_fiche_answers_the_more_general_the_same_words_are(engine: EmbeddedEngine) -> None:
    clues = engine.clues("mon passeport a pris l'eau, je pars dans une semaine")
    assert clues is not None
    general = [engine.weigher.shares(replace(clues, likeness=likeness))[Nature.GENERAL] for likeness in (0.05, 0.5, 0.95)]
    assert general == sorted(general)


@pytest.mark.parametrize(
    "said",
    [
        "Bonjour, je voulais renouveler mon titre de séjour mais là mon père vient de tomber dans l'escalier et il ne répond plus",
        "c'est pour la carte grise de mon scooter, et au fait il y a des flammes qui sortent du garage du voisin",
        "proszę pomóc, mąż nie oddycha",
        "au secours mon père est coincé sous le tracteur",
        "venez vite au secours il y a de la fumée dans tout l'immeuble",
    ],
)
def test_a_danger_is_heard_after_a_procedure_and_in_other_languages(engine: EmbeddedEngine, said: str) -> None:
    assert engine.interpret(said).nature is Nature.EMERGENCY


@pytest.mark.parametrize(
    "said",
    [
        "mon mari tient un bar, jusqu'à quelle heure a-t-il le droit d'ouvrir",
        "je suis sourde, comment prendre rendez-vous pour un passeport",
        "mon fils est mineur et son passeport a expiré",
        "ma béchamel a fait des grumeaux, au secours",
        "mon compte est verrouillé au secours",
        "feu mon père avait un fusil de chasse, que dois-je en faire",
    ],
)
def test_the_words_of_a_danger_in_a_procedure_alarm_nobody(engine: EmbeddedEngine, said: str) -> None:
    assert engine.interpret(said).nature is not Nature.EMERGENCY


def test_with_another_encoder_the_meaning_says_nothing_and_the_rest_still_weighs(engine: EmbeddedEngine) -> None:
    foreign = replace(engine, sense=replace(engine.sense, encoder="un autre encodeur"))
    clues = foreign.clues("mon mari ne respire plus")
    assert clues is not None and clues.meaning is None
    assert likeliest(foreign.weigher.shares(clues)) is Nature.EMERGENCY


def test_layers_of_two_networks_are_refused(tmp_path: Path) -> None:
    shutil.copy(SHIPPED / "sense.json", tmp_path)
    with np.load(SHIPPED / "sense.npz") as stored:
        layers = dict(stored)
    np.savez(tmp_path / "sense.npz", **(layers | {"last": layers["last"][:-1]}))
    with pytest.raises(ModelsMissing, match=r"sense.*tailles"):
        Sense.load(tmp_path)
