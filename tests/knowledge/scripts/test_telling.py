"""What is said at each node, in full sentences."""

from __future__ import annotations

from datetime import date

import pytest

from knowledge.errors import ContentRefused
from knowledge.scripts.ear import key_before_label, seconds
from knowledge.scripts.telling import cut, fixed_sentences, spoken_languages, tell
from knowledge.scripts.told import Sentence, Told
from tests.knowledge.scripts.builders import DAY, ScriptBuilder, a_script, the_directory, the_facts, the_fiches


def said(told: Told, node: str, part: str = "say", language: str = "fr") -> list[str]:
    return [sentence.text for sentence in told.said(node, language, part)]


def saying(**say: str) -> ScriptBuilder:
    return a_script().changed("ferme", say=say)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Bonjour. Vous êtes à la préfecture.", ("Bonjour.", "Vous êtes à la préfecture.")),
        ("Une pièce perdue ? Voyez la mairie !", ("Une pièce perdue ?", "Voyez la mairie !")),
        ("Le standard ferme à 16 h 30. 39 39 répond aussi.", ("Le standard ferme à 16 h 30.", "39 39 répond aussi.")),
        ("Appelez M. Dupont. Il répond.", ("Appelez M. Dupont.", "Il répond.")),
        ("Sur ants.gouv.fr, cherchez « Mon permis ».\n  C'est gratuit.", ("Sur ants.gouv.fr, cherchez « Mon permis ».", "C'est gratuit.")),
        ("", ()),
    ],
)
def test_a_text_is_cut_into_its_sentences(text: str, sentences: tuple[str, ...]) -> None:
    assert cut(text) == sentences


def test_the_label_always_comes_before_the_key_and_the_keys_of_the_house_at_the_end() -> None:
    script = a_script().with_menu("titres", {"Pour une perte": "carte"}).with_choice("3", "Pour un titre", "titres")
    told = script.told()

    assert said(told, "principal", "choices") == [
        "Pour une carte d'identité, tapez 1.",
        "Pour parler au standard, tapez 2.",
        "Pour un titre, tapez 3.",
        "Pour réécouter, tapez étoile ; plus lentement, 9 ; une personne, 0.",
    ]
    assert said(told, "titres", "choices")[-1] == "Pour le menu principal, tapez dièse."


def test_the_notices_name_the_relay_of_this_prefecture() -> None:
    told = a_script().in_english().told()

    assert said(told, "bonjour")[1] == "Un assistant automatique vous répond."
    assert "Acceo" in said(told, "bonjour")[-1]
    assert "Acceo" in said(told, "bonjour", language="en")[-1]


def test_a_service_is_named_and_its_hours_are_said_in_the_language_of_the_call() -> None:
    told = a_script().in_english().changed("ferme", hours_of=["naturalisation"]).told()

    assert said(told, "agent", "announce") == ["Je transfère votre appel vers le standard de la préfecture."]
    assert said(told, "agent", "announce", "en") == ["I am transferring your call to the switchboard of the préfecture."]
    assert said(told, "ferme")[-1] == "Le service des naturalisations répond du lundi au jeudi de 9 h à 11 h 30."
    assert said(told, "ferme", language="en")[-1] == "The naturalisation department answers Monday to Thursday from 09:00 to 11:30."


def test_the_agent_hears_the_subject_in_french_and_the_language_of_the_caller() -> None:
    told = a_script().in_english().told()

    assert said(told, "agent", "whisper") == ["Appel du serveur vocal. Sujet : autre demande. Langue : français."]
    assert told.said("agent", "en", "whisper") == (Sentence("Appel du serveur vocal. Sujet : autre demande. Langue : anglais.", "fr"),)


def test_a_fiche_is_said_sentence_by_sentence_with_the_facts_of_the_day() -> None:
    told = a_script().in_english().told()

    assert said(told, "carte")[-1] == "Comptez 25 € de timbre fiscal."
    assert said(told, "carte", language="en")[-1] == "It costs 25 €."
    assert told.fiches == {"cni-perte": 0}


def test_a_fact_is_said_as_it_is_on_the_day() -> None:
    told = saying(fr='Comptez {{ montant("cni-perte") }}.').told()

    assert said(told, "ferme") == ["Comptez 25 €."]


def test_one_sentence_said_at_two_places_is_one_sound() -> None:
    script = a_script().with_menu("titres", {"Pour une carte d'identité": "carte"}).with_choice("3", "Pour un titre", "titres")
    sentences = script.told().sentences()

    assert len(sentences) == len(set(sentences))
    assert sentences.count(Sentence("Pour une carte d'identité, tapez 1.", "fr")) == 1


def test_everything_that_cannot_be_said_is_refused_at_once_with_its_line() -> None:
    script = a_script().in_english()
    script = script.changed("ferme", say={"fr": 'Comptez {{ montant("rien") }}.', "en": "{% raw %}"}, hours_of=["travaux"])
    script = script.changed("carte", fiche="absente").changed("fin", say={"fr": "Au revoir."})
    file = script.file()
    with pytest.raises(ContentRefused) as refused:
        tell(file.script, the_directory(), the_facts(), the_fiches(), DAY, file.document)
    lines = script.text().split("\n")

    assert {(remark.rule, lines[remark.line - 1].strip().split(":")[0]) for remark in refused.value.remarks} == {
        ("fait", "fr"),
        ("gabarit", "en"),
        ("service", "- travaux"),
        ("fiche", "fiche"),
        ("langue", "say"),
    }


def test_a_fact_that_is_not_yet_in_force_is_not_said() -> None:
    with pytest.raises(ContentRefused, match="pas en vigueur"):
        saying(fr='Comptez {{ montant("cni-perte") }}.').told(day=date(1999, 1, 1))


def test_the_fixed_sentences_exist_in_every_language_of_the_line() -> None:
    french = fixed_sentences("fr")

    assert spoken_languages() >= {"fr", "en"}
    for language in spoken_languages() - {"fr"}:
        other = fixed_sentences(language)
        assert other.keys() == french.keys()
        same = {name for name in french if other[name] == french[name]}
        assert same <= {"wait_minute", "wait_minutes"}, f"not translated into {language}"


def test_no_fixed_sentence_says_a_key_before_what_it_is_for() -> None:
    for language in spoken_languages():
        for sentence in fixed_sentences(language).values():
            assert key_before_label(sentence) is None
            assert seconds(sentence) < 10
