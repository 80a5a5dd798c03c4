"""How long, and how much memory: the index, one answer in process, a turn over HTTP with its journal row, the start of the server."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psutil

from bench.figures import percentiles, refuse, show
from bot.assistant import Assistant
from bot.evaluation.questions import OWN, read
from bot.messages import Question
from knowledge.building import build
from knowledge.search import Sheet
from knowledge.wordforms import default_lexicon

TURNS = 1000


def run(assistant: Assistant, sheets: Sequence[Sheet]) -> None:
    """Print the tables of speed and memory."""
    texts = [one.text for one in read(OWN / "citizens.jsonl")]
    rows = [["index build", f"{len(sheets)} sheets and {len(assistant.catalogue.fiches)} fiches", _index(assistant, sheets), "≤ 20 s"]]
    rows.append(["answer in process, one thread", f"{TURNS} turns, corpus loaded", _in_process(assistant, texts), "p50 ≤ 3 · p99 ≤ 10 ms"])
    with tempfile.TemporaryDirectory() as folder:
        rows += _server(Path(folder), texts)
    rows.append(["memory of the server's work, corpus loaded", f"after {TURNS} turns", _memory(sheets, texts), "≤ 300 MB"])
    show("Speed and memory (this machine, this run)", ["what", "conditions", "measured", "target"], rows)


def _index(assistant: Assistant, sheets: Sequence[Sheet]) -> str:
    started = time.perf_counter()
    build(tuple(assistant.catalogue.fiches.values()), sheets, default_lexicon())
    return f"{time.perf_counter() - started:.1f} s"


def _in_process(assistant: Assistant, texts: Sequence[str]) -> str:
    for text in texts[:50]:
        assistant.answer(Question(text))
    taken = []
    for number in range(TURNS):
        started = time.perf_counter()
        assistant.answer(Question(texts[number % len(texts)]))
        taken.append((time.perf_counter() - started) * 1000)
    return percentiles(taken)


def environment_of(folder: Path) -> dict[str, str]:
    """What makes a server of its own: database, index and secret in `folder`, no limit of rate."""
    return {
        **os.environ,
        "KNOWLEDGE_DATABASE": f"sqlite:///{folder / 'bench.db'}",
        "KNOWLEDGE_INDEX": str(folder / "index"),
        "API_RATE_PER_MINUTE": "1000000",
        "API_RATE_BURST": "1000000",
        "API_SECRET_FILE": str(folder / "secret"),
    }


def _server(folder: Path, texts: Sequence[str]) -> list[list[str]]:
    """Start the real server twice (the second time with its index stored) and talk to it."""
    environment = environment_of(folder)
    rows = []
    for conditions in ("first start: schema, content, index", "next start, index stored"):
        started = time.perf_counter()
        with _started(environment) as (server, port):
            rows.append(["server ready", conditions, f"{time.perf_counter() - started:.1f} s", "≤ 5 s stored"])
            if conditions.startswith("next"):
                rows += _talk(server, port, texts)
    return rows


@contextmanager
def _started(environment: Mapping[str, str]) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    port = _free_port()
    command = [sys.executable, "-m", "api", "serve", "--prepare", "--port", str(port)]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(server, port)
        yield server, port
    finally:
        server.terminate()
        server.wait(15)


@contextmanager
def server_on(environment: Mapping[str, str]) -> Iterator[int]:
    """A real server, ready; its port."""
    with _started(environment) as (_, port):
        yield port


def turn(connection: http.client.HTTPConnection, text: str) -> tuple[int, dict[str, Any]]:
    """Put one question over HTTP; the status and the answer."""
    connection.request("POST", "/chat", json.dumps({"message": text}), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    content = answer.read()
    return answer.status, json.loads(content) if answer.status == 200 else {"refused": content[:200].decode(errors="replace")}


def _talk(server: subprocess.Popen[bytes], port: int, texts: Sequence[str]) -> list[list[str]]:
    rows = []
    for clients in (1, 8):
        _clients(port, texts, clients, 10)
        started = time.perf_counter()
        taken = _clients(port, texts, clients, TURNS // clients)
        rate = len(taken) / (time.perf_counter() - started)
        target = "p50 ≤ 8 ms" if clients == 1 else "≥ 200 turns/s"
        rows.append(
            [
                f"HTTP turn, journal row committed, {clients} client(s)",
                f"{len(taken)} turns",
                f"{percentiles(taken)} · {rate:.0f}/s",
                target,
            ]
        )
    memory = psutil.Process(server.pid).memory_info().rss / 1e6
    rows.append(["memory of the server, fiches only", f"after {2 * TURNS} turns", f"{memory:.0f} MB", "≤ 300 MB"])
    return rows


def _clients(port: int, texts: Sequence[str], clients: int, turns: int) -> list[float]:
    taken: list[float] = []
    failures: list[str] = []

    def talk(offset: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        for number in range(turns):
            started = time.perf_counter()
            status, answer = turn(connection, texts[(offset * 37 + number) % len(texts)])
            taken.append((time.perf_counter() - started) * 1000)
            if status != 200:
                failures.append(f"{status} {answer['refused']}")
        connection.close()

    threads = [threading.Thread(target=talk, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        refuse(f"{len(failures)} turns failed, the first: {failures[0]}")
    return taken


def _memory(sheets: Sequence[Sheet], texts: Sequence[str]) -> str:
    """Resident memory of a fresh process that opens the stored index of fiches and corpus and answers `TURNS` questions."""
    with tempfile.TemporaryDirectory() as folder:
        script = (
            "import json, sys, psutil\n"
            "from pathlib import Path\n"
            "from bot.assistant import Assistant\n"
            "from bot.messages import Question\n"
            "from bench.speed import stored\n"
            "assistant = stored(Path(sys.argv[1]))\n"
            "texts = json.loads(sys.stdin.read())\n"
            f"for number in range({TURNS}): assistant.answer(Question(texts[number % len(texts)]))\n"
            "print(psutil.Process().memory_info().rss)\n"
        )
        store(Path(folder), sheets)
        done = subprocess.run(
            [sys.executable, "-c", script, folder], input=json.dumps(list(texts)), text=True, capture_output=True, check=True
        )
    return f"{int(done.stdout) / 1e6:.0f} MB"


def store(folder: Path, sheets: Sequence[Sheet]) -> None:
    """Store the index of the installation's fiches with `sheets`."""
    catalogue = Assistant.from_settings().catalogue
    catalogue.with_sheets(sheets).index.save(folder / "index")


def stored(folder: Path) -> Assistant:
    """The assistant over an index stored by `store`, opened as the server opens its own."""
    from dataclasses import replace

    from knowledge.search import Index

    catalogue = Assistant.from_settings().catalogue
    return Assistant.over(replace(catalogue, index=Index.open(folder / "index", default_lexicon())))


def _free_port() -> int:
    with closing(socket.socket()) as tried:
        tried.bind(("127.0.0.1", 0))
        port: int = tried.getsockname()[1]
        return port


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(1200):
        if server.poll() is not None:
            refuse("The server did not start; run `python -m api serve --prepare` to read why.")
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
            connection.request("GET", "/ready")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.05)
    refuse("The server was not ready after a minute.")
