from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.responses import PlainTextResponse

from api.patience import patient


@pytest.fixture
def port() -> Iterator[int]:
    """A server whose protocol waits less than half a second."""
    server = uvicorn.Server(uvicorn.Config(PlainTextResponse("bonjour"), port=0, http=patient(0.4), log_level="critical", ws="none"))
    running = threading.Thread(target=server.run)
    running.start()
    while not server.started:
        time.sleep(0.01)
    yield int(server.servers[0].sockets[0].getsockname()[1])
    server.should_exit = True
    running.join()


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: loc"])
def test_a_connection_that_never_finishes_its_request_is_closed(port: int, said: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=3) as silent:
        silent.sendall(said)
        assert silent.recv(100) == b""


@pytest.mark.paced
def test_a_hundred_silent_connections_do_not_keep_a_visitor_waiting(port: int) -> None:
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(100)]
    started = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), timeout=3) as visitor:
        visitor.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert b"bonjour" in b"".join(iter(lambda: visitor.recv(4096), b""))
    assert time.perf_counter() - started < 1
    for one in silent:
        one.close()


def test_a_visitor_who_asks_again_on_the_same_connection_is_not_cut(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=3) as visitor:
        for _ in range(4):
            visitor.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"200 OK" in visitor.recv(4096)
            time.sleep(0.2)
