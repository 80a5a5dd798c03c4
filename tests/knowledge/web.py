"""A real web server on this machine, for what reads the web: it serves what a test puts in `pages` and remembers who asked for what."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from knowledge.sources.guard import Address, Guard, Rule

HOST = "www.val-dambre.gouv.fr"


@dataclass
class Served:
    """What the server answers at one path."""

    body: bytes | str = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: Callable[[Any], None] | None = None
    """Writes to the socket by itself, after nothing has been sent."""


class WebServer:
    """Use it in a `with`. Answers 304 by itself when the request repeats the `ETag` of the page."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.pages: dict[str, Served] = {}
        self.hits: list[str] = []
        self.asked: list[Mapping[str, str]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.hits.append(self.path)
                server.asked.append({name.lower(): value for name, value in self.headers.items()})
                server._answer(self)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> WebServer:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def url(self, path: str = "/", host: str = HOST) -> str:
        return f"http://{host}:{self.port}{path}"

    def only_me(self, address: Address, port: int) -> bool:
        """The rule of a test: this server's address and port, and nothing else on the machine."""
        return (str(address), port) == ("127.0.0.1", self.port)

    def rule(self, *hosts: str, seconds: float = 20.0) -> Rule:
        return Rule(hosts=frozenset(hosts or (HOST,)), scheme="http", port=self.port, permitted=self.only_me, seconds=seconds)

    def guard(self, *hosts: str, seconds: float = 20.0) -> Guard:
        return Guard(self.rule(*hosts, seconds=seconds), resolver=to_this_machine)

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        served = self.pages.get(handler.path, Served("absente", 404))
        if served.stream:
            handler.close_connection = True
            try:
                served.stream(handler.wfile)
            except OSError:
                return  # the client had enough, as it should
            return
        tag = served.headers.get("ETag")
        same = tag is not None and handler.headers.get("If-None-Match") == tag
        body = b"" if same else served.body.encode() if isinstance(served.body, str) else served.body
        handler.send_response(304 if same else served.status)
        for name, value in {"Content-Type": "text/html; charset=utf-8", "Content-Length": str(len(body)), **served.headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)


def to_this_machine(_host: str, _port: int) -> Sequence[str]:
    """A resolver: every name is here."""
    return ["127.0.0.1"]


def free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        port: int = opened.getsockname()[1]
        return port
