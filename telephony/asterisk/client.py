"""One connection to Asterisk's manager interface, on the transport of asterisk-ami; used once, then thrown away.

What the library does badly is replaced where it sends and where it receives: packets are written and read by
`telephony.asterisk.packets`, an error of a listener does not stop the reading, and whatever ends the connection answers every request that
was waiting.
"""

from __future__ import annotations

import logging
import secrets
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field

from asterisk.ami import Action, AMIClient

from telephony.asterisk.packets import Garbled, Packet, Stream, encode
from telephony.errors import AmiUnavailable

_log = logging.getLogger(__name__)
MOST_ITEMS = 200_000
"""Of one list: more is a fault, not an answer."""


@dataclass(frozen=True)
class Answer:
    """What Asterisk answered to one request: its response, and the items of a list with the packet that completed it."""

    response: Packet
    items: tuple[Packet, ...] = ()
    complete: Packet | None = None

    @property
    def granted(self) -> bool:
        """Asterisk said yes."""
        return self.response.name == "Success"

    @property
    def whole(self) -> bool:
        """A list that holds as many items as it says."""
        return self.complete is not None and self.complete["ListItems"] == str(len(self.items))


@dataclass
class _Waiting:
    """A request on its way."""

    complete: str
    """Name of the event that completes the list; empty when the response is all."""
    future: Future[Answer] = field(default_factory=Future)
    response: Packet | None = None
    items: list[Packet] = field(default_factory=list)


class Client(AMIClient):  # type: ignore[misc]  # the library has no types
    """One connection. Any thread may ask; `heard` and the end of each request run in the thread that reads.

    Args:
        silence: seconds without a byte after which the connection is dead; also the time to connect and to send.
        heard: receives each event that answers no request. It must not wait.
    """

    def __init__(self, host: str, port: int, silence: float, heard: Callable[[Packet], None]) -> None:
        super().__init__(address=host, port=port, timeout=silence, buffer_size=65536)
        self.ended = threading.Event()
        self.greeted = threading.Event()
        """Set at Asterisk's greeting, and at the end of the connection."""
        self.reason = ""
        """Why it ended, in French."""
        self._heard = heard
        self._sending = threading.Lock()
        self._state = threading.Lock()
        self._waiting: dict[str, _Waiting] = {}
        self._mark = secrets.token_hex(4)

    # --- Asking ----------------------------------------------------------------------------------------------------------

    def connect(self) -> None:
        """Connect, and start reading. The greeting has not come yet.

        Raises:
            AmiUnavailable: nobody listens at this address.
        """
        try:
            super().connect()
        except OSError as error:
            self._end(_said(error))
            raise AmiUnavailable(self.reason) from None
        self._thread.name = "ami-reader"

    def next_action_id(self) -> str:
        """An identifier that no other connection used: a late answer can answer nobody else."""
        return f"{self._mark}-{super().next_action_id()}"

    def begin(
        self, action: str, headers: Mapping[str, str], complete: str = "", then: Callable[[Future[Answer]], None] | None = None
    ) -> Future[Answer]:
        """Send a request; its answer comes in the future, or AmiUnavailable when the connection ends first.

        Args:
            complete: the event that completes the list asked for.
            then: runs in the reading thread when the answer is whole, before anything received after it.

        Raises:
            AmiRefused: a value may not be sent.
        """
        identifier = self.next_action_id()
        asked = Action(action, {"ActionID": identifier, **headers})
        encode(action, asked.keys)
        waiting = _Waiting(complete)
        if then is not None:
            waiting.future.add_done_callback(then)
        with self._state:
            too_late = self.ended.is_set()
            if not too_late:
                self._waiting[identifier] = waiting
        if too_late:
            self._fail(waiting)
            return waiting.future
        try:
            self.send(asked)
        except OSError as error:
            self._end(_said(error))
        return waiting.future

    def forget(self, future: Future[Answer]) -> None:
        """Stop waiting for a request: its answer, if it comes, is ignored."""
        with self._state:
            for identifier, waiting in list(self._waiting.items()):
                if waiting.future is future:
                    del self._waiting[identifier]

    @property
    def waiting(self) -> int:
        """Requests without an answer yet."""
        return len(self._waiting)

    def send(self, pack: Action) -> None:
        """Write one action, whole: never two mixed, never half of one followed by another."""
        with self._sending:
            self._socket.sendall(encode(pack.name, pack.keys))

    def disconnect(self) -> None:
        """End the connection and its thread; requests that wait get AmiUnavailable."""
        self._end("connexion fermée par Accueil")
        if self._socket is not None:
            _shut(self._socket)  # again: a connection ended while it was being made has its socket only now
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(self._timeout)

    # --- Reading ---------------------------------------------------------------------------------------------------------

    def listen(self) -> None:
        """Read until the connection ends, for whatever reason. Runs in its own thread."""
        reason = "connexion fermée par Asterisk"
        try:
            for packet in self._next_pack():
                self.fire_recv_pack(packet)
        except Garbled as error:
            reason = str(error)
        except OSError as error:
            reason = _said(error)
        finally:
            self._end(reason)

    def _next_pack(self) -> Iterator[Packet]:
        stream = Stream()
        while received := self._socket.recv(self._buffer_size):
            packets = stream.feed(received)
            if stream.greeted:
                self.greeted.set()
            yield from packets

    def fire_recv_pack(self, pack: Packet) -> None:
        with self._state:
            waiting = self._waiting.get(pack["ActionID"])
        if pack.kind == "Response":
            if waiting is not None:
                self._respond(pack, waiting)
        elif pack.kind == "Event":
            if waiting is not None and waiting.complete:
                self._collect(pack, waiting)
            else:
                self._hear(pack)
        else:
            raise Garbled("ce qui a été reçu n'est ni une réponse ni un événement d'Asterisk")

    def _respond(self, response: Packet, waiting: _Waiting) -> None:
        waiting.response = response
        if not waiting.complete or response.name == "Error":
            self._settle(response["ActionID"], waiting, Answer(response))

    def _collect(self, event: Packet, waiting: _Waiting) -> None:
        if event.name == waiting.complete and waiting.response is not None:
            self._settle(event["ActionID"], waiting, Answer(waiting.response, tuple(waiting.items), event))
        elif len(waiting.items) < MOST_ITEMS:
            waiting.items.append(event)
        else:
            raise Garbled("une liste reçue n'a pas de fin")

    def _settle(self, identifier: str, waiting: _Waiting, answer: Answer) -> None:
        with self._state:
            expected = self._waiting.pop(identifier, None)
        if expected is not None:
            waiting.future.set_result(answer)

    def _hear(self, event: Packet) -> None:
        try:
            self._heard(event)
        except Exception:
            _log.exception("An event was not understood: the reading goes on.")

    # --- Ending ----------------------------------------------------------------------------------------------------------

    def _end(self, reason: str) -> None:
        with self._state:
            if self.ended.is_set():
                return
            self.reason = reason
            self.ended.set()
            orphans = list(self._waiting.values())
            self._waiting.clear()
        self.greeted.set()
        if self._socket is not None:
            _shut(self._socket)
        for waiting in orphans:
            self._fail(waiting)

    def _fail(self, waiting: _Waiting) -> None:
        waiting.future.set_exception(AmiUnavailable(self.reason))


def _shut(connection: socket.socket) -> None:
    """Close, and wake the thread that reads."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # the other side closed first
    finally:
        connection.close()


def _said(error: OSError) -> str:
    match error:
        case TimeoutError():
            return "plus rien ne vient d'Asterisk"
        case ConnectionRefusedError():
            return "personne n'écoute à cette adresse"
        case ConnectionError():
            return "la connexion a été coupée"
        case _:
            return f"le réseau a refusé ({error.strerror or error})"
