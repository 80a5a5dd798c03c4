"""What is written, read aloud: figures, addresses, acronyms, and nothing that a voice could take for an order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.directory import hours_text
from knowledge.directory import read as read_directory
from knowledge.errors import ContentRefused
from telephony.speech.numbers import MOST, cardinal, digits, group, ordinal
from telephony.speech.pronunciation import FILE, Pronunciation
from tests.conftest import CONTENT
from tests.texts import ANY_TEXT

SHIPPED = Pronunciation.read(CONTENT)
SAYABLE = re.compile(r"[A-Za-zÀ-ÖØ-öø-ÿŒœŸ',.;:!? -]*")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "zéro"),
        (21, "vingt et un"),
        (22, "vingt-deux"),
        (61, "soixante et un"),
        (70, "soixante-dix"),
        (71, "soixante et onze"),
        (77, "soixante-dix-sept"),
        (80, "quatre-vingts"),
        (81, "quatre-vingt-un"),
        (91, "quatre-vingt-onze"),
        (99, "quatre-vingt-dix-neuf"),
        (100, "cent"),
        (101, "cent un"),
        (200, "deux cents"),
        (201, "deux cent un"),
        (280, "deux cent quatre-vingts"),
        (1000, "mille"),
        (1901, "mille neuf cent un"),
        (2026, "deux mille vingt-six"),
        (80_000, "quatre-vingt mille"),
        (200_000, "deux cent mille"),
        (999_999, "neuf cent quatre-vingt-dix-neuf mille neuf cent quatre-vingt-dix-neuf"),
        (1_000_000, "un million"),
        (80_000_000, "quatre-vingts millions"),
    ],
)
def test_french_numbers_agree_as_grammars_teach(number: int, words: str) -> None:
    assert cardinal(number, "fr") == words


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "zero"),
        (13, "thirteen"),
        (40, "forty"),
        (99, "ninety-nine"),
        (100, "one hundred"),
        (206, "two hundred and six"),
        (2026, "two thousand and twenty-six"),
        (12_345, "twelve thousand three hundred and forty-five"),
        (1_000_001, "one million and one"),
    ],
)
def test_english_numbers_are_said_with_and(number: int, words: str) -> None:
    assert cardinal(number, "en") == words


def test_a_feminine_noun_changes_only_the_numbers_that_end_with_one() -> None:
    changed = [number for number in range(1000) if cardinal(number, "fr", feminine=True) != cardinal(number, "fr")]

    assert changed == [number for number in range(1000) if number % 10 == 1 and number % 100 not in (11, 71, 91)]
    assert cardinal(21, "fr", feminine=True) == "vingt et une"


@pytest.mark.parametrize("language", ["fr", "en"])
def test_two_numbers_are_never_said_alike(language: str) -> None:
    numbers = [*range(20_000), *range(20_000, 1_000_000, 997), MOST]

    assert len({cardinal(number, language) for number in numbers}) == len(numbers)
    assert len({ordinal(number, language) for number in range(1, 2000)}) == 1999


@pytest.mark.parametrize(
    ("number", "language", "words"),
    [
        (1, "fr", "premier"),
        (2, "fr", "deuxième"),
        (5, "fr", "cinquième"),
        (9, "fr", "neuvième"),
        (21, "fr", "vingt et unième"),
        (80, "fr", "quatre-vingtième"),
        (200, "fr", "deux centième"),
        (1, "en", "first"),
        (12, "en", "twelfth"),
        (20, "en", "twentieth"),
        (33, "en", "thirty-third"),
        (101, "en", "one hundred and first"),
    ],
)
def test_ranks_are_said_in_order(number: int, language: str, words: str) -> None:
    assert ordinal(number, language) == words


def test_numbers_out_of_reach_are_refused_rather_than_said_wrong() -> None:
    for refused in (-1, MOST + 1):
        with pytest.raises(ValueError, match="out of reach"):
            cardinal(refused, "fr")
    with pytest.raises(ValueError, match="language"):
        cardinal(1, "de")
    with pytest.raises(ValueError, match="zeroth"):
        ordinal(0, "fr")
    assert digits("007", "fr") == "zéro zéro sept"
    assert (group("00", "fr"), group("05", "fr"), group("40", "en")) == ("zéro zéro", "zéro cinq", "four zero")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("de 9 h à 12 h", "de neuf heures à douze heures"),
        ("8h30-12h30, 13h30–16h30", "de huit heures trente à douze heures trente, de treize heures trente à seize heures trente"),
        ("lundi 9-12h", "lundi de neuf à douze heures"),
        ("à 1 h, 21 h, 9h00, 12:05", "à une heure, vingt et une heures, neuf heures, douze heures cinq"),
        ("24h/24 et 7j/7", "vingt-quatre heures sur vingt-quatre et sept jours sur sept"),
        ("le 03 53 01 10 40", "le zéro trois, cinquante-trois, zéro un, dix, quarante"),
        ("le 0353011040", "le zéro trois, cinquante-trois, zéro un, dix, quarante"),
        ("+33 3 53 01 10 40", "plus trente-trois, trois, cinquante-trois, zéro un, dix, quarante"),
        ("0 800 005 696", "zéro huit cents, zéro zéro cinq, six cent quatre-vingt-seize"),
        (
            "le 34 00, le 17, le 3114 ou le 39 19",
            "le trente-quatre zéro zéro, le dix-sept, le trente et un quatorze ou le trente-neuf dix-neuf",
        ),
        ("le 112, le 116 117", "le cent douze, le cent seize, cent dix-sept"),
        ("3114 personnes, 3000 €", "trois mille cent quatorze personnes, trois mille euros"),
        ("25 €, 2,76 € ou 10 € HT", "vingt-cinq euros, deux euros soixante-seize ou dix euros hors taxes"),
        ("0,50 €, 1 €, 1 200 €, 1 000 000 €", "cinquante centimes, un euro, mille deux cents euros, un million d'euros"),
        ("du 1er mai 2026 au 31/12/2026", "du premier mai deux mille vingt-six au trente et un décembre deux mille vingt-six"),
        ("2026-05-01 et 45/13/2026", "premier mai deux mille vingt-six et quarante-cinq, treize, deux mille vingt-six"),
        ("la 1re, le 2e, la 21ème", "la première, le deuxième, la vingt et unième"),
        ("80 % et 2,5 %", "quatre-vingts pour cent et deux virgule cinq pour cent"),
        ("le dossier n° 12", "le dossier numéro douze"),
        ("10-15 jours, article L. 224-2", "dix à quinze jours, article L deux cent vingt-quatre tiret deux"),
        ("cerfa n° 12100*02", "cerfa numéro douze, cent étoile zéro deux"),
        ("1 photo de 35 x 45 mm, 1 an", "une photo de trente-cinq sur quarante-cinq millimètres, un an"),
        ("1 place de la Préfecture, 00100 Ambreville", "un, place de la Préfecture, zéro zéro cent, Ambreville"),
        ("la lettre 48SI, le permis A2", "la lettre quarante-huit s, i, le permis A deux"),
        ("sur www.val-dambre.gouv.fr, rubrique « Titres »", "sur val tiret d'ambre point gouv point fr, rubrique Titres"),
        ("https://ants.gouv.fr/aide.", "a, n, t, s point gouv point fr barre oblique aide."),
        ("sp-valbrune@val-dambre.gouv.fr", "sp tiret valbrune arobase val tiret d'ambre point gouv point fr"),
        ("la CNI, l'ANTS, l'OFII", "la c, n, i, l'a, n, t, s, l'ofi"),
        ("résident longue durée-UE, un VLS-TS", "résident longue durée u, e, un v, l, s, t, s"),
        ("PRÉFECTURE FERMÉE LE 1er MAI", "préfecture fermée le premier mai"),
        ("ATTENTION : travaux", "attention: travaux"),
        ("M. et Mme Petit, etc.", "monsieur et madame Petit, et cetera"),
        ("tapez * ou #", "tapez étoile ou dièse"),
        ("l'« article 50 » (et/ou l'autre)…", "l'article cinquante, et, ou l'autre."),
    ],
)
def test_french_is_read_aloud_as_people_say_it(written: str, said: str) -> None:
    assert SHIPPED.spoken(written, "fr") == said
    assert SHIPPED.spoken(written.replace(" ", "\u202f"), "fr") == said, "with the narrow spaces of French typography"
    assert SHIPPED.spoken(said, "fr") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("from 09:00 to 12:00", "from nine in the morning to noon"),
        ("8:30 am to 12:30 pm", "eight thirty in the morning to twelve thirty in the afternoon"),
        ("9 am to 12 noon, 7 pm", "nine in the morning to noon, seven in the evening"),
        ("9:05 am - 5 p.m.", "from nine oh five in the morning to five in the afternoon"),
        (
            "call 03 53 01 10 40, 34 00 or 112",
            "call zero three, five three, zero one, one zero, four zero, three four, zero zero or one one two",
        ),
        ("25 €, €2.76, 0.50 €", "twenty-five euros, two euros and seventy-six cents, fifty cents"),
        ("on 1 May 2026 and the 3rd of June 1905", "on the first of May twenty twenty-six and the third of June nineteen oh five"),
        ("since 1900, 2000 and 2004", "since nineteen hundred, two thousand and two thousand and four"),
        ("10-15 days, 80%, No. 12", "ten to fifteen days, eighty percent, number twelve"),
        ("1,200 people, 2.5 years", "one thousand two hundred people, two point five years"),
        ("contact@val-dambre.gouv.fr", "contact at val dash dambre dot gouv dot fr"),
        ("the VLS-TS and your ID", "the v, l, s, t, s and your i, d"),
    ],
)
def test_english_is_read_aloud_as_people_say_it(written: str, said: str) -> None:
    assert SHIPPED.spoken(written, "en") == said


@given(
    text=ANY_TEXT | st.text(st.sampled_from("0123456789 hH:€%,./-–'@n°AàÉeRx*\n«»"), max_size=60), language=st.sampled_from(["fr", "en"])
)
@settings(max_examples=400, deadline=None)
def test_whatever_is_written_only_letters_and_pauses_reach_a_voice(text: str, language: str) -> None:
    assert SAYABLE.fullmatch(SHIPPED.spoken(text, language))


@given(
    st.lists(
        st.sampled_from("la préfecture l'accueil aujourd'hui Où êtes-vous sous-préfecture quatre-vingts, c'est fermé. œuvre ?".split())
    )
)
def test_plain_words_are_said_as_they_are(words: list[str]) -> None:
    said = SHIPPED.spoken(" ".join(words), "fr")

    assert SHIPPED.spoken(said, "fr") == said
    assert re.findall(r"[\w'-]+", said) == re.findall(r"[\w'-]+", " ".join(words))


@pytest.mark.parametrize("pattern", ["a.", "1 ", "A-", "0", "12h-", "a@", "É", "'", "/a."])
def test_a_very_long_text_is_read_like_any_other(pattern: str) -> None:
    assert SAYABLE.fullmatch(SHIPPED.spoken(pattern * 10_000, "fr"))


def test_every_hour_and_line_of_the_directory_is_said_without_a_figure() -> None:
    for service in read_directory(CONTENT):
        for language in ("fr", "en"):
            for text in (hours_text(service, language), service.phone, service.email, service.address, service.spoken):
                assert SAYABLE.fullmatch(SHIPPED.spoken(text, language))


def test_every_acronym_that_texts_may_use_is_said_in_small_letters() -> None:
    acronyms = yaml.safe_load((CONTENT / "acronyms.yml").read_text("utf-8"))

    for acronym in acronyms:
        assert SHIPPED.spoken(f"Demandez la {acronym} ici.", "fr")[1:].islower()


def test_a_malformed_dictionary_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("fr:\n  ANTS: [a, n]\n", "utf-8")
    with pytest.raises(ContentRefused, match=r"pronunciation\.yml:2"):
        Pronunciation.read(tmp_path)

    (tmp_path / FILE).write_text("de:\n  x: y\n", "utf-8")
    with pytest.raises(ContentRefused, match="n'est pas un champ connu"):
        Pronunciation.read(tmp_path)

    (tmp_path / FILE).unlink()
    with pytest.raises(ContentRefused, match="fichier illisible"):
        Pronunciation.read(tmp_path)


def test_a_word_of_the_dictionary_is_never_found_inside_another() -> None:
    pronunciation = Pronunciation({"fr": {"PAN": "pane", "mairie": "mérie"}})

    assert pronunciation.spoken("Le PAN, la MAIRIE, un PANNEAU et mairies", "fr") == "Le pane, la mérie, un panneau et mairies"
