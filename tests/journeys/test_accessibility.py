"""Zero axe violation on every screen, at a desk and at 320 pixels; nothing overflows, nothing is lost when text is enlarged."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.journeys.conftest import Visit

pytestmark = pytest.mark.browser
Visits = Callable[..., Visit]

SCREENS = [(1280, 860), (320, 640)]
WHOLE_STANDARD = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def check(visitor: Visit) -> None:
    result = Axe().run(visitor.page, options=WHOLE_STANDARD)
    faults = [(found["id"], [node["html"][:200] for node in found["nodes"]]) for found in result.response["violations"]]
    assert not faults
    overflow = visitor.page.evaluate("document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth")
    assert overflow <= 0, "the page scrolls sideways"
    assert not visitor.faults


@pytest.mark.parametrize(("width", "height"), SCREENS)
@pytest.mark.parametrize("path", ["/", "/?lang=en", "/assistant", "/donnees-personnelles", "/accessibilite", "/integrer", "/docs"])
def test_every_page_passes(visit: Visits, path: str, width: int, height: int) -> None:
    visitor = visit(width, height)
    visitor.open(path)
    check(visitor)


@pytest.mark.parametrize(("width", "height"), SCREENS)
def test_the_conversation_passes_in_each_of_its_states(visit: Visits, width: int, height: int) -> None:
    visitor = visit(width, height)
    page = visitor.open("/")
    for name, question in (
        ("reponse", "j'ai perdu ma carte d'identité"),
        ("orientation", "où en est mon dossier de titre de séjour"),
        ("urgence", "mon mari me frappe, au secours"),
        ("arabe", "فقدت بطاقة الإقامة ماذا أفعل"),
        ("anglais", "how do I renew my residence permit"),
    ):
        visitor.ask(question)
        page.wait_for_timeout(100)
        visitor.shoot(f"page-{name}-{width}")
        check(visitor)
    for details in page.locator("summary").all():
        details.click()
    page.get_by_role("button", name="Envoyer").click()
    check(visitor)
    page.get_by_role("button", name="Nouvelle conversation").click()
    visitor.be_asked_back()
    visitor.shoot(f"page-precision-{width}")
    check(visitor)


@pytest.mark.parametrize(("width", "height"), SCREENS)
def test_the_widget_passes_closed_open_answering_and_showing_a_person(visit: Visits, width: int, height: int) -> None:
    visitor = visit(width, height)
    page = visitor.open("/assistant")
    visitor.shoot(f"widget-ferme-{width}")
    page.get_by_role("button", name="Poser une question").click()
    visitor.shoot(f"widget-ouvert-{width}")
    check(visitor)
    visitor.ask("j'ai perdu ma carte d'identité")
    visitor.shoot(f"widget-reponse-{width}")
    check(visitor)
    page.get_by_role("button", name="Parler à une personne").click()
    expect(page.locator(".people .state")).to_be_visible()
    visitor.shoot(f"widget-personne-{width}")
    check(visitor)


@pytest.mark.parametrize(("width", "height"), SCREENS)
def test_the_page_without_javascript_passes(visit: Visits, width: int, height: int) -> None:
    """axe needs scripts: the answer made without JavaScript is shown again in a window that has them."""
    plain = visit(width, height, javascript=False)
    plain.open("/")
    plain.page.get_by_label("Votre question").fill("où en est mon dossier de titre de séjour")
    plain.page.get_by_role("button", name="Envoyer", exact=True).click()
    expect(plain.page.locator(".entry.assistant")).to_be_visible()
    plain.shoot(f"sans-javascript-{width}")
    visitor = visit(width, height)
    visitor.open("/health")
    visitor.page.route("**/montre", lambda route: route.fulfill(body=plain.page.content(), content_type="text/html"))
    visitor.open("/montre")
    expect(visitor.page.locator(".entry.assistant")).to_be_visible()
    check(visitor)


def test_text_at_200_percent_loses_nothing(visit: Visits) -> None:
    visitor = visit(640, 430)  # 1280 × 860 at 200 %
    page = visitor.open("/assistant")
    page.get_by_role("button", name="Poser une question").click()
    visitor.ask("j'ai perdu ma carte d'identité")
    send = page.get_by_role("button", name="Envoyer")
    send.scroll_into_view_if_needed()
    expect(send).to_be_in_viewport()
    visitor.shoot("widget-200-pour-cent")
    check(visitor)


def test_more_space_between_letters_and_lines_loses_nothing(visit: Visits) -> None:
    """WCAG 1.4.12: the spacing that some dyslexic persons set."""
    visitor = visit(320, 640)
    page = visitor.open("/")
    visitor.ask("j'ai perdu ma carte d'identité")
    page.evaluate(
        """() => {
          const sheet = new CSSStyleSheet();
          sheet.replaceSync("* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important; }");
          for (const root of [document, document.querySelector("accueil-assistant").shadowRoot]) root.adoptedStyleSheets.push(sheet);
        }"""
    )
    check(visitor)
