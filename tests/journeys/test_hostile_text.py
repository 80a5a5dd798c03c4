"""T18: what a visitor types is shown as text, whatever it holds."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.journeys.conftest import Visit
from tests.payloads import HOSTILE_HTML

pytestmark = pytest.mark.browser
Visits = Callable[..., Visit]


def no_harm(visitor: Visit) -> None:
    assert visitor.page.evaluate("window.canary === undefined")
    assert all(address.startswith(visitor.server) for address in visitor.requests)


@pytest.mark.parametrize("path", ["/", "/assistant"])
def test_forty_payloads_leave_no_trace_in_the_conversation(visit: Visits, path: str) -> None:
    visitor = visit()
    page = visitor.open(path)
    if path == "/assistant":
        page.get_by_role("button", name="Poser une question").click()
    for payload in HOSTILE_HTML:
        visitor.ask(payload)
        no_harm(visitor)
    shown = page.locator(".entry.you p").all_inner_texts()
    assert [text.strip() for text in shown] == [payload.strip() for payload in HOSTILE_HTML]


def test_forty_payloads_leave_no_trace_in_the_form_without_javascript(visit: Visits) -> None:
    """Sent by the plain form, then shown in a window where scripts could run."""
    visitor = visit()
    page = visitor.open("/donnees-personnelles")
    for payload in HOSTILE_HTML:
        page.evaluate(
            """(text) => {
              const form = document.createElement("form");
              form.method = "post"; form.action = "/"; form.enctype = "multipart/form-data";
              const field = document.createElement("textarea");
              field.name = "message"; field.value = text;
              form.append(field); document.body.append(form); form.submit();
            }""",
            payload,
        )
        page.locator(".entry.you p").wait_for()
        no_harm(visitor)
        page.goto(f"{visitor.server}/donnees-personnelles")


@pytest.mark.parametrize("place", ["text", "label", "url", "rubric", "service"])
def test_a_poisoned_answer_would_still_be_shown_as_text(visit: Visits, place: str) -> None:
    """Even if hostile text reached an approved answer, the widget would show it as text and follow no strange address."""
    visitor = visit()
    page = visitor.open("/")
    poison = "<img src=x onerror=window.canary=1>"

    def poisoned(route: object) -> None:
        response = route.fetch()  # type: ignore[attr-defined]
        answer = response.json()
        answer["sentences"][-1].update(text=poison, role="handover", shown_by=None)
        answer["related"] = [{"id": "x", "label": poison if place == "label" else "x"}]
        answer["sources"] = [
            {
                "url": "javascript:window.canary=1" if place == "url" else "https://exemple.gouv.fr/" + poison,
                "rubric": poison if place == "rubric" else "rubrique",
                "checked_on": "2026-11-20",
            }
        ]
        if place == "service":
            answer["person"]["service"] = poison
        route.fulfill(json=answer)  # type: ignore[attr-defined]

    page.route("**/chat?*", poisoned)
    visitor.ask("bonjour")
    assert page.locator(".entry.assistant img").count() == 0
    assert page.locator("a[href^='javascript:']").count() == 0
    no_harm(visitor)
