"""What changed between two versions, told to the persons who wrote them."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from knowledge import directory, facts
from knowledge.scripts.difference import difference, new_sounds
from knowledge.scripts.model import Script, parse
from knowledge.scripts.telling import Told, tell
from tests.knowledge.builders import DAY, Content
from tests.knowledge.scripts.written import a_text


def script(greeting: str = "Bonjour, vous êtes à la préfecture.", **changes: Any) -> Script:
    return parse(a_text(greeting, **changes), "script").script


def changed(after: Script, before: Script | None = None) -> list[str]:
    return [str(change) for change in difference(before or script(), after)]


def a_menu(**changes: Any) -> dict[str, Any]:
    return {**yaml.safe_load(a_text())["nodes"]["principal"], **changes}


CARD = {"key": "1", "label": {"fr": "Pour une carte d'identité"}, "to": "carte"}
HOURS = {"key": "2", "label": {"fr": "Pour les horaires"}, "to": "horaires"}


def test_the_same_script_has_no_difference_whatever_its_layout() -> None:
    laid_out = yaml.safe_dump(yaml.safe_load(a_text()), allow_unicode=True, sort_keys=False, indent=6, width=40)
    assert changed(parse(f"# une note\n{laid_out}", "script").script) == []
    assert changed(script("Bonjour,   vous êtes\n à la préfecture.")) == []


def test_a_sentence_is_told_as_it_was_and_as_it_is() -> None:
    assert changed(script("Bonjour.")) == [
        "« accueil », ce qui est dit : « Bonjour, vous êtes à la préfecture. » devient « Bonjour. »",
    ]


def test_a_node_added_and_a_node_removed_are_named_with_their_nature() -> None:
    told = changed(
        script(carte=None, permis={"type": "question", "say": {"fr": "Parlez."}, "next": "fin"}, principal=a_menu(choices=[HOURS]))
    )
    assert told == [
        "« principal » : le choix « Pour une carte d'identité », touche 1, est retiré",
        "« permis » est ajouté (question parlée)",
        "« carte » est retiré (message)",
    ]


def test_a_node_that_only_changed_its_name_is_renamed_and_what_leads_to_it_is_not_told() -> None:
    node = yaml.safe_load(a_text())["nodes"]["carte"]
    assert changed(script(carte=None, identite=node, principal=a_menu(choices=[{**CARD, "to": "identite"}, HOURS]))) == [
        "« carte » s'appelle maintenant « identite »"
    ]


@pytest.mark.parametrize(
    ("choices", "told"),
    [
        (
            [{**CARD, "key": "3"}, HOURS],
            ["« principal », « Pour une carte d'identité » : la touche passe de 1 à 3"],
        ),
        (
            [{**CARD, "key": "2"}, {**HOURS, "key": "1"}],
            [
                "« principal », « Pour une carte d'identité » : la touche passe de 1 à 2",
                "« principal », « Pour les horaires » : la touche passe de 2 à 1",
            ],
        ),
        (
            [{**CARD, "label": {"fr": "Pour vos papiers"}}, HOURS],
            ["« principal », touche 1 : « Pour une carte d'identité » devient « Pour vos papiers »"],
        ),
        (
            [{**CARD, "to": "fin"}, HOURS],
            ["« principal », « Pour une carte d'identité » : menait à « carte », mène à « fin »"],
        ),
        (
            [{**CARD, "to": "horaires"}, {**HOURS, "to": "carte"}],
            [
                "« principal », « Pour une carte d'identité » : menait à « carte », mène à « horaires »",
                "« principal », « Pour les horaires » : menait à « horaires », mène à « carte »",
            ],
        ),
        (
            [CARD, HOURS, {"key": "4", "label": {"fr": "Pour finir"}, "to": "fin"}],
            ["« principal » : le choix « Pour finir », touche 4, est ajouté"],
        ),
    ],
)
def test_what_happens_to_a_choice_is_told_as_people_think_of_it(choices: list[dict[str, Any]], told: list[str]) -> None:
    assert changed(script(principal=a_menu(choices=choices))) == told


def test_settings_and_ways_out_are_told() -> None:
    told = changed(script(principal=a_menu(wait=15, silence={"say": {"fr": "Je n'ai rien entendu."}, "to": "fin"})))
    assert told == [
        "« principal », attente en secondes : 10 devient 15",
        "« principal », sans choix : menait à rien, mène à « fin »",
    ]
    assert changed(script(horaires={"type": "message", "hours_of": ["sejour"], "valid_to": "2026-12-01", "next": "fin"})) == [
        "« horaires », horaires dits de : citoyennete devient sejour",
        "« horaires », dernier jour : rien devient 2026-12-01",
    ]


def test_a_node_of_another_nature_is_told_once() -> None:
    assert changed(script(carte={"type": "question", "say": {"fr": "Parlez."}, "next": "fin"})) == [
        "« carte », nature : message devient question parlée"
    ]


def test_each_language_is_told_apart() -> None:
    both = a_text().replace("- fr\n", "- fr\n- en\n")
    before = parse(both, "script").script
    after = parse(both.replace("fr: Au revoir.", "fr: Au revoir.\n      en: Goodbye."), "script").script
    assert changed(after, before) == ["« fin », ce qui est dit (en) : rien devient « Goodbye. »"]


def test_another_start_and_title_are_told_of_the_script() -> None:
    after = parse(a_text().replace("start: accueil", "start: carte").replace("title: Accueil de", "title: Ligne de"), "script").script
    assert changed(after) == [
        "« le script », titre : Accueil de la préfecture devient Ligne de la préfecture",
        "« le script », début : menait à « accueil », mène à « carte »",
    ]


def told_of(content: Content, written: Script) -> Told:
    return tell(written, directory.read(content.folder), facts.Facts(facts.read(content.folder)), {}, DAY)


def test_each_new_sentence_makes_two_sound_files_one_for_each_speed(content: Content) -> None:
    before = told_of(content, script())

    assert new_sounds(before, told_of(content, script())) == 0
    assert new_sounds(before, told_of(content, script("Bonsoir, vous êtes à la préfecture."))) == 2
    assert new_sounds(before, told_of(content, script("Bonsoir. Vous êtes à la préfecture."))) == 4
    assert new_sounds(None, before) == 2 * len(before.sentences())
