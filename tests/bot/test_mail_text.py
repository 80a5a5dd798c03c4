"""Of a long message, the request stays; quotation, signature, notices and greetings go."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bot.mail_text import LONG, request
from bot.training.natures import examples
from tests.texts import ANY_TEXT

MAILS = yaml.safe_load((Path(__file__).parent / "mails.yml").read_text("utf-8"))


def test_there_are_forty_mails() -> None:
    assert len(MAILS) >= 40


@pytest.mark.parametrize("case", MAILS, ids=lambda case: case["keeps"][0])
def test_the_request_stays_and_what_surrounds_it_goes(case: dict[str, object]) -> None:
    left = request(str(case["mail"]))

    assert [word for word in case["keeps"] if word not in left] == []  # type: ignore[attr-defined]
    assert [word for word in case["drops"] if word in left] == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("text", ["merci", "Bonjour", "carte grise\ncordialement", "Cordialement, et pour mon fils ?", "a@b.fr", ""])
def test_a_short_message_is_left_as_it_is(text: str) -> None:
    assert request(text) == text


@given(ANY_TEXT)
def test_a_message_is_never_emptied_nor_longer(text: str) -> None:
    left = request(text)

    assert len(left) <= len(text)
    assert bool(left.strip()) == bool(text.strip())


@given(
    st.lists(
        st.sampled_from(["> cité", "Le 3 mars, X a écrit :", "Cordialement", "--", "Bonjour", "06 00 00 00 00", "De : x@y.fr"]), max_size=60
    )
)
def test_a_message_made_only_of_what_surrounds_a_request_is_kept_whole(lines: list[str]) -> None:
    text = "\n".join(lines)

    assert bool(request(text).strip()) == bool(text.strip())


def test_a_question_after_the_closing_formula_is_read() -> None:
    mail = "je voudrais savoir comment renouveler un passeport " * LONG + "\nCordialement,\nJean\nAu fait, et pour ma fille mineure ?"

    assert "ma fille mineure" in request(mail)


def test_polite_clauses_say_nothing_of_the_request() -> None:
    mail = (
        "Madame, Monsieur,\n\nJe n'ai pas réussi à joindre votre standard ce matin, veuillez m'en excuser. "
        "Un ami m'a conseillé de vous écrire. J'ai longtemps hésité avant de m'adresser à vous. "
        "Ma carte d'identité est périmée depuis mars, que dois-je faire ?\n\nJe vous remercie du temps que vous voudrez bien m'accorder."
    )

    assert request(mail) == "Ma carte d'identité est périmée depuis mars, que dois-je faire ?"


def test_a_polite_clause_that_asks_is_kept() -> None:
    asked = "Je vous remercie de bien vouloir m'indiquer les pièces à fournir pour renouveler le passeport de ma fille de huit ans."

    assert request(f"Madame, Monsieur,\n{asked}\nJe sais que vous êtes très occupés en ce moment.\nBien cordialement") == asked


@pytest.mark.parametrize("formula", ["Veuillez m'excuser, ", "J'ai hésité à vous écrire, mais ", "Je vous remercie de votre aide, "])
def test_an_emergency_told_politely_is_not_left_out(formula: str) -> None:
    around = "Je me permets de vous écrire ce message ce matin car votre standard ne répond jamais, j'espère que tout va bien pour vous."
    told = [text.rstrip(" .!?…") for label, texts in examples().items() if label.partition(" ")[2] for text in texts]
    left_out = [text for text in told if text not in request(f"Ma carte d'identité est périmée depuis mars. {around} {formula}{text}.")]

    assert len(told) > 2000
    assert len(left_out) <= len(told) // 100
