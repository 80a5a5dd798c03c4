"""T21: what the reader of the web refuses. Servers are real, on this machine; a canary counts the visits it must never receive."""

from __future__ import annotations

import gzip
import ipaddress
import shutil
import ssl
import subprocess
import time
import tracemalloc
import zlib
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from knowledge.errors import SourceRefused
from knowledge.sources.guard import Guard, Rule, Unreachable, is_public
from tests.knowledge.web import HOST, Served, WebServer, free_port, to_this_machine

MOST = 1024**2


@pytest.fixture
def server() -> Iterator[WebServer]:
    with WebServer() as started:
        yield started


@pytest.fixture
def canary() -> Iterator[WebServer]:
    with WebServer() as started:
        yield started
        assert started.hits == []


@pytest.mark.parametrize(
    "url",
    [
        "http://www.val-dambre.gouv.fr/",
        "ftp://www.val-dambre.gouv.fr/",
        "file:///etc/passwd",
        "//www.val-dambre.gouv.fr/",
        "https://agent@www.val-dambre.gouv.fr/",
        "https://www.val-dambre.gouv.fr@evil.example/",
        "https://www.val-dambre.gouv.fr:8443/",
        "https://www.val-dambre.gouv.fr:80/",
        "https://www.val-dambre.gouv.fr:-1/",
        "https://evil.example/",
        "https://val-dambre.gouv.fr/",
        "https://www.val-dambre.gouv.fr.evil.example/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://www.val-dambre.gouv.fr\\@evil.example/",
        "https://www.val-dambre.gouv.fr/a b",
        "https://www.val-dambre.gouv.fr/\r\nHost: evil.example",
        "https://ｗww.val-dambre.gouv.fr/",
        "https://[bad/",
        "",
    ],
)
def test_an_address_outside_the_list_is_refused_before_any_look_up(url: str) -> None:
    def never(host: str, _port: int) -> Sequence[str]:
        raise AssertionError(f"{host} was looked up")

    with Guard(Rule(hosts=frozenset({HOST})), resolver=never) as guard, pytest.raises(SourceRefused):
        guard.get(url, MOST)


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "localhost", "[::1]", "www.exemple.fr:443", "exemple.f r", ""])
def test_an_allowed_host_is_a_name_with_letters(host: str) -> None:
    with pytest.raises(SourceRefused, match="nom de site"):
        Rule(hosts=frozenset({host}))


def test_addresses_are_put_in_one_form() -> None:
    rule = Rule(hosts=frozenset({HOST}))

    assert rule.checked(f"https://{HOST.upper()}:443") == f"https://{HOST}/"
    assert rule.checked(f"https://{HOST}/Démarches?a=é#bas") == f"https://{HOST}/D%C3%A9marches?a=%C3%A9"
    assert rule.checked(f"https://{HOST}/d%C3%A9ja") == f"https://{HOST}/d%C3%A9ja"


@pytest.mark.parametrize(
    "address",
    "127.0.0.1 127.8.9.1 0.0.0.0 10.1.2.3 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 192.0.2.1 198.18.0.1 224.0.0.1 240.0.0.1 "
    "255.255.255.255 :: ::1 fe80::1 fc00::1 ff02::1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::127.0.0.1 64:ff9b::7f00:1 2002:7f00:1:: "
    "2001:0:7f00:1:: 2001:db8::1 fec0::1 100::1".split(),
)
def test_an_address_that_is_not_public_is_never_connected_to(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address), 443)


@pytest.mark.parametrize("address", ["1.1.1.1", "185.24.184.1", "2606:4700:4700::1111", "2a01:e0a::1"])
def test_public_addresses_may_be_read(address: str) -> None:
    assert is_public(ipaddress.ip_address(address), 443)


@pytest.mark.parametrize("resolved", [["127.0.0.1"], ["::ffff:127.0.0.1"], ["169.254.169.254"], ["1.1.1.1", "127.0.0.1"], ["fe80::1%lo"]])
def test_in_production_a_name_that_leads_inside_is_refused(canary: WebServer, resolved: list[str]) -> None:
    rule = Rule(hosts=frozenset({HOST}), scheme="http", port=canary.port)
    with Guard(rule, resolver=lambda _host, _port: resolved) as guard, pytest.raises(SourceRefused, match="interdite"):
        guard.get(canary.url(), MOST)


def test_a_name_is_resolved_once_so_that_changing_it_afterwards_changes_nothing(server: WebServer, canary: WebServer) -> None:
    answers = iter([["127.0.0.1"], ["127.0.0.2"], ["::1"]])
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return next(answers)

    server.pages["/"] = Served("bonjour", headers={"Connection": "close"})
    with Guard(server.rule(), resolver=rebinding) as guard:
        assert [guard.get(server.url(), MOST).body for _ in range(3)] == [b"bonjour"] * 3
    assert asked == [HOST]
    assert server.asked[0]["host"] == f"{HOST}:{server.port}"


def test_a_name_that_does_not_exist_is_told(server: WebServer) -> None:
    def unknown(_host: str, _port: int) -> Sequence[str]:
        raise OSError("unknown")

    with Guard(server.rule(), resolver=unknown) as guard, pytest.raises(Unreachable, match="introuvable"):
        guard.get(server.url(), MOST)


def test_a_closed_door_is_told() -> None:
    port = free_port()
    rule = Rule(hosts=frozenset({HOST}), scheme="http", port=port, permitted=lambda _address, _port: True)
    with Guard(rule, resolver=to_this_machine) as guard, pytest.raises(Unreachable, match="pas de réponse"):
        guard.get(f"http://{HOST}:{port}/", MOST)


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:{canary}/",
        "http://localhost:{canary}/",
        "http://2130706433:{canary}/",
        "http://[::ffff:127.0.0.1]:{canary}/",
        "http://www.val-dambre.gouv.fr:{canary}/",
        "//127.0.0.1:{canary}/",
        "http://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:{canary}/",
        "http://user:secret@www.val-dambre.gouv.fr:{server}/",
    ],
)
def test_a_redirect_elsewhere_is_refused_and_the_canary_is_not_visited(server: WebServer, canary: WebServer, target: str) -> None:
    location = target.format(canary=canary.port, server=server.port)
    server.pages["/"] = Served(status=302, headers={"Location": location})
    with server.guard() as guard, pytest.raises(SourceRefused):
        guard.get(server.url(), MOST)
    assert server.hits == ["/"]


def test_three_redirects_are_followed_and_not_a_fourth(server: WebServer) -> None:
    for number in range(4):
        server.pages[f"/{number}"] = Served(status=301, headers={"Location": f"/{number + 1}"})
    server.pages["/4"] = Served("arrivé")
    with server.guard() as guard:
        answer = guard.get(server.url("/1"), MOST)
        assert (answer.body, answer.url, answer.moved) == (b"arriv\xc3\xa9", server.url("/4"), True)
        with pytest.raises(SourceRefused, match="redirections"):
            guard.get(server.url("/0"), MOST)


def test_each_address_of_a_redirect_is_asked_for_permission_first(server: WebServer) -> None:
    server.pages["/"] = Served(status=302, headers={"Location": "/interdit"})
    with server.guard() as guard, pytest.raises(SourceRefused, match="robots"):
        guard.get(server.url(), MOST, may_visit=lambda url: not url.endswith("/interdit"))
    assert server.hits == ["/"]


def test_a_gzip_bomb_is_stopped_while_it_inflates(server: WebServer) -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(1024**2)) for _ in range(512)) + packer.flush()
    server.pages["/"] = Served(bomb, headers={"Content-Encoding": "gzip"})
    with server.guard() as guard:
        tracemalloc.start()
        with pytest.raises(SourceRefused, match="plus de 1 Mo"):
            guard.get(server.url(), MOST)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert len(bomb) < 600_000
    assert peak < 8 * MOST


def _endless(wire: Any) -> None:
    wire.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
    while True:
        wire.write(b"encore " * 1000)


def _drop_by_drop(wire: Any) -> None:
    wire.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
    while True:
        wire.write(b".")
        wire.flush()
        time.sleep(0.05)


def _headers_without_end(wire: Any) -> None:
    wire.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        wire.write(b"X-A: b\r\n")
        wire.flush()
        time.sleep(0.05)


def test_a_page_without_end_is_stopped_by_its_size(server: WebServer) -> None:
    server.pages["/"] = Served(stream=_endless)
    with server.guard() as guard, pytest.raises(SourceRefused, match="plus de 1 Mo"):
        guard.get(server.url(), MOST)


@pytest.mark.paced
@pytest.mark.parametrize("stream", [_drop_by_drop, _headers_without_end])
def test_an_answer_that_drips_is_stopped_by_the_clock(server: WebServer, stream: Any) -> None:
    server.pages["/"] = Served(stream=stream)
    started = time.monotonic()
    with server.guard(seconds=1.0) as guard, pytest.raises(SourceRefused):
        guard.get(server.url(), MOST)
    assert time.monotonic() - started < 3


def _cut(wire: Any) -> None:
    wire.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\ndebut")


@pytest.mark.parametrize(
    "served",
    [
        Served(stream=_cut),
        Served(stream=lambda wire: wire.write(b"SSH-2.0-OpenSSH\r\n")),
        Served(gzip.compress(b"bonjour" * 1000)[:-10], headers={"Content-Encoding": "gzip"}),
        Served(b"pas du gzip", headers={"Content-Encoding": "gzip"}),
        Served(b"x", headers={"Content-Encoding": "br"}),
        Served(b"x", headers={"Content-Encoding": "gzip, gzip"}),
    ],
)
def test_a_broken_answer_is_refused(server: WebServer, served: Served) -> None:
    server.pages["/"] = served
    with server.guard() as guard, pytest.raises(SourceRefused):
        guard.get(server.url(), MOST)


def test_a_compressed_page_is_read_and_a_file_is_written_beside(server: WebServer) -> None:
    server.pages["/"] = Served(gzip.compress("préfecture".encode() * 5000), headers={"Content-Encoding": "gzip"})
    into = BytesIO()
    with server.guard() as guard:
        assert guard.get(server.url(), MOST).body == "préfecture".encode() * 5000
        assert guard.get(server.url(), MOST, into=into).body == b""
    assert into.getvalue() == "préfecture".encode() * 5000


def test_proxies_of_the_environment_are_not_used(server: WebServer, canary: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")
    server.pages["/"] = Served("direct")
    with server.guard() as guard:
        assert guard.get(server.url(), MOST).body == b"direct"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not on this machine: no certificate can be made for the test")
def test_the_certificate_is_checked_against_the_name_not_against_the_address(tmp_path: Path) -> None:
    certificate, key = tmp_path / "site.pem", tmp_path / "site.key"
    asked = f"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={HOST} -addext subjectAltName=DNS:{HOST}".split()
    subprocess.run(["openssl", *asked, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(certificate, key)
    trusting = ssl.create_default_context(cafile=str(certificate))
    other = "www.autre.gouv.fr"
    with WebServer(serving) as server:
        server.pages["/"] = Served("chiffré")
        rule = Rule(hosts=frozenset({HOST, other}), port=server.port, permitted=server.only_me)
        with Guard(rule, to_this_machine, trusting) as guard:
            assert guard.get(f"https://{HOST}:{server.port}/", MOST).body == "chiffré".encode()
        with Guard(rule, to_this_machine, trusting) as guard, pytest.raises(Unreachable):
            guard.get(f"https://{other}:{server.port}/", MOST)
        with Guard(rule, to_this_machine) as guard, pytest.raises(Unreachable):
            guard.get(f"https://{HOST}:{server.port}/", MOST)
