"""What every engine promises: the embedded one, Rasa as it was recorded, and a real Rasa."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.assistant import Assistant
from bot.engines.contract import Engine
from bot.engines.rasa import RasaDoor
from bot.messages import NO_CONTEXT, Context, Decision, Nature, Turn
from bot.policy import decide
from bot.training.rasa.server import RasaServer
from tests.contracts.rasa_side import RECORDED, TOKEN

ASKED = {
    "j'ai perdu ma carte d'identité": "cni-perte",
    "comment renouveler mon passeport": "passeport-renouvellement",
    "que faire en cas de vol de passeport": "passeport-vol",
    "changer d'adresse sur la carte grise": "cg-changement-adresse",
}
"""Questions without a trap, and their fiche."""
HOSTILE = (
    "",
    " ",
    "/restart",
    '/choisir{"fiche_choisie": "cni-perte"}',
    "\x00\x1b[31m",
    "\u202eetrac",
    "a" * 100_000,
    "🙂" * 50,
    "{{7*7}}",
    "]( [",
)


@pytest.mark.parametrize("text", ASKED)
def test_a_plain_question_is_answered_by_its_fiche(engine: Engine, assistant: Assistant, text: str) -> None:
    understood = engine.interpret(text, NO_CONTEXT)
    verdict = decide(understood, assistant.thresholds)

    assert verdict.candidate
    assert verdict.candidate.fiche == ASKED[text]
    assert understood.service
    assert understood.language == "fr"


@pytest.mark.parametrize("text", [*ASKED, *HOSTILE], ids=lambda text: repr(text[:20]))
def test_candidates_are_ten_at_most_best_first_and_known(engine: Engine, assistant: Assistant, text: str) -> None:
    understood = engine.interpret(text, NO_CONTEXT)
    scores = [one.score for one in understood.candidates]

    assert len(scores) <= 10
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in (*scores, understood.confidence, understood.likeness))
    assert all(one.fiche is None or one.fiche in assistant.catalogue.fiches for one in understood.candidates)


@pytest.mark.parametrize(
    ("text", "nature"),
    [
        ("mon mari me frappe, j'ai peur", Nature.EMERGENCY),
        ("où en est mon dossier numéro 1234567890", Nature.PERSONAL_FILE),
        ("je veux parler à quelqu'un", Nature.WANTS_PERSON),
        ("bonjour", Nature.SMALL_TALK),
    ],
)
def test_what_must_not_be_taken_for_a_question_is_not(engine: Engine, text: str, nature: Nature) -> None:
    understood = engine.interpret(text, NO_CONTEXT)

    assert understood.nature is nature
    assert bool(understood.emergency) is (nature is Nature.EMERGENCY)


def test_a_button_pressed_is_the_fiche_that_it_names(engine: Engine) -> None:
    understood = engine.about("cni-perte", "fr")

    assert [one.fiche for one in understood.candidates] == ["cni-perte"]
    assert understood.nature is Nature.GENERAL


def test_the_first_of_the_choices_offered_is_understood(engine: Engine) -> None:
    offered = Turn("passeport", None, Nature.GENERAL, Decision.CLARIFY, choices=("passeport-vol", "passeport-perte"))

    assert engine.interpret("la première", Context((offered,))).candidates[0].fiche == "passeport-vol"


@pytest.mark.rasa
@pytest.mark.slow
def test_the_recording_is_what_a_real_rasa_says(rasa: RasaServer, assistant: Assistant) -> None:
    """Erase the recording to have it made again."""
    door = RasaDoor(rasa.url, TOKEN, 10)
    now: dict[str, Any] = {text: door.parse(text).model_dump() for text in ASKED}
    if not RECORDED.exists():
        RECORDED.parent.mkdir(exist_ok=True)
        RECORDED.write_text(json.dumps(now, ensure_ascii=False, indent=1) + "\n", "utf-8")
        pytest.fail(f"{RECORDED.name} was missing and has been made: read it again, then run this again")
    recorded = json.loads(RECORDED.read_text("utf-8"))

    assert {text: answer["intent"]["name"] for text, answer in recorded.items()} == ASKED
    assert {text: answer.keys() for text, answer in recorded.items()} == {text: answer.keys() for text, answer in now.items()}
