"""`python -m knowledge …`, as the person who installs or edits uses it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.conftest import CONTENT
from tests.knowledge.builders import Content, a_fiche
from tests.signals import hearing_signals

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def environment(content: Content, tmp_path: Path) -> Mapping[str, str]:
    return {
        **os.environ,
        "KNOWLEDGE_DATABASE": f"sqlite:///{tmp_path / 'var' / 'accueil.db'}",
        "KNOWLEDGE_CONTENT": str(content.folder),
        "PYTHONIOENCODING": "utf-8",
    }


def _start(environment: Mapping[str, str], *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "knowledge", *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=hearing_signals)


@pytest.fixture
def run(environment: Mapping[str, str]) -> Run:
    def run(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "knowledge", *map(str, arguments)]
        return subprocess.run(command, env={**environment, **variables}, capture_output=True, text=True, encoding="utf-8", timeout=120)

    return run


def test_the_help_is_in_french_and_names_every_command(run: Run) -> None:
    told = run("--help")

    assert told.returncode == 0
    for word in ("usage :", "commandes :", "migrate", "check", "load", "export", "diff", "book", "afficher cette aide"):
        assert word in told.stdout
    assert "show this help" not in told.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "il manque : commande"),
        (["chercher"], "n'est pas prévu : choisissez parmi"),
        (["book"], "il manque : --out"),
        (["load", "--vite"], "argument inconnu : --vite"),
        (["check", "--day", "demain"], "« demain » n'est pas une date"),
        (["book", "--out"], "--out attend une valeur"),
    ],
)
def test_a_wrong_use_is_explained_in_french_with_code_2(run: Run, arguments: list[str], said: str) -> None:
    told = run(*arguments)

    assert told.returncode == 2
    assert said in told.stderr
    assert "Traceback" not in told.stderr


def test_from_an_empty_folder_to_the_book(run: Run, content: Content, tmp_path: Path) -> None:
    content.fiche()
    assert run("migrate").stdout == "La base est prête.\n"
    assert run("migrate").returncode == 0
    assert "1 fiches, 25 questions, 3 faits : 0 refus." in run("check").stdout
    assert "cni-perte" in run("diff").stdout
    shutil.copytree(CONTENT / "lexicon", content.folder / "lexicon")
    loaded = run("load").stdout
    assert "Publié : 1 ajoutée(s)" in loaded
    assert "« passeport-renouvellement » n'est pas une fiche publiée" in loaded  # the wishes of the lexicon name it
    assert "Rien n'a changé : 1 fiches à jour." in run("load").stdout
    assert "Aucune différence" in run("diff").stdout

    assert "1 fiches écrites" in run("export", tmp_path / "copie").stdout
    assert (tmp_path / "copie" / "fiches" / "identite" / "cni-perte.md").read_text("utf-8") == a_fiche()

    told = run("book", "--out", tmp_path / "livre" / "livre.html")
    assert (told.returncode, "édition 1, 1 réponses" in told.stdout) == (0, True)
    assert "Titre de cni-perte" in (tmp_path / "livre" / "livre.html").read_text("utf-8")


def test_check_tells_each_refusal_and_the_openings_with_code_1(run: Run, content: Content) -> None:
    told = run("check", "--content", content.fiche(service="inconnu").folder)

    assert told.returncode == 1
    assert "fiches/identite/cni-perte.md:8 — le service « inconnu » n'existe pas → choisissez un id de services.yml" in told.stdout
    assert told.stdout.count("…\n") == 10
    assert "l'âge des traductions n'est pas jugé" in told.stderr


def test_check_refuses_a_review_date_that_has_passed(run: Run, content: Content) -> None:
    told = run("check", "--day", "2027-03-01", "--content", content.fiche().folder)

    assert (told.returncode, "[relecture]" in told.stdout) == (1, True)


def test_check_judges_translations_against_the_loaded_version(run: Run, content: Content) -> None:
    content.fiche()
    run("migrate")
    run("load")
    content.fiche(sections={"court": "Tout autre chose à dire."})

    told = run("check")
    assert (told.returncode, "[traduction ancienne]" in told.stdout) == (1, True)
    refused = run("load")
    assert (refused.returncode, "traduction" in refused.stderr) == (1, True)
    assert "modifiée : cni-perte" in run("diff").stdout


@pytest.mark.parametrize("command", [["load"], ["diff"], ["export", "copie"], ["book", "--out", "livre.html"]])
def test_before_the_migration_one_line_says_what_to_do(run: Run, command: list[str]) -> None:
    told = run(*command)

    assert told.returncode == 1
    assert told.stderr.strip() == "La base n'est pas prête pour cette version. Lancez « python -m knowledge migrate »."


def test_a_database_that_does_not_answer_is_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "plein").write_text("pas un dossier", "utf-8")
    told = run("load", KNOWLEDGE_DATABASE=f"sqlite:///{tmp_path / 'plein' / 'accueil.db'}")

    assert told.returncode == 1
    assert "Vérifiez KNOWLEDGE_DATABASE" in told.stderr
    assert "Traceback" not in told.stderr


def test_a_missing_content_folder_is_one_line(run: Run, tmp_path: Path) -> None:
    run("migrate")
    told = run("load", "--content", tmp_path / "absent")

    assert told.returncode == 1
    assert "services.yml:1 — fichier illisible" in told.stderr


def test_a_full_disk_loses_nothing_and_is_told_in_one_line(run: Run, content: Content, tmp_path: Path) -> None:
    """The database may grow no more than its present size plus a few pages, as on a full disk."""
    content.fiche()
    run("migrate")
    run("load")
    for number in range(60):
        content.fiche(f"cni-{number}")
    (tmp_path / "plein").mkdir()
    (tmp_path / "plein" / "sitecustomize.py").write_text(
        "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n",
        "utf-8",
    )
    told = run("load", PYTHONPATH=os.pathsep.join([str(tmp_path / "plein"), os.getcwd()]))  # noqa: PTH109 - a search path, not a file

    assert told.returncode == 1, told.stdout
    assert "espace disque" in told.stderr
    assert "Traceback" not in told.stderr
    assert "60 fiche(s) à charger" in run("diff").stdout
    assert "60 ajoutée(s)" in run("load").stdout


def test_a_load_that_is_killed_leaves_the_previous_knowledge(run: Run, content: Content, environment: Mapping[str, str]) -> None:
    content.fiche()
    run("migrate")
    run("load")
    for number in range(150):
        content.fiche(f"cni-{number}")
    for delay in (0.4, 0.8):
        process = _start(environment, "load")
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
    assert "150 fiche(s) à charger" in run("diff").stdout or "Aucune différence" in run("diff").stdout
    assert run("load").returncode == 0
    assert "Aucune différence" in run("diff").stdout


def test_an_interruption_is_one_line(content: Content, environment: Mapping[str, str]) -> None:
    """The acronyms are a pipe: the command waits there when the person presses Ctrl-C, or is about to; then it is let go."""
    pipe = content.fiche().folder / "acronyms.yml"
    pipe.unlink()
    os.mkfifo(pipe)
    process = _start(environment, "check")
    with pipe.open("w"):  # opens once the command reads
        process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)

    assert process.returncode == 1
    assert "Interrompu : rien n'a été modifié" in errors.decode()
    assert b"Traceback" not in errors


def test_the_pdf_without_its_extra_exits_with_2(run: Run, content: Content, tmp_path: Path) -> None:
    content.fiche()
    run("migrate")
    run("load")
    (tmp_path / "sans").mkdir()
    (tmp_path / "sans" / "weasyprint.py").write_text("raise ImportError\n", "utf-8")
    told = run("book", "--pdf", "--out", tmp_path / "livre.pdf", PYTHONPATH=os.pathsep.join([str(tmp_path / "sans"), os.getcwd()]))  # noqa: PTH109

    assert told.returncode == 2
    assert "deploy/setup.sh requirements-dev.lock" in told.stderr
