from __future__ import annotations

import gzip
import re
from importlib.resources import files

from fastapi.testclient import TestClient

SOURCES = [part.read_text("utf-8") for part in (files("api") / "static" / "widget").iterdir() if part.name.endswith(".js")]


def test_the_widget_weighs_less_than_25_kilobytes(client: TestClient) -> None:
    script = client.get("/static/widget.js", headers={"accept-encoding": "identity"}).content
    assert len(gzip.compress(script, 9)) < 25_000


def test_the_widget_never_parses_what_it_receives() -> None:
    for source in SOURCES:
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|DOMParser|setHTML", source)


def test_the_widget_keeps_nothing_in_the_browser() -> None:
    for source in SOURCES:
        assert not re.search(r"localStorage|sessionStorage|indexedDB|document\.cookie|caches\.|serviceWorker", source)


def test_the_widget_knows_the_number_to_call_without_the_network(client: TestClient) -> None:
    script = client.get("/static/widget.js").text
    assert "03 53 01 10 00" in script
    assert "Vous échangez avec un assistant automatique." in script
    assert "You are talking to an automatic assistant." in script


def test_the_widget_is_not_sent_again_while_it_has_not_changed(client: TestClient) -> None:
    first = client.get("/static/widget.js")
    assert first.headers["cross-origin-resource-policy"] == "cross-origin"
    again = client.get("/static/widget.js", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""
