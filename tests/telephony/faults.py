"""What goes wrong on purpose: a network that fails between the product and Asterisk, a caller who lies in what he announces."""

from __future__ import annotations

import re
import socket
import struct
import threading
import uuid
from contextlib import suppress
from enum import StrEnum


class Fault(StrEnum):
    """What the proxy does to connections, until `heal`."""

    NONE = "none"
    FREEZE = "freeze"
    """Nothing passes; what was sent arrives after the healing."""
    BLACK_HOLE = "black hole"
    """Everything is swallowed, in both directions, without a word."""
    GARBAGE_GREETING = "garbage greeting"
    """New connections are greeted by something that is not Asterisk."""


class FaultProxy:
    """Relays one port of the loopback address to another, badly when asked to.

    `sent` keeps every byte relayed towards the target, `swallowed` what the black hole took.
    """

    def __init__(self, target: int) -> None:
        self.sent = bytearray()
        self.swallowed = bytearray()
        self.connections = 0
        self._target = target
        self._fault = Fault.NONE
        self._flowing = threading.Event()
        self._flowing.set()
        self._lock = threading.Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._cut: set[socket.socket] = set()
        """Connections that end without a polite word."""
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._accept()

    def __enter__(self) -> FaultProxy:
        return self

    def __exit__(self, *_: object) -> None:
        self.refuse()
        self.heal(reopen=False)
        for thread in self._threads:
            thread.join(5)

    # --- Faults ----------------------------------------------------------------------------------------------------------

    def set(self, fault: Fault) -> None:
        self._fault = fault
        if fault is Fault.FREEZE:
            self._flowing.clear()

    def close(self) -> None:
        """Close every connection, politely (FIN)."""
        for pair in self._taken():
            for side in pair:
                with suppress(OSError):
                    side.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        """Cut every connection (RST)."""
        for client, server in self._taken():
            self._cut.add(client)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            with suppress(OSError):
                client.shutdown(socket.SHUT_RD)  # wakes the thread that reads: it must let go for the close to take effect
            client.close()
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)

    def refuse(self) -> None:
        """Close every connection, and refuse new ones."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.close()

    def inject(self, received: bytes) -> None:
        """Make every client receive `received`, as if Asterisk had sent it."""
        with self._lock:
            for client, _ in self._pairs:
                with suppress(OSError):
                    client.sendall(received)

    def heal(self, reopen: bool = True) -> None:
        """End of the fault: what was frozen flows, new connections are relayed."""
        self._fault = Fault.NONE
        self._flowing.set()
        if reopen and self._listener.fileno() < 0:
            self._listener = socket.create_server(("127.0.0.1", self.port))
            self._accept()

    # --- Relaying --------------------------------------------------------------------------------------------------------

    def _taken(self) -> list[tuple[socket.socket, socket.socket]]:
        with self._lock:
            taken, self._pairs = self._pairs, []
        return taken

    def _start(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, name="fault-proxy", daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        self._start(self._accepting, self._listener)

    def _accepting(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            try:
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                client.close()  # the target itself is away
                continue
            if self._fault is Fault.GARBAGE_GREETING:
                client.sendall(b"SSH-2.0-OpenSSH_9.9\r\n\x00\xff\xfe\r\n\r\n")
            with self._lock:
                self._pairs.append((client, server))
            self._start(self._pump, client, server, True)
            self._start(self._pump, server, client, False)

    def _pump(self, source: socket.socket, sink: socket.socket, outward: bool) -> None:
        with suppress(OSError):
            while received := source.recv(65536):
                self._flowing.wait()
                if self._fault is Fault.BLACK_HOLE:
                    self.swallowed += received
                    continue
                if outward:
                    self.sent += received
                with self._lock:
                    sink.sendall(received)
        for side in {source, sink} - self._cut:
            with suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)


class RawCaller:
    """A caller reduced to his packets: he announces the name and number he wants, byte for byte, and sends no sound."""

    def __init__(self, sip_port: int, number: str, name: bytes = b"Camille") -> None:
        """Calls 3939 from the trunk, and waits until Asterisk has answered or refused."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(5)
        self._socket.connect(("127.0.0.1", sip_port))
        here = self._socket.getsockname()[1]
        self._call, self._tag = uuid.uuid4().hex, uuid.uuid4().hex[:8]
        self._from = b'"%b" <sip:%b@127.0.0.1>;tag=%b' % (name, number.encode(), self._tag.encode())
        self._here = b"127.0.0.1:%d" % here
        self._to = b"<sip:3939@127.0.0.1>"
        sound = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
        self._send("INVITE", 1, sound)
        self.status = self._wait()
        if self.status == 200:
            self._send("ACK", 1)

    def hang_up(self) -> None:
        """End the call; nothing happens the second time."""
        if self.status == 200:
            self._send("BYE", 2)
            self._socket.close()
        self.status = 0

    def _send(self, method: str, number: int, body: bytes = b"") -> None:
        lines = [
            b"%b sip:3939@127.0.0.1 SIP/2.0" % method.encode(),
            b"Via: SIP/2.0/UDP %b;branch=z9hG4bK%b" % (self._here, uuid.uuid4().hex.encode()),
            b"Max-Forwards: 70",
            b"From: " + self._from,
            b"To: " + self._to,
            b"Call-ID: " + self._call.encode(),
            b"CSeq: %d %b" % (number, method.encode()),
            b"Contact: <sip:caller@%b>" % self._here,
            *([b"Content-Type: application/sdp"] if body else []),
            b"Content-Length: %d" % len(body),
        ]
        self._socket.send(b"\r\n".join(lines) + b"\r\n\r\n" + body)

    def _wait(self) -> int:
        while True:
            received = self._socket.recv(65536)
            status = int(received.split()[1])
            if status >= 200:
                if to := re.search(rb"^To: (.+?)\r$", received, re.MULTILINE):
                    self._to = to[1]
                return status
