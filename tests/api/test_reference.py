from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.api.test_chat import LOST_CARD, ask

ROUTES = {
    "/chat": {"post"},
    "/chat/feedback": {"post"},
    "/chat/person": {"get"},
    "/health": {"get"},
    "/ready": {"get"},
    "/": {"get", "post"},
    "/avis": {"post"},
    "/assistant": {"get"},
    "/donnees-personnelles": {"get"},
    "/accessibilite": {"get"},
    "/integrer": {"get"},
    "/code.svg": {"get"},
    "/docs": {"get"},
    "/line/scripts": {"get", "post"},
    "/line/scripts/{number}": {"get"},
    "/line/scripts/{number}/check": {"post"},
    "/line/scripts/{number}/approve": {"post"},
    "/line/scripts/{number}/withdraw": {"post"},
    "/line/scripts/{number}/rollback": {"post"},
    "/line/scripts/{number}/diff/{other}": {"get"},
    "/line/orders": {"get", "post"},
    "/line/orders/{number}/answer": {"post"},
    "/line/orders/{number}/cancel": {"post"},
    "/line/state": {"get"},
    "/line/crisis": {"post", "delete"},
    "/line/closure": {"post", "delete"},
    "/line/transfers": {"post"},
}


@pytest.fixture
def document(client: TestClient) -> dict[str, Any]:
    described: dict[str, Any] = client.get("/openapi.json").json()
    return described


def test_the_openapi_document_lists_every_route(document: dict[str, Any]) -> None:
    assert {path: set(operations) for path, operations in document["paths"].items()} == ROUTES


def test_every_route_has_a_summary_a_description_and_its_refusals(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], path
            assert operation["description"], path
            refusals = {status for status in operation["responses"] if status >= "400"}
            assert {"400", "500"} <= refusals, path
            if method == "post":
                assert {"408", "413", "429", "503"} <= refusals, path
            for status in refusals:
                content = operation["responses"][status]["content"]
                model = "StaffProblem" if path.startswith("/line/") else "Problem"
                told_to_programs = {"application/json": {"schema": {"$ref": f"#/components/schemas/{model}"}}}
                assert content in (told_to_programs, {"text/html": {}}), (path, status)


def test_every_field_of_the_chat_has_an_example_or_a_meaning(document: dict[str, Any]) -> None:
    for name in ("ChatMessage", "Opinion", "PublicAnswer", "SentenceView", "Person", "Problem"):
        for field, shape in document["components"]["schemas"][name]["properties"].items():
            assert shape.keys() & {"description", "examples", "$ref", "anyOf", "items", "format"}, (name, field)


def test_a_real_answer_has_exactly_the_fields_that_are_documented(client: TestClient, document: dict[str, Any]) -> None:
    answer = ask(client, LOST_CARD)
    assert answer.keys() == document["components"]["schemas"]["PublicAnswer"]["properties"].keys()


def test_the_reference_page_shows_every_route_without_anything_from_elsewhere(client: TestClient) -> None:
    page = client.get("/docs").text
    for path in ROUTES:
        assert path in page
    assert "cdn" not in page
    assert "<script" not in page
