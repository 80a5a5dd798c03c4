"""`python -m telephony script|orders|crisis|close`, as the communication team uses them."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from knowledge import database
from knowledge.clock import local, now, today
from knowledge.database import reading, session
from knowledge.loading import load
from knowledge.scripts import state, versions
from knowledge.scripts.state import Kind
from knowledge.scripts.versions import State
from telephony.__main__ import main
from tests.knowledge.builders import Content
from tests.knowledge.scripts.test_versions import accepted
from tests.knowledge.scripts.written import a_text
from tests.stock import empty_database, stocked_database

SHIPPED = Path(__file__).parents[2] / "knowledge" / "content" / "scripts" / "accueil.yml"
FLOOD = "Alerte inondation. Restez chez vous."
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """A command on the database of this test: exit code, output, warnings."""
    monkeypatch.setattr(database, "default_engine", lambda: engine)

    def command(*arguments: object) -> tuple[int, str, str]:
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as stopped:
            code = int(str(stopped.code))
        told = capsys.readouterr()
        return code, told.out, told.err

    return command


@pytest.fixture
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database of this test, with the real contents if it is to be `stocked`."""
    opened = stocked_database if "stocked" in request.fixturenames else empty_database
    with opened(tmp_path) as engine:
        yield engine


@pytest.fixture
def stocked() -> None:
    """The real contents: see `engine`."""


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "script.yml"
        path.write_text(text, "utf-8")
        return path

    return write


def in_an_hour() -> str:
    return f"{local(now() + timedelta(hours=1)):%Y-%m-%dT%H:%M}"


# --- script ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["script", "orders", "crisis", "close"])
def test_the_help_is_in_french(run: Run, command: str) -> None:
    code, told, _ = run(command, "--help")
    assert code == 0
    assert "actions :" in told
    assert "show this help" not in told


def test_a_file_becomes_a_draft_then_is_approved_shown_and_withdrawn(run: Run, stocked: None) -> None:
    code, told, _ = run("script", "draft", SHIPPED, "--comment", "première", "--by", "Marie Lenoir")
    assert (code, told.strip()) == (0, "Version 1 enregistrée comme brouillon.")
    code, told, _ = run("script", "approve", 1, "--at", in_an_hour(), "--by", "Jean Petit")
    assert code == 0
    assert "approuvée, pour le" in told

    code, told, _ = run("script", "show", 1)
    assert "écrite par Marie Lenoir" in told
    assert "première" in told
    assert "approuvée (Jean Petit)" in told
    assert "Marie Lenoir" in run("script", "list")[1]
    assert run("script", "withdraw", 1, "--by", "Jean Petit")[0] == 0
    assert "retirée" in run("script", "list")[1]


def test_a_draft_that_a_check_refuses_says_every_line_to_correct_and_is_not_approved(
    run: Run, stocked: None, written: Callable[[str], Path]
) -> None:
    code, told, _ = run("script", "draft", written(a_text()))
    assert code == 0
    assert "refus à corriger avant de l'approuver" in told
    assert "version 1:" in told
    code, _, warning = run("script", "approve", 1)
    assert code == 1
    assert "refus dans les contenus" in warning


def test_a_draft_says_from_which_version_it_was_written(run: Run, stocked: None, written: Callable[[str], Path]) -> None:
    run("script", "draft", written(a_text()))
    code, _, warning = run("script", "draft", written(a_text("Bonsoir.")))
    assert (code, "--from 1" in warning) == (2, True)
    assert run("script", "draft", written(a_text("Bonsoir.")), "--from", 1)[0] == 0
    code, _, warning = run("script", "draft", written(a_text("Bonne nuit.")), "--from", 1)
    assert (code, "version 2" in warning) == (1, True)


def test_a_file_that_is_not_a_script_is_refused_with_its_line(run: Run, stocked: None, written: Callable[[str], Path]) -> None:
    code, _, warning = run("script", "draft", written("id: essai\nid: deux\n"))
    assert code == 1
    assert "script.yml:2 — « id » est écrit deux fois" in warning


def test_what_changed_is_told_and_a_version_is_exported_to_the_byte(
    run: Run, stocked: None, written: Callable[[str], Path], tmp_path: Path
) -> None:
    run("script", "draft", written(a_text() + "# note\r\n"))
    run("script", "draft", written(a_text("Bonsoir.")), "--from", 1)
    code, told, _ = run("script", "diff", 1, 2)
    assert code == 0
    assert "devient « Bonsoir. »" in told
    assert "1 changement(s). 2 fichier(s) son à faire." in told

    assert run("script", "export", 1, tmp_path / "sorti.yml")[0] == 0
    assert (tmp_path / "sorti.yml").read_bytes() == (a_text() + "# note\r\n").encode()
    assert run("script", "export", 2)[1].strip() == a_text("Bonsoir.").strip()


def test_one_goes_back_to_a_version_that_was_live(run: Run, stocked: None, engine: Engine) -> None:
    run("script", "draft", SHIPPED)
    run("script", "approve", 1)
    with session(engine) as opened:
        versions.note(opened, 1, State.PUBLISHING)
        versions.note(opened, 1, State.LIVE)
        versions.note(opened, 1, State.PROVEN, {"score": 0.98})
        row = versions.save_draft(opened, a_text(), "Marie Lenoir", "", 1)
        versions.approve(opened, row.number, "Jean Petit", check=accepted)
        versions.note(opened, row.number, State.PUBLISHING)
        versions.note(opened, row.number, State.LIVE)

    assert "preuve, score : 0.98" in run("script", "show", 1)[1]
    code, told, _ = run("script", "rollback", 1)
    assert (code, "version 3, approuvée" in told) == (0, True)


def test_temporary_messages_about_to_end_are_listed_first(run: Run, engine: Engine) -> None:
    soon = f"{today() + timedelta(days=3):%Y-%m-%d}"
    with session(engine) as opened:
        text = a_text(horaires={"type": "message", "say": {"fr": "Travaux."}, "valid_to": soon, "next": "fin"})
        row = versions.save_draft(opened, text, "Marie Lenoir", "", None)
        versions.approve(opened, row.number, "Jean Petit", check=accepted)
        versions.note(opened, row.number, State.PUBLISHING)
        versions.note(opened, row.number, State.LIVE)
    assert run("script", "list")[1].startswith("À renouveler ou à retirer : « horaires », dit jusqu'au")


def test_an_unknown_version_is_said(run: Run) -> None:
    for arguments in (("show", 9), ("approve", 9), ("withdraw", 9), ("rollback", 9), ("export", 9), ("diff", 9, 8)):
        code, _, warning = run("script", *arguments)
        assert (code, "version 9" in warning) == (1, True)


# --- orders ---------------------------------------------------------------------------------------------------------------


def test_an_order_is_placed_answered_listed_and_cancelled(run: Run, engine: Engine, tmp_path: Path) -> None:
    with session(engine) as opened:
        load(opened, Content(tmp_path / "content").folder)
        versions.save_draft(opened, a_text(), "Marie Lenoir", "", None)

    code, told, _ = run("orders", "place", "Nouveaux horaires", "--service", "citoyennete", "--impact", "hours", "--by", "Paul Roux")
    assert code == 0
    assert "demandée par Paul Roux" in told
    assert "ouvrés" in told
    assert "calendaires" in told
    assert run("orders", "answer", 1, 1)[0] == 0
    listed = run("orders", "list")[1]
    assert "version 1, approuvée par personne encore, pas en service" in listed
    assert "SVI-1 : sans objet (aucune demande n'est encore échue)." in listed
    assert "annulée" in run("orders", "cancel", 1)[1]
    assert run("orders", "cancel", 1)[0] == 1


@pytest.mark.parametrize(
    "arguments", [("place", "Motif"), ("place", "Motif", "--service", "x", "--impact", "autre"), ("list", "--first", "hier")]
)
def test_a_wrong_usage_exits_with_two(run: Run, arguments: tuple[str, ...]) -> None:
    assert run("orders", *arguments)[0] == 2


# --- crisis, close --------------------------------------------------------------------------------------------------------


def test_a_message_needs_an_end_and_a_confirmation(run: Run, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("crisis", "on", FLOOD)[0] == 2
    assert run("crisis", "on", FLOOD, "--until", "bientôt")[0] == 2
    monkeypatch.setattr(sys, "stdin", open("/dev/null"))  # noqa: SIM115, PTH123  # no keyboard
    code, _, warning = run("crisis", "on", FLOOD, "--until", in_an_hour())
    assert (code, "--oui" in warning) == (1, True)
    with reading(engine) as opened:
        assert state.log(opened) == ()


@pytest.mark.parametrize(("typed", "on"), [("CRISE", True), ("crise ", True), ("oui", False), ("", False)])
def test_a_person_types_the_word_after_reading_what_will_be_heard(
    run: Run, engine: Engine, monkeypatch: pytest.MonkeyPatch, typed: str, on: bool
) -> None:
    monkeypatch.setattr("telephony.commands.signature.sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda asked: typed)
    code, told, _ = run("crisis", "on", FLOOD, "--until", in_an_hour(), "--wait", 0)

    assert FLOOD in told
    assert "RÉEL, ce n'est pas un exercice" in told
    assert code == (0 if on else 1)
    with reading(engine) as opened:
        assert bool(state.current(opened, now()).crisis) is on


def test_a_message_is_put_shown_and_taken_off_with_its_kind_and_its_author(run: Run, engine: Engine) -> None:
    until = in_an_hour()
    assert (
        run("crisis", "on", FLOOD, "--until", until, "--exercise", "--oui", "--by", "Marie Lenoir", "--reason", "crue", "--wait", 0)[0] == 0
    )
    told = run("crisis", "show")[1]
    for word in (FLOOD, "exercice", "Marie Lenoir", "motif : crue", "PAS ENCORE EN VIGUEUR AU TÉLÉPHONE"):
        assert word in told
    assert run("crisis", "off", "--by", "Jean Petit", "--wait", 0)[0] == 0
    told = run("crisis", "show")[1]
    assert "Ni message de crise, ni fermeture" in told
    assert "retiré (exercice), Jean Petit" in told
    assert "rien ne change" in run("crisis", "off", "--wait", 0)[1]


def test_the_line_is_closed_and_opened_again(run: Run, engine: Engine) -> None:
    assert run("close", "on", "--until", in_an_hour(), "--oui", "--wait", 0)[0] == 0
    with reading(engine) as opened:
        assert state.current(opened, now()).closure
    assert run("close", "off", "--wait", 0)[0] == 0
    assert run("close", "on", "--until", "2031-01-01T10:00", "--oui", "--wait", 0)[0] == 1


def test_the_command_says_when_the_line_obeys(run: Run, engine: Engine) -> None:
    def obey() -> None:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with session(engine) as opened:
                order = state.newest(opened, Kind.CRISIS)
                if order and state.obeyed(opened, order, state.PHONE):
                    return
            time.sleep(0.1)

    line = threading.Thread(target=obey)
    line.start()
    code, told, _ = run("crisis", "on", FLOOD, "--until", in_an_hour(), "--oui")
    line.join()
    assert (code, "En vigueur au téléphone après" in told) == (0, True)


def test_the_command_names_the_channel_that_does_not_obey(run: Run) -> None:
    code, _, warning = run("crisis", "on", FLOOD, "--until", in_an_hour(), "--oui", "--wait", 0.5)
    assert code == 1
    assert "le téléphone n'obéit pas encore" in warning
