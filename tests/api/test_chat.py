from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from api.answers import PublicAnswer
from knowledge import models
from knowledge.database import reading

LOST_CARD = "g perdu ma carte d identité c combien pour refaire"


def ask(client: TestClient, message: str, **more: Any) -> dict[str, Any]:
    response = client.post("/chat", json={"message": message, **more})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_a_question_gets_the_approved_answer_with_its_source_its_date_and_a_person(client: TestClient) -> None:
    answer = ask(client, LOST_CARD)
    assert answer["decision"] == "reply"
    assert "25 €" in " ".join(sentence["text"] for sentence in answer["sentences"])
    assert answer["sources"][0]["url"].startswith("https://www.service-public.gouv.fr/")
    assert answer["sources"][0]["rubric"]
    assert answer["sources"][0]["checked_on"]
    assert answer["person"]["phone"]
    assert answer["person"]["open"] is True
    assert answer["person"]["relay"]["name"]


@pytest.mark.parametrize(
    "message", [LOST_CARD, "où en est mon dossier de titre de séjour", "bonjour", "zzzz qqqq", "je veux parler à quelqu'un"]
)
def test_every_sentence_says_where_it_comes_from(client: TestClient, message: str) -> None:
    answer = PublicAnswer.model_validate(ask(client, message))
    assert answer.sentences
    assert all(sentence.provenance.reference for sentence in answer.sentences)


def test_the_first_answer_says_that_it_is_automatic_and_the_next_ones_do_not_repeat_it(client: TestClient) -> None:
    first = ask(client, LOST_CARD)
    assert first["sentences"][0]["provenance"]["reference"] == "notice"
    second = ask(client, "et combien de temps", token=first["token"])
    assert "notice" not in {sentence["provenance"]["reference"] for sentence in second["sentences"]}


def test_a_request_about_a_file_goes_to_a_person_of_the_service(client: TestClient) -> None:
    answer = ask(client, "où en est mon dossier de titre de séjour")
    assert answer["decision"] == "handover"
    assert answer["person"]["service"] == "Bureau du séjour des étrangers"


def test_a_choice_made_by_a_button_gets_its_own_answer(client: TestClient) -> None:
    answer = ask(client, "Permis de conduire perdu", choice="permis-perte")
    assert answer["decision"] == "reply"
    assert {"permis-perte"} == {one["provenance"]["reference"] for one in answer["sentences"] if one["provenance"]["source"] == "fiche"}


def test_an_emergency_gives_the_number_before_anything_else(client: TestClient) -> None:
    answer = ask(client, "mon mari me frappe, au secours")
    assert answer["nature"] == "emergency"
    assert answer["emergency"]


def test_the_turns_of_a_conversation_are_in_the_journal_before_the_answer_leaves(client: TestClient, stocked: Engine) -> None:
    first = ask(client, LOST_CARD)
    second = ask(client, "et si elle a été volée ?", token=first["token"])
    with reading(stocked) as session:
        both = models.Exchange.id.in_([first["exchange"], second["exchange"]])
        rows = session.scalars(select(models.Exchange).where(both).order_by(models.Exchange.turn)).all()
    assert [row.turn for row in rows] == [1, 2]
    assert len({row.conversation_id for row in rows}) == 1


def test_the_conversation_identifier_never_leaves_by_itself(client: TestClient, stocked: Engine) -> None:
    response = client.post("/chat", json={"message": LOST_CARD})
    with reading(stocked) as session:
        row = session.get(models.Exchange, response.json()["exchange"])
    assert row is not None
    assert row.conversation_id not in response.text
    assert len(row.conversation_id) == 32


@pytest.mark.parametrize("message", ["", "   ", "\n\t", "\x00\x01\x1b", "\u202e\u2066"])
def test_an_empty_message_is_refused_with_a_sentence_to_show(client: TestClient, message: str) -> None:
    response = client.post("/chat", json={"message": message})
    assert response.status_code == 422
    assert response.json()["code"] == "message_empty"
    assert response.json()["message"].startswith("Votre message est vide.")


def test_half_a_character_is_not_a_message(client: TestClient) -> None:
    refused = client.post("/chat", content=b'{"message": "\\ud800"}', headers={"content-type": "application/json"})
    assert refused.json()["code"] == "message_empty"


def test_control_characters_never_reach_the_journal(client: TestClient, stocked: Engine) -> None:
    answer = ask(client, "carte\x00 d'identité\x1b[31m perdue\u202e\nvite")
    with reading(stocked) as session:
        kept = session.get(models.ExchangeText, answer["exchange"])
    assert kept is not None
    assert not set(kept.question) & {"\x00", "\x1b", "\u202e"}


def test_a_message_of_4000_characters_passes_and_one_more_does_not(client: TestClient) -> None:
    assert client.post("/chat", json={"message": "a" * 4000}).status_code == 200
    refused = client.post("/chat", json={"message": "a" * 4001})
    assert refused.status_code == 413
    assert "4000 caractères" in refused.json()["message"]


def test_a_body_of_100_kilobytes_is_refused_in_french(client: TestClient) -> None:
    refused = client.post("/chat", json={"message": "a" * 100_000})
    assert refused.status_code == 413
    assert refused.json()["message"].startswith("Votre message est trop long.")


def test_a_body_that_hides_its_size_is_refused_too(client: TestClient) -> None:
    refused = client.post("/chat", content=(b"x" * 1000 for _ in range(100)), headers={"content-type": "application/json"})
    assert refused.status_code == 413


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"message": 3}', b"\xff\xfe", b'{"choice": "x"}'])
def test_a_malformed_request_is_refused_without_repeating_what_was_sent(client: TestClient, body: bytes) -> None:
    refused = client.post("/chat", content=body, headers={"content-type": "application/json"})
    assert refused.status_code == 422
    assert refused.json() == {"code": "request_invalid", "message": refused.json()["message"], "phone": None}


def test_problems_are_told_in_english_when_the_interface_is_english(client: TestClient) -> None:
    refused = client.post("/chat?lang=en", json={"message": "", "language": "en"})
    assert refused.json()["message"].startswith("Your message is empty.")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    message=st.text(max_size=300),
    choice=st.none() | st.text(max_size=90),
    token=st.none() | st.text(max_size=250),
    language=st.text(max_size=4),
)
def test_nothing_that_is_typed_breaks_the_chat(
    client: TestClient, message: str, choice: str | None, token: str | None, language: str
) -> None:
    sent = {"message": message, "choice": choice, "token": token, "language": language}
    assert client.post("/chat", json=sent).status_code in (200, 401, 413, 422)


def test_the_two_questions_of_feedback_are_kept_apart(client: TestClient, stocked: Engine) -> None:
    answer = ask(client, LOST_CARD)
    about = {"token": answer["token"], "exchange": answer["exchange"]}
    assert client.post("/chat/feedback", json={**about, "clear": True}).status_code == 204
    assert client.post("/chat/feedback", json={**about, "helped": False}).status_code == 204
    with reading(stocked) as session:
        rows = session.scalars(
            select(models.Feedback).where(models.Feedback.exchange_id == answer["exchange"]).order_by(models.Feedback.id)
        ).all()
    assert [(row.clear, row.helped) for row in rows] == [(True, None), (None, False)]


def test_an_opinion_without_an_answer_is_refused(client: TestClient) -> None:
    answer = ask(client, LOST_CARD)
    refused = client.post("/chat/feedback", json={"token": answer["token"], "exchange": answer["exchange"]})
    assert refused.status_code == 422


def test_the_way_to_a_person_is_always_known(client: TestClient) -> None:
    person = client.get("/chat/person").json()
    assert person["service"] == "Standard et accueil général"
    assert person["status"].startswith("Ouvert en ce moment, jusqu'à 12")
    assert person["relay"]["url"].startswith("https://")
    english = client.get("/chat/person", params={"service": "migrations", "language": "en"}).json()
    assert english["status"] == "Open now, until 12:00"
    assert english["hours"] == "Monday to Friday from 09:00 to 12:00"
    assert client.get("/chat/person", params={"service": "nulle-part"}).json()["service"] == "Standard et accueil général"
