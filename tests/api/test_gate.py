from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, create_engine

from api.app import create_app
from api.settings import ApiSettings
from bot.assistant import Assistant
from tests.api.conftest import SECRET
from tests.api.test_chat import LOST_CARD
from tests.stock import tuesday_morning

App = Callable[..., FastAPI]
PAGES = ("/", "/assistant", "/donnees-personnelles", "/accessibilite", "/integrer", "/docs")


def test_every_answer_carries_the_headers_that_protect_it(client: TestClient) -> None:
    for path in (*PAGES, "/health", "/chat/person", "/static/widget.js", "/static/page.css", "/openapi.json", "/nulle-part"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert "set-cookie" not in headers


def test_only_the_conversation_may_be_framed_and_only_by_the_sites_allowed(an_app: App) -> None:
    client = TestClient(an_app(embed_origins=("https://www.exemple.gouv.fr",)))
    assert "frame-ancestors 'self' https://www.exemple.gouv.fr" in client.get("/").headers["content-security-policy"]
    assert "frame-ancestors 'none'" in client.get("/donnees-personnelles").headers["content-security-policy"]
    assert "frame-ancestors 'none'" in client.get("/chat/person").headers["content-security-policy"]


def test_only_the_sites_allowed_may_call_the_chat_from_a_browser(an_app: App) -> None:
    client = TestClient(an_app(embed_origins=("https://www.exemple.gouv.fr",)))
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    allowed = client.options("/chat", headers={"Origin": "https://www.exemple.gouv.fr", **asked})
    assert allowed.headers["access-control-allow-origin"] == "https://www.exemple.gouv.fr"
    assert "access-control-allow-credentials" not in allowed.headers
    refused = client.options("/chat", headers={"Origin": "https://evil.example", **asked})
    assert "access-control-allow-origin" not in refused.headers


@pytest.mark.parametrize("host", ["evil.example", "testserver.evil.example", "", "testserver@evil.example", "a b"])
def test_an_unknown_host_is_refused(client: TestClient, host: str) -> None:
    response = client.get("/health", headers={"host": host})
    assert response.status_code == 400
    assert response.json()["code"] == "host_unknown"


def test_the_port_does_not_matter_and_sub_domains_can_be_allowed(an_app: App) -> None:
    client = TestClient(an_app(trusted_hosts=("*.exemple.gouv.fr", "[::1]")))
    for host in ("accueil.exemple.gouv.fr", "accueil.exemple.gouv.fr:8443", "[::1]", "[::1]:8000"):
        assert client.get("/health", headers={"host": host}).status_code == 200
    assert client.get("/health", headers={"host": "exemple.gouv.fr"}).status_code == 400


def test_too_many_messages_are_slowed_with_a_sentence_and_a_delay(an_app: App) -> None:
    client = TestClient(an_app(rate_per_minute=2, rate_burst=3))
    statuses = [client.post("/chat", json={"message": LOST_CARD}).status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    slowed = client.post("/chat", json={"message": LOST_CARD})
    assert int(slowed.headers["retry-after"]) >= 1
    assert slowed.json()["message"].startswith("Trop de messages")
    assert client.get("/chat/person").status_code == 200


def test_a_forged_forwarded_address_changes_nothing(an_app: App) -> None:
    client = TestClient(an_app(rate_per_minute=2, rate_burst=3))
    sent = [client.post("/chat", json={"message": LOST_CARD}, headers={"x-forwarded-for": f"203.0.113.{one}"}) for one in range(5)]
    assert [response.status_code for response in sent] == [200, 200, 200, 429, 429]


def test_an_address_given_by_our_own_proxy_counts(an_app: App) -> None:
    app = an_app(rate_per_minute=2, rate_burst=1, trusted_proxies=("10.0.0.0/8",))
    client = TestClient(app, client=("10.1.2.3", 4000))

    def status(forwarded: str) -> int:
        response = client.post("/chat", json={"message": LOST_CARD}, headers={"x-forwarded-for": forwarded})
        return int(response.status_code)

    assert status("203.0.113.1") == 200
    assert status("203.0.113.2") == 200
    assert status("198.51.100.7, 203.0.113.1") == 429  # what stands before the address seen by our proxy is not believed
    assert status("2001:db8::1") == 200
    assert status("2001:db8::2") == 429  # one subscriber holds a whole /64


def test_a_client_that_never_ends_its_request_is_let_go(an_app: App) -> None:
    app = an_app(request_seconds=0.2)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        await anyio.sleep(3600)
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/chat",
        "query_string": b"",
        "headers": [(b"host", b"testserver"), (b"content-type", b"application/json")],
        "client": ("127.0.0.1", 1),
    }

    async def run() -> None:
        with anyio.fail_after(5):
            await app(scope, receive, send)  # type: ignore[arg-type]

    anyio.run(run)
    assert sent[0]["status"] == 408


def test_a_log_line_never_holds_what_was_written_nor_who_wrote_it(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="api")
    client.post("/chat?lang=canari-1", json={"message": "canari-2 06 12 34 56 78", "token": "canari-3"})
    client.get("/canari-4@exemple.fr?x=canari-5", headers={"x-forwarded-for": "203.0.113.99", "user-agent": "canari-6"})
    client.post("/", data={"message": "canari-7", "token": "canari-8"})
    assert caplog.records
    for record in caplog.records:
        if record.name == "api":
            assert not any(secret in record.getMessage() for secret in ("canari", "06 12", "203.0.113", "testclient"))
    lines = [json.loads(record.getMessage()) for record in caplog.records if record.name == "api"]
    unknown = lines[1]
    assert (unknown["event"], unknown["route"], unknown["status"]) == ("request", "-", 404)


def test_a_failure_is_told_in_french_with_a_number_and_without_details(an_app: App, caplog: pytest.LogCaptureFixture) -> None:
    app = an_app()

    @app.get("/casse")
    def broken() -> None:
        raise RuntimeError("canari: 06 12 34 56 78")

    response = TestClient(app).get("/casse")
    assert response.status_code == 500
    assert response.json()["phone"] == "03 53 01 10 00"
    assert "canari" not in response.text + caplog.text
    assert "RuntimeError" in caplog.text


def test_without_its_database_the_chat_says_how_to_phone(assistant: Assistant, tmp_path_factory: pytest.TempPathFactory) -> None:
    away: Engine = create_engine(f"sqlite:///{tmp_path_factory.mktemp('vide') / 'absent' / 'base.db'}")
    settings = ApiSettings(_env_file=None, secret=SECRET, trusted_hosts=("testserver",))
    client = TestClient(create_app(assistant, away, settings, tuesday_morning))
    asked = client.post("/chat", json={"message": LOST_CARD})
    assert asked.status_code == 503
    assert "03 53 01 10 00" in asked.json()["message"]
    page = client.post("/", data={"message": LOST_CARD})
    assert page.status_code == 503
    assert "03 53 01 10 00" in page.text
    assert client.get("/ready").status_code == 503
    assert client.get("/health").status_code == 200
    assert client.get("/").status_code == 200
