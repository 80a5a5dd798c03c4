"""The routes of the staff: who may do what, what is refused and how it is told, and what is written with whose name."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy import Engine, select, text

from api import keys
from api.__main__ import main
from api.keys import Role
from api.staff import POLICY, Action
from knowledge import database
from knowledge.database import reading, session
from knowledge.line_models import ScriptEvent, StaffKey, TransferRequest
from knowledge.scripts import versions
from tests.conftest import CONTENT
from tests.stock import tuesday_morning

SHIPPED = (CONTENT / "scripts" / "accueil.yml").read_text("utf-8")
FLOOD = "Alerte inondation. Restez chez vous."
UNTIL = "2026-11-24T20:00"
CRISIS = {"text": FLOOD, "until": UNTIL, "reason": "crue", "exercise": True, "confirmation": "CRISE"}
CLOSURE = {"until": UNTIL, "exercise": False, "confirmation": "FERMER"}


class Staff:
    """The members of the staff, each with a key, on one database."""

    def __init__(self, client: TestClient, engine: Engine) -> None:
        self.client, self.engine = client, engine
        with session(engine) as opened:
            self.keys = {role: keys.issue(opened, f"Claude {role.value.title()}", role) for role in Role}

    def ask(self, role: Role | None, method: str, path: str, body: Any = None, **headers: str) -> Response:
        shown = {"Authorization": f"Bearer {self.keys[role]}"} if role else {}
        return self.client.request(method, f"/line{path}", json=body, headers={**shown, **headers})

    def does(self, method: str, path: str, body: Any = None, role: Role = Role.COMMUNICATION, **headers: str) -> Any:
        """The answer of a request that succeeds."""
        answer = self.ask(role, method, path, body, **headers)
        assert answer.is_success, answer.text
        return answer.json()

    def refused(self, status: int, code: str, method: str, path: str, body: Any = None, role: Role = Role.COMMUNICATION) -> dict[str, Any]:
        """The problem of a request that is refused."""
        answer = self.ask(role, method, path, body)
        problem: dict[str, Any] = answer.json()
        assert (answer.status_code, problem["code"]) == (status, code), answer.text
        return problem

    def draft(self, parent: int | None = None, script: str | None = None, **changed: str) -> dict[str, Any]:
        """A draft of the shipped script; its own script each time, unless `script` says which."""
        written = SHIPPED.replace("id: accueil", f"id: {script or a_script()}", 1)
        for old, new in changed.items():
            written = written.replace(old, new)
        version: dict[str, Any] = self.does("POST", "/scripts", {"text": written, "comment": "essai", "parent": parent})
        return version


def a_script() -> str:
    return f"essai-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def staff(client: TestClient, stocked: Engine) -> Iterator[Staff]:
    yield Staff(client, stocked)
    with session(stocked) as opened:
        for key in keys.in_use(opened):
            keys.remove(opened, key.id)


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


# --- The script -----------------------------------------------------------------------------------------------------------


def test_a_script_goes_from_a_draft_to_an_approval_with_the_names_of_both(staff: Staff) -> None:
    draft = staff.draft()
    assert (draft["state"], draft["state_text"], draft["author"]) == ("draft", "brouillon", "Claude Communication")
    number = draft["number"]

    assert staff.does("POST", f"/scripts/{number}/check") == {"accepted": True, "remarks": []}
    approved = staff.does("POST", f"/scripts/{number}/approve", {"publish_at": "2027-01-04T08:00"}, Role.ADMINISTRATOR)
    assert (approved["state"], approved["approved_by"]) == ("approved", "Claude Administrator")
    assert approved["publish_at"] == "2027-01-04T07:00:00Z"
    assert staff.does("GET", f"/scripts/{number}") == approved
    assert {key: approved[key] for key in staff.does("GET", "/scripts")[0]} in staff.does("GET", "/scripts")
    assert staff.does("POST", f"/scripts/{number}/withdraw")["state"] == "withdrawn"


def test_a_broken_text_is_refused_with_its_line_its_reason_and_its_remedy(staff: Staff) -> None:
    problem = staff.refused(422, "script_refused", "POST", "/scripts", {"text": "id: essai\ntitle: x\nid: deux\n"})
    assert problem["remarks"] == [
        {"file": "script", "line": 3, "rule": "yaml", "message": "« id » est écrit deux fois", "remedy": "gardez une seule des deux lignes"}
    ]


def test_a_script_that_a_check_refuses_is_not_approved_and_the_check_says_the_same(staff: Staff) -> None:
    number = staff.draft(**{"service: standard": "service: douanes"})["number"]
    problem = staff.refused(422, "script_refused", "POST", f"/scripts/{number}/approve", {})
    verdict = staff.does("POST", f"/scripts/{number}/check")

    assert verdict["accepted"] is False
    assert verdict["remarks"] == problem["remarks"]
    assert any("douanes" in remark["message"] and remark["line"] > 1 and remark["remedy"] for remark in problem["remarks"])
    assert staff.does("GET", f"/scripts/{number}")["state"] == "draft"


def test_a_draft_from_an_outdated_version_conflicts(staff: Staff) -> None:
    first = staff.draft()
    body = {"text": first["text"], "comment": "", "parent": first["number"]}
    staff.does("POST", "/scripts", body)
    assert "est plus récente" in staff.refused(409, "script_outdated", "POST", "/scripts", body)["message"]


def test_two_approvals_conflict_and_a_replay_does_not(staff: Staff) -> None:
    number = staff.draft()["number"]
    key = {"Idempotency-Key": uuid.uuid4().hex}
    later = {"publish_at": "2027-01-04T08:00"}
    answers = [staff.does("POST", f"/scripts/{number}/approve", later, **key) for _ in range(3)]

    assert answers[0] == answers[1] == answers[2]
    assert len(answers[0]["events"]) == 1
    staff.refused(409, "script_settled", "POST", f"/scripts/{number}/approve", later, Role.ADMINISTRATOR)
    staff.does("POST", f"/scripts/{number}/withdraw")


@pytest.mark.slow
def test_of_two_approvals_sent_at_once_one_is_done_and_the_other_conflicts(staff: Staff, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "checked", lambda opened, file, day: ())  # what is tried here is what happens after
    script, parent = a_script(), None
    for _ in range(100):
        parent = number = staff.draft(parent, script)["number"]
        ready = threading.Barrier(2)

        def approve(role: Role, number: int = number, ready: threading.Barrier = ready) -> int:
            ready.wait()
            return staff.ask(role, "POST", f"/scripts/{number}/approve", {"publish_at": "2027-01-04T08:00"}).status_code

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(approve, (Role.COMMUNICATION, Role.ADMINISTRATOR))) == [200, 409]
        assert len(staff.does("GET", f"/scripts/{number}")["events"]) == 1
    staff.does("POST", f"/scripts/{parent}/withdraw")


@pytest.mark.parametrize("key", ["court", "a" * 65, "a b c d e f g h", "é" * 10])
def test_a_key_of_another_shape_is_refused(staff: Staff, key: str) -> None:
    answer = staff.client.post(
        "/line/scripts/1/approve",
        json={},
        headers={"Authorization": f"Bearer {staff.keys[Role.COMMUNICATION]}", "Idempotency-Key": key.encode()},  # type: ignore[dict-item]
    )
    assert answer.json()["code"] == "request_invalid"


def test_going_back_and_what_cannot_be_gone_back_to(staff: Staff) -> None:
    script = a_script()
    first = staff.draft(script=script)["number"]
    staff.does("POST", f"/scripts/{first}/approve", {"publish_at": "2027-01-04T08:00"})
    staff.refused(409, "script_settled", "POST", f"/scripts/{first}/rollback")
    staff.does("POST", f"/scripts/{first}/withdraw")

    back = staff.does("POST", f"/scripts/{first}/rollback")
    assert (back["comment"], back["state"]) == (f"Retour à la version {first}", "approved")
    staff.does("POST", f"/scripts/{back['number']}/withdraw")


def test_two_versions_are_compared_in_french(staff: Staff) -> None:
    script = a_script()
    first = staff.draft(script=script)["number"]
    second = staff.draft(first, script, **{"title: ": "title: Essai, "})["number"]
    told = staff.does("GET", f"/scripts/{first}/diff/{second}")

    assert [change["what"] for change in told["changes"]] == ["setting"]
    assert "titre" in told["changes"][0]["told"]
    assert told["new_sounds"] == 0


def test_an_unknown_version_is_told(staff: Staff) -> None:
    for method, path in (("GET", "/scripts/999999"), ("POST", "/scripts/999999/withdraw"), ("GET", "/scripts/999999/diff/1")):
        assert "999999" in staff.refused(404, "script_unknown", method, path)["message"]


def test_a_script_larger_than_a_message_is_accepted_and_a_huge_one_is_not(staff: Staff) -> None:
    assert len(SHIPPED) > 16_384
    assert staff.draft()["number"]
    staff.refused(413, "too_long", "POST", "/scripts", {"text": "#" * 2_000_000})
    staff.refused(413, "too_long", "POST", "/orders", {"service": "x", "reason": "x" * 20_000, "impact": "hours"})


def test_a_second_reader_may_be_wanted(staff: Staff, monkeypatch: pytest.MonkeyPatch) -> None:
    number = staff.draft()["number"]
    monkeypatch.setattr(versions.settings(), "second_reader", True)
    assert "autre personne" in staff.refused(403, "second_reader", "POST", f"/scripts/{number}/approve", {})["message"]


# --- Orders ---------------------------------------------------------------------------------------------------------------


def test_an_order_is_placed_answered_and_measured(staff: Staff) -> None:
    body = {"service": "permis", "reason": "Nouveau guichet", "impact": "routing"}
    order = staff.does("POST", "/orders", body, Role.AGENT)
    assert (order["author"], order["due_working"], order["due_calendar"]) == ("Claude Agent", "2026-11-27", "2026-11-27")
    assert (order["progress"], order["version"]) == ("open", None)

    version = staff.draft()["number"]
    answered = staff.does("POST", f"/orders/{order['number']}/answer", {"version": version})
    assert answered["version"] == version
    register = staff.does("GET", "/orders?first=2026-11-24&last=2026-11-24")
    assert answered in register["orders"]
    assert staff.does("GET", "/orders?last=2020-01-01") == {
        "orders": [],
        "svi1": {"applicable": False, "numerator": None, "denominator": None, "rate": None, "reason": "aucune demande dans la période"},
    }
    assert staff.does("POST", f"/orders/{order['number']}/cancel")["progress"] == "cancelled"
    staff.refused(409, "order_refused", "POST", f"/orders/{order['number']}/cancel")


def test_an_order_for_an_unknown_service_is_refused(staff: Staff) -> None:
    problem = staff.refused(409, "order_refused", "POST", "/orders", {"service": "douanes", "reason": "Essai", "impact": "hours"})
    assert "douanes" in problem["message"]


# --- State ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def quiet(staff: Staff) -> Iterator[Staff]:
    """Whatever a test switches on is off when it ends."""
    yield staff
    for path in ("/crisis", "/closure"):
        staff.does("DELETE", path)


def test_a_crisis_message_is_switched_on_and_off_with_a_name_a_reason_and_its_kind(quiet: Staff) -> None:
    on = quiet.does("POST", "/crisis", CRISIS)["crisis"]
    assert (on["text"], on["author"], on["reason"], on["exercise"]) == (FLOOD, "Claude Communication", "crue", True)
    assert (on["until"], on["effects"], on["in_force"]) == ("2026-11-24T19:00:00Z", {}, True)
    assert quiet.does("GET", "/state", role=Role.AGENT)["crisis"] == on

    state = quiet.does("DELETE", "/crisis?reason=fin")
    assert state["crisis"] is None
    assert [(order["switched_on"], order["reason"], order["exercise"]) for order in state["log"][:2]] == [
        (False, "fin", True),
        (True, "crue", True),
    ]


def test_the_line_is_closed_and_opened_again(quiet: Staff) -> None:
    assert quiet.does("POST", "/closure", CLOSURE)["closure"]["text"] == ""
    assert quiet.does("DELETE", "/closure")["closure"] is None


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/crisis", {**CRISIS, "confirmation": "oui"}, "confirmation_missing"),
        ("/closure", {**CLOSURE, "confirmation": ""}, "confirmation_missing"),
        ("/crisis", {**CRISIS, "until": "2027-02-24T20:00"}, "state_refused"),
        ("/crisis", {**CRISIS, "until": "bientôt"}, "state_refused"),
        ("/crisis", {**CRISIS, "text": "mot " * 61}, "state_refused"),
        ("/crisis", {name: value for name, value in CRISIS.items() if name != "until"}, "request_invalid"),
        ("/crisis", {name: value for name, value in CRISIS.items() if name != "exercise"}, "request_invalid"),
    ],
)
def test_what_would_be_heard_by_all_needs_its_word_its_end_and_its_kind(quiet: Staff, path: str, body: Any, code: str) -> None:
    quiet.refused(422, code, "POST", path, body)
    assert quiet.does("GET", "/state")["crisis"] is None


def test_a_transfer_is_asked_for_with_the_name_of_the_agent(staff: Staff) -> None:
    asked = staff.does("POST", "/transfers", {"call": "1764064800.12", "service": "permis"}, Role.AGENT)
    with reading(staff.engine) as opened:
        row = opened.get(TransferRequest, asked["number"])
    assert row is not None
    assert (row.call, row.service_id, row.author, row.at) == ("1764064800.12", "permis", "Claude Agent", tuesday_morning())


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"call": "1764064800.12", "service": "douanes"}, "service_unknown"),
        ({"call": "SIP/x&SIP/y", "service": "permis"}, "request_invalid"),
        ({"call": "1\r\nAction: Originate", "service": "permis"}, "request_invalid"),
    ],
)
def test_a_transfer_that_names_nothing_of_ours_is_refused(staff: Staff, body: Any, code: str) -> None:
    staff.refused(422, code, "POST", "/transfers", body, Role.AGENT)


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


def test_a_browser_of_another_site_cannot_use_a_key(an_app: Callable[..., FastAPI]) -> None:
    client = TestClient(an_app(embed_origins=("https://www.exemple.gouv.fr",)))
    answer = client.options(
        "/line/crisis",
        headers={
            "Origin": "https://www.exemple.gouv.fr",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization",
        },
    )
    assert answer.status_code == 400


def test_what_the_editor_writes_is_what_the_telephony_process_reads(staff: Staff) -> None:
    number = staff.draft()["number"]
    staff.does("POST", f"/scripts/{number}/approve", {})
    with session(staff.engine) as opened:
        due = versions.due(opened, tuesday_morning())
        assert due is not None
        assert due.number == number
        author = opened.scalar(select(ScriptEvent.author).where(ScriptEvent.version == number))
        versions.withdraw(opened, number, "essai")
    assert author == "Claude Communication"
