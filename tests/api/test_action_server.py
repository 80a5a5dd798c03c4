"""The door by which Rasa asks for our answers, in the words of its protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, func, select

from bot import settings as bot_settings
from bot.assistant import Assistant
from bot.messages import Question
from knowledge import models
from knowledge.database import reading
from tests.contracts.rasa_side import asked_back

SECRET = "un secret entre Rasa et nous"
OPEN = {"authorization": f"Bearer {SECRET}"}


@pytest.fixture
def rasa(an_app: Callable[..., FastAPI], monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setenv("BOT_RASA_ACTION_TOKEN", SECRET)
    bot_settings.settings.cache_clear()
    yield TestClient(an_app(rate_per_minute=1, rate_burst=1))
    bot_settings.settings.cache_clear()


def call(client: TestClient, text: str, slots: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """One turn as Rasa sends it, with all that we do not read."""
    tracker = {
        "sender_id": "s",
        "slots": slots or {},
        "latest_message": {"text": text, "intent": {"name": "x"}, "entities": []},
        "events": [],
    }
    body = {"next_action": "action_accueil_repondre", "sender_id": "s", "tracker": tracker, "version": "3.6.21", **more}
    response = client.post("/rasa/webhook", json=body, headers=OPEN)
    assert response.status_code == 200, response.text
    told: dict[str, Any] = response.json()
    return told


def slots_of(told: dict[str, Any]) -> dict[str, Any]:
    return {event["name"]: event["value"] for event in told["events"] if event["event"] == "slot"}


def test_without_its_secret_the_door_does_not_exist(client: TestClient) -> None:
    assert client.post("/rasa/webhook", json={"next_action": "x"}, headers=OPEN).status_code == 404
    assert client.get("/rasa/health").status_code == 404


@pytest.mark.parametrize("shown", [{}, {"authorization": "Bearer faux"}, {"authorization": SECRET}, {"authorization": "Bearer"}])
def test_who_does_not_show_the_secret_gets_nothing(rasa: TestClient, shown: dict[str, str]) -> None:
    assert rasa.post("/rasa/webhook", json={"next_action": "action_accueil_repondre"}, headers=shown).status_code == 401
    assert rasa.get("/rasa/actions", headers=shown).status_code == 401


def test_rasa_reads_that_we_are_well_and_what_we_can_do(rasa: TestClient) -> None:
    assert rasa.get("/rasa/health", headers=OPEN).json() == {"status": "ok"}
    assert {"name": "action_accueil_repondre"} in rasa.get("/rasa/actions", headers=OPEN).json()


def test_an_action_that_is_not_ours_is_said_to_be_unknown(rasa: TestClient) -> None:
    response = rasa.post("/rasa/webhook", json={"next_action": "action_pizza", "tracker": {}}, headers=OPEN)

    assert response.status_code == 404
    assert response.json()["action_name"] == "action_pizza"


@pytest.mark.parametrize("text", ["j'ai perdu ma carte d'identité", "bonjour", "mon mari me frappe, j'ai peur", "zzzz", ""])
def test_the_sentences_are_those_of_the_assistant(rasa: TestClient, assistant: Assistant, text: str) -> None:
    told = call(rasa, text)

    assert [said["text"] for said in told["responses"]] == [assistant.answer(Question(text)).text]


def test_every_turn_is_written_in_the_journal_of_one_conversation(rasa: TestClient, stocked: Engine) -> None:
    before = _exchanges(stocked)
    first = call(rasa, "j'ai perdu ma carte d'identité")
    call(rasa, "combien ça coûte", slots_of(first))
    after = _exchanges(stocked)

    assert after[0] - before[0] == 2
    assert after[1] - before[1] == 1


def test_the_slot_of_a_conversation_names_nobody_and_cannot_be_forged(rasa: TestClient, stocked: Engine) -> None:
    token = slots_of(call(rasa, "bonjour"))["conversation_accueil"]
    with reading(stocked) as opened:
        known = set(opened.scalars(select(models.Conversation.id)))
    before = _exchanges(stocked)
    for forged in (next(iter(known)), token[:-2] + "xx", "", 12, None):
        call(rasa, "bonjour", {"conversation_accueil": forged})

    assert token not in known
    assert _exchanges(stocked)[1] - before[1] == 5


def test_a_clarification_opens_the_form_and_its_button_is_the_answer(rasa: TestClient, assistant: Assistant) -> None:
    asked = call(rasa, asked_back(assistant))
    button = asked["responses"][0]["buttons"][0]
    chosen = call(rasa, button["payload"], slots_of(asked))

    assert asked["events"][-1] == {"event": "followup", "timestamp": None, "name": "form_precision"}
    assert assistant.catalogue.fiches[button["payload"].removeprefix("choix:")].title
    assert chosen["events"][-1]["name"] == "action_listen"
    assert chosen["responses"][0]["text"] != asked["responses"][0]["text"]


def test_a_button_of_a_fiche_that_does_not_exist_is_only_a_text(rasa: TestClient, assistant: Assistant) -> None:
    assert call(rasa, "choix:rien-de-tel")["responses"][0]["text"] == assistant.answer(Question("choix:rien-de-tel")).text


def test_rasa_brings_whole_conversations_of_everybody_and_nobody_else_may(rasa: TestClient) -> None:
    heavy = {"events": [{"event": "user", "text": "x" * 1000}] * 200}
    for _ in range(5):  # more than one address may ask in a minute
        call(rasa, "bonjour", **heavy)

    assert rasa.post("/rasa/webhook", json=heavy, headers={"authorization": "Bearer faux"}).status_code == 413


def _exchanges(engine: Engine) -> tuple[int, int]:
    """How many exchanges and conversations the journal holds."""
    with reading(engine) as opened:
        counts = [opened.scalar(select(func.count()).select_from(table)) or 0 for table in (models.Exchange, models.Conversation)]
    return counts[0], counts[1]
