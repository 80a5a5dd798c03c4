"""What travels on Asterisk's manager interface: written without a smuggled line, read without a forged one (pure).

A packet is `Name: value` lines ended by CR LF, then an empty line. Three rules close what the transport leaves open (T07): a value with a
control character or a Unicode line separator is never sent; what is received is cut at CR LF only; of two lines with one name, the first
counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from telephony.errors import AmiRefused

MOST_BYTES = 64 * 1024
"""A longer packet is not Asterisk's: the connection is given up."""
_LINE_BYTES = 1000
"""Asterisk refuses a line of 1024 bytes or more, whole packet included."""
_GREETING_BYTES = 200
_GREETING = re.compile(rb"Asterisk Call Manager/\d[\d.]*")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters (CR, LF, NUL, VT, FF, 0x1C–0x1E, NEL…), Unicode separators, and what has no UTF-8 form."""


class Garbled(Exception):
    """What was received is not Asterisk's manager interface. Caught by the connection, which ends."""


@dataclass(frozen=True)
class Packet:
    """One packet: `kind: name` on its first line (`Response: Success`, `Event: Hangup`), then its headers."""

    kind: str
    name: str
    headers: Mapping[str, str]

    def __getitem__(self, header: str) -> str:
        """The value of `header`, empty when it is absent."""
        return self.headers.get(header, "")


def encode(action: str, headers: Mapping[str, str]) -> bytes:
    """The bytes that ask Asterisk for `action`.

    Raises:
        AmiRefused: a name is not a header's, or a value could not reach Asterisk unchanged.
    """
    lines = [_line("Action", action), *(_line(name, value) for name, value in headers.items())]
    return b"".join(lines) + b"\r\n"


def _line(name: str, value: str) -> bytes:
    if _NAME.fullmatch(name) is None:
        raise AmiRefused(f"« {ascii(name)[1:-1]} » n'est pas un nom d'en-tête d'Asterisk. Rien n'a été envoyé.")
    if found := _FORBIDDEN.search(value):
        raise AmiRefused(
            f"La valeur de « {name} » contient un caractère interdit (U+{ord(found[0]):04X}). Retirez-le : rien n'a été envoyé."
        )
    if value != value.strip(" "):
        raise AmiRefused(
            f"La valeur de « {name} » commence ou finit par une espace, qu'Asterisk perdrait. Retirez-la : rien n'a été envoyé."
        )
    line = f"{name}: {value}\r\n".encode()
    if len(line) > _LINE_BYTES:
        raise AmiRefused(f"La valeur de « {name} » est trop longue ({len(line)} octets, {_LINE_BYTES} au plus). Rien n'a été envoyé.")
    return line


def decode(packet: bytes) -> Packet:
    """The packet written in `packet`, without its final empty line. What is not UTF-8 is replaced; a line without a name is ignored.

    Raises:
        Garbled: it does not begin like a packet.
    """
    first, *lines = packet.decode("utf-8", errors="replace").split("\r\n")
    kind, colon, name = first.partition(": ")
    if not colon or _NAME.fullmatch(kind) is None:
        raise Garbled("ce qui a été reçu n'est pas d'Asterisk")
    headers: dict[str, str] = {}
    for line in lines:
        header, colon, value = line.partition(":")
        if colon and _NAME.fullmatch(header):
            headers.setdefault(header, value.removeprefix(" "))
    return Packet(kind, name, headers)


class Stream:
    """Cuts what arrives, in pieces of any size, into packets; the greeting of Asterisk must come first."""

    def __init__(self) -> None:
        self.greeted = False
        self._waiting = bytearray()

    def feed(self, received: bytes) -> list[Packet]:
        """The packets completed by `received`, in order.

        Raises:
            Garbled: no greeting of Asterisk, a packet over 64 KB, or something else than packets.
        """
        start = max(0, len(self._waiting) - 3)
        self._waiting += received
        if not self.greeted:
            start = 0
            self._greet()
        packets = []
        if self.greeted:
            begin = 0
            while (end := self._waiting.find(b"\r\n\r\n", max(begin, start))) >= 0:
                self._bounded(end - begin)
                packets.append(decode(bytes(self._waiting[begin:end])))
                begin = end + 4
            del self._waiting[:begin]
        self._bounded(len(self._waiting))
        return packets

    def _greet(self) -> None:
        line, ended, rest = self._waiting.partition(b"\r\n")
        if ended and _GREETING.fullmatch(line):
            self.greeted = True
            self._waiting = rest
        elif ended or len(line) > _GREETING_BYTES:
            raise Garbled("ce qui répond à cette adresse n'est pas Asterisk")

    def _bounded(self, size: int) -> None:
        if size > MOST_BYTES:
            raise Garbled("un paquet reçu dépasse 64 Ko")
