"""The messages that callers left are listed for their service, and never kept longer than said."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from knowledge.database import reading, session
from knowledge.line_models import Call
from telephony.records.messages import erase, forget, waiting

NOON = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)


def a_call(identifier: str, path: list[dict[str, Any]], at: datetime = NOON) -> Call:
    return Call(
        id=identifier, started_at=at, ended_at=at + timedelta(minutes=2), version=1, language="fr", caller=None, proof=False, welcomed=True,
        state=None, path=path, heard=[], questions=[], transfers=[], offered=False, announced=None, answered=False, wait_seconds=None,
        rings=None, ended_in="fin", end="line",
    )  # fmt: skip


def test_messages_are_listed_oldest_first_with_their_service(engine: Engine, tmp_path: Path) -> None:
    left = [{"kind": "node", "node": "n3"}, {"kind": "voicemail", "service": "permis"}]
    with session(engine) as opened:
        opened.add_all([a_call("200.2", left, NOON), a_call("100.1", left, NOON - timedelta(hours=1)), a_call("300.3", [], NOON)])
    for name in ("200.2", "100.1", "999.9", "../evil"):
        (tmp_path / f"{Path(name).name}.wav").write_bytes(b"RIFF")

    with reading(engine) as opened:
        messages = waiting(opened, tmp_path)

    assert [(message.call, message.service, message.sound.name) for message in messages] == [
        ("100.1", "permis", "100.1.wav"),
        ("200.2", "permis", "200.2.wav"),
    ]


def test_a_message_that_was_heard_is_erased_and_nothing_else_is(tmp_path: Path) -> None:
    (tmp_path / "100.1.wav").write_bytes(b"RIFF")
    outside = tmp_path.parent / "100.2.wav"
    outside.write_bytes(b"RIFF")

    assert not erase(tmp_path, "../100.2")
    assert erase(tmp_path, "100.1")
    assert not erase(tmp_path, "100.1")
    assert outside.exists()


def test_old_messages_are_erased_whether_heard_or_not(tmp_path: Path) -> None:
    for name, days in (("100.1", 31), ("200.2", 29)):
        path = tmp_path / f"{name}.wav"
        path.write_bytes(b"RIFF")
        os.utime(path, ((NOON - timedelta(days=days)).timestamp(),) * 2)

    assert forget(tmp_path, 30, lambda: NOON) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["200.2.wav"]
