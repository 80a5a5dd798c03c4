"""`python -m telephony serve` and `status` say in one line what is missing, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from knowledge import database
from telephony import settings as settings_module
from telephony.__main__ import main
from telephony.asterisk.instance import free_port
from telephony.settings import TelephonySettings

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """A command on an empty database, with the settings given: exit code, output, warnings."""

    def command(*arguments: str, **changed: object) -> tuple[int, str, str]:
        chosen = TelephonySettings(_env_file=None, **{"line": tmp_path / "line", "ami_port": free_port(), **changed})
        monkeypatch.setattr(database, "default_engine", lambda: engine)
        monkeypatch.setattr(settings_module, "settings", lambda: chosen)
        code = main(arguments)
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


def test_a_line_without_its_secrets_is_not_opened_and_names_them(run: Run) -> None:
    code, _, warned = run("serve", ami_publish_secret="un secret")

    assert code == 1
    assert "TELEPHONY_PROOF_SECRET" in warned and "TELEPHONY_AMI_PUBLISH_SECRET" not in warned
    assert "un secret" not in warned


def test_a_demonstration_without_asterisk_says_what_to_install(run: Run) -> None:
    code, _, warned = run("serve", "--demo", asterisk="/nulle/part", sip_address=f"127.0.0.1:{free_port()}")

    assert code == 2
    assert "TELEPHONY_ASTERISK" in warned


def test_the_status_tells_that_nothing_is_in_service_and_that_asterisk_does_not_answer(run: Run) -> None:
    code, told, warned = run("status", ami_publish_secret="un secret de test")

    assert code == 1
    assert "Aucun script en service" in told
    assert "ne répond pas" in warned
