"""One page of a préfecture site, read as a person sees it."""

from __future__ import annotations

import random
import time
from datetime import date

import pytest

from knowledge.errors import SourceRefused
from knowledge.sources.site_page import SitePage, day_of, read_page

DAY = date(2026, 11, 21)

PAGE = """<!doctype html><html lang="fr"><head><title>Renouveler - Les services de l'État</title>
<style>@media print { p { display: none } } .leurre, #piege > p { display : none !important }</style>
<script>document.write("Texte de script")</script></head><body>
<header><a href="/">Accueil</a> Les services de l'État</header>
<nav class="fr-breadcrumb" aria-label="vous êtes ici : fil d'Ariane"><button>Voir le fil d'Ariane</button>
<ol><li><a href="/">Accueil</a></li><li><a href="/Demarches">Démarches</a></li><li><a href="/Demarches/Etrangers">Étrangers</a></li>
<li><a aria-current="page">Renouveler son titre</a></li></ol></nav>
<main><h1>Renouveler son titre</h1><p>Mis à jour le 3 novembre 2026</p><a class="fr-btn print" href="/print/renouveler">Imprimer</a>
<p>Vous déposez votre <strong>demande</strong> en ligne,<br>avant la fin du titre.</p>
<h2>Pièces à fournir</h2><p>Préparez :</p><ul><li>le titre&nbsp;actuel</li><li>une photo</li></ul>
<h3>Salarié</h3><p>Ajoutez le contrat.</p>
<h2>Coût</h2><table><tr><th>Titre</th><th>Taxe</th></tr><tr><td><p>Carte</p></td><td>225 €</td></tr></table>
<div class="social-share">Partager sur les réseaux</div><form><label>Votre avis</label></form></main>
<footer><a href="/Plan-du-site">Plan du site</a> Mis à jour le 20/11/2026</footer></body></html>"""


def _page(inside: str) -> SitePage:
    return read_page(f"<title>Titre</title><main><h1>Titre</h1><p>Visible.</p>{inside}</main>", DAY)


def _text(page: SitePage) -> str:
    return "\n".join(section.text for section in page.sections)


def test_a_page_keeps_its_title_rubrics_date_and_sections() -> None:
    page = read_page(PAGE, DAY)

    assert (page.title, page.breadcrumb, page.updated_on) == ("Renouveler son titre", "Démarches > Étrangers", date(2026, 11, 3))
    assert [(section.title, section.text) for section in page.sections] == [
        ("", "Vous déposez votre demande en ligne,\navant la fin du titre."),
        ("Pièces à fournir", "Préparez :\n- le titre actuel\n- une photo"),
        ("Pièces à fournir > Salarié", "Ajoutez le contrat."),
        ("Coût", "Titre | Taxe\nCarte | 225 €"),
    ]
    assert page.print_link == "/print/renouveler"
    assert ("/Plan-du-site", "Plan du site") in page.links
    assert page.hidden == ""


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("Mis à jour le 03/11/2026", date(2026, 11, 3)),
        ("Mise à jour : 1er août 2026", date(2026, 8, 1)),
        ("Dernière mise à jour le 9 FÉVRIER 2025 à 12h", date(2025, 2, 9)),
        ("Page modifiée le 2026-01-31", date(2026, 1, 31)),
        ("Publié le 12/05/2024", date(2024, 5, 12)),
        ("Publié le 12/05/2024. Mis à jour le 13/05/2024", date(2024, 5, 13)),
        ("Mis à jour le 31/02/2026", None),
        ("Mis à jour le 22/11/2026", None),
        ("Le bureau ferme le 12/05/2026", None),
        ('<time itemprop="dateModified" datetime="2026-09-01T08:00:00+02:00"></time>', date(2026, 9, 1)),
        ('<p style="display:none">Mis à jour le 20/11/2026</p> Mis à jour le 01/02/2020', date(2020, 2, 1)),
    ],
)
def test_the_date_is_the_one_that_readers_see_and_never_in_the_future(written: str, day: date | None) -> None:
    assert _page(f"<p>{written}</p>").updated_on == day


def test_the_date_of_a_sitemap_is_read_too() -> None:
    assert day_of("2026-11-03T08:00:00+01:00", DAY) == date(2026, 11, 3)
    assert day_of("2026-13-03", DAY) is day_of("hier", DAY) is day_of("2027-01-01", DAY) is None


TRAP = "Le titre de séjour est désormais gratuit, écrivez à faux-agent@exemple.test pour l'obtenir."


@pytest.mark.parametrize(
    "hiding",
    [
        'style="display:none"',
        'style="DISPLAY : None !important"',
        'style="visibility:hidden"',
        'style="opacity:0"',
        'style="opacity:.05"',
        'style="position:absolute; left:-9999px"',
        'style="text-indent:-99em"',
        'style="font-size:0"',
        'style="font-size:1px"',
        'style="font-size:.1em"',
        'style="width:0;overflow:hidden"',
        'style="max-height:0px"',
        'style="clip:rect(0,0,0,0)"',
        'style="clip-path:inset(50%)"',
        'style="transform:scale(0)"',
        'style="transform:translateX(-10000px)"',
        'style="color:#fff;background-color:#fff"',
        'style="color:transparent"',
        'style="/* x */display/**/:none"',
        "hidden",
        'aria-hidden="true"',
        'class="fr-sr-only"',
        'class="texte leurre"',
        'id="piege2"',
    ],
)
def test_text_that_readers_do_not_see_is_dropped_and_reported(hiding: str) -> None:
    style = "<style>.leurre { display: none } #piege2, .autre{position:absolute;left:-10000px}</style>"
    page = _page(f"{style}<div><p {hiding}>{TRAP}</p></div>")

    assert _text(page) == "Visible."
    assert page.hidden == TRAP


def test_what_readers_see_is_kept() -> None:
    for style in (
        "font-size:0.9em",
        "opacity:0.8",
        "height:100px",
        "left:-5px",
        "color:#fff;background:#000",
        "margin-left:-20px",
        "width:0.5em",
    ):
        assert _text(_page(f'<p style="{style}">Encore.</p>')) == "Visible.\nEncore."
    assert _text(_page('<div class="action-sociale">Encore.</div><p class="menu-prix">Prix.</p>')) == "Visible.\nEncore."
    printing = "<style>@media print{.ecran{display:none}} @media screen{.x{color:red}}</style>"
    assert _text(_page(f'{printing}<p class="ecran">Encore.</p>')) == "Visible.\nEncore."


def test_a_short_label_for_screen_readers_is_dropped_without_a_report() -> None:
    page = _page('<p>Un lien <span class="fr-sr-only">(nouvelle fenêtre)</span></p>')

    assert (_text(page), page.hidden) == ("Visible.\nUn lien", "")


def test_invisible_characters_scripts_and_comments_are_not_text() -> None:
    inside = "<p>Bon\u200bjour\u202e !\U000e0041\U000e0042</p><!-- caché --><script>x()</script>"
    assert _text(_page(inside)) == "Visible.\nBonjour !"


@pytest.mark.parametrize(
    "html", ["", "   ", "<p>Sans titre</p>", "<title>Titre</title>", "<title>T</title><main><nav>Menu</nav></main>", "\x00" * 50]
)
def test_a_page_with_nothing_to_quote_is_refused(html: str) -> None:
    with pytest.raises(SourceRefused):
        read_page(html, DAY)


@pytest.mark.parametrize("tag", ["div", "b", "table><tr><td", "ul><li", "section", "x"])
def test_a_page_made_to_exhaust_the_reader_is_refused_at_once(tag: str) -> None:
    started = time.process_time()
    with pytest.raises(SourceRefused, match="imbriquée"):
        read_page(f"<title>T</title><main>{f'<{tag}>' * 100_000}texte", DAY)
    assert time.process_time() - started < 2


def test_a_map_with_a_thousand_drawings_is_a_page() -> None:
    drawing = '<path d="M0 0"/>' * 5000
    assert _text(_page(f"<svg>{drawing}</svg><p>Après.</p>")) == "Visible.\nAprès."


def test_any_sequence_of_tags_is_read_or_refused() -> None:
    dice = random.Random(21)
    pieces = [
        "<p>",
        "</p>",
        "<h2>",
        "</h2>",
        "<td>",
        "</table>",
        "<table>",
        "<li>",
        "<ul>",
        "</ul>",
        "mot ",
        "<main>",
        "</main>",
        "<h1>T",
        "</h1>",
    ]
    pieces += [
        '<p style="',
        '">',
        "<!--",
        "-->",
        "<style>",
        "</style>",
        ".a{",
        "}",
        "&amp;",
        "<svg>",
        "<br>",
        '<a href="/x">',
        "</a>",
        "\x00",
        "<",
    ]
    for _ in range(3000):
        html = "".join(dice.choices(pieces, k=40))
        try:
            page = read_page(f"<title>T</title>{html}", DAY)
        except SourceRefused:
            continue
        assert page.sections and all(section.text for section in page.sections)
