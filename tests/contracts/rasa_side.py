"""Rasa on the other side: a real one where it is installed, a fake that repeats what a real one said, and a server of every fault."""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType

import pytest

from bot.assistant import Assistant
from bot.catalogue import Catalogue
from bot.engines.breaker import Breaker
from bot.engines.embedded import EmbeddedEngine
from bot.engines.rasa import RasaDoor, RasaEngine
from bot.engines.state import fingerprint
from bot.messages import Clarify, Question
from bot.training.rasa.project import Project, write
from bot.training.rasa.server import RasaServer, default_python, train
from knowledge.settings import settings
from tests.stock import alone

RECORDED = Path(__file__).parent / "recorded" / "parse.json"
"""What a real Rasa with our component answered to `ASKED`, by question; written by `test_the_recording_is_what_a_real_rasa_says`."""
TOKEN = "-" + secrets.token_urlsafe(24)
ACTION_TOKEN = "-" + secrets.token_urlsafe(24)
"""Both begin as one drawn secret in sixty-four: with what looks like an option."""
FEW = ("cni-perte", "cni-vol", "passeport-vol", "passeport-renouvellement", "permis-perte", "cg-changement-adresse")


def rasa_python() -> Path:
    """The Python of the real Rasa. Skips without one, except under CI, where its absence is a failure."""
    python = default_python()
    if not python.is_file():
        if os.environ.get("CI") == "true":
            pytest.fail(f"Rasa is not installed ({python}): run deploy/rasa/setup.sh")
        pytest.skip("no real Rasa on this machine: run deploy/rasa/setup.sh")
    return python


def a_few(assistant: Assistant) -> Catalogue:
    """Six fiches: where a training is only a step of what is tried, Rasa need not read the phrasings of all of them."""
    known = assistant.catalogue.fiches
    return replace(assistant.catalogue, fiches={name: known[name] for name in FEW})


def trained_project(assistant: Assistant, shared: Path, project: Project) -> tuple[Path, Path]:
    """A project over the catalogue of `assistant` and its model, made once for all the programs of a run. (project, model)."""
    folder = shared / f"rasa-{project.classifier.value}"
    with alone(shared, "rasa"):  # training takes a gigabyte
        model = folder / "models" / "tried.tar.gz"
        if not model.is_file():
            write(assistant.catalogue, settings().content, folder, project)
            train(folder, rasa_python(), "tried")
    return folder, model


def rasa_engine(assistant: Assistant, url: str, token: str = TOKEN, seconds: float = 10.0, breaker: Breaker | None = None) -> RasaEngine:
    """The engine over a server. Patient unless told otherwise: what is tried is not the pace of a busy machine."""
    own = embedded(assistant)
    digest = fingerprint(assistant.catalogue.index.digest)
    return RasaEngine(own, RasaDoor(url, token, seconds), breaker or Breaker(), assistant.thresholds.sure, digest)


def embedded(assistant: Assistant) -> EmbeddedEngine:
    return EmbeddedEngine.load(assistant.catalogue)


def asked_back(assistant: Assistant) -> str:
    """A question that the assistant answers by asking which fiche is meant."""
    titles = (fiche.title for fiche in assistant.catalogue.fiches.values())
    words = (
        "passeport",
        "carte grise",
        "titre de séjour",
        "permis",
        *(" ".join(title.split()[:count]) for title in titles for count in (2, 3)),
    )
    return next(text for text in words if isinstance(assistant.answer(Question(text)), Clarify))


class RecordedRasa:
    """Answers `/model/parse` as a real Rasa did, and with its default answer to what it never heard. Use it in a `with`."""

    def __init__(self, answers: Mapping[str, object], token: str = TOKEN) -> None:
        self.asked: list[str] = []
        known = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                known.asked.append(body["text"])
                authorised = self.path == f"/model/parse?token={token}"
                answer = answers.get(body["text"], {"intent": {"name": None, "confidence": 0.0}, "intent_ranking": []})
                told = json.dumps(answer if authorised else {"status": "failure"}).encode()
                self.send_response(200 if authorised else 401)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> RecordedRasa:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()


Fault = Callable[[socket.socket], None]


class FaultyRasa:
    """A server that accepts, reads the request, and does `fault`. Counts who came. Use it in a `with`."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.visits = 0
        self._closing = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def __enter__(self) -> FaultyRasa:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._closing.set()
        self._listening.close()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                peer, _ = self._listening.accept()
            except OSError:
                return
            self.visits += 1
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        try:
            peer.recv(65536)
            self.fault(peer)
        except OSError:
            pass  # the other side left, as it should
        finally:
            peer.close()


def says(body: bytes, status: str = "200 OK") -> Fault:
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n".encode()
    return lambda peer: peer.sendall(head + body)


def silent(peer: socket.socket) -> None:
    """Accepts and says nothing, as a process that was stopped."""
    peer.settimeout(30)
    peer.recv(1)


def drips_its_head(peer: socket.socket) -> None:
    for letter in b"HTTP/1.1 200 OK\r\nx-slow: " + b"a" * 10_000:
        peer.sendall(bytes([letter]))
        time.sleep(0.02)


def drips_its_body(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n")
    for _ in range(10_000):
        peer.sendall(b" ")
        time.sleep(0.02)


def never_ends(peer: socket.socket) -> None:
    """A gigabyte."""
    peer.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1073741824\r\n\r\n")
    piece = b" " * 65536
    for _ in range(1 << 14):
        peer.sendall(piece)


FAULTS: Mapping[str, Fault] = {
    "hangs up": lambda peer: None,
    "is frozen": silent,
    "drips its head": drips_its_head,
    "drips its body": drips_its_body,
    "sends a gigabyte": never_ends,
    "says []": says(b"[]"),
    "says nothing": says(b""),
    "says null": says(b"null"),
    "says garbage": says(b'{"intent": {"name": "cni-p'),
    "says bytes": says(b"\xff\xfe\x00"),
    "says another shape": says(b'{"intent": "cni-perte", "intent_ranking": {}}'),
    "is sure beyond measure": says(b'{"intent": {"name": "cni-perte", "confidence": 1e9}, "intent_ranking": []}'),
    "is sure of NaN": says(b'{"intent": {"name": "cni-perte", "confidence": NaN}, "intent_ranking": []}'),
    "refuses the token": says(b'{"status": "failure", "reason": "NotAuthenticated"}', "401 Unauthorized"),
    "fails": says(b'{"status": "failure"}', "500 Internal Server Error"),
    "sends elsewhere": says(b"", "302 Found\r\nlocation: http://127.0.0.1:1/"),
    "speaks another language": lambda peer: peer.sendall(b"220 smtp.example ESMTP\r\n"),
}
HARMLESS: Mapping[str, Fault] = {
    "names a fiche that does not exist": says(b'{"intent": {"name": "nothing", "confidence": 1.0}, "intent_ranking": []}'),
    "names nothing": says(b'{"intent": {"name": null, "confidence": 0.0}, "intent_ranking": []}'),
}
"""Well-formed answers that must change nothing either."""


@contextmanager
def serving(folder: Path, model: Path, action_token: str = "") -> Iterator[RasaServer]:
    with RasaServer(folder, rasa_python(), model, TOKEN, action_token) as server:
        yield server
