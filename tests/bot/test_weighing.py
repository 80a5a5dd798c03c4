"""The nature of a request, weighed: words, meaning, clauses, and how well a fiche answers."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.assistant import Assistant
from bot.engines import convolution
from bot.engines.convolution import Convolution
from bot.engines.embedded import EmbeddedEngine
from bot.engines.nature import shipped_rules
from bot.engines.sense import Sense
from bot.engines.shipped import SHIPPED
from bot.engines.weighing import (
    LEAST_DECLINED,
    LEAST_DECLINED_ELSEWHERE,
    LEAST_DOUBT,
    LEAST_EMERGENCY,
    LEAST_EMERGENCY_ELSEWHERE,
    LEAST_EMERGENCY_UNTAUGHT,
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


@pytest.mark.parametrize(
    ("asked", "fiche"),
    [
        ("vous ouvrez à quelle heure", "horaires-prefecture"),
        ("c'est ouvert le midi", "horaires-prefecture"),
        ("la préfecture ouvre à quelle heure le lundi", "horaires-prefecture"),
        ("vous prenez la carte bleue", "paiement"),
        ("je peux payer par chèque", "paiement"),
        ("y a un parking", "parking"),
        ("c'est où la préfecture", "acces-prefecture"),
        ("faut un rdv pour venir", "rendez-vous-prendre"),
        ("j'ai perdu ma carte grise", "cg-perte-vol"),
        ("combien de temps pour avoir un passeport", "titre-delai"),
    ],
)
def test_what_is_asked_every_day_is_a_plain_question(asked: str, fiche: str, engine: EmbeddedEngine) -> None:
    understood = engine.interpret(asked)
    assert (understood.nature, understood.candidates[0].fiche) == (Nature.GENERAL, fiche)


def test_nothing_is_declined_while_there_is_a_doubt() -> None:
    doubtful = {Nature.OUT_OF_SCOPE: 0.3, Nature.SMALL_TALK: LEAST_DECLINED - 0.31, Nature.COMPLAINT: 0.41}
    assert likeliest(doubtful) is Nature.COMPLAINT
    sure = {Nature.OUT_OF_SCOPE: 0.32, Nature.SMALL_TALK: LEAST_DECLINED - 0.31, Nature.COMPLAINT: 0.31}
    assert likeliest(sure) is Nature.OUT_OF_SCOPE
    assert likeliest(sure, foreign=True) is Nature.COMPLAINT
    thanks = {Nature.SMALL_TALK: LEAST_DECLINED_ELSEWHERE, Nature.GENERAL: 1 - LEAST_DECLINED_ELSEWHERE}
    assert likeliest(thanks, foreign=True) is Nature.SMALL_TALK
    assert likeliest(thanks, foreign=True, taught=False) is Nature.GENERAL


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("ma demande d'échange est prête mais un gars vient de monter sur mon balcon par la gouttière", "17"),
        ("je voulais juste parler à quelqu'un avant de me pendre", "3114"),
    ],
)
def test_a_danger_comes_before_the_file_or_the_person_that_a_pattern_sees(said: str, number: str, engine: EmbeddedEngine) -> None:
    decided = shipped_rules().decide(said)
    assert decided and decided[0] is not Nature.EMERGENCY
    understood = engine.interpret(said)
    assert (understood.nature, understood.emergency) == (Nature.EMERGENCY, number)


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
        ({Nature.OUT_OF_SCOPE: 0.7, Nature.PERSONAL_FILE: 0.3}, Nature.OUT_OF_SCOPE),
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


def test_in_a_language_that_nobody_taught_neither_order_nor_meaning_says_anything(engine: EmbeddedEngine) -> None:
    clues = engine.clues("আমার কার্ড হারিয়ে গেছে, কী করব?")
    assert clues is not None and clues.order is None and clues.meaning is None
    assert likeliest(engine.weigher.shares(clues), foreign=True, taught=False) is not Nature.EMERGENCY


@pytest.mark.parametrize(
    ("name", "load"),
    [
        ("sense", Sense.load),
        (convolution.NATURES, partial(Convolution.load, convolution.NATURES)),
        (convolution.INTENTS, partial(Convolution.load, convolution.INTENTS)),
        (convolution.SERVICES, partial(Convolution.load, convolution.SERVICES)),
    ],
)
def test_layers_of_two_networks_are_refused(tmp_path: Path, name: str, load: Callable[[Path], object]) -> None:
    shutil.copy(SHIPPED / f"{name}.json", tmp_path)
    with np.load(SHIPPED / f"{name}.npz") as stored:
        layers = dict(stored)
    np.savez(tmp_path / f"{name}.npz", **(layers | {"last": layers["last"][:-1]}))
    with pytest.raises(ModelsMissing, match=rf"{name}.*tailles"):
        load(tmp_path)
