"""Knowledge and models change while citizens talk to the server: when does the server know it, and does any turn fail?"""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from bench.figures import show
from bench.speed import environment_of, server_on, turn
from bot.engines.shipped import SHIPPED
from bot.learned import PACKAGE, put_in_service

CLIENTS = 4
SWAPS = 5
PATIENCE = 60.0
PLAIN = "j'ai perdu ma carte d'identité, comment la refaire ?"
PRUDENT = "prudents"
STRANGE = "le machin numéro {} vert qui clignote sur le comptoir du hall"
"""A question that no fiche answers before it is attached."""


def run(folder: Path, swaps: int = SWAPS) -> None:
    """Print the table."""
    root = folder / "models"
    environment = environment_of(folder) | {"BOT_MODELS": str(root)}
    _prudent(root)
    known, published, changed, failed, turns = [], [], [], [], []
    with server_on(environment) as port, _talking(port, failed, turns):
        for number in range(swaps):
            question = STRANGE.format(number)
            command = [sys.executable, "-m", "bot", "attach", question, "--to", "cni-perte", "--yes"]
            began = time.perf_counter()
            subprocess.run(command, env=environment, check=True, capture_output=True)
            announced = time.perf_counter()
            published.append(announced - began)
            known.append(_until(port, question, lambda answer: answer.get("fiche") == "cni-perte") - announced)
        for number in range(swaps):
            name, decision = (PACKAGE, "reply") if number % 2 else (PRUDENT, "clarify")
            put_in_service(root, name)
            announced = time.perf_counter()
            changed.append(_until(port, PLAIN, lambda answer, said=decision: answer["decision"] == said) - announced)
    rows = [
        ["announced → the running server answers it", f"{swaps} attachments, {CLIENTS} clients talking", _seconds(known), "≤ 5 s"],
        [
            "other models in service → the running server answers with them",
            f"{swaps} changes, {CLIENTS} clients",
            _seconds(changed),
            "≤ 5 s",
        ],
        ["the command itself: preview, index, commit", "480 fiches", _seconds(published), "—"],
        ["turns that failed meanwhile", f"{len(turns)} turns", str(len(failed)), "0"],
        ["the longest turn meanwhile", f"{len(turns)} turns", f"{max(turns):.2f} s", "—"],
    ]
    show("Learning without stopping (this machine, this run)", ["what", "conditions", "measured", "target"], rows)


@contextmanager
def _talking(port: int, failed: list[int], turns: list[float]) -> Iterator[None]:
    over = threading.Event()

    def talk() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while not over.is_set():
            started = time.perf_counter()
            status, _ = turn(connection, PLAIN)
            turns.append(time.perf_counter() - started)
            if status != 200:
                failed.append(status)

    clients = [threading.Thread(target=talk) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        yield
    finally:
        over.set()
        for client in clients:
            client.join()


def _prudent(root: Path) -> None:
    """Models that are never sure."""
    shutil.copytree(SHIPPED, root / PRUDENT)
    stored = json.loads((SHIPPED / "weighing.json").read_text("utf-8"))
    stored["thresholds"]["sure"] = 1.0
    (root / PRUDENT / "weighing.json").write_text(json.dumps(stored), "utf-8")


def _until(port: int, question: str, known: Callable[[Mapping[str, object]], bool]) -> float:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    limit = time.perf_counter() + PATIENCE
    while time.perf_counter() < limit:
        _, answer = turn(connection, question)
        if known(answer):
            return time.perf_counter()
        time.sleep(0.1)
    return float("inf")


def _seconds(taken: list[float]) -> str:
    return f"p50 {np.median(taken):.1f} · max {max(taken):.1f} s (n={len(taken)})"
