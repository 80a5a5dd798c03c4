"""What people usually want who say one thing only, and what the proofreading refuses there."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

import pytest

from knowledge.errors import ContentRefused, Remark
from knowledge.proofreading import check
from knowledge.wishes import FILE, load
from knowledge.wordforms import Lexicon
from tests.conftest import CONTENT
from tests.knowledge.builders import DAY, Content

WISHES = "- words: [passeport, passport]\n  fiches: [cni-perte, cni-vol]\n"


@pytest.fixture(scope="module")
def shipped() -> Lexicon:
    return Lexicon.load(CONTENT)


@pytest.mark.parametrize(
    ("written", "first"),
    [
        ("passeport", "passeport-renouvellement"),
        ("Bonjour, le passeport svp", "passeport-renouvellement"),
        ("passport", "passeport-renouvellement"),
        ("CNI", "cni-renouvellement"),
        ("une carte d'identité", "cni-renouvellement"),
        ("rdv", "titre-rendez-vous"),
        ("cartes grises", "cg-achat-occasion"),
        ("permis de conduire", "permis-perte"),
    ],
)
def test_one_thing_however_it_is_said_has_its_usual_wishes(shipped: Lexicon, written: str, first: str) -> None:
    assert shipped.wished(shipped.read(written))[0] == first


@pytest.mark.parametrize("written", ["passeport perdu", "prix du passeport", "permis moto", "", "bonjour", "rendez-vous permis", "?!"])
def test_what_says_more_or_nothing_has_no_usual_wish(shipped: Lexicon, written: str) -> None:
    assert shipped.wished(shipped.read(written)) == ()


def _refused(content: Content, text: str) -> list[Remark]:
    folder = content.folder
    shutil.copytree(CONTENT / "lexicon", folder / "lexicon")
    (folder / FILE).write_text(text, "utf-8")
    try:
        checked = check(folder, DAY)
        remarks: Sequence[Remark] = (*checked.remarks, *checked.unserved)
    except ContentRefused as refused:
        remarks = refused.remarks
    return [remark for remark in remarks if remark.file == FILE]


def test_wishes_among_served_fiches_are_accepted(content: Content) -> None:
    assert _refused(content.fiche().fiche("cni-vol"), WISHES) == []
    assert load(content.folder)[0].fiches == ("cni-perte", "cni-vol")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (WISHES.replace("cni-vol", "cni-volee"), 2, "« cni-volee » n'est pas une fiche publiée"),
        (
            WISHES + "- words: [timbre, le passeport]\n  fiches: [cni-vol, cni-perte]\n",
            3,
            "« le passeport » est déjà un mot de « passeport »",
        ),
        (WISHES.replace("cni-perte, cni-vol", ""), 2, "est vide"),
        ("- words: passeport\n  fiches: [cni-perte, cni-vol]\n", 1, ""),
        ("- words: [passeport\n", 1, ""),
    ],
)
def test_a_wish_that_cannot_be_offered_is_refused_where_it_is_wrong(content: Content, text: str, line: int, said: str) -> None:
    remarks = _refused(content.fiche().fiche("cni-vol"), text)

    assert remarks and said in remarks[0].message + remarks[0].remedy
    assert line <= remarks[0].line <= line + 1


def test_a_fiche_is_withdrawn_at_once_even_if_a_wish_names_it(content: Content) -> None:
    remarks = _refused(content.fiche().fiche("cni-vol", status="archived"), WISHES)

    assert [remark.message for remark in remarks] == ["« cni-vol » n'est pas une fiche publiée"]
    assert not [remark for remark in check(content.folder, DAY).remarks if remark.file == FILE]  # what `load` refuses
