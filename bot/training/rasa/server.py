"""Rasa's own process: where its environment is, training a model with it, serving one. `deploy/rasa/setup.sh` makes the environment."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from bot.engines.rasa import RasaDoor
from bot.errors import EngineUnavailable, RasaRefused
from bot.settings import settings
from knowledge.errors import PartMissing

START_SECONDS = 120.0
"""TensorFlow alone takes twenty seconds to start; a busy machine several times that."""
SERVE = "from bot.training.rasa_component import serve; serve()"


def default_python() -> Path:
    """The Python of `BOT_RASA_PYTHON`, else of the environment that `deploy/rasa/setup.sh` makes."""
    named = settings().rasa_python
    cache = Path(os.environ.get("ACCUEIL_CACHE") or Path.home() / ".cache" / "accueil")
    return Path(named) if named else cache / "rasa" / "bin" / "python"


def installed_python(python: Path | None = None) -> Path:
    """
    Raises:
        PartMissing: no environment of Rasa is there.
    """
    python = python or default_python()
    if not python.is_file():
        raise PartMissing(f"Rasa n'est pas installé ({python} manque) : lancez « deploy/rasa/setup.sh », ou « make rasa ».")
    return python


def environment(project: Path, token: str, action_token: str) -> Mapping[str, str]:
    """What Rasa's process receives: nothing of our own settings but its two secrets. Its telemetry is off."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("KNOWLEDGE_", "BOT_", "API_", "TELEPHONY_", "ACCUEIL_"))
    }
    return {
        **kept,
        "PYTHONPATH": str((project / "lib").resolve()),
        "PYTHONDONTWRITEBYTECODE": "1",
        "RASA_TELEMETRY_ENABLED": "false",
        "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "CUDA_VISIBLE_DEVICES": "-1",
        "LOG_LEVEL": "ERROR",  # at any other, Rasa writes what people say in its journal
        "BOT_RASA_TOKEN": token or "x" * 16,
        "BOT_RASA_ACTION_TOKEN": action_token or "x" * 16,
    }


@dataclass(frozen=True)
class Trained:
    model: Path
    seconds: float


def validate(project: Path, python: Path) -> str:
    """What `rasa data validate` says of a project; empty when it has nothing to say against it.

    Raises:
        RasaRefused: the project is not valid.
    """
    done = _rasa(project, python, "data", "validate", "--fail-on-warnings")
    if done.returncode:
        raise RasaRefused(f"Rasa refuse le projet : {_last(done.stdout + done.stderr)}")
    return "\n".join(line for line in (done.stdout + done.stderr).splitlines() if "UserWarning" in line and "rasa/shared" in line)


def train(project: Path, python: Path, name: str) -> Trained:
    """Train the model `name` of a project.

    Raises:
        RasaRefused: the training failed; the end of what Rasa said is in the message.
    """
    started = time.monotonic()
    model = project / "models" / f"{name}.tar.gz"
    done = _rasa(project, python, "train", "--force", "--skip-validation", "--fixed-model-name", name, "--out", "models")
    (project / "train.log").write_text(done.stdout + done.stderr, "utf-8")
    if done.returncode or not model.is_file():
        raise RasaRefused(f"L'entraînement a échoué : {_last(done.stderr or done.stdout)} (suite dans {project / 'train.log'})")
    return Trained(model, time.monotonic() - started)


def _rasa(project: Path, python: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(python.parent / "rasa"), *arguments]
    return subprocess.run(command, cwd=project, env=dict(environment(project, "", "")), capture_output=True, text=True, check=False)


def _last(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "aucun message"


class RasaServer:
    """A Rasa server of this machine, on the loopback address. Use it in a `with`."""

    def __init__(
        self, project: Path, python: Path, model: Path, token: str, action_token: str = "", port: int = 0, endpoints: Path | None = None
    ) -> None:
        """
        Args:
            endpoints: another file than `endpoints.yml` of the project.
        """
        self.port = port or _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.token = token
        self._arguments = [str(python), "-c", SERVE, "-i", "127.0.0.1", "-p", str(self.port), "-m", str(model.resolve())]
        self._arguments += ["--credentials", "credentials.yml", "--endpoints", str(endpoints or "endpoints.yml")]
        self._project = project
        self._environment = dict(environment(project, token, action_token))
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> RasaServer:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Start, and wait until it answers.

        Raises:
            RasaRefused: it ended, or does not answer in `START_SECONDS`.
        """
        with (self._project / "serve.log").open("wb") as log:
            self.process = subprocess.Popen(
                self._arguments, cwd=self._project, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        door = RasaDoor(self.url, self.token, seconds=5.0)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RasaRefused(f"Rasa s'est arrêté au démarrage (code {self.process.returncode}) : lisez {self._project / 'serve.log'}.")
            try:
                if door.model():
                    return
            except EngineUnavailable:
                pass
            time.sleep(0.5)
        self.stop()
        raise RasaRefused(f"Rasa ne répond pas après {START_SECONDS:.0f} secondes.")

    def stop(self) -> None:
        """End the process, by force if it must be."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def wait(self) -> int:
        """Wait until the process ends by itself; its exit code."""
        return self.process.wait() if self.process else 0

    @property
    def memory_mb(self) -> float:
        """Memory that the process holds, in megabytes (resident set, from /proc)."""
        pid = self.process.pid if self.process else 0
        for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0.0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
