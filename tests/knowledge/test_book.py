"""The book of replies: every published reply once, and what changed since the last edition."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser, LexborNode
from sqlalchemy import Engine

from knowledge import fiches
from knowledge.book import Book, compose, html, long_date, typeset, write_pdf
from knowledge.clock import Clock
from knowledge.database import session
from knowledge.errors import PartMissing
from tests.knowledge.builders import DAY, FACTS, SERVICES, Content, a_fact

ACRONYMS = {"PAN": "point d'accueil numérique", "ANTS": "Agence nationale des titres sécurisés"}


def _edition(engine: Engine, content: Content, clock: Clock, day: date = DAY) -> Book:
    with session(engine) as opened:
        fiches.load(opened, content.folder, clock)
        return compose(opened, day, ACRONYMS, clock)


def _first(page: LexborHTMLParser, selector: str) -> LexborNode:
    (node, *_) = page.css(selector)
    return node


def _texts(page: LexborHTMLParser, selector: str) -> Sequence[str]:
    return [node.text(strip=True) for node in page.css(selector)]


def test_every_published_reply_is_there_once_with_what_makes_it_verifiable(engine: Engine, content: Content, clock: Clock) -> None:
    spelled = {"detail": "Le point d'accueil numérique (PAN) aide.\nApportez :\n- une photo <b>récente</b>.\nVenez."}
    content.fiche(sections=spelled, competent="mairie").fiche("cni-vol").fiche("cni-brouillon", status="draft")
    page = LexborHTMLParser(html(_edition(engine, content, clock)))

    assert sorted(_texts(page, "article h3")) == ["Titre de cni-perte", "Titre de cni-vol"]
    assert _texts(page, "section.theme > h2") == ["Carte d'identité et passeport"]
    (perte,) = (node for node in page.css("article") if "cni-perte" in (node.attributes.get("aria-labelledby") or ""))
    text = " ".join(perte.text(separator=" ").split())
    for expected in (
        "25 € de timbre fiscal",
        "Réunissez les documents.",
        "Bureau de la citoyenneté",
        "rubrique « Papiers > Perte »",
        "Administration compétente mairie",
        "1, vérifiée le 20 novembre 2026, à relire avant le 20 février 2027, certitude B",
        "le point d'accueil numérique de la préfecture, un espace France services",
    ):
        assert expected in text, text
    assert perte.css_first("b") is None
    assert perte.css_first("p[lang=en]") is not None
    assert _texts(page, "dl.acronyms dt") == ["PAN"]
    assert "du lundi au vendredi de 9 h à 12 h" in _first(page, "table").text()


def test_the_page_can_be_read_without_seeing_it(engine: Engine, content: Content, clock: Clock) -> None:
    page = LexborHTMLParser(html(_edition(engine, content.fiche(), clock)))

    assert _first(page, "html").attributes["lang"] == "fr"
    assert "édition 1" in _first(page, "title").text()
    identifiers = [node.attributes["id"] for node in page.css("[id]")]
    assert len(identifiers) == len(set(identifiers))
    assert {node.attributes["href"] for node in page.css("a[href^='#']")} <= {f"#{identifier}" for identifier in identifiers}
    levels = [int(str(node.tag)[1]) for node in page.css("h1, h2, h3, h4")]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert not page.css("script, img, link, iframe")


def test_the_book_says_its_validity_and_that_it_is_a_demonstration(engine: Engine, content: Content, clock: Clock) -> None:
    text = html(_edition(engine, content.fiche(), clock))
    assert "Démonstration : préfecture fictive" in text
    assert "ceux du 21 novembre 2026" in " ".join(text.split())

    (content.folder / "services.yml").write_text(SERVICES.replace("  fictional: true\n", ""), "utf-8")
    content.fiche(approved_by="Camille Exemple")
    assert "Démonstration" not in html(_edition(engine, content, clock))


def test_the_same_contents_are_the_same_edition(engine: Engine, content: Content, clock: Clock) -> None:
    first = _edition(engine, content.fiche(), clock)
    again = _edition(engine, content, lambda: clock() + timedelta(days=30))

    assert (first.edition, first.changes.previous) == (1, None)
    assert again == first


def test_a_new_edition_says_what_changed(engine: Engine, content: Content, clock: Clock) -> None:
    _edition(engine, content.fiche().fiche("cni-vol").fiche("cni-prix"), clock)
    content.fiche(title="Carte perdue").fiche("cni-neuf").path("cni-vol").unlink()
    book = _edition(engine, content, lambda: clock() + timedelta(days=30))

    assert (book.edition, book.changes.previous, book.edited_on) == (2, 1, date(2026, 12, 21))
    assert book.changes.added == ("Titre de cni-neuf",)
    assert book.changes.changed == ("Carte perdue",)
    assert book.changes.removed == ("Titre de cni-vol",)
    assert "Réponses retirées (1)" in html(book)


def test_a_new_amount_alone_makes_a_new_edition(engine: Engine, content: Content, clock: Clock) -> None:
    _edition(engine, content.fiche(), clock)
    book = _edition(engine, content.facts([*FACTS[1:], a_fact(value="30 €")]), clock)

    assert (book.edition, book.changes.only_values) == (2, True)
    assert "Un montant, un délai, un horaire ou un service a changé" in html(book)


def test_dates_and_spaces_are_french() -> None:
    assert long_date(date(2026, 5, 1)) == "1er mai 2026"
    assert typeset("« Oui » : 1 000 € ; le 34 00 à 9 h 30 !") == "«\xa0Oui\xa0»\xa0: 1\xa0000\xa0€\xa0; le 34\xa000 à 9\xa0h\xa030\xa0!"


def test_a_title_cannot_become_html(engine: Engine, content: Content, clock: Clock) -> None:
    text = html(_edition(engine, content.fiche(title="<script>alert(1)</script> & co"), clock))

    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; co" in text


@pytest.mark.slow
def test_the_pdf_is_tagged_for_screen_readers(engine: Engine, content: Content, clock: Clock, tmp_path: Path) -> None:
    pytest.importorskip("weasyprint", reason="the extra pdf is not installed", exc_type=ImportError)
    write_pdf(_edition(engine, content.fiche(), clock), tmp_path / "livre.pdf")

    written = (tmp_path / "livre.pdf").read_bytes()
    assert written.startswith(b"%PDF")
    assert re.search(rb"pdfuaid|/ObjStm", written)
    assert list(tmp_path.glob("*.partial")) == []


@pytest.mark.parametrize(
    ("failure", "said"), [("ImportError('no module')", "requirements-dev.lock"), ("OSError('cannot load libpango')", "libpango-1.0-0")]
)
def test_without_weasyprint_or_pango_the_person_is_told_what_to_install(
    engine: Engine, content: Content, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: str, said: str
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "weasyprint.py").write_text(f"raise {failure}\n", "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path / "broken"))
    monkeypatch.delitem(sys.modules, "weasyprint", raising=False)

    with pytest.raises(PartMissing, match=said):
        write_pdf(_edition(engine, content.fiche(), clock), tmp_path / "livre.pdf")
    assert not (tmp_path / "livre.pdf").exists()
