"""A connection that never says what it wants is closed: idle or slow sockets cannot pile up (T25)."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, with a deadline on the head of each request."""

    head_seconds: float = 10
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._stop_waiting()
        self._wait()

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        transport: Any = self.transport
        self._deadline = self.loop.call_later(self.head_seconds, transport.close)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def patient(seconds: float) -> type[HttpToolsProtocol]:
    """The protocol that waits `seconds` for the head of a request."""

    class Patient(PatientProtocol):
        head_seconds = seconds

    return Patient
