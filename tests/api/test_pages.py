from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests.api.test_chat import LOST_CARD, ask
from tests.payloads import HOSTILE_HTML

PAGES = ("/", "/assistant", "/donnees-personnelles", "/accessibilite", "/integrer", "/docs")
NOTICE = "Vous échangez avec un assistant automatique. Vous pouvez demander un agent."


class Elements(HTMLParser):
    """The elements of a page and their attributes, as a browser would see them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def hidden(page: str, name: str) -> str:
    return next(str(attributes["value"]) for tag, attributes in Elements(page).found if tag == "input" and attributes.get("name") == name)


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_page_exists_in_both_languages_without_inline_code(client: TestClient, path: str, language: str) -> None:
    page = client.get(path, params={"lang": language})
    assert page.status_code == 200
    assert f'<html lang="{language}">' in page.text
    for tag, attributes in Elements(page.text).found:
        assert "style" not in attributes
        assert not any(name.startswith("on") for name in attributes)
        assert tag != "script" or attributes.get("src")


def test_the_conversation_page_starts_by_saying_that_it_is_automatic(client: TestClient) -> None:
    page = client.get("/").text
    assert NOTICE in page
    assert "Démonstration : préfecture fictive" in page
    assert "Parler à une personne" in page
    assert "03 53 01 10 00" in page
    assert "Acceo" in page
    assert "Accessibilité : non conforme" in page
    assert "You are talking to an automatic assistant" in client.get("/?lang=en").text


def test_a_whole_conversation_works_without_javascript_and_without_a_cookie(client: TestClient) -> None:
    first = client.post("/", files={"message": (None, LOST_CARD)})
    assert first.status_code == 200
    assert "25\N{NO-BREAK SPACE}€" in first.text
    token = hidden(first.text, "token")
    second = client.post("/", files={"message": (None, "et pour un passeport perdu ?"), "token": (None, token)})
    assert LOST_CARD in second.text
    assert "et pour un passeport perdu ?" in second.text
    opinion = {"token": (None, token), "exchange": (None, hidden(second.text, "exchange")), "clear": (None, "true")}
    thanked = client.post("/avis", files=opinion)
    assert "Merci, votre avis est enregistré." in thanked.text
    assert LOST_CARD in thanked.text
    assert not client.cookies


def test_no_address_ever_holds_a_token_or_an_exchange(client: TestClient) -> None:
    page = client.post("/", files={"message": (None, "permis")}).text
    token = hidden(page, "token")
    for _, attributes in Elements(page).found:
        for name in ("href", "action", "src"):
            assert token not in (attributes.get(name) or "")


def test_a_long_message_in_any_writing_fits_in_the_form(client: TestClient) -> None:
    assert client.post("/", files={"message": (None, "بطاقة " * 660)}).status_code == 200


@pytest.mark.parametrize("message", ["", " \x00 "])
def test_an_empty_form_comes_back_with_what_to_do(client: TestClient, message: str) -> None:
    page = client.post("/", files={"message": (None, message)})
    assert page.status_code == 422
    assert "Votre message est vide." in page.text


def test_a_message_too_long_comes_back_as_a_page(client: TestClient) -> None:
    for message in ("a" * 4001, "a" * 30_000):
        page = client.post("/", files={"message": (None, message)})
        assert page.status_code == 413
        assert "4000 caractères au plus" in page.text


def test_a_forged_token_gets_a_page_and_a_fresh_form_with_the_message(client: TestClient) -> None:
    page = client.post("/", files={"message": (None, "ma question"), "token": (None, "forgé")})
    assert page.status_code == 401
    assert "ma question</textarea>" in page.text
    assert 'name="token"' not in page.text


def test_an_opinion_without_a_choice_says_what_is_missing(client: TestClient) -> None:
    answer = ask(client, LOST_CARD)
    page = client.post("/avis", files={"token": (None, answer["token"]), "exchange": (None, str(answer["exchange"]))})
    assert "Choisissez au moins une réponse" in page.text


@pytest.mark.parametrize("payload", HOSTILE_HTML)
def test_hostile_text_comes_back_as_text(client: TestClient, payload: str) -> None:
    ordinary = Elements(client.post("/", files={"message": (None, "bonjour")}).text)
    for page in (
        client.post("/", files={"message": (None, payload)}).text,
        client.post("/", files={"message": (None, payload), "token": (None, payload), "choice": (None, payload)}).text,
        client.post("/", files={"message": (None, f"{payload} {'x' * 4000}")}).text,
        client.get("/", params={"lang": payload}).text,
    ):
        kinds = {tag for tag, _ in Elements(page).found}
        assert kinds <= {tag for tag, _ in ordinary.found} | EXPECTED_ELEMENTS
        for tag, attributes in Elements(page).found:
            assert not any(name.startswith("on") for name in attributes)
            assert not str(attributes.get("href", "")).startswith(("javascript:", "data:"))
            assert tag != "script" or attributes == {"src": "/static/widget.js", "defer": None}


EXPECTED_ELEMENTS = frozenset({"h4", "ol", "details", "summary", "fieldset", "legend", "dl", "strong"})
"""Elements of our own pages that a greeting does not show."""


def test_the_statement_of_accessibility_follows_the_audit_that_was_entered(an_app: Callable[..., FastAPI]) -> None:
    client = TestClient(an_app(accessibility="partiellement conforme", accessibility_audit="Audit du 3 mars 2027 : 82 %."))
    page = client.get("/accessibilite").text
    assert "partiellement conforme" in page
    assert "Audit du 3 mars 2027 : 82 %." in page
    assert "Défenseur des droits" in page


def test_the_notice_on_personal_data_tells_what_the_law_asks(client: TestClient) -> None:
    page = client.get("/donnees-personnelles").text
    for told in ("responsable", "mission d'intérêt public", "30 jours", "Vos droits", "CNIL", "aucune décision"):
        assert told in page.replace("&#39;", "'")


def test_an_address_that_does_not_exist_leads_back_to_the_conversation(client: TestClient) -> None:
    page = client.get("/nulle-part", headers={"accept": "text/html"})
    assert page.status_code == 404
    assert "existe pas" in page.text
    assert "03 53 01 10 00" in page.text


def test_the_embedding_page_gives_the_lines_of_this_instance(client: TestClient) -> None:
    page = client.get("/integrer").text
    assert "http://testserver/static/widget.js" in page
    code = client.get("/code.svg")
    assert code.headers["content-type"] == "image/svg+xml"
    assert re.match(rb"<\?xml|<svg", code.content)
