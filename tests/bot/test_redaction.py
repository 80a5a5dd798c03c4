"""What identifies a person is masked; what carries the subject stays."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given

from bot import redaction
from bot.redaction import redact
from tests.texts import ANY_TEXT

IDENTIFYING = {
    "mon mail jean.dupond+x@free.fr": "jean.dupond",
    "ecrivez a jean.dupond (at) free . fr": "jean.dupond",
    "06 12 34 56 78": "12 34",
    "au 0612345678 svp": "0612345678",
    "tel 06.12.34.56.78": "12.34",
    "06-12-34-56-78": "12-34",
    "+33 6 12 34 56 78": "12 34",
    "0033612345678": "12345678",
    "+44 20 7946 0958": "7946",
    "ma plaque AB-123-CD": "123",
    "plaque ab123cd": "ab123cd",
    "ancienne plaque 1234 AB 75": "1234",
    "ancienne plaque 123abc45": "123abc45",
    "numéro étranger 9912345678": "9912345678",
    "numéro étranger 99 12 34 56 78": "12 34",
    "titre de séjour X12345678": "12345678",
    "carte d'identité D2H6862M2": "D2H6862M2",
    "passeport 12AB34567": "12AB34567",
    "dossier 2024-123456": "123456",
    "FR76 3000 6000 0112 3456 7890 189": "3456",
    "fr7630006000011234567890189": "1234567890",
    "1 85 05 78 006 084 36": "084",
    "185057800608436": "185057800608436",
    "née le 3 mars 1990 à Lyon": "1990",
    "né le 12/03/1985": "1985",
    "j'habite 12 bis rue de la Paix": "Paix",
    "12, avenue Victor-Hugo": "Victor",
    "75002 Kazimirville": "Kazimirville",
    "je m'appelle Zoltan Kowalczyk": "Kowalczyk",
    "my name is Zoltan Kowalczyk": "Kowalczyk",
    "moi c'est Zoltan Kowalczyk": "Kowalczyk",
    "je suis Zoltan Kowalczyk": "Kowalczyk",
    "Mme Kowalczyk attend": "Kowalczyk",
    "mon fils Zoltan né en France": "Zoltan",
    "Merci.\nCordialement,\nZoltan Kowalczyk": "Kowalczyk",
    "Merci. Cordialement, Zoltan Kowalczyk": "Kowalczyk",
    "https://exemple.fr/?nom=kowalczyk": "kowalczyk",
}


@pytest.mark.parametrize(("written", "hidden"), IDENTIFYING.items())
def test_what_identifies_a_person_is_masked(written: str, hidden: str) -> None:
    masked = redact(written)

    assert hidden not in masked
    assert "[" in masked


@pytest.mark.parametrize(
    "written",
    [
        "carte d'identité perdue, 25 € ?",
        "cerfa 13750*05",
        "article L421-1 du code",
        "depuis le 1er mai 2026",
        "le 34 00 ou le 3919",
        "titre de séjour de 10 ans ou 4 ans",
        "ma femme est française et moi algérien",
        "Monsieur le préfet, madame la préfète",
        "je suis Français",
        "véhicule 50 cm3 de 2014",
        "entre 20 et 30 jours, le 10 ou 15 mai",
        "au secours",
        "Merci d'avance",
    ],
)
def test_what_carries_the_subject_stays(written: str) -> None:
    assert redact(written) == written


@given(ANY_TEXT)
def test_masking_twice_changes_nothing_more(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


@pytest.mark.parametrize("repeated", ["a", "1", "1 ", "A1", "12-", "a.b@", "Zoltan ", "né ", "cordialement\n", " ", "12 rue de "])
def test_a_hundred_kilobytes_of_anything_are_masked(repeated: str) -> None:
    """Each pattern is bounded: with a quadratic one, this test would take minutes."""
    assert redact(repeated * (100_000 // len(repeated))) is not None


@given(ANY_TEXT)
@example("Madame Kowalczyk, mon fils Zoltan, je m'appelle Ana Bond : ana@free.fr, https://a.fr/?id=x\nCordialement,\nZoltan Kowalczyk")
def test_a_text_without_digits_is_masked_as_by_every_rule(text: str) -> None:
    """The rules that need a digit are left out then: none of them may mask anything."""
    plain = re.sub(r"\d", "", text)
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(redaction, "_WITHOUT_DIGITS", redaction._RULES)
        everything = redact(plain)
    assert redact(plain) == everything
