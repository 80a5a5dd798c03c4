"""The members of the staff, for the tests of their routes."""

from __future__ import annotations

import uuid
from typing import Any

from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy import Engine

from api import keys
from api.keys import Role
from knowledge.database import session
from tests.conftest import CONTENT

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
