"""Who answers for what is not the préfecture's, and what the proofreading refuses there."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from knowledge.competence import FILE, Competence
from knowledge.errors import ContentRefused, Remark
from knowledge.proofreading import check
from tests.conftest import CONTENT
from tests.knowledge.builders import DAY, Content

BODIES = """- body: votre mairie
  keywords: [cantine, poubelles]
  url: https://lannuaire.service-public.gouv.fr
  rubric: Mairie
- body: la caisse d'allocations familiales
  keywords: [aide au logement]
  url: https://www.caf.fr
  rubric: Aides
"""


@pytest.mark.parametrize(
    ("said", "body"),
    [
        ("inscrire ma fille à la cantine", "votre mairie"),
        ("mon dossier APL est bloqué", "la caisse d'allocations familiales"),
        ("demander l'AAH", "la maison départementale des personnes handicapées"),
        ("contester un PV", "l'Agence nationale de traitement automatisé des infractions (Antai)"),
        ("ma carte grise est perdue", None),
    ],
)
def test_what_is_not_for_the_prefecture_has_its_body(said: str, body: str | None) -> None:
    found = Competence.load(CONTENT).find(said)

    assert (found.name if found else None) == body


def test_a_body_is_found_by_its_name() -> None:
    known = Competence.load(CONTENT)

    assert known.named("votre mairie") is not None
    assert known.named("mairie du lieu de naissance") is None


def _refused(content: Content, text: str) -> list[Remark]:
    (content.folder / FILE).write_text(text, "utf-8")
    try:
        remarks: Sequence[Remark] = check(content.folder, DAY).remarks
    except ContentRefused as refused:
        remarks = refused.remarks
    return [remark for remark in remarks if remark.file == FILE]


def test_bodies_with_their_own_words_and_official_addresses_are_accepted(content: Content) -> None:
    assert _refused(content.fiche(), BODIES) == []


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (BODIES.replace("www.caf.fr", "www.allocations-en-ligne.com"), 7, "n'est pas un site officiel connu"),
        (BODIES.replace("aide au logement", "aide au logement, Cantine"), 6, "« Cantine » désigne déjà « votre mairie »"),
        (BODIES.replace("https://www.caf.fr", "www.caf.fr"), 7, ""),
        (BODIES.replace("  rubric: Aides\n", ""), 5, "rubric"),
        ("- body: [", 1, ""),
    ],
)
def test_a_body_that_would_mislead_is_refused_where_it_is_wrong(content: Content, text: str, line: int, said: str) -> None:
    remarks = _refused(content.fiche(), text)

    assert remarks and said in remarks[0].message + remarks[0].remedy
    assert line <= remarks[0].line <= line + 1
