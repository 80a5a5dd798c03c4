"""What a visitor lives through, in a real browser in front of a real server."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect

from tests.journeys.conftest import Visit

pytestmark = pytest.mark.browser
Visits = Callable[..., Visit]

LOST_CARD = "g perdu ma carte d identité c combien pour refaire"
MY_FILE = "où en est mon dossier de titre de séjour"
NOTICE = "Vous échangez avec un assistant automatique. Vous pouvez demander un agent."


def test_a_visitor_asks_is_asked_back_and_is_handed_over(visit: Visits) -> None:
    visitor = visit()
    page = visitor.open("/")
    expect(page.get_by_text(NOTICE)).to_be_visible()
    visitor.shoot("page-accueil")

    answer = visitor.ask(LOST_CARD)
    assert "25\N{NO-BREAK SPACE}€" in answer
    assert "vérifié le" in answer
    visitor.shoot("page-reponse")

    page.get_by_role("button", name="Nouvelle conversation").click()
    label = visitor.be_asked_back()
    visitor.shoot("page-precision")
    page.get_by_role("button", name=label, exact=True).last.click()
    expect(page.locator(".entry.you").last).to_contain_text(label)
    expect(page.locator(".entry.assistant").last).to_have_class(re.compile("reply"))

    handed = visitor.ask(MY_FILE)
    assert "Bureau du séjour des étrangers" in handed
    assert "03 53 01 10 10" in handed
    assert "Acceo" in handed
    visitor.shoot("page-orientation")
    assert not visitor.faults


def test_the_whole_journey_is_possible_with_the_keyboard_alone(visit: Visits) -> None:
    visitor = visit()
    page = visitor.open("/assistant")
    launcher = page.get_by_role("button", name="Poser une question")
    tab_to(visitor, "Poser une question")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Vos questions à la préfecture")).to_be_visible()
    expect(page.get_by_role("textbox", name="Votre question")).to_be_focused()

    choice = visitor.be_asked_back()
    expect(page.get_by_role("textbox", name="Votre question")).to_be_focused()
    tab_to(visitor, choice, backwards=True)
    page.keyboard.press("Space")
    expect(page.locator(".entry.you").last).to_contain_text(choice)

    tab_to(visitor, "Parler à une personne")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Parler à une personne")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Parler à une personne")).to_be_focused()
    page.keyboard.press("Escape")
    expect(launcher).to_be_focused()
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_the_open_widget_is_not_a_trap(visit: Visits) -> None:
    visitor = visit()
    page = visitor.open("/assistant")
    page.get_by_role("button", name="Poser une question").click()
    tab_to(visitor, "Actualités", backwards=True)
    tab_to(visitor, "Fermer la conversation")


def tab_to(visitor: Visit, name: str, backwards: bool = False) -> None:
    """Press Tab until the element of that name holds the focus."""
    for _ in range(60):
        visitor.page.keyboard.press("Shift+Tab" if backwards else "Tab")
        if visitor.page.evaluate(FOCUSED_NAME) == name:
            return
    raise AssertionError(f"« {name} » is not reached by the keyboard")


FOCUSED_NAME = """() => {
  let focused = document.activeElement;
  while (focused?.shadowRoot?.activeElement) focused = focused.shadowRoot.activeElement;
  return (focused?.getAttribute("aria-label") || focused?.textContent || "").trim();
}"""


def test_nothing_is_asked_nor_stored_before_the_widget_is_opened_and_nothing_is_stored_after(visit: Visits) -> None:
    visitor = visit()
    page = visitor.open("/assistant")
    page.wait_for_timeout(500)
    own = {"/assistant", "/static/widget.js", "/static/site.css", "/static/icon.svg"}
    assert {address.removeprefix(visitor.server) for address in visitor.requests} <= own
    assert stored(visitor) == EMPTY

    visitor.requests.clear()
    page.get_by_role("button", name="Poser une question").click()
    page.wait_for_timeout(300)
    assert visitor.requests == []
    visitor.ask(LOST_CARD)
    assert [address.removeprefix(visitor.server) for address in visitor.requests] == ["/chat?lang=fr"]
    assert stored(visitor) == EMPTY


EMPTY = {"local": 0, "session": 0, "cookies": [], "databases": 0, "caches": 0}


def stored(visitor: Visit) -> dict[str, object]:
    kept: dict[str, object] = visitor.page.evaluate(
        "async () => ({local: localStorage.length, session: sessionStorage.length,"
        " databases: (await indexedDB.databases()).length, caches: (await caches.keys()).length})"
    )
    return {**kept, "cookies": visitor.page.context.cookies()}


def test_the_two_questions_of_feedback_can_be_answered_apart(visit: Visits) -> None:
    visitor = visit()
    page = visitor.open("/")
    visitor.ask(LOST_CARD)
    clear = page.get_by_role("group", name="Cette réponse est-elle claire ?")
    clear.get_by_role("button", name="Oui").click()
    expect(page.get_by_text("Merci, votre avis est enregistré.")).to_be_visible()
    expect(clear.get_by_role("button", name="Oui")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("group", name="Avez-vous obtenu").get_by_role("button", name="Non").click()
    expect(page.locator(".feedback").get_by_role("button", name="Parler à une personne")).to_be_visible()


@pytest.mark.parametrize("javascript", [True, False])
def test_who_cannot_hear_is_shown_a_number_to_write_to_and_none_to_call(visit: Visits, javascript: bool) -> None:
    page = visit(javascript=javascript).open("/")

    page.get_by_label("Votre question").fill("je suis sourde et ça sent le gaz")
    page.get_by_role("button", name="Envoyer", exact=True).click()

    expect(page.locator(".emergency a")).to_have_text("Écrire au 114 par SMS")
    expect(page.locator(".emergency a")).to_have_attribute("href", "sms:114")


def test_only_the_sentence_of_the_emergency_makes_its_numbers_links(visit: Visits) -> None:
    """The answer that follows a doubtful danger speaks of 15 days or 17 euros too."""
    visitor = visit()
    page = visitor.open("/")

    def doubtful(route: Route) -> None:
        answer = route.fetch().json()
        told = {**answer["sentences"][-1], "role": "answer", "shown_by": None}
        danger = {**told, "text": "Appelez le 17.", "provenance": {**told["provenance"], "reference": "emergency_17"}}
        answer["sentences"] = [danger, {**told, "text": "Comptez 15 jours."}]
        route.fulfill(json={**answer, "emergency": "17"})

    page.route("**/chat?*", doubtful)
    visitor.ask(LOST_CARD)
    expect(page.locator(".entry.assistant .role-answer a")).to_have_text(["17"])
    expect(page.locator(".entry.assistant .role-answer a")).to_have_attribute("href", "tel:17")


def test_who_is_in_danger_reads_it_in_his_language_and_calls_with_one_touch(visit: Visits) -> None:
    visitor = visit()
    page = visitor.open("/")
    visitor.ask("أريد أن أنتحر")
    told = page.locator(".entry.assistant .role-answer[lang=ar]")

    expect(told).to_have_attribute("dir", "rtl")
    expect(told.locator("a").first).to_have_attribute("href", "tel:3114")
    expect(page.locator(".entry.assistant .role-answer[lang=fr]")).to_contain_text("31 14")
    visitor.shoot("danger-en-arabe")


@pytest.mark.parametrize("javascript", [True, False])
def test_what_is_asked_after_a_number_to_call_stands_above_its_choices(visit: Visits, javascript: bool) -> None:
    visitor = visit(javascript=javascript)
    page = visitor.open("/")
    threatened = "Différence entre main courante et plainte quand on a reçu des menaces par son ancien conjoint, il y a deux ans ?"
    page.get_by_label("Votre question").fill(threatened)
    page.get_by_role("button", name="Envoyer", exact=True).click()
    answer = page.locator(".entry.assistant").last
    expect(answer.locator(".emergency")).to_be_visible()
    expect(answer.locator(".choices")).to_be_visible()

    told = answer.inner_text()
    in_order = ["Appeler le", "Si personne n'est en danger", "Pour bien vous répondre", "Choisissez", "Si oui"]
    assert sorted(in_order, key=told.index) == in_order
    visitor.shoot(f"danger-puis-precision-{'avec' if javascript else 'sans'}-javascript")


def test_a_conversation_works_without_javascript(visit: Visits) -> None:
    visitor = visit(javascript=False)
    page = visitor.open("/")
    expect(page.get_by_text(NOTICE)).to_be_visible()
    page.get_by_label("Votre question").fill(LOST_CARD)
    page.get_by_role("button", name="Envoyer", exact=True).click()
    expect(page.locator(".entry.assistant")).to_contain_text(re.compile(r"25\s€"))
    visitor.shoot("sans-javascript-reponse")
    assert page.url.partition("#")[0] == f"{visitor.server}/?lang=fr"

    page.get_by_label("Votre question").fill(MY_FILE)
    page.get_by_role("button", name="Envoyer", exact=True).click()
    expect(page.get_by_text(LOST_CARD)).to_be_visible()
    expect(page.locator(".entry.assistant").last).to_contain_text("03 53 01 10 10")
    page.get_by_role("group", name="Cette réponse est-elle claire ?").get_by_label("Oui").check()
    page.get_by_role("button", name="Envoyer mon avis").click()
    expect(page.get_by_text("Merci, votre avis est enregistré.")).to_be_visible()
    assert page.context.cookies() == []


def test_the_widget_speaks_english_on_an_english_page(visit: Visits) -> None:
    visitor = visit()
    page = visitor.open("/assistant?lang=en")
    page.get_by_role("button", name="Ask a question").click()
    expect(page.get_by_text("You are talking to an automatic assistant.")).to_be_visible()
    visitor.ask("I lost my French ID card, what should I do")
    expect(page.locator(".entry.assistant [lang=en]").first).to_be_visible()
    expect(page.get_by_text("checked on 20 November 2026").first).to_be_visible()


def test_an_answer_in_arabic_is_read_from_right_to_left(visit: Visits) -> None:
    visitor = visit(width=320, height=640)
    page = visitor.open("/")
    visitor.ask("فقدت بطاقة الإقامة ماذا أفعل")
    visitor.shoot("page-arabe-320")
    for paragraph in page.locator(".entry.assistant [lang=ar]").all():
        assert paragraph.get_attribute("dir") == "rtl"


def test_a_server_that_stopped_is_told_at_once_with_the_number_and_the_message_is_kept(visit: Visits) -> None:
    visitor = visit()
    page = visitor.open("/assistant")
    page.get_by_role("button", name="Poser une question").click()
    page.context.set_offline(True)
    page.get_by_role("textbox", name="Votre question").fill(LOST_CARD)
    page.keyboard.press("Enter")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("03 53 01 10 00", timeout=3000)
    expect(alert.get_by_role("link")).to_have_attribute("href", "tel:0353011000")
    expect(page.get_by_role("textbox", name="Votre question")).to_have_value(LOST_CARD)
    visitor.shoot("widget-hors-ligne")
    page.get_by_role("button", name="Parler à une personne").click()
    expect(page.locator(".people")).to_contain_text("Acceo")
    page.keyboard.press("Escape")

    page.context.set_offline(False)
    page.get_by_role("button", name="Réessayer").click()
    expect(page.locator(".entry.assistant")).to_contain_text(re.compile(r"25\s€"))
    expect(alert).to_be_empty()


def test_a_server_that_is_slow_is_told_within_three_seconds(visit: Visits) -> None:
    visitor = visit()
    page = visitor.open("/")
    page.route("**/chat?*", lambda route: None)  # received, never answered
    page.get_by_role("textbox", name="Votre question").fill(LOST_CARD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("03 53 01 10 00", timeout=3000)


def test_a_conversation_left_too_long_goes_on_as_a_new_one(visit: Visits) -> None:
    visitor = visit()
    page = visitor.open("/")
    visitor.ask(LOST_CARD)
    page.evaluate("document.querySelector('accueil-assistant').requests.token += 'x'")
    assert "03 53 01 10 10" in visitor.ask(MY_FILE)
    expect(page.get_by_text("La conversation précédente était terminée.")).to_be_visible()


@pytest.mark.parametrize("message", ["", "   "])
def test_an_empty_message_is_explained_and_the_field_keeps_the_focus(visit: Visits, message: str) -> None:
    page = visit().open("/")
    field = page.get_by_role("textbox", name="Votre question")
    field.fill(message)
    page.get_by_role("button", name="Envoyer").click()
    expect(page.get_by_role("alert")).to_contain_text("Écrivez votre question")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")


def test_each_answer_is_announced_once_in_the_log(visit: Visits) -> None:
    visitor = visit()
    page = visitor.open("/")
    log = page.get_by_role("log", name=re.compile("Conversation"))
    expect(log).to_have_attribute("aria-live", "polite")
    visitor.ask(LOST_CARD)
    visitor.ask(MY_FILE)
    assert log.locator(".entry.assistant").count() == 2
