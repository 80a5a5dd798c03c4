"""How texts and questions are read: the same word however it is typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.fiche_files import parse
from knowledge.glossary import Glossaries
from knowledge.wordforms import CONCEPT, Lexicon, character_grams, clean, default_lexicon, fold_word, folded_words, spelled_words
from tests.conftest import CONTENT
from tests.texts import ANY_TEXT

LEXICON = Lexicon(
    abbreviations={"cni": ("carte", "identite"), "slt": ("salut",)},
    fillers=frozenset({"salut", "svp", "je", "voudrais"}),
    concepts={"perte": ["perdu", "perte de", "ne retrouve plus"], "carte_identite": ["carte d'identité"]},
)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("Carte d'IDENTITÉ", ["carte", "d", "identite"]),
        ("carte d’identité", ["carte", "d", "identite"]),
        ("œuvre ex æquo", ["oeuvre", "ex", "aequo"]),
        ("carte\u200bgrise\u00a0ok", ["carte", "grise", "ok"]),
        ("permis…de_conduire!!!", ["permis", "de", "conduire"]),
        ("c combien 25€", ["c", "combien", "25"]),
        ("\x00\x1b[31m rouge", ["31m", "rouge"]),
        ("", []),
        ("🚗🚙 !!!", []),
    ],
)
def test_words_are_the_same_whatever_the_typing(typed: str, words: list[str]) -> None:
    assert folded_words(typed) == words


def test_a_word_typed_decomposed_is_the_composed_one() -> None:
    assert fold_word("e\u0301tranger") == fold_word("étranger") == "etranger"


@pytest.mark.parametrize(
    "pair", [("perdu", "perdue"), ("permis", "permis"), ("carte", "cartes"), ("mineur", "mineurs"), ("renouveler", "renouvelé")]
)
def test_forms_of_one_word_share_their_stem(pair: tuple[str, str]) -> None:
    first, second = (LEXICON.stem(fold_word(word)) for word in pair)
    assert first == second


def test_abbreviations_are_expanded_and_fillers_left_out() -> None:
    assert LEXICON.read("slt je voudrais cni svp").words == ("carte", "identite")


def test_a_text_made_of_fillers_keeps_them() -> None:
    assert LEXICON.read("slt svp").words == ("salut", "svp")


def test_concepts_are_recognised_in_the_order_of_their_words_whatever_the_articles() -> None:
    assert LEXICON.read("la carte d'identité que je ne retrouve plus").concepts == {f"{CONCEPT}carte_identite", f"{CONCEPT}perte"}
    assert LEXICON.read("identité de la carte").concepts == frozenset()


def test_each_concept_counts_once() -> None:
    assert LEXICON.read("perdu perdu perdu").terms.count(f"{CONCEPT}perte") == 1


def test_misspelled_words_meet_the_trusted_ones() -> None:
    trusting = LEXICON.trusting({"passeport": 3, "identite": 2})

    assert trusting.read("paseport").words == ("passeport",)
    assert LEXICON.read("paseport").words == ("paseport",)


def test_what_one_reader_does_with_the_words_of_a_text_changes_nothing_for_the_next() -> None:
    folded_words("la carte grise").clear()
    assert folded_words("la carte grise") == ["la", "carte", "grise"]


def test_grams_mark_both_edges_of_a_word() -> None:
    assert character_grams(["cni"]) == ["<cn", "cni", "ni>", "<cni", "cni>", "<cni>"]
    assert character_grams(["à"]) == ["<à>"]
    assert character_grams([]) == []


def test_the_shipped_lexicon_reads_an_sms_as_a_sentence() -> None:
    lexicon = default_lexicon()

    assert lexicon.read("g perdu ma cni").concepts & lexicon.read("j'ai perdu ma carte d'identité").concepts


@given(ANY_TEXT)
def test_any_text_is_read_and_cleaning_twice_changes_nothing(text: str) -> None:
    reading = LEXICON.read(text)

    assert len(reading.terms) >= len(reading.words)
    assert clean(clean(text)) == clean(text)
    clean(text).encode()


@given(st.lists(st.sampled_from(["cni", "perdu", "svp", "x", "1"]), max_size=6))
def test_reading_the_words_kept_gives_them_back(words: list[str]) -> None:
    kept = LEXICON.read(" ".join(words)).words
    assert LEXICON.read(" ".join(kept)).words == kept


GLOSSARIES = Glossaries(
    {
        "es": {
            "sans sujet": ["mi", "la", "de", "quiero"],
            "passeport": ["pasaport*"],
            "titre de séjour": ["tarjeta* de residencia"],
            "carte": ["tarjeta"],
            "perdu": ["perdi*"],
        },
        "ar": {"articles": ["ال", "لل", "و"], "passeport": ["جواز سفر*"], "vol": ["سرق*"], "renouveler": ["تجديد"]},
        "zh": {"passeport": ["护照"], "renouveler": ["换新"], "carte de résident": ["十年居留"], "titre de séjour": ["居留"]},
    },
    spelled_words,
)
COMMON = frozenset({"passeport", "perdu", "carte", "titre", "sejour", "mon", "la", "de", "renouveler"})


@pytest.fixture(scope="module")
def shipped() -> Lexicon:
    return default_lexicon()


@pytest.mark.parametrize(
    ("written", "french"),
    [
        ("perdí mi pasaporte", ["perdu", "passeport"]),
        ("PASAPORTES perdidos", ["passeport", "perdu"]),
        ("quiero la tarjeta de residencia", ["titre", "de", "sejour"]),
        ("mi tarjeta, toledo", ["carte", "toledo"]),
        ("جواز سفري وسرقت", ["passeport", "vol"]),
        ("للتجديد", ["renouveler"]),
        ("护照换新", ["passeport", "renouveler"]),
        ("我有十年居留", ["我有", "carte", "de", "resident"]),
        ("换新passeport", ["renouveler", "passeport"]),
    ],
)
def test_words_of_another_language_are_read_as_the_french_of_the_offices(written: str, french: list[str]) -> None:
    assert GLOSSARIES.french(spelled_words(written), COMMON.__contains__) == french


@pytest.mark.parametrize(
    "written", ["mon passeport perdu", "perdu la carte", "la", "", "1234", "tarjeta perdu mon titre de sejour", "gato verde"]
)
def test_what_french_knows_better_is_left_as_it_is(written: str) -> None:
    assert GLOSSARIES.french(spelled_words(written), COMMON.__contains__) is None


def test_french_papers_named_in_a_foreign_question_do_not_make_it_french() -> None:
    assert GLOSSARIES.french(spelled_words("quiero mi titre sejour"), COMMON.__contains__) == ["titre", "sejour"]


@given(ANY_TEXT)
def test_any_text_goes_through_the_glossaries(text: str) -> None:
    french = GLOSSARIES.french(spelled_words(text), COMMON.__contains__)

    assert french is None or all(french)


@pytest.mark.parametrize(
    ("code", "written", "concepts"),
    [
        ("en", "I lost my residence card", {"perte", "titre_sejour"}),
        ("es", "me robaron el carné de conducir", {"vol", "permis_conduire"}),
        ("pt", "quanto custa renovar o passaporte", {"prix", "renouvellement", "passeport"}),
        ("ar", "ضاعت بطاقة الإقامة", {"perte", "titre_sejour"}),
        ("uk", "загубила посвідку на проживання", {"perte", "titre_sejour"}),
        ("tr", "ehliyetimi kaybettim", {"perte", "permis_conduire"}),
        ("zh", "我的护照丢了", {"perte", "passeport"}),
        ("it", "quanto costa la patente", {"prix", "permis_conduire"}),
        ("ro", "am pierdut pașaportul", {"perte", "passeport"}),
        ("de", "mein Führerschein ist abgelaufen", {"permis_conduire", "renouvellement"}),
        ("ru", "украли паспорт", {"vol", "passeport"}),
        ("pl", "zgubiłem prawo jazdy", {"perte", "permis_conduire"}),
    ],
)
def test_a_question_in_each_language_names_what_it_names_in_french(shipped: Lexicon, code: str, written: str, concepts: set[str]) -> None:
    assert code in shipped.glossaries.languages
    assert {CONCEPT + concept for concept in concepts} <= shipped.read(written).concepts


def test_a_question_typed_without_its_accents_reads_the_same(shipped: Lexicon) -> None:
    assert shipped.read("kartımı kaybettim").terms == shipped.read("kartimi kaybettim").terms
    assert shipped.read("zgubiłem paszport").terms == shipped.read("zgubilem paszport").terms


def test_questions_in_french_are_never_read_as_another_language(shipped: Lexicon) -> None:
    """The few left are a foreign expression that someone typed among the French phrasings."""
    files = [parse(path.read_text("utf-8"), path.relative_to(CONTENT).as_posix()) for path in sorted((CONTENT / "fiches").rglob("*.md"))]
    asked = [text for file in files for text in (file.front.title, *file.front.questions.get("fr", ()))]
    altered = [text for text in asked if shipped.glossaries.french(spelled_words(text), shipped.is_common) is not None]

    assert len(asked) > 10_000
    assert len(altered) <= len(asked) // 1000


def test_each_french_word_of_a_glossary_is_one_that_french_is_told_by(shipped: Lexicon) -> None:
    assert all(shipped.is_common(word) for meaning in shipped.glossaries.meanings for word in meaning)
