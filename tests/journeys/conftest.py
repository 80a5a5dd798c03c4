"""A real server, as `python -m api serve` starts it, and a real Chromium in front of it."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.stock import stocked_database

CHROMIUM = os.environ.get("ACCUEIL_CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server of its own, over the real content."""
    folder = tmp_path_factory.mktemp("journey")
    with stocked_database(folder) as engine, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        environment = {
            **os.environ,
            "KNOWLEDGE_DATABASE": engine.url.render_as_string(hide_password=False),
            "API_STATE": str(folder),
            "API_RATE_PER_MINUTE": "0",
        }
        with (folder / "server.log").open("w+") as log:
            running = subprocess.Popen(
                [sys.executable, "-m", "api", "serve", "--port", str(port)], env=environment, stdout=log, stderr=subprocess.STDOUT
            )
            try:
                _wait(f"http://127.0.0.1:{port}/ready", running, folder / "server.log")
                yield f"http://127.0.0.1:{port}"
            finally:
                running.terminate()
                running.wait(timeout=15)


def _wait(address: str, running: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert running.poll() is None, log.read_text()
        try:
            if httpx.get(address).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"the server did not start: {log.read_text()}")


@pytest.fixture(scope="package")  # Playwright's event loop ends with these tests: those of the telephone line run their own
def chromium() -> Iterator[Browser]:
    if not shutil.which(CHROMIUM):
        missing = f"Chromium is absent ({CHROMIUM}): install the package chromium, or set ACCUEIL_CHROMIUM"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


class Visit:
    """A visitor in a browser window: what he sees, what left his browser, what went wrong."""

    def __init__(self, context: BrowserContext, server: str, shots: Path) -> None:
        self.page: Page = context.new_page()
        self.server = server
        self.requests: list[str] = []
        self.faults: list[str] = []
        self._shots = shots
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda message: self.faults.append(message.text) if message.type == "error" else None)

    def open(self, path: str) -> Page:
        self.page.goto(self.server + path)
        return self.page

    def ask(self, question: str) -> str:
        """Type a question, press Enter, and return what the assistant showed."""
        before = self.page.locator(".entry.assistant").count()
        self.page.get_by_role("textbox", name=re.compile("Votre question|Your question")).fill(question)
        self.page.keyboard.press("Enter")
        answer = self.page.locator(".entry.assistant").nth(before)
        answer.wait_for()
        return answer.inner_text()

    def be_asked_back(self) -> str:
        """Say one word that may mean several things, and return the first choice offered."""
        for word in ("passeport", "carte grise", "rendez-vous", "récépissé", "carte de séjour", "permis"):
            self.ask(word)
            choice = self.page.locator(".entry.assistant").last.locator(".choices button")
            if choice.count():
                return str(choice.first.inner_text())
        raise AssertionError("no broad word was asked back")

    def shoot(self, name: str) -> None:
        self.page.wait_for_load_state("load")
        self.page.screenshot(path=self._shots / f"{name}.png")


@pytest.fixture(scope="package")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    named = os.environ.get("ACCUEIL_SCREENSHOTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def visit(chromium: Browser, server: str, shots: Path) -> Iterator[Callable[..., Visit]]:
    """Opens windows: `visit(width=320, javascript=False)`."""
    contexts: list[BrowserContext] = []

    def make(width: int = 1280, height: int = 860, javascript: bool = True, **more: Any) -> Visit:
        context = chromium.new_context(
            viewport={"width": width, "height": height}, java_script_enabled=javascript, locale="fr-FR", reduced_motion="reduce", **more
        )
        contexts.append(context)
        return Visit(context, server, shots)

    yield make
    for context in contexts:
        context.close()
