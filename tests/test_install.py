"""`make run` and `make test` on machines that lack something: one clear French line, and nothing broken.

The real `deploy/setup.sh` and `Makefile` run in a copy, with a `python3` that fails as real ones do; nothing else of Python is on the PATH.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.signals import hearing_signals

ROOT = Path(__file__).parent.parent
TOOLS = "awk cat cksum df dirname env grep kill ls make mkdir mv rm sh sleep".split()
INTERPRETER = """#!/bin/sh
# A Python interpreter as far as deploy/setup.sh can see. FAKE says how it fails.
echo "$*" >>"$CALLS"
case "$*" in
    "-c "*"version_info"*)
        case "$0" in .venv/*) cat .venv/version; exit ;; esac
        case "$FAKE" in old) echo 3.9; exit 1 ;; newer) echo 3.13 ;; *) echo 3.12 ;; esac ;;
    "-m venv "*)
        case "$FAKE" in
            no-ensurepip) echo "The virtual environment was not created successfully because ensurepip is not available."; exit 1 ;;
            no-venv) echo "python3: No module named venv"; exit 1 ;;
            venv-full) echo "OSError: [Errno 28] No space left on device"; exit 1 ;;
            venv-broken) echo "something else"; exit 1 ;;
        esac
        mkdir -p "$3/bin" && "$0" -c version_info >"$3/version" && cat "$0" >"$3/bin/python" && chmod +x "$3/bin/python" ;;
    "-m pip install"*)
        echo "Collecting fastapi"
        case "$FAKE" in
            offline) echo "WARNING: Retrying after connection broken by NewConnectionError: Failed to resolve"; exit 1 ;;
            full) echo "Installing collected packages: fastapi"; echo "ERROR: [Errno 28] No space left on device"; exit 1 ;;
            hashes) echo "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE."; exit 1 ;;
            broken) echo "Installing collected packages: fastapi"; echo "error: subprocess-exited-with-error"; exit 1 ;;
            slow-download) exec sleep 60 ;;
            slow-install) : >.venv/half; echo "Installing collected packages: fastapi"; exec sleep 60 ;;
        esac ;;
esac
"""


class Machine:
    """A copy of what the installation needs, on a machine whose only Python is ours."""

    def __init__(self, folder: Path) -> None:
        self.tree = folder / "accueil"
        self.calls = folder / "calls"
        self.path = folder / "bin"
        (self.tree / "deploy").mkdir(parents=True)
        shutil.copy(ROOT / "deploy" / "setup.sh", self.tree / "deploy")
        shutil.copy(ROOT / "Makefile", self.tree)
        for lock in ("requirements.lock", "requirements-dev.lock"):
            (self.tree / lock).write_text("fastapi==0.165.0\n", "utf-8")
        self.path.mkdir()
        for tool in (*TOOLS, "chmod"):
            (self.path / tool).symlink_to(str(shutil.which(tool)))
        (self.path / "python3").write_text(INTERPRETER, "utf-8")
        (self.path / "python3").chmod(0o755)

    def environment(self, fake: str) -> dict[str, str]:
        return {"PATH": str(self.path), "FAKE": fake, "CALLS": str(self.calls), "LC_ALL": "C.UTF-8"}

    def setup(self, fake: str = "", lock: str = "requirements.lock") -> subprocess.CompletedProcess[str]:
        return self.run(["sh", "deploy/setup.sh", lock], fake)

    def make(self, target: str, fake: str = "") -> subprocess.CompletedProcess[str]:
        return self.run(["make", target], fake)

    def run(self, command: list[str], fake: str) -> subprocess.CompletedProcess[str]:
        self.calls.write_text("")
        command[0] = str(self.path / command[0])
        return subprocess.run(command, cwd=self.tree, env=self.environment(fake), capture_output=True, text=True, timeout=60)

    def asked(self) -> list[str]:
        """What Python was asked to do by the last command, the search for its version left out."""
        return [call for call in self.calls.read_text().splitlines() if not call.startswith("-c ")]

    def half_way(self, fake: str, sign: str) -> subprocess.Popen[str]:
        """An installation that goes on until pip has written `sign` in its log."""
        self.calls.write_text("")
        command = [str(self.path / "sh"), "deploy/setup.sh"]
        started = subprocess.Popen(
            command,
            cwd=self.tree,
            env=self.environment(fake),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=hearing_signals,
        )
        log = self.tree / "var" / "install.log"
        deadline = time.monotonic() + 20
        while not (log.is_file() and sign in log.read_text()):
            assert time.monotonic() < deadline and started.poll() is None
            time.sleep(0.05)
        return started


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def told(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of a failure."""
    assert done.returncode == 1
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


@pytest.mark.parametrize(
    ("fake", "said"),
    [
        ("old", "Il faut Python 3.11 ou plus récent (ici : 3.9)"),
        ("no-ensurepip", "Le module venv de Python manque. Debian, Ubuntu : sudo apt install python3-venv"),
        ("no-venv", "Le module venv de Python manque. Debian, Ubuntu : sudo apt install python3-venv"),
        ("venv-full", "Le disque est plein : libérez environ 1 Go"),
        ("venv-broken", "L'environnement n'a pas pu être créé : lisez var/install.log"),
        ("offline", "Les dépendances n'ont pas pu être téléchargées : vérifiez l'accès à internet"),
        ("full", "Le disque est plein : libérez environ 1 Go"),
        ("hashes", "Un paquet téléchargé n'est pas celui attendu : rien n'a été installé"),
        ("broken", "L'installation a échoué : lisez la fin de var/install.log"),
    ],
)
def test_each_lack_is_one_french_line_and_the_same_command_works_once_it_is_mended(machine: Machine, fake: str, said: str) -> None:
    line = told(machine.setup(fake))

    assert said in line
    assert fake == "old" or "relancez la même commande" in line
    assert machine.setup().returncode == 0
    assert machine.setup("offline").returncode == 0


def test_a_machine_without_python_is_told_what_to_install(machine: Machine) -> None:
    (machine.path / "python3").unlink()

    assert "Il faut Python 3.11 ou plus récent (ici : aucun)" in told(machine.setup())


def test_an_older_python3_is_passed_over_for_a_newer_one(machine: Machine) -> None:
    newer = machine.path / "python3.12"
    (machine.path / "python3").rename(newer)
    (machine.path / "python3").write_text("#!/bin/sh\necho 3.9\nexit 1\n", "utf-8")
    (machine.path / "python3").chmod(0o755)

    assert machine.setup().returncode == 0
    assert machine.asked()[0].startswith("-m venv")


def test_a_folder_that_cannot_be_written_is_told(machine: Machine) -> None:
    (machine.tree / "var").write_text("a file where the folder should be", "utf-8")

    assert "vérifiez vos droits et l'espace disque" in told(machine.setup())


def test_an_incomplete_copy_of_the_project_is_told(machine: Machine) -> None:
    (machine.tree / "requirements.lock").unlink()

    assert "reprenez une copie complète du projet" in told(machine.setup())


def test_a_second_start_asks_python_nothing_and_needs_no_network(machine: Machine) -> None:
    assert machine.setup().returncode == 0
    assert [call.split()[1] for call in machine.asked()] == ["venv", "pip"]
    again = machine.setup("offline")

    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert machine.asked() == []


def test_the_development_environment_serves_make_run_too(machine: Machine) -> None:
    assert machine.setup(lock="requirements-dev.lock").returncode == 0
    assert machine.setup("offline", "requirements.lock").returncode == 0
    assert machine.asked() == []


def test_a_changed_lock_is_installed_in_the_same_environment(machine: Machine) -> None:
    machine.setup()
    (machine.tree / "requirements.lock").write_text("fastapi==0.166.0\n", "utf-8")

    assert machine.setup().returncode == 0
    assert [call.split()[1] for call in machine.asked()] == ["pip"]


def test_another_python_makes_the_environment_again(machine: Machine) -> None:
    machine.setup()

    assert machine.setup("newer").returncode == 0
    assert [call.split()[1] for call in machine.asked()] == ["venv", "pip"]


def test_what_was_installed_still_runs_when_the_rest_cannot_be_downloaded(machine: Machine) -> None:
    """Offline after `make run`, `make test` fails; `make run` goes on working."""
    machine.setup()

    told(machine.setup("offline", "requirements-dev.lock"))
    assert machine.setup("offline").returncode == 0
    assert machine.asked() == []


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interruption_is_one_line_leaves_nothing_running_and_is_taken_up_again(machine: Machine, stop: signal.Signals) -> None:
    started = machine.half_way("slow-install", "Installing")
    os.killpg(started.pid, stop)
    _, errors = started.communicate(timeout=20)  # would last a minute if pip had been left running

    assert started.returncode == 130
    assert errors.strip().splitlines()[-1] == "Interrompu : relancez la même commande, elle reprendra."
    assert (machine.tree / ".venv" / "half").exists()
    assert machine.setup().returncode == 0
    assert not (machine.tree / ".venv" / "half").exists(), "a half-made environment was taken for a finished one"


def test_an_interrupted_download_loses_nothing_of_what_was_finished(machine: Machine) -> None:
    machine.setup()
    (machine.tree / "requirements.lock").write_text("fastapi==0.166.0\n", "utf-8")
    started = machine.half_way("slow-download", "Collecting")
    os.killpg(started.pid, signal.SIGINT)
    started.communicate(timeout=20)
    (machine.tree / "requirements.lock").write_text("fastapi==0.165.0\n", "utf-8")

    assert machine.setup("offline").returncode == 0
    assert machine.asked() == []


def test_a_power_cut_in_the_middle_is_made_good_by_the_same_command(machine: Machine) -> None:
    started = machine.half_way("slow-install", "Installing")
    os.killpg(started.pid, signal.SIGKILL)
    started.communicate(timeout=20)

    assert machine.setup().returncode == 0
    assert not (machine.tree / ".venv" / "half").exists()


def test_make_run_serves_only_once_everything_is_installed(machine: Machine) -> None:
    failed = machine.make("run", "offline")
    assert failed.returncode != 0
    assert "vérifiez l'accès à internet" in failed.stderr
    assert not any(call.startswith("-m api") for call in machine.asked())

    assert machine.make("run").returncode == 0
    assert machine.asked()[-1] == "-m api serve --prepare"
    assert machine.make("run", "offline").returncode == 0
    assert machine.asked() == ["-m api serve --prepare"]


def test_make_test_runs_the_suite_in_the_development_environment(machine: Machine) -> None:
    assert machine.make("test").returncode == 0

    assert "requirements-dev.lock" in machine.asked()[-3]
    assert all(call.startswith("-m pytest") for call in machine.asked()[-2:])


def test_make_run_uses_the_python_it_is_given(machine: Machine, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (machine.path / "python3").rename(elsewhere)

    assert machine.run(["make", "run", f"PYTHON={elsewhere}"], "").returncode == 0
    assert machine.asked()[-1] == "-m api serve --prepare"


@pytest.mark.slow
def test_a_real_environment_is_made_once_and_used_again(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    (machine.path / "python3").unlink()
    (machine.path / "python3").symlink_to(sys.base_prefix + "/bin/python3")
    for lock in ("requirements.lock", "requirements-dev.lock"):
        (machine.tree / lock).write_text("# nothing to install\n", "utf-8")

    first = machine.setup()
    assert (first.returncode, first.stderr) == (0, "")
    assert "Création de l'environnement" in first.stdout
    started = time.monotonic()
    second = machine.setup()
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    ("command", "setting", "value"),
    [
        ("knowledge check", "KNOWLEDGE_SITE_PAGES", "beaucoup"),
        ("knowledge check", "KNOWLEDGE_SITE_HOSTS", "www.exemple.fr"),
        ("knowledge migrate", "KNOWLEDGE_DATABASE", "quelque-part"),
        ("bot ask bonjour", "KNOWLEDGE_TIMEZONE", "Mars/Nord"),
        ("api serve", "API_TRUSTED_PROXIES", "partout"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line_whatever_the_command(command: str, setting: str, value: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command.split()], cwd=ROOT, env={**os.environ, setting: value}, capture_output=True, text=True, timeout=60
    )

    line = told(done)
    assert line.startswith(f"Réglage incorrect : {setting}. Voyez docs/settings.md")
    assert value not in line
