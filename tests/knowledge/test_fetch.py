"""`python -m knowledge fetch …`, as the person in charge of the sources uses it."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from knowledge.__main__ import main
from knowledge.settings import settings
from tests.knowledge.builders import Content
from tests.knowledge.web import HOST, Served, WebServer

SAMPLE = Path(__file__).parent / "samples" / "service-public"
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(content: Content, tmp_path: Path) -> Run:
    environment = {
        **os.environ,
        "KNOWLEDGE_DATABASE": f"sqlite:///{tmp_path / 'var' / 'accueil.db'}",
        "KNOWLEDGE_CONTENT": str(content.folder),
        "PYTHONIOENCODING": "utf-8",
    }

    def run(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "knowledge", *map(str, arguments)]
        return subprocess.run(command, env={**environment, **variables}, capture_output=True, text=True, encoding="utf-8", timeout=120)

    return run


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    with zipfile.ZipFile(tmp_path / "flux.zip", "w") as opened:
        for path in SAMPLE.glob("*.xml"):
            opened.write(path, path.name)
    return tmp_path / "flux.zip"


def test_from_the_feed_to_the_report(run: Run, archive: Path) -> None:
    run("migrate")
    assert "Aucune source n'a été lue" in run("fetch", "report").stdout
    first = run("fetch", "service-public", "--from", archive)
    assert "12 ajoutée(s), 0 modifiée(s), 0 inchangée(s), 0 retirée(s), 0 refusée(s)" in first.stdout, first.stderr
    assert "fetch approve" in first.stdout
    second = run("fetch", "service-public", "--from", archive)
    assert "0 ajoutée(s), 0 modifiée(s), 12 inchangée(s)" in second.stdout
    assert "fetch approve" not in second.stdout

    refused = run("fetch", "approve", "--origin", "service-public", "--by", "Zoé")
    assert (refused.returncode, "12 refusée(s)" in refused.stdout, "--force-old" in refused.stdout) == (1, True, True)
    assert "1 page(s) approuvée(s) par Zoé" in run("fetch", "approve", "F1887", "--by", "Zoé", "--force-old").stdout
    shown = run("fetch", "show", "F1887").stdout
    assert "Comment remplacer une carte d'identité abîmée ?\nPapiers - Citoyenneté > Carte d'identité\nhttps://" in shown
    assert "Approuvée, mise à jour le" in shown
    report = run("fetch", "report").stdout
    assert "service-public : 11 proposée(s), 1 approuvée(s) ; lue le" in report
    assert "Pages anciennes (plus de 400 jours) ou sans date : 12\n  F1887" in report
    assert "1 page(s) suspendue(s) par Zoé" in run("fetch", "suspend", "F1887", "--by", "Zoé").stdout


def test_a_damaged_archive_is_one_line_and_loses_nothing(run: Run, archive: Path) -> None:
    run("migrate")
    run("fetch", "service-public", "--from", archive)
    archive.write_bytes(archive.read_bytes()[:-100])
    told = run("fetch", "service-public", "--from", archive)

    assert (told.returncode, told.stdout) == (1, "")
    assert "tronquée" in told.stderr
    assert "Traceback" not in told.stderr
    assert "service-public : 12 proposée(s)" in run("fetch", "report").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["fetch"], 2, "il manque : action"),
        (["fetch", "approve", "F1"], 2, "il manque : --by"),
        (["fetch", "approve", "--by", "Zoé"], 2, "soit des identifiants"),
        (["fetch", "approve", "F1", "--origin", "x", "--by", "Zoé"], 2, "soit des identifiants"),
        (["fetch", "approve", "F1", "--by", "Zoé"], 1, "Page inconnue : F1"),
        (["fetch", "show", "F1"], 1, "Page inconnue : F1"),
        (["fetch", "service-public", "--from", "absent.zip"], 1, "absent.zip n'existe pas"),
        (["fetch", "service-public", "--from", "http://lecomarquage.service-public.fr/a.zip"], 1, "seul https est permis"),
        (["fetch", "service-public", "--from", "https://127.0.0.1/a.zip"], 1, "n'est pas un nom de site"),
        (["fetch", "service-public", "--from", "file:///etc/passwd"], 1, "n'est pas un nom de site"),
        (["fetch", "site", "--host", "evil.example"], 1, "n'est pas dans KNOWLEDGE_SITE_HOSTS"),
    ],
)
def test_a_mistake_is_explained_in_french(run: Run, arguments: list[str], code: int, said: str) -> None:
    run("migrate")
    told = run(*arguments)

    assert (told.returncode, said in told.stderr) == (code, True), told.stderr
    assert "Traceback" not in told.stderr


def test_the_settings_cannot_open_the_inside_of_the_network(run: Run) -> None:
    run("migrate")
    told = run("fetch", "site", KNOWLEDGE_SITE_HOSTS='["127.0.0.1"]')

    assert (told.returncode, "n'est pas un nom de site" in told.stderr) == (1, True)


def test_every_allowed_site_is_read_and_one_that_fails_does_not_stop_the_others(
    engine: Engine, content: Content, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command itself, on a local server: the guard of production is replaced by one that allows this server only."""
    monkeypatch.setattr(settings(), "site_hosts", ["www.absent.gouv.fr", HOST])
    monkeypatch.setattr(settings(), "site_pace", 0.0)
    monkeypatch.setattr("knowledge.database.default_engine", lambda: engine)
    with WebServer() as server:
        server.pages["/sitemap.xml"] = Served(f"<urlset><url><loc>{server.url('/a')}</loc></url></urlset>")
        server.pages["/a"] = Served("<title>Horaires</title><main><p>Ouvert le matin.</p></main>")
        monkeypatch.setattr("knowledge.sources.guard.Guard", lambda _rule: server.guard())
        codes = [main(["fetch", "site", "--content", str(content.folder)]) for _ in range(2)]
    told = capsys.readouterr()

    assert codes == [1, 1]
    assert f"{HOST} : 1 ajoutée(s)" in told.out
    assert f"{HOST} : 0 ajoutée(s), 0 modifiée(s), 1 inchangée(s)" in told.out
    assert "www.absent.gouv.fr n'a pas été lu" in told.err
