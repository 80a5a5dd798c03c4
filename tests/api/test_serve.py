"""`python -m api serve` as an installer meets it: every failure is one French line that says what to do."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine

from knowledge.database import migrate, open_engine


def serve(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "KNOWLEDGE_DATABASE": f"sqlite:///{folder / 'base.db'}",
        "KNOWLEDGE_INDEX": str(folder / "index"),
        "API_STATE": str(folder),
        **settings,
    }
    command = [sys.executable, "-m", "api", "serve", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def told(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


def test_a_port_already_taken_is_told_with_another_to_try(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        line = told(serve(tmp_path, "--port", str(port)))
    assert f"Le port {port} est déjà pris" in line
    assert f"--port {port + 1}" in line


def test_a_database_without_its_schema_is_told(tmp_path: Path) -> None:
    assert "python -m knowledge migrate" in told(serve(tmp_path, "--port", "0"))


def test_an_empty_database_is_told(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'base.db'}")
    migrate(engine)
    engine.dispose()
    assert "python -m knowledge load" in told(serve(tmp_path, "--port", "0"))


def test_a_database_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "fichier").write_text("")
    line = told(serve(tmp_path, KNOWLEDGE_DATABASE=f"sqlite:///{tmp_path / 'fichier' / 'base.db'}"))
    assert "Vérifiez KNOWLEDGE_DATABASE" in line


def test_a_database_server_that_does_not_answer_is_told(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"postgresql+psycopg://u:p@127.0.0.1:{closed.getsockname()[1]}/x"
        pytest.importorskip("psycopg", reason="needs the extra `postgresql`")
        assert "La base ne répond pas" in told(serve(tmp_path, KNOWLEDGE_DATABASE=address))


@pytest.mark.parametrize(("name", "value"), [("API_PORT", "cent"), ("API_TOKEN_MINUTES", "0"), ("API_TRUSTED_PROXIES", "pas-une-adresse")])
def test_a_wrong_setting_is_told_by_its_name(tmp_path: Path, name: str, value: str) -> None:
    assert name in told(serve(tmp_path, **{name: value}))


def test_a_real_instance_does_not_start_with_the_sample_secret(tmp_path: Path, stocked: Engine) -> None:
    address = stocked.url.render_as_string(hide_password=False)
    line = told(serve(tmp_path, "--port", "0", KNOWLEDGE_DATABASE=address, API_DEMO="false"))
    assert "API_SECRET" in line
