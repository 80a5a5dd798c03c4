"""The shape of a phone script, as its file is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from knowledge.errors import ContentRefused
from knowledge.scripts import model
from knowledge.scripts.model import Edge, edges, service_symbol
from tests.knowledge.scripts.builders import ScriptBuilder, a_script


def refusal(script: ScriptBuilder) -> tuple[str, str]:
    """The message of the only refusal, and the line it points at."""
    with pytest.raises(ContentRefused) as refused:
        script.file()
    (remark,) = refused.value.remarks
    return remark.message, script.text().split("\n")[remark.line - 1].strip()


def test_a_script_is_read_with_its_nodes_in_the_order_of_the_file() -> None:
    script = a_script().file().script

    assert list(script.nodes) == ["bonjour", "principal", "carte", "agent", "ferme", "fin"]
    assert script.services() == ("standard",)


def test_nothing_that_a_person_typed_names_a_node_for_asterisk() -> None:
    script = a_script().file().script

    assert [script.symbol(name) for name in script.nodes] == ["n1", "n2", "n3", "n4", "n5", "n6"]
    assert [script.node_at(position) for position in script.positions.values()] == list(script.nodes)
    assert service_symbol("pan-etrangers") == "pan_etrangers"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (a_script().with_top(agent="personne"), "le nœud « personne » n'existe pas"),
        (a_script().changed("bonjour", next="ailleurs"), "« bonjour » mène à « ailleurs », qui n'existe pas"),
        (a_script().with_choice("3", "Pour autre chose", "ailleurs"), "« principal » mène à « ailleurs », qui n'existe pas"),
        (a_script().changed("agent", unanswered="ailleurs"), "« agent » mène à « ailleurs », qui n'existe pas"),
        (a_script().with_top(languages=["en", "fr"]), "le français vient en premier"),
        (a_script().with_top(languages=["fr", "en", "en"]), "chaque langue une seule fois"),
    ],
)
def test_a_script_that_does_not_hold_together_is_refused(script: ScriptBuilder, said: str) -> None:
    message, _ = refusal(script)

    assert said in message


@pytest.mark.parametrize(
    ("script", "said", "line"),
    [
        (a_script().with_choice("9", "Pour autre chose", "carte"), "n'a pas la forme attendue", "- key: '9'"),
        (a_script().changed("principal", wait=4), "n'a pas la forme attendue", "wait: 4"),
        (a_script().changed("principal", attempts=0), "n'a pas la forme attendue", "attempts: 0"),
        (a_script().changed("agent", seconds=600), "n'a pas la forme attendue", "seconds: 600"),
        (a_script().changed("principal", silence=None), "manque", "principal:"),
        (a_script().changed("principal", wrong=None), "manque", "principal:"),
        (a_script().changed("principal", exhausted=None), "manque", "principal:"),
        (a_script().changed("ferme", dire="Fermé."), "n'est pas un champ connu", "dire: Fermé."),
        (a_script().changed("ferme", valid_to="demain"), "n'est pas une date", "valid_to: demain"),
        (a_script().changed("carte", fiche="../cni"), "n'a pas la forme attendue", "fiche: ../cni"),
        (a_script().changed("fin", type="adieu"), "n'a pas la forme attendue", "fin:"),
    ],
)
def test_a_node_of_the_wrong_shape_is_refused_at_its_line(script: ScriptBuilder, said: str, line: str) -> None:
    message, refused = refusal(script)

    assert said in message
    assert refused == line


def test_a_node_named_like_a_piece_of_dialplan_is_refused() -> None:
    with pytest.raises(ContentRefused):
        a_script().with_node("n1,1,System(x)", type="repeat").file()


def test_every_way_out_of_a_node_is_known() -> None:
    script = a_script().changed("principal", silence={"say": {"fr": "Rien."}, "to": "carte"}).file().script

    assert list(edges(script.nodes["principal"])) == [
        Edge("key 1", "carte"),
        Edge("key 2", "agent"),
        Edge("silence", "carte"),
        Edge("exhausted", "agent"),
    ]
    assert list(edges(script.nodes["fin"])) == []


def test_a_script_is_found_by_its_name_in_the_contents(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "accueil.yml").write_text(a_script().text(), "utf-8")

    assert model.read(tmp_path, "accueil").script == a_script().file().script
    with pytest.raises(ContentRefused, match=r"scripts/nuit\.yml:1 — fichier illisible"):
        model.read(tmp_path, "nuit")
