"""Callers who asked to be called back: taken once, called once, then forgotten."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select

from knowledge.database import reading, session
from knowledge.line_models import CallbackRequest
from telephony import __main__ as entrance
from telephony.errors import AmiUnavailable
from telephony.records.callbacks import FAMILY, collect, done, forget, waiting

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


class Shelf:
    """Asterisk's database, which may fail when it is asked to remove."""

    def __init__(self, **notes: str) -> None:
        self.notes = {call.replace("_", "."): noted for call, noted in notes.items()}
        self.failing = False

    def family(self, name: str) -> dict[str, str]:
        assert name == FAMILY
        return dict(self.notes)

    def delete(self, family: str, key: str) -> bool:
        if self.failing:
            raise AmiUnavailable("Asterisk ne répond pas.")
        return self.notes.pop(key, None) is not None


def _rows(engine: Engine) -> list[tuple[str, str, str | None]]:
    with reading(engine) as opened:
        rows = opened.scalars(select(CallbackRequest).order_by(CallbackRequest.call))
        return [(row.call, row.service_id, row.number) for row in rows]


def test_a_request_is_stored_then_removed_from_asterisk(engine: Engine) -> None:
    shelf = Shelf(c1_1="permis|0612345678", c1_2="pan-etrangers|+33612345679")

    assert collect(engine, shelf, lambda: NOW) == 2
    assert shelf.notes == {}
    assert _rows(engine) == [("c1.1", "permis", "0612345678"), ("c1.2", "pan-etrangers", "+33612345679")]


def test_a_stop_between_storing_and_removing_changes_nothing(engine: Engine) -> None:
    shelf = Shelf(c1_1="permis|0612345678")
    shelf.failing = True
    with pytest.raises(AmiUnavailable):
        collect(engine, shelf, lambda: NOW)
    shelf.failing = False

    assert collect(engine, shelf, lambda: NOW + timedelta(hours=1)) == 0
    assert shelf.notes == {}
    with reading(engine) as opened:
        assert opened.scalars(select(CallbackRequest)).one().asked_at == NOW


def test_a_note_left_behind_does_not_bring_back_a_number_that_was_called(engine: Engine) -> None:
    shelf = Shelf(c1_1="permis|0612345678")
    shelf.failing = True
    with pytest.raises(AmiUnavailable):
        collect(engine, shelf, lambda: NOW)
    with session(engine) as opened:
        assert done(opened, "c1.1", "Claire Test", lambda: NOW)
    shelf.failing = False

    assert collect(engine, shelf, lambda: NOW) == 0
    assert collect(engine, Shelf(c1_1="standard|0612345678"), lambda: NOW) == 0
    assert _rows(engine) == [("c1.1", "permis", None)]


def test_a_caller_who_then_asks_another_service_is_called_by_that_one(engine: Engine) -> None:
    collect(engine, Shelf(c1_1="permis|0612345678"), lambda: NOW)

    assert collect(engine, Shelf(c1_1="standard|0612345678"), lambda: NOW) == 1
    assert _rows(engine) == [("c1.1", "standard", "0612345678")]


@pytest.mark.parametrize(
    "noted",
    ["permis|", "permis", "|0612345678", "permis|06 12", "permis|0612345678&SIP/x", "permis|" + "9" * 20, "Permis|06123", "permis|٠٦١٢٣"],
)
def test_a_note_that_is_not_ours_is_removed_and_told_without_its_content(
    engine: Engine, noted: str, caplog: pytest.LogCaptureFixture
) -> None:
    shelf = Shelf(c1_1=noted)
    with caplog.at_level(logging.WARNING):
        assert collect(engine, shelf, lambda: NOW) == 0

    assert (shelf.notes, _rows(engine)) == ({}, [])
    assert "c1.1" in caplog.text
    assert "0612345678" not in caplog.text


def test_the_number_is_erased_once_the_caller_has_been_called(engine: Engine) -> None:
    collect(engine, Shelf(c1_1="permis|0612345678", c1_2="permis|0612345679"), lambda: NOW)
    with session(engine) as opened:
        assert [row.call for row in waiting(opened)] == ["c1.1", "c1.2"]
        assert done(opened, "c1.1", "Claire Test", lambda: NOW)
        assert not done(opened, "c1.1", "Paul Test", lambda: NOW)
        assert not done(opened, "nobody", "Paul Test", lambda: NOW)

    with reading(engine) as opened:
        (left,) = waiting(opened)
        called = opened.get_one(CallbackRequest, "c1.1")
    assert left.call == "c1.2"
    assert (called.number, called.done_by, called.done_at) == (None, "Claire Test", NOW)


def test_a_number_that_nobody_called_is_erased_after_its_days(engine: Engine) -> None:
    collect(engine, Shelf(c1_1="permis|0612345678"), lambda: NOW)
    collect(engine, Shelf(c1_2="permis|0612345679"), lambda: NOW + timedelta(days=1))
    with session(engine) as opened:
        assert forget(opened, 30, lambda: NOW + timedelta(days=30)) == 0
        assert forget(opened, 30, lambda: NOW + timedelta(days=30, seconds=1)) == 1

    assert _rows(engine) == [("c1.1", "permis", None), ("c1.2", "permis", "0612345679")]


def test_the_command_lists_who_waits_and_notes_who_was_called(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("knowledge.database.default_engine", lambda: engine)
    collect(engine, Shelf(c1_1="permis|0612345678"), lambda: NOW)

    assert entrance.main(["callbacks"]) == 0
    assert "0612345678" in capsys.readouterr().out
    assert entrance.main(["callbacks", "--done", "c1.1", "--by", "Claire Test"]) == 0
    assert entrance.main(["callbacks", "--done", "c1.1", "--by", "Claire Test"]) == 1
    assert "Aucun rappel n'attend" in capsys.readouterr().err
    assert entrance.main(["callbacks"]) == 0
    assert "Personne n'attend" in capsys.readouterr().out
