"""The routes of the orders and of the state of the line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from api.keys import Role
from knowledge.database import reading
from knowledge.line_models import TransferRequest
from tests.api.staff import CLOSURE, CRISIS, FLOOD, Staff
from tests.stock import tuesday_morning

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
