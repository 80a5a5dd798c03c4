"""An Asterisk of our own: starts it on the configuration of `deploy/asterisk`, waits until it really listens, asks its console, stops it.

The tests, the benches and the publisher (which tries each version on a throw-away candidate first) run exactly what the container runs:
`deploy/asterisk/start.sh` renders and starts in all cases. An instance never outlives the program that started it.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from shutil import which

from telephony.errors import AsteriskAbsent, AsteriskUnstarted

START_SECONDS = 20.0
"""An Asterisk boots in less than a second; a loaded machine takes longer."""
_STOP_SECONDS = 5.0
_CONSOLE_SECONDS = 10.0
_SOCKET_PATH_LIMIT = 107
"""Bytes that Linux accepts in the path of a local socket: the console is one."""
_DRAWN_PORTS = range(30_000, 32_768)
"""Between the sound of candidates and the ports that Linux gives to whoever asks for any (from 32768 on)."""
_turn = count(os.getpid() * 397)
"""Each program goes round from a place of its own, so that programs which draw at the same time do not draw the same port."""


def program(asterisk: str) -> tuple[str, ...]:
    """The words that run an Asterisk.

    `asterisk` is the folder of a root file system (its own dynamic loader then runs its binary, without privilege nor mount), a program,
    or empty for the program of this machine.

    Raises:
        AsteriskAbsent: there is none there.
    """
    root = Path(asterisk).expanduser()
    if not asterisk or not root.is_dir():
        found = which(str(root) if asterisk else "asterisk", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if not found:
            raise AsteriskAbsent(f"Asterisk est introuvable : {asterisk or 'asterisk'}. Installez-le, ou réglez TELEPHONY_ASTERISK.")
        return (found,)
    root = root.resolve()
    binary = root / "usr" / "sbin" / "asterisk"
    loaders = [*root.glob("lib64/ld-linux-*.so.*"), *root.glob("lib/ld-linux-*.so.*")]
    if not binary.is_file() or not loaders:
        raise AsteriskAbsent(f"{root} ne contient pas d'Asterisk. Construisez-le avec deploy/asterisk/build-rootfs.sh.")
    libraries = [str(folder) for folder in (*root.glob("usr/lib/*-linux-gnu"), root / "usr" / "lib") if folder.is_dir()]
    return (str(loaders[0]), "--library-path", ":".join(libraries), str(binary))


def free_port(kind: socket.SocketKind = socket.SOCK_DGRAM) -> int:
    """A port of the loopback address that nothing uses at this instant, and that nothing else is given before it is opened.

    Raises:
        AsteriskUnstarted: none is left.
    """
    for _ in _DRAWN_PORTS:
        port = _DRAWN_PORTS[next(_turn) % len(_DRAWN_PORTS)]
        with socket.socket(socket.AF_INET, kind) as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AsteriskUnstarted("Tous les ports où un Asterisk d'essai peut écouter sont pris. Arrêtez d'autres programmes.")


def _drawn_secrets() -> dict[str, str]:
    return {name: secrets.token_urlsafe(32) for name in ("accueil_view", "accueil_publish", "proof", "caller_key")}


@dataclass(frozen=True)
class Place:
    """Where an instance listens and whom it knows, as `host:port` on the loopback address unless said otherwise."""

    sip_port: int = field(default_factory=free_port)
    ami_port: int = field(default_factory=lambda: free_port(socket.SOCK_STREAM))
    desks: str = "127.0.0.1:5070"
    """Where the préfecture's switchboard answers."""
    audio: str = "127.0.0.1:9092"
    """Where the spoken question is served (AudioSocket)."""
    trunk: str = "127.0.0.1"
    """Address from which the operator's calls come."""
    switchboard: str = "1000"
    """Internal number of the switchboard, for the fallback."""
    rtp_ports: str = "20000-29999"
    """Apart from those of a line in service (10000-19999), so that a candidate takes none of them."""


class Instance:
    """One Asterisk, in its own state folder. One thread at a time starts and stops it; `console` may be asked from any."""

    def __init__(self, asterisk: str, state: Path, line: Path, configuration: Path, place: Place | None = None) -> None:
        """`line`: the folder LINE it serves; `configuration`: deploy/asterisk; see `program` for `asterisk`.

        Raises:
            AsteriskAbsent: no Asterisk there.
            AsteriskUnstarted: the configuration is not there, or the state folder is too deep for a local socket.
        """
        self.program = program(asterisk)
        self.state, self.line, self.configuration = state.resolve(), line.resolve(), configuration.resolve()
        self.place = place or Place()
        self.secrets: Mapping[str, str] = _drawn_secrets()
        """By account: accueil_view, accueil_publish, proof; and caller_key, which hides the numbers of callers."""
        self._process: subprocess.Popen[bytes] | None = None
        if not (self.configuration / "start.sh").is_file():
            raise AsteriskUnstarted(f"La configuration d'Asterisk n'est pas dans {self.configuration}. Réglez TELEPHONY_CONFIGURATION.")
        if len(os.fsencode(self.state / "run" / "asterisk.ctl")) > _SOCKET_PATH_LIMIT:
            raise AsteriskUnstarted(f"Le chemin {self.state} est trop long pour la console d'Asterisk. Choisissez un dossier plus court.")

    @classmethod
    @contextmanager
    def throwaway(cls, asterisk: str, line: Path, configuration: Path, place: Place | None = None) -> Iterator[Instance]:
        """An instance started in a temporary folder, stopped and forgotten at the end.

        Raises:
            AsteriskAbsent, AsteriskUnstarted: see `start`.
        """
        with tempfile.TemporaryDirectory(prefix="accueil-") as folder:
            instance = cls(asterisk, Path(folder), line, configuration, place)
            try:
                instance.start()
                yield instance
            finally:
                instance.stop()

    @property
    def pid(self) -> int:
        """Process number of the running Asterisk.

        Raises:
            AsteriskUnstarted: it does not run.
        """
        if self._process is None or self._process.poll() is not None:
            raise AsteriskUnstarted("Cet Asterisk ne tourne pas.")
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def sip_port(self) -> int:
        return self.place.sip_port

    @property
    def ami_port(self) -> int:
        return self.place.ami_port

    @property
    def cel(self) -> Path:
        """The file of call events; its columns are in deploy/asterisk/cel_custom.conf."""
        return self.state / "log" / "cel-custom" / "cel.csv"

    @property
    def cdr(self) -> Path:
        """The file of call legs; its columns are in deploy/asterisk/cdr_custom.conf."""
        return self.state / "log" / "cdr-custom" / "cdr.csv"

    def messages(self) -> str:
        """Warnings and errors of this Asterisk since it was first started."""
        log = self.state / "log" / "messages"
        return log.read_text("utf-8", "replace") if log.is_file() else ""

    def start(self) -> None:
        """Start, and return once everything is loaded and the SIP and AMI ports are open by this very process.

        Raises:
            AsteriskUnstarted: it stopped, was not ready in time, or a port belongs to another program.
        """
        if self.running:
            return
        (self.state / "log").mkdir(parents=True, exist_ok=True)
        with (self.state / "log" / "console").open("wb") as console:
            self._process = subprocess.Popen(
                [str(self.configuration / "start.sh"), str(self.state), *self.program],
                env=self._environment(),
                stdin=subprocess.PIPE,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # an interruption at the keyboard is for us, who then stop it properly
            )
        try:
            self._wait_until_ready(time.monotonic() + START_SECONDS)
        except BaseException:
            self.kill()
            raise

    def _environment(self) -> dict[str, str]:
        place, known = self.place, self.secrets
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("TELEPHONY_")},
            "ENDS_WITH_ITS_STARTER": "yes",
            "TELEPHONY_LINE": str(self.line),
            "TELEPHONY_SIP_ADDRESS": f"127.0.0.1:{place.sip_port}",
            "TELEPHONY_AMI_PORT": str(place.ami_port),
            "TELEPHONY_RTP_PORTS": place.rtp_ports,
            "TELEPHONY_AUDIO_ADDRESS": place.audio,
            "TELEPHONY_TRUNK": place.trunk,
            "TELEPHONY_DESKS": place.desks,
            "TELEPHONY_SWITCHBOARD": place.switchboard,
            "TELEPHONY_AMI_VIEW_SECRET": known["accueil_view"],
            "TELEPHONY_AMI_PUBLISH_SECRET": known["accueil_publish"],
            "TELEPHONY_PROOF_SECRET": known["proof"],
            "TELEPHONY_CALLER_KEY": known["caller_key"],
        }

    def _wait_until_ready(self, deadline: float) -> None:
        control = self.state / "run" / "asterisk.ctl"
        while not (control.exists() and "fully booted" in self._ask("core waitfullybooted")):
            if not self.running:
                raise AsteriskUnstarted(f"Asterisk s'est arrêté au démarrage : {self._last_words()}")
            if time.monotonic() > deadline:
                raise AsteriskUnstarted(f"Asterisk n'est pas prêt après {START_SECONDS:.0f} s. Lisez {self.state}/log/messages.")
            time.sleep(0.05)
        # Asterisk starts deaf, with a mere warning, when another program holds its port.
        for protocol, port in (("udp", self.sip_port), ("tcp", self.ami_port)):
            if not _listens(self.pid, protocol, port):
                raise AsteriskUnstarted(f"Le port {port} ({protocol}) est pris par un autre programme. Arrêtez-le, ou changez de port.")

    def _last_words(self) -> str:
        lines = (self.state / "log" / "console").read_text("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else f"rien n'est dit ; lisez {self.state}/log/messages."

    def console(self, command: str) -> str:
        """What the console answers to `command` ("core show channels count"…).

        Raises:
            AsteriskUnstarted: this Asterisk does not answer.
        """
        answer = self._ask(command)
        if not self.running or "Unable to connect to remote asterisk" in answer:
            raise AsteriskUnstarted("Cet Asterisk ne répond pas : il ne tourne pas, ou plus.")
        return answer

    def _ask(self, command: str) -> str:
        try:
            asked = subprocess.run(
                [*self.program, "-C", str(self.state / "etc" / "asterisk.conf"), "-rx", command],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_CONSOLE_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise AsteriskUnstarted(f"La console d'Asterisk ne répond pas en {_CONSOLE_SECONDS:.0f} s.") from None
        return (asked.stdout + asked.stderr).decode("utf-8", "replace")

    def stop(self) -> None:
        """End calls and stop; killed if that takes too long. Nothing happens when it does not run."""
        if self._process is not None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_SECONDS)
            self.kill()

    def kill(self) -> None:
        """Stop at once, as a power cut would (SIGKILL)."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        assert process.stdin is not None
        with suppress(OSError):
            process.stdin.write(b"done\n")  # tells the watch set by start.sh that nothing is left to end
            process.stdin.flush()
        with suppress(OSError):
            process.stdin.close()

    def freeze(self) -> None:
        """Stop the clock of this Asterisk (SIGSTOP), as a machine that hangs would."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)


def _listens(pid: int, protocol: str, port: int) -> bool:
    """Whether this very process holds `port` (Linux: /proc)."""
    wanted = set()
    for row in Path(f"/proc/{pid}/net/{protocol}").read_text().splitlines()[1:]:
        columns = row.split()
        if int(columns[1].rpartition(":")[2], 16) == port and columns[3] in ("07", "0A"):  # bound for UDP, listening for TCP
            wanted.add(f"socket:[{columns[9]}]")
    held = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # closed since it was listed
            held.add(str(entry.readlink()))
    return bool(wanted & held)
