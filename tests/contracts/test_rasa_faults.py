"""A Rasa that fails in every way: the citizen gets the answer of the embedded engine, and soon nobody waits any more."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from bot.assistant import Assistant
from bot.engines.breaker import Breaker
from bot.engines.rasa import RasaDoor
from bot.errors import EngineUnavailable
from bot.messages import Decision, Question
from bot.policy import decide
from tests.contracts.rasa_side import FAULTS, HARMLESS, TOKEN, Fault, FaultyRasa, RecordedRasa, embedded, rasa_engine, says

TEXT = "j'ai perdu ma carte d'identité"
HURRIED = 0.3


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_whatever_goes_wrong_is_one_error_within_the_deadline(fault: Fault) -> None:
    """The drips last minutes and the gigabyte never ends: a door without a deadline would not come back."""
    with FaultyRasa(fault) as server, pytest.raises(EngineUnavailable):
        RasaDoor(server.url, TOKEN, HURRIED).parse(TEXT)


@pytest.mark.parametrize("fault", [*FAULTS.values(), *HARMLESS.values()], ids=[*FAULTS, *HARMLESS])
def test_the_answer_is_the_one_of_the_embedded_engine(assistant: Assistant, fault: Fault) -> None:
    with FaultyRasa(fault) as server:
        other = rasa_engine(assistant, server.url, seconds=HURRIED)

        assert other.interpret(TEXT) == embedded(assistant).interpret(TEXT)


def test_a_closed_port_is_the_same_as_no_answer(assistant: Assistant) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    other = rasa_engine(assistant, url)

    assert other.interpret(TEXT) == embedded(assistant).interpret(TEXT)


def test_after_three_failures_nobody_asks_until_one_probe_does(assistant: Assistant) -> None:
    hours = [0.0]
    breaker = Breaker(failures=3, pause=10, monotonic=lambda: hours[0])
    with FaultyRasa(says(b"[]")) as server:
        other = rasa_engine(assistant, server.url, breaker=breaker)
        for _ in range(10):
            other.interpret(TEXT)
        opened = server.visits
        hours[0] = 11.0
        for _ in range(10):
            other.interpret(TEXT)
        probed = server.visits
        server.fault = says(json.dumps(_saying("cni-perte")).encode())
        hours[0] = 22.0
        for _ in range(10):
            other.interpret(TEXT)

    assert (opened, probed) == (3, 4)
    assert not breaker.open


def test_emergencies_and_personal_files_are_never_asked_of_rasa(assistant: Assistant) -> None:
    with RecordedRasa({}) as fake:
        other = rasa_engine(assistant, fake.url)
        for text in ("mon mari me frappe, j'ai peur", "où en est mon dossier numéro 1234567890", "je veux parler à quelqu'un"):
            assert other.interpret(text) == embedded(assistant).interpret(text)

        assert fake.asked == []


def test_another_fiche_named_by_rasa_is_asked_back_and_never_answered_at_once(assistant: Assistant) -> None:
    """However sure a classifier of Rasa's says it is: its confidence was calibrated by nobody."""
    with RecordedRasa({TEXT: _saying("cni-vol")}) as fake:
        understood = rasa_engine(assistant, fake.url).interpret(TEXT)
    verdict = decide(understood, assistant.thresholds, assistant.catalogue.neighbours)

    assert [one.fiche for one in understood.candidates[:2]] == ["cni-vol", "cni-perte"]
    assert verdict.decision is Decision.CLARIFY
    assert [one.fiche for one in verdict.choices[:2]] == ["cni-vol", "cni-perte"]


def test_a_component_of_another_state_of_the_knowledge_is_not_believed_on_its_word(assistant: Assistant) -> None:
    told = {
        "digest": "0" * 64,
        "confidence": 1.0,
        "likeness": 1.0,
        "candidates": [{"fiche": "cni-vol", "service_public": [], "url": "", "score": 1.0, "title": ""}],
    }
    with RecordedRasa({TEXT: {**_saying("cni-vol"), "accueil": told}}) as fake:
        understood = rasa_engine(assistant, fake.url).interpret(TEXT)

    assert understood.confidence < assistant.thresholds.sure


def test_a_text_sent_to_rasa_is_short_and_is_no_order_to_it(assistant: Assistant) -> None:
    with RecordedRasa({}) as fake:
        door = RasaDoor(fake.url, TOKEN, 5)
        for text in ("/restart", '//choisir{"x": "y"}', "passeport " * 10_000, "///"):
            door.parse(text)

    assert all(text and len(text) <= 1000 and not text.startswith("/") for text in fake.asked)


def test_the_words_and_the_token_are_not_in_the_logs(assistant: Assistant, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"), FaultyRasa(says(b"[]")) as server:
        other = rasa_engine(assistant, server.url)
        for _ in range(4):
            other.interpret(TEXT)

    assert "moteur embarqué" in caplog.text
    assert "carte" not in caplog.text
    assert TOKEN not in caplog.text


def test_the_whole_assistant_answers_the_same_whether_rasa_is_there_or_not(assistant: Assistant) -> None:
    with FaultyRasa(says(b"[]")) as server:
        without = Assistant(assistant.catalogue, rasa_engine(assistant, server.url), assistant.thresholds, assistant.clock)

        for text in (TEXT, "bonjour", "passeport", "quel temps fait-il"):
            assert without.answer(Question(text)).text == assistant.answer(Question(text)).text


def _saying(fiche: str) -> dict[str, Any]:
    intent = {"name": fiche, "confidence": 0.999}
    return {"intent": intent, "intent_ranking": [intent], "entities": [], "text": "x"}
