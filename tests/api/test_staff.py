"""Who of the staff may do what; their keys."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, select, text

from api import keys
from api.__main__ import main
from api.keys import Role
from api.staff import POLICY, Action
from knowledge import database
from knowledge.database import reading, session
from knowledge.line_models import StaffKey
from tests.api.staff import CLOSURE, CRISIS, Staff

# --- Who may --------------------------------------------------------------------------------------------------------------

ROUTES: tuple[tuple[Action, str, str, Any], ...] = (
    (Action.READ_SCRIPTS, "GET", "/scripts", None),
    (Action.READ_SCRIPTS, "GET", "/scripts/999999", None),
    (Action.READ_SCRIPTS, "GET", "/scripts/999999/diff/999998", None),
    (Action.WRITE_SCRIPTS, "POST", "/scripts", {"text": "id: x"}),
    (Action.WRITE_SCRIPTS, "POST", "/scripts/999999/check", None),
    (Action.APPROVE_SCRIPTS, "POST", "/scripts/999999/approve", {}),
    (Action.APPROVE_SCRIPTS, "POST", "/scripts/999999/withdraw", None),
    (Action.APPROVE_SCRIPTS, "POST", "/scripts/999999/rollback", None),
    (Action.READ_ORDERS, "GET", "/orders", None),
    (Action.PLACE_ORDERS, "POST", "/orders", {"service": "x", "reason": "essai", "impact": "hours"}),
    (Action.ANSWER_ORDERS, "POST", "/orders/999999/answer", {"version": 1}),
    (Action.ANSWER_ORDERS, "POST", "/orders/999999/cancel", None),
    (Action.READ_STATE, "GET", "/state", None),
    (Action.SWITCH_STATE, "POST", "/crisis", {**CRISIS, "confirmation": "non"}),
    (Action.SWITCH_STATE, "DELETE", "/crisis", None),
    (Action.SWITCH_STATE, "POST", "/closure", {**CLOSURE, "confirmation": "non"}),
    (Action.SWITCH_STATE, "DELETE", "/closure", None),
    (Action.TRANSFER_CALLS, "POST", "/transfers", {"call": "1", "service": "x"}),
)


@pytest.mark.parametrize(("action", "method", "path", "body"), ROUTES, ids=lambda value: value if isinstance(value, str) else "")
def test_each_route_obeys_the_table_of_roles(staff: Staff, action: Action, method: str, path: str, body: Any) -> None:
    for role in Role:
        answer = staff.ask(role, method, path, body)
        assert (answer.status_code == 403) is (action not in POLICY[role]), (role, answer.text)
        if answer.status_code == 403:
            assert answer.json()["code"] == "not_allowed"


@pytest.mark.parametrize(("action", "method", "path", "body"), ROUTES, ids=lambda value: value if isinstance(value, str) else "")
def test_no_route_opens_without_a_key(client: TestClient, action: Action, method: str, path: str, body: Any) -> None:
    for headers in ({}, {"Authorization": "Bearer accueil-inconnue"}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer"}):
        answer = client.request(method, f"/line{path}", json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) in ((401, "key_refused"), (429, "too_many"))
        if answer.status_code == 401:
            assert answer.headers["www-authenticate"] == "Bearer"


def test_every_route_of_the_line_is_in_the_table_above(client: TestClient) -> None:
    declared = {(method.upper(), path) for path, operations in client.get("/openapi.json").json()["paths"].items() for method in operations}
    tested = {
        (method, re.sub("(?<=diff/){number}", "{other}", re.sub(r"\d+", "{number}", f"/line{path}"))) for _, method, path, _ in ROUTES
    }
    assert {one for one in declared if one[1].startswith("/line/")} == tested


def test_a_key_that_is_taken_back_opens_nothing_at_once(staff: Staff) -> None:
    assert staff.ask(Role.AGENT, "GET", "/state").status_code == 200
    with session(staff.engine) as opened:
        (agent,) = [key for key in keys.in_use(opened) if key.role == Role.AGENT]
        keys.remove(opened, agent.id)
    assert staff.ask(Role.AGENT, "GET", "/state").status_code == 401


def test_the_database_holds_no_key(staff: Staff) -> None:
    with reading(staff.engine) as opened:
        stored = " ".join(map(str, opened.execute(text("SELECT * FROM staff_key")).all()))
    assert all(key not in stored and key.removeprefix("accueil-") not in stored for key in staff.keys.values())


def test_who_tries_keys_waits_and_who_has_one_does_not(staff: Staff) -> None:
    tried = [staff.client.get("/line/state", headers={"Authorization": f"Bearer accueil-{n}"}) for n in range(15)]
    assert [answer.status_code for answer in tried] == [401] * 10 + [429] * 5
    assert int(tried[-1].headers["retry-after"]) > 0
    assert staff.ask(Role.AGENT, "GET", "/state").status_code == 200


# --- Documentation --------------------------------------------------------------------------------------------------------


def test_every_answer_has_exactly_the_fields_that_are_documented(staff: Staff) -> None:
    models = staff.client.get("/openapi.json").json()["components"]["schemas"]
    version = staff.draft()
    register = staff.does("GET", "/orders")
    state = staff.does("GET", "/state")
    problem = staff.refused(404, "script_unknown", "GET", "/scripts/999999")

    for answer, model in (
        (version, "VersionView"),
        (staff.does("GET", "/scripts")[0], "VersionSummary"),
        (register, "RegisterView"),
        (register["svi1"], "Indicator"),
        (state, "StateView"),
        (problem, "StaffProblem"),
    ):
        assert answer.keys() == models[model]["properties"].keys(), model
    for name in ("Draft", "Approval", "CrisisMessage", "Closure", "Ordered", "Transfer", "VersionView", "OrderView", "OrderedState"):
        for field, shape in models[name]["properties"].items():
            assert shape.get("description"), (name, field)


def test_the_routes_of_the_staff_say_that_a_key_is_needed(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert all(
        operation["security"] == [{"Staff key": []}]
        for path, operations in paths.items()
        if path.startswith("/line/")
        for operation in operations.values()
    )


# --- The command ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def command(engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """`python -m api staff …` on an empty database: exit code, output, warnings."""
    monkeypatch.setattr(database, "default_engine", lambda: engine)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(["staff", *arguments])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def test_a_key_is_shown_once_listed_without_being_shown_and_taken_back(
    command: Callable[..., tuple[int, str, str]], engine: Engine
) -> None:
    code, key, warning = command("add", "Marie  Lenoir", "--role", "communication")
    assert code == 0
    assert "ne sera plus montrée" in warning
    with reading(engine) as opened:
        row = keys.recognise(opened, key.strip())
        assert row is not None
        assert (row.name, row.role) == ("Marie Lenoir", "communication")

    code, listed, _ = command("list")
    assert code == 0
    assert "Marie Lenoir" in listed
    assert key.strip() not in listed
    assert command("remove", str(row.id))[0] == 0
    assert command("remove", str(row.id))[0] == 1
    assert "Aucune clé" in command("list")[1]
    with reading(engine) as opened:
        assert keys.recognise(opened, key.strip()) is None
        assert len(opened.scalars(select(StaffKey)).all()) == 1, "whose key it was stays known"


def test_a_key_without_a_name_is_not_made(command: Callable[..., tuple[int, str, str]], engine: Engine) -> None:
    assert command("add", "  ", "--role", "agent")[0] == 2
    with reading(engine) as opened:
        assert keys.in_use(opened) == ()
