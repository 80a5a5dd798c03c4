"""What a phone script must change before anybody hears it: one script for each rule, which breaks only that one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from knowledge.directory import Directory
from knowledge.facts import Facts
from knowledge.scripts import contents
from knowledge.scripts.ear import seconds
from tests.conftest import CONTENT
from tests.knowledge.scripts.builders import DAY, ScriptBuilder, a_script, the_directory, the_facts

FRENCH = "Pour une carte d'identité"
LONG_ENGLISH = "We " + ", ".join(["remarkably", "extraordinarily", "comprehensively"] * 7) + " apologise."


def a_message(text: str, to: str = "principal", **changes: object) -> dict[str, object]:
    return {"type": "message", "say": {"fr": text}, "next": to, **changes}


def saying(text: str) -> ScriptBuilder:
    """The smallest script with `text` in a message of its own."""
    return a_script().with_node("note", **a_message(text)).with_choice("3", "Pour une note", "note")


def levels(deepest: int) -> ScriptBuilder:
    """Menus under one another; the main one is the first level."""
    script = a_script().with_choice("3", "Pour le niveau suivant", "niveau2")
    for level in range(2, deepest):
        script = script.with_menu(f"niveau{level}", {"Pour le niveau suivant": f"niveau{level + 1}"})
    return script.with_menu(f"niveau{deepest}", {"Pour une carte d'identité": "carte"})


def without(**fields: object) -> Directory:
    """The services, the switchboard changed."""
    known = the_directory()
    return Directory(
        known.prefecture, tuple(replace(service, **fields) if service.id == "standard" else service for service in known.services)
    )


CASES: dict[str, tuple[str, ScriptBuilder, str]] = {
    "a menu with six choices": (
        "choix",
        a_script().with_menu("titres", {f"Pour le choix {n}": "carte" for n in range(1, 7)}).with_choice("3", "Pour un titre", "titres"),
        "choices:",
    ),
    "a menu at the fourth level": ("niveaux", levels(4), "niveau4:"),
    "two choices with one key": ("touche en double", a_script().with_choice("1", "Pour un passeport", "carte"), "key: '1'"),
    "a menu without a last exit": (
        "sortie",
        a_script().changed("principal", exhausted={"say": {"fr": "Je n'ai pas compris."}}),
        "exhausted:",
    ),
    "an exit without a sentence": (
        "silence",
        a_script().changed("principal", wrong={"say": {}}),
        "say: {}",
    ),
    "a message without a word": ("silence", saying("x").with_node("note", type="message", next="principal"), "note:"),
    "a node that nobody reaches": ("nœud isolé", a_script().with_node("note", **a_message("Ceci est une note.")), "note:"),
    "two messages that only lead to each other": (
        "cul-de-sac",
        saying("Une note.").changed("note", next="suite").with_node("suite", **a_message("La suite.", "note")),
        "note:",
    ),
    "a menu to which its own silence leads back, through a message": (
        "boucle",
        a_script()
        .with_node("encore", **a_message("Écoutez encore.", "titres"))
        .with_menu("titres", {FRENCH: "carte"}, silence={"say": {"fr": "Je n'ai rien entendu."}, "to": "encore"})
        .with_choice("3", "Pour un titre", "titres"),
        "titres:",
    ),
    "a transfer that nobody answers, again and again": ("boucle", a_script().changed("agent", unanswered="principal"), "principal:"),
    "a message that only repeats itself": (
        "cul-de-sac",
        saying("Une note.").changed("note", next="encore").with_node("encore", type="repeat"),
        "note:",
    ),
    "hours that look at themselves again when they are closed": (
        "boucle",
        a_script()
        .with_node("heures", type="schedule", service="standard", open="agent", closed="encore", holiday="fin")
        .with_node("encore", type="slower")
        .with_choice("3", "Pour une personne", "heures"),
        "heures:",
    ),
    "a greeting that is not a message": (
        "entrée",
        a_script().with_top(start="salut").with_node("salut", type="fiche", fiche="cni-perte", next="bonjour"),
        "start:",
    ),
    "a main menu that is none": ("menu principal", a_script().with_top(menu="bonjour"), "menu:"),
    "a key 0 that leads to no person": ("agent", a_script().with_top(agent="ferme"), "agent:"),
    "no word of the automatic assistant": ("mention", a_script().changed("bonjour", notices=["relay"]), "principal:"),
    "no word of the relay": ("mention", a_script().changed("bonjour", notices=["automatic"]), "principal:"),
    "notices that will cease to be said": (
        "mention",
        a_script()
        .changed("bonjour", notices=None, next="avis")
        .with_node("avis", type="message", notices=["automatic", "relay"], valid_to=DAY + timedelta(days=9), next="principal"),
        "principal:",
    ),
    "a key before what it is for": ("touche", saying("Tapez 1 pour une carte d'identité."), "Tapez 1"),
    "a key in words before what it is for": ("touche", saying("Appuyez sur la touche étoile pour réécouter."), "Appuyez"),
    "a label that says its key itself": ("touche", a_script().with_choice("3", "Pour un passeport, tapez 3", "carte"), "tapez 3"),
    "more than sixty words in one go": ("longueur", saying("Ceci est une note. " * 16), "say:"),
    "a sentence of more than twenty words": ("phrase longue", saying("Ceci est " + "une très longue note, " * 5 + "écrite."), "fr: Ceci"),
    "an acronym that is not spelled out": ("sigle", saying("Allez au PAN de la préfecture."), "PAN"),
    "a premium number": ("numéro surtaxé", saying("Notre ligne : 08/99/70/12/34."), "08/99"),
    "a premium number between dashes": ("numéro surtaxé", saying("Composez-le ainsi : 0-8-2-6-0-0-1-2-3-4."), "0-8-2"),
    "an amount written by hand": ("valeur en dur", saying("Le timbre coûte 25 euros."), "25 euros"),
    "a promise on a file": ("promesse", saying("Soyez sans crainte, votre dossier est complet."), "complet"),
    "a site without its section": ("site sans rubrique", saying("Regardez service-public.gouv.fr avant de venir."), "service-public"),
    "a site that is not official": ("domaine", saying("Regardez « Aide » sur rendezvous-prefecture.com."), "rendezvous"),
    "a fact that does not exist": ("fait", saying('Comptez {{ montant("inconnu") }}.'), "inconnu"),
    "braces that are no fact": ("gabarit", saying("Bonjour {{ nom }}."), "nom"),
    "an unknown service": ("service", a_script().changed("agent", service="travaux"), "service: travaux"),
    "an unknown fiche": ("fiche", a_script().changed("carte", fiche="permis-perdu"), "fiche: permis-perdu"),
    "a temporary message that has expired": (
        "message périmé",
        saying("Nous fermons plus tôt ce soir.").changed("note", valid_to=DAY - timedelta(days=1)),
        "valid_to:",
    ),
    "a wording that a language lacks": ("langue", a_script().in_english().changed("ferme", say={"fr": "Fermé."}), "say:"),
    "a language that is never proposed": (
        "langue",
        a_script().in_english().changed("langues", keys={"fr": "1"}),
        "languages:",
    ),
    "a language proposed that is not spoken": ("langue", a_script().in_english().changed("langues", keys={"en": "2", "es": "3"}), "es:"),
    "two languages with one key": (
        "touche en double",
        a_script().in_english().changed("langues", keys={"en": "2", "fr": "2"}),
        "keys:",
    ),
}


@pytest.mark.parametrize(("rule", "script", "at"), CASES.values(), ids=CASES)
def test_a_script_is_refused_at_its_line_for(rule: str, script: ScriptBuilder, at: str) -> None:
    remarks = script.refusals()
    lines = script.text().split("\n")

    assert {remark.rule for remark in remarks} == {rule}
    assert any(at in lines[remark.line - 1] for remark in remarks), [(remark.line, lines[remark.line - 1]) for remark in remarks]
    assert all(remark.file == "scripts/accueil.yml" and remark.message and remark.remedy for remark in remarks)


def test_the_script_that_the_others_change_is_accepted() -> None:
    assert a_script().refusals() == ()
    assert a_script().in_english().refusals() == ()
    assert levels(3).refusals() == ()


def test_the_shipped_script_is_accepted() -> None:
    assert contents.read(CONTENT, "accueil", DAY).refusals() == ()


def test_a_service_without_an_internal_number_is_never_rung() -> None:
    (remark,) = a_script().refusals(without(extension=None))

    assert remark.rule == "poste"
    assert "services.yml" in remark.remedy


def test_the_relay_cannot_be_promised_where_there_is_none() -> None:
    known = the_directory()
    (remark,) = a_script().refusals(Directory(replace(known.prefecture, relay=None), known.services))

    assert remark.rule == "relais"


def test_a_sentence_of_more_than_twenty_seconds_is_refused_whatever_its_language() -> None:
    script = a_script().in_english().changed("ferme", say={"fr": "Fermé.", "en": LONG_ENGLISH})
    (remark,) = script.refusals()

    assert remark.rule == "durée"
    assert seconds(LONG_ENGLISH) > 20


def test_the_last_choice_of_a_menu_is_heard_within_twenty_seconds() -> None:
    labels = {f"Pour une demande de renouvellement ou de remplacement de la pièce numéro {n}": "carte" for n in "ABCDE"}
    script = a_script().with_menu("titres", labels).with_choice("3", "Pour un titre", "titres")
    (remark,) = script.refusals()

    assert remark.rule == "durée"
    assert "dernier choix" in remark.message


def test_a_fact_that_is_only_in_french_is_not_quoted_in_english() -> None:
    known = the_facts()
    translated = known.in_force("delai", "accueil-silence", DAY)
    facts = Facts([*known, replace(translated, key="en-francais", values=(("fr", "2 mois"),))])
    quoting = a_script().in_english()

    for key, rules in (("accueil-silence", set()), ("en-francais", {"fait sans traduction"})):
        script = quoting.changed("ferme", say={"fr": "Fermé.", "en": f'Within {{{{ delai("{key}") }}}}.'})
        assert {remark.rule for remark in script.refusals(facts=facts)} == rules


def test_the_key_0_may_first_look_at_the_hours() -> None:
    script = a_script().with_node("heures", type="schedule", service="standard", open="agent", closed="fin", holiday="fin")

    assert script.with_top(agent="heures").refusals() == ()
    (remark,) = script.changed("heures", open="fin").with_top(agent="heures").refusals()
    assert remark.rule == "agent"


def test_every_refusal_of_a_script_is_told_at_once_in_the_order_of_its_lines() -> None:
    script = saying("Tapez 1 pour une carte.").changed("agent", service="travaux").changed("ferme", say={"fr": "Le PAN est fermé."})
    remarks = script.refusals()

    assert {remark.rule for remark in remarks} == {"touche", "service", "sigle"}
    assert [remark.line for remark in remarks] == sorted(remark.line for remark in remarks)


@pytest.mark.parametrize(
    "said", ["Pour réécouter, tapez étoile ; pour une personne, tapez 0.", "To go back, press hash.", "Tapez votre code."]
)
def test_a_key_said_after_what_it_is_for_is_accepted(said: str) -> None:
    assert saying(said).refusals() == ()


def test_a_temporary_message_is_accepted_until_its_last_day() -> None:
    script = saying("Nous fermons plus tôt ce soir.").changed("note", valid_to=DAY)

    assert script.refusals() == ()
    assert {remark.rule for remark in script.refusals(day=date(2026, 11, 25))} == {"message périmé"}


def test_a_menu_that_waits_only_once_is_not_said_again() -> None:
    script = (
        a_script()
        .with_node("encore", **a_message("Écoutez encore.", "titres"))
        .with_menu("titres", {FRENCH: "carte"}, silence={"say": {"fr": "Je n'ai rien entendu."}, "to": "encore"})
        .with_choice("3", "Pour un titre", "titres")
    )

    assert {remark.rule for remark in script.refusals()} == {"boucle"}
    assert script.changed("titres", attempts=1).refusals() == ()


def test_levels_are_counted_anew_after_a_person_was_called() -> None:
    desk = {"type": "transfer", "service": "permis", "subject": {"fr": "permis"}, "unanswered": "recours"}
    script = levels(2).with_menu("niveau3", {"Pour une personne": "permis"}).with_menu("recours", {FRENCH: "carte"})
    script = script.with_menu("niveau2", {"Pour la suite": "niveau3"}, exhausted={"say": {"fr": "Au revoir."}, "to": "fin"})

    assert script.with_node("permis", **desk).refusals() == ()


def test_a_spoken_question_may_lead_to_a_desk_that_no_key_reaches() -> None:
    desk = {"type": "transfer", "service": "permis", "subject": {"fr": "permis"}, "unanswered": "fin"}
    script = a_script().with_node("permis", **desk)
    asking = script.with_node("question", type="question", say={"fr": "Dites votre question."}, next="principal")

    assert {remark.rule for remark in script.refusals()} == {"nœud isolé"}
    assert asking.with_choice("3", "Pour poser une question", "question").refusals() == ()


@pytest.mark.parametrize(("sentences", "rules"), [(14, set()), (16, {"longueur"})])
def test_what_introduces_a_fiche_is_short_and_the_fiche_itself_was_read_elsewhere(sentences: int, rules: set[str]) -> None:
    script = a_script().changed("carte", say={"fr": "Ceci est une note. " * sentences})

    assert {remark.rule for remark in script.refusals()} == rules


def test_a_figure_takes_longer_to_say_than_a_letter() -> None:
    assert seconds("03 53 01 10 00") > 4
    assert seconds("La mairie.") < 1
