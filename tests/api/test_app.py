from __future__ import annotations

import time
from collections.abc import Callable

from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from bot.assistant import Assistant
from knowledge import models
from knowledge.clock import now
from knowledge.database import session
from tests.api.test_chat import LOST_CARD, ask


def test_a_release_of_the_knowledge_is_served_within_seconds_without_a_restart(
    an_app: Callable[..., FastAPI], stocked: Engine, assistant: Assistant
) -> None:
    before = assistant.catalogue.release
    with TestClient(an_app(refresh_seconds=0.05)) as client:
        with session(stocked) as opened:
            opened.add(models.Release(created_at=now(), digest="0" * 64, reason="essai"))
        deadline = time.monotonic() + 15
        while assistant.catalogue.release == before and time.monotonic() < deadline:
            assert ask(client, LOST_CARD)["decision"] == "reply"
        assert assistant.catalogue.release > before
        assert ask(client, LOST_CARD)["decision"] == "reply"
