"""The routes of the staff for scripts: what is refused and how it is told, and what is written with whose name."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select

from api.keys import Role
from knowledge.database import session
from knowledge.line_models import ScriptEvent
from knowledge.scripts import versions
from tests.api.staff import SHIPPED, Staff, a_script
from tests.stock import tuesday_morning

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
