"""The only door through which the program reads the web, and what it refuses (threat T21).

An address is checked before anything is looked up: scheme, port, no user name, and a host on the list. The name is resolved once;
every address it gives must satisfy the rule (public only, in production); the connection is made to that very address, so a name that
changes its mind afterwards changes nothing. Redirects are followed by hand, three at most, each through the same checks. Bytes are
counted while they arrive and while they are inflated; a clock runs from the first byte sent to the last received.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any, BinaryIO
from urllib.parse import quote, urljoin, urlsplit

import httpcore

from knowledge.errors import SourceRefused

USER_AGENT = "AccueilBot"
"""Name under which we ask, and which robots.txt may address."""

MOST_REDIRECTS = 3
_CONNECT_SECONDS = 10.0
_SILENCE_SECONDS = 15.0
_PIECE = 64 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_FOR_GOOD = frozenset({301, 308})
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
"""A name with letters in its last part: an address written in figures, whatever its base, is not a host."""
_PATH = "/%:@!$&'()*+,;=~-._"
_TUNNELS = tuple(ipaddress.ip_network(network) for network in ("2001::/23", "2002::/16"))
"""Addresses that carry another one inside."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], Sequence[str]]
"""Addresses of a host, as written figures."""


class Unreachable(SourceRefused):
    """The site did not answer, or not to the end: another day may be better."""


def is_public(address: Address, _port: int) -> bool:
    """Whether `address` is on the public Internet: the rule of production."""
    if isinstance(address, ipaddress.IPv6Address):
        plain = address in ipaddress.ip_network("2000::/3") and not any(address in network for network in _TUNNELS)
        return plain and address.is_global
    return address.is_global and not address.is_multicast and not address.is_reserved


def system_resolver(host: str, port: int) -> Sequence[str]:
    """What this machine says of `host`."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


@dataclass(frozen=True)
class Rule:
    """What may be contacted. The defaults are those of production; a test names its own server's scheme, port and address."""

    hosts: frozenset[str]
    scheme: str = "https"
    port: int = 443
    permitted: Callable[[Address, int], bool] = is_public
    """Whether a connection to this address and port may be made."""
    seconds: float = 60.0
    """Most time for one answer, redirects included."""

    def __post_init__(self) -> None:
        for host in self.hosts:
            if len(host) > 253 or not _HOST.fullmatch(host):
                raise SourceRefused(f"« {host} » n'est pas un nom de site : écrivez-le comme « www.exemple.gouv.fr ».")

    def checked(self, url: str) -> str:
        """`url` in its canonical form, without fragment.

        Raises:
            SourceRefused: it is not an address that this rule allows.
        """
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").rstrip("."), parts.port
        except ValueError as error:
            raise SourceRefused("adresse illisible") from error
        if any(ord(character) <= 32 or character in '\\"<>\x7f' for character in url):
            raise SourceRefused("adresse avec des caractères interdits")
        if parts.scheme != self.scheme:
            raise SourceRefused(f"seul {self.scheme} est permis")
        if "@" in parts.netloc:
            raise SourceRefused("adresse avec un nom d'utilisateur")
        if (port or (443 if self.scheme == "https" else 80)) != self.port:
            raise SourceRefused("port interdit")
        if host not in self.hosts:
            raise SourceRefused(f"« {host[:80]} » n'est pas dans la liste des sites permis")
        place = host if self.port in (80, 443) else f"{host}:{self.port}"
        query = f"?{quote(parts.query, safe=_PATH + '?')}" if parts.query else ""
        return f"{self.scheme}://{place}{quote(parts.path or '/', safe=_PATH)}{query}"


@dataclass(frozen=True)
class Answer:
    url: str
    """Where the answer was found, after redirects."""
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    """Inflated; empty when the answer went to a file."""
    moved: bool = False
    """Whether the site says that this is for good the new place of what was asked."""


class Guard:
    """Reads addresses under a rule. One run of one command uses one guard; close it, or use it in a `with`."""

    def __init__(self, rule: Rule, resolver: Resolver = system_resolver, tls: ssl.SSLContext | None = None) -> None:
        self.rule = rule
        self._backend = _CheckedNetwork(rule, resolver)
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls or ssl.create_default_context(), max_connections=1, keepalive_expiry=20, network_backend=self._backend
        )

    def __enter__(self) -> Guard:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.close()

    def get(
        self,
        url: str,
        most_bytes: int,
        headers: Mapping[str, str] | None = None,
        may_visit: Callable[[str], bool] = lambda _: True,
        into: BinaryIO | None = None,
    ) -> Answer:
        """The answer at `url`, after at most three redirects.

        Args:
            most_bytes: most bytes of the body, once inflated.
            may_visit: asked of each address before it is contacted (robots.txt).
            into: where to write the body of a 200 instead of keeping it.

        Raises:
            SourceRefused: an address, a redirect or a body that the rule does not allow.
            Unreachable: no answer, or a broken one.
        """
        self._backend.deadline = time.monotonic() + self.rule.seconds
        permanent: list[bool] = []
        for _ in range(MOST_REDIRECTS + 1):
            url = self.rule.checked(url)
            if not may_visit(url):
                raise SourceRefused("interdit par robots.txt")
            answer, location = self._once(url, most_bytes, headers or {}, into)
            if location is None:
                return replace(answer, moved=bool(permanent) and all(permanent))
            permanent.append(answer.status in _FOR_GOOD)
            url = urljoin(url, location)
        raise SourceRefused(f"plus de {MOST_REDIRECTS} redirections")

    def _once(self, url: str, most_bytes: int, headers: Mapping[str, str], into: BinaryIO | None) -> tuple[Answer, str | None]:
        sent = [("User-Agent", USER_AGENT), ("Accept-Encoding", "gzip"), ("Accept", "*/*"), *headers.items()]
        timeouts = {"connect": _CONNECT_SECONDS, "read": _SILENCE_SECONDS, "write": _SILENCE_SECONDS, "pool": _CONNECT_SECONDS}
        try:
            with self._pool.stream("GET", url, headers=sent, extensions={"timeout": timeouts}) as response:
                told = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
                if response.status in _REDIRECTS and "location" in told:
                    return Answer(url, response.status, told, b""), told["location"].encode("latin-1").decode("utf-8", "replace")
                kept = BytesIO()
                target = into if into is not None and response.status == 200 else kept
                for piece in _inflated(response.iter_stream(), told.get("content-encoding", ""), most_bytes):
                    target.write(piece)
                return Answer(url, response.status, told, kept.getvalue()), None
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, ssl.SSLError, OSError) as error:
            raise Unreachable(f"pas de réponse lisible ({type(error).__name__})") from error


def _inflated(pieces: Iterable[bytes], encoding: str, most_bytes: int) -> Iterator[bytes]:
    """The bytes of a body, at most `most_bytes` of them; a bomb is stopped while it inflates."""
    encoding = encoding.strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        raise SourceRefused(f"encodage inattendu ({encoding[:20]})")
    packed = zlib.decompressobj(wbits=31) if encoding.endswith("gzip") else None
    received = total = 0
    for piece in pieces:
        received += len(piece)
        while piece:
            if packed is None:
                out, piece = piece, b""
            else:
                try:
                    out = packed.decompress(piece, _PIECE)
                except zlib.error as error:
                    raise Unreachable("réponse compressée illisible") from error
                piece = packed.unconsumed_tail
            total += len(out)
            if max(total, received) > most_bytes:
                raise SourceRefused(f"plus de {most_bytes / 1024**2:.0f} Mo")
            yield out
    if packed is not None and total and not packed.eof:
        raise Unreachable("réponse compressée incomplète")


class _CheckedNetwork(httpcore.NetworkBackend):
    """Connects to the address that was checked, and to no other; nothing outlives the deadline."""

    def __init__(self, rule: Rule, resolver: Resolver) -> None:
        self.deadline = 0.0
        self._rule = rule
        self._resolver = resolver
        self._resolved: dict[str, Sequence[Address]] = {}
        self._network = httpcore.SyncBackend()

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None, socket_options: Any = None
    ) -> httpcore.NetworkStream:
        failure: Exception | None = None
        for address in self._addresses(host, port):
            try:
                stream = self._network.connect_tcp(str(address), port, self.remaining(timeout), local_address, socket_options)
                return _TimedStream(stream, self.remaining)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError(f"no address for {host}")

    def connect_unix_socket(self, path: str, timeout: float | None = None, socket_options: Any = None) -> httpcore.NetworkStream:
        raise SourceRefused("adresse interdite")

    def sleep(self, seconds: float) -> None:
        self._network.sleep(seconds)

    def remaining(self, timeout: float | None) -> float:
        """Seconds that an operation may take."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise SourceRefused(f"plus de {self._rule.seconds:.0f} secondes pour répondre")
        return left if timeout is None else min(left, timeout)

    def _addresses(self, host: str, port: int) -> Sequence[Address]:
        if host not in self._resolved:
            try:
                written = self._resolver(host, port)
                found = [ipaddress.ip_address(address) for address in written]
            except (OSError, UnicodeError, ValueError) as error:
                raise Unreachable("nom de site introuvable") from error
            self._resolved[host] = tuple(dict.fromkeys(found))
        for address in self._resolved[host]:
            if not self._rule.permitted(address, port):
                raise SourceRefused(f"« {host} » mène à une adresse interdite")
        return self._resolved[host]


class _TimedStream(httpcore.NetworkStream):
    """A connection whose every operation also obeys the deadline of the answer."""

    def __init__(self, stream: httpcore.NetworkStream, remaining: Callable[[float | None], float]) -> None:
        self._stream = stream
        self._remaining = remaining

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._remaining(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._remaining(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _TimedStream(self._stream.start_tls(ssl_context, server_hostname, self._remaining(timeout)), self._remaining)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
