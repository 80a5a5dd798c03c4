"""A real Rasa with our component: the same decisions, the same sentences, and no citizen who notices that it is gone."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpcore
import pytest
import uvicorn
from sqlalchemy import Engine as Database

from api.app import create_app
from api.settings import ApiSettings
from bot import settings as bot_settings
from bot.assistant import Assistant
from bot.engines.breaker import Breaker
from bot.evaluation import questions
from bot.messages import NO_CONTEXT, Interpretation, Question
from bot.policy import decide
from bot.training.rasa.project import Project
from bot.training.rasa.publication import aside
from bot.training.rasa.server import RasaServer, validate
from tests.contracts.rasa_side import ACTION_TOKEN, TOKEN, asked_back, embedded, rasa_engine, rasa_python, serving, trained_project
from tests.stock import tuesday_morning

pytestmark = [pytest.mark.rasa, pytest.mark.slow]

SETS = Path(__file__).parents[1] / "questions"
DECISIONS = 500


def test_decisions_agree_on_97_questions_in_100(rasa: RasaServer, assistant: Assistant) -> None:
    own, other = embedded(assistant), rasa_engine(assistant, rasa.url)
    texts = [text for _, text in aside(assistant.catalogue, DECISIONS // 2)]
    texts += [one.text for asked in questions.own(SETS).values() for one in asked][::5][: DECISIONS - len(texts)]
    twins = assistant.catalogue.neighbours

    def decision(understood: Interpretation) -> tuple[object, ...]:
        verdict = decide(understood, assistant.thresholds, twins)
        return verdict.decision, verdict.reason, verdict.service, verdict.candidate and verdict.candidate.fiche

    asked = len(texts)  # the texts themselves are kept aside: a failure must not show them
    same = sum(decision(own.interpret(text, NO_CONTEXT)) == decision(other.interpret(text, NO_CONTEXT)) for text in texts)

    assert not other.breaker.open
    assert asked >= 450
    assert same >= 0.97 * asked


def test_the_generated_project_is_one_that_rasa_has_nothing_against(rasa: RasaServer, assistant: Assistant, shared: Path) -> None:
    folder, _ = trained_project(assistant, shared, Project())

    validate(folder, rasa_python())


def test_a_frozen_rasa_changes_no_answer_and_is_asked_again_when_it_wakes(rasa: RasaServer, assistant: Assistant) -> None:
    hours = [0.0]
    breaker = Breaker(pause=60, monotonic=lambda: hours[0])
    patient = rasa_engine(assistant, rasa.url, seconds=10, breaker=breaker)
    hurried = rasa_engine(assistant, rasa.url, seconds=0.2, breaker=breaker)
    own = embedded(assistant)
    text = "j'ai perdu ma carte d'identité"
    assert "Rasa" in patient.interpret(text).explanation[-1]
    assert rasa.process

    os.kill(rasa.process.pid, signal.SIGSTOP)
    try:
        frozen = [hurried.interpret(text) for _ in range(5)]
        assert breaker.open
    finally:
        os.kill(rasa.process.pid, signal.SIGCONT)
    hours[0] = 61.0
    awake = patient.interpret(text)

    assert frozen == [own.interpret(text)] * 5
    assert not breaker.open
    assert "Rasa" in awake.explanation[-1]


def test_a_killed_rasa_changes_no_answer(assistant: Assistant, shared: Path) -> None:
    folder, model = trained_project(assistant, shared, Project())
    with serving(folder, model) as server:
        other = rasa_engine(assistant, server.url)
        before = other.interpret("j'ai perdu ma carte d'identité")
        assert server.process
        server.process.kill()
        server.process.wait()
        after = other.interpret("j'ai perdu ma carte d'identité")

    assert before.candidates[0] == after.candidates[0]
    assert after == embedded(assistant).interpret("j'ai perdu ma carte d'identité")


def test_the_token_is_wanted_everywhere_and_is_not_in_the_list_of_processes(rasa: RasaServer) -> None:
    assert rasa.process
    shown = Path(f"/proc/{rasa.process.pid}/cmdline").read_bytes().decode()
    other = {"sender": "s" * 32, "message": "bonjour"}

    assert TOKEN not in shown
    assert _status("POST", f"{rasa.url}/model/parse", {"text": "bonjour"}) == 401
    assert _status("GET", f"{rasa.url}/conversations/{'s' * 32}/tracker") == 401
    assert _status("POST", f"{rasa.url}/webhooks/rest/webhook", other) == 401
    assert _status("POST", f"{rasa.url}/webhooks/rest/webhook", {**other, "sender": "me"}, TOKEN) == 422


@pytest.fixture(scope="module")
def line(stocked: Database, assistant: Assistant, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Our actions, served on a free port; their address."""
    patch = pytest.MonkeyPatch()
    patch.setenv("BOT_RASA_ACTION_TOKEN", ACTION_TOKEN)
    bot_settings.settings.cache_clear()
    chosen = {
        "secret": "un secret de test assez long pour signer",
        "state": tmp_path_factory.mktemp("state"),
        "rate_per_minute": 1,
        "rate_burst": 1,
    }
    app = create_app(assistant, stocked, ApiSettings(_env_file=None, **chosen), tuesday_morning)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/rasa/webhook"
        server.should_exit = True
        thread.join()
    patch.undo()
    bot_settings.settings.cache_clear()


@pytest.fixture(scope="module")
def channel(line: str, assistant: Assistant, shared: Path) -> Iterator[RasaServer]:
    """A real Rasa whose conversations are answered by our actions."""
    folder, model = trained_project(assistant, shared, Project())
    own = shared / f"endpoints-{os.getpid()}.yml"
    own.write_text((folder / "endpoints.yml").read_text("utf-8").replace(Project().actions, line), "utf-8")
    server = RasaServer(folder, rasa_python(), model, TOKEN, ACTION_TOKEN, endpoints=own)
    with server:
        yield server


@pytest.mark.parametrize(
    "text",
    [
        "j'ai perdu ma carte d'identité",
        "bonjour",
        "mon mari me frappe, j'ai peur",
        "où en est mon dossier numéro 1234567890",
        "/restart",
        "zzzz",
    ],
)
def test_a_conversation_on_rasas_channel_says_what_the_assistant_says(channel: RasaServer, assistant: Assistant, text: str) -> None:
    said = _say(channel, os.urandom(16).hex(), text)

    assert said[0]["text"] == assistant.answer(Question(text.lstrip("/"))).text


def test_a_clarification_goes_on_when_a_button_is_pressed(channel: RasaServer, assistant: Assistant) -> None:
    text = asked_back(assistant)
    sender = os.urandom(16).hex()
    first = _say(channel, sender, text)[0]
    button = first["buttons"][0]
    second = _say(channel, sender, button["payload"])[0]
    third = _say(channel, sender, "j'ai perdu ma carte d'identité")[0]

    assert button["title"]
    assert _fiche(assistant, button["payload"].removeprefix("choix:"), second["text"])
    assert _fiche(assistant, "cni-perte", third["text"])  # the form is closed: a new question is a new question


def _fiche(assistant: Assistant, fiche: str, text: str) -> bool:
    """Whether `text` says the short form of a fiche, however it is cut into sentences."""
    plain = " ".join(assistant.catalogue.fiches[fiche].court.replace("**", "").split())
    return plain[:60] in " ".join(text.split())


def _say(server: RasaServer, sender: str, text: str) -> list[dict[str, Any]]:
    headers = {"content-type": "application/json", "authorization": f"Bearer {server.token}"}
    body = json.dumps({"sender": sender, "message": text}).encode()
    response = httpcore.request("POST", f"{server.url}/webhooks/rest/webhook", headers=headers, content=body)
    assert response.status == 200, response.content
    said: list[dict[str, Any]] = json.loads(response.content)
    return said


def _status(method: str, url: str, body: object = None, token: str = "none") -> int:
    headers = {"content-type": "application/json", "authorization": f"Bearer {token}"} if body else {}
    return httpcore.request(method, url, headers=headers, content=json.dumps(body).encode() if body else None).status
