"""SIP as text: requests and responses, the description of sound, the proof of a secret. Pure: nothing is sent from here."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PARAMETER = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')
_ALGORITHMS = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


@dataclass(frozen=True)
class Message:
    start: str
    """First line."""
    headers: tuple[tuple[str, str], ...]
    """Names in lower case, in the order of the message."""
    body: str

    @property
    def status(self) -> int:
        """Code of a response, 0 for a request."""
        return int(self.start.split(" ")[1]) if self.start.startswith("SIP/2.0 ") else 0

    @property
    def method(self) -> str:
        """Of a request: its own; of a response: that of the request it answers."""
        return self.header("cseq").partition(" ")[2].strip() if self.status else self.start.partition(" ")[0]

    @property
    def sequence(self) -> int:
        return int(self.header("cseq").partition(" ")[0])

    @property
    def number(self) -> str:
        """User part of the address that a request asks for."""
        found = re.match(r"\w+ sips?:([^@; ]*)@", self.start)
        return found[1] if found else ""

    def header(self, name: str) -> str:
        """First value of a header, or an empty text."""
        return next((value for known, value in self.headers if known == name), "")

    def every(self, name: str) -> tuple[str, ...]:
        return tuple(value for known, value in self.headers if known == name)


def parse(data: bytes) -> Message | None:
    """The message in a datagram, or None when it is not one that can be followed."""
    head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
    start, *lines = head.split("\r\n")
    headers = tuple((name.strip().lower(), value.strip()) for name, found, value in (line.partition(":") for line in lines) if found)
    message = Message(start, headers, body)
    if not re.match(r"SIP/2\.0 [1-6]\d\d |[A-Z]+ sips?:\S+ SIP/2\.0$", start) or not re.match(r"\d+ +[A-Z]+$", message.header("cseq")):
        return None
    return message if all(message.header(name) for name in ("call-id", "from", "to", "via")) else None


def write(start: str, headers: list[tuple[str, str]], body: str = "") -> bytes:
    """The datagram of a message.

    Raises:
        ValueError: a line holds a control character: it would become two.
    """
    if body:
        headers = [*headers, ("Content-Type", "application/sdp")]
    lines = [start, *(f"{name}: {value}" for name, value in headers), f"Content-Length: {len(body.encode())}"]
    if any(_CONTROL.search(line) for line in lines):
        raise ValueError("a SIP line cannot hold a control character")
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def tag(address: str) -> str:
    """The tag of a From or To header, or an empty text."""
    found = re.search(r";\s*tag=([^;>\s]+)", address)
    return found[1] if found else ""


def target(contact: str) -> str:
    """The address inside a Contact header."""
    found = re.search(r"<([^>]+)>", contact)
    return found[1] if found else contact.partition(";")[0].strip()


@dataclass(frozen=True)
class Sound:
    """Where the other side wants to receive sound."""

    host: str
    port: int
    events: int
    """Payload type of its keys."""


def offer(host: str, port: int) -> str:
    """Our description: A-law and keys, 20 ms."""
    return (
        f"v=0\r\no=- {port} 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio {port} RTP/AVP 8 101\r\n"
        "a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n"
    )


def sound(description: str) -> Sound | None:
    """What a description offers, or None when there is no A-law sound in it."""
    audio = re.search(r"^m=audio (\d+) \S+ ([\d ]+)", description, re.MULTILINE)
    host = re.search(r"^c=IN IP4 ([\d.]+)", description, re.MULTILINE)
    if not audio or not host or "8" not in audio[2].split():
        return None
    events = re.search(r"^a=rtpmap:(\d+) telephone-event/8000", description, re.MULTILINE)
    return Sound(host[1], int(audio[1]), int(events[1]) if events else 101)


@dataclass(frozen=True)
class Credentials:
    user: str
    secret: str


def authorization(challenge: str, credentials: Credentials, method: str, uri: str) -> str | None:
    """The answer to a digest challenge (RFC 7616), or None when it asks for something that we cannot do."""
    asked = {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(challenge)}
    algorithm = asked.get("algorithm", "MD5").upper()
    qops = [word.strip() for word in asked.get("qop", "").split(",") if word.strip()]
    if algorithm not in _ALGORITHMS or (qops and "auth" not in qops) or not challenge.lower().startswith("digest"):
        return None

    def hashed(text: str) -> str:
        return _ALGORITHMS[algorithm](text.encode()).hexdigest()

    realm, nonce, ours = asked.get("realm", ""), asked.get("nonce", ""), secrets.token_hex(8)
    known, wanted = hashed(f"{credentials.user}:{realm}:{credentials.secret}"), hashed(f"{method}:{uri}")
    middle = f"{nonce}:00000001:{ours}:auth" if qops else nonce
    parts = [f'username="{credentials.user}"', f'realm="{realm}"', f'nonce="{nonce}"', f'uri="{uri}"']
    parts += [f'response="{hashed(f"{known}:{middle}:{wanted}")}"', f"algorithm={algorithm}"]
    parts += [f'cnonce="{ours}"', "nc=00000001", "qop=auth"] if qops else []
    parts += [f'opaque="{asked["opaque"]}"'] if "opaque" in asked else []
    return "Digest " + ", ".join(parts)
