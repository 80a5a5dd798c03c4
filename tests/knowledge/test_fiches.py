"""Fiches: files, versions, and what may be served on a day."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from knowledge import fiches
from knowledge.clock import Clock
from knowledge.database import reading, session
from knowledge.errors import ContentRefused, FicheUnknown
from knowledge.fiche_files import paragraphs, steps
from knowledge.models import FicheVersion, Release
from tests.conftest import CONTENT
from tests.knowledge.builders import DAY, FACTS, SERVICES, Content, a_fact, a_fiche, some_questions


def _load(engine: Engine, content: Content, clock: Clock) -> fiches.LoadReport:
    with session(engine) as opened:
        return fiches.load(opened, content.folder, clock)


def _served(engine: Engine, day: date = DAY) -> dict[str, fiches.PublishedFiche]:
    with reading(engine) as opened:
        return {fiche.id: fiche for fiche in fiches.published(opened, day)}


def _count(opened: Session, table: type[FicheVersion] | type[Release]) -> int:
    return opened.scalar(select(func.count()).select_from(table)) or 0


def test_a_loaded_fiche_is_served_with_the_facts_of_the_day(engine: Engine, content: Content, clock: Clock) -> None:
    text = {
        "court": 'Payez {{ montant("cni-perte") }},\nen ligne.',
        "detail": "Apportez :\n- une photo ;\n- un timbre.\nLa mairie vérifie.",
        "étapes": "1. Réunissez\n   les documents.\n2. Venez.",
        "en": 'Pay {{ montant("cni-perte") }}. Time: {{ delai("recours") }}.',
    }
    report = _load(engine, content.fiche(sections=text, contrast="après une perte", competent="mairie"), clock)

    fiche = _served(engine)["cni-perte"]
    assert report.added == ("cni-perte",)
    assert (fiche.number, fiche.theme, fiche.service, fiche.certainty) == (1, "identite", "citoyennete", "B")
    assert fiche.court == "Payez 25 €, en ligne."
    assert fiche.detail == "Apportez :\n- une photo ;\n- un timbre.\n\nLa mairie vérifie."
    assert fiche.steps == ("Réunissez les documents.", "Venez.")
    assert fiche.translations == {"en": "Pay 25 €. Time: 2 months."}
    assert fiche.procedure == fiches.Procedure(True, "https://passeport.ants.gouv.fr", False)
    assert fiche.sources[0].rubric == "Papiers > Perte"
    assert (fiche.contrast, fiche.competent, fiche.related) == ("après une perte", "mairie", ())
    assert len(fiche.questions["fr"]) == 20


def test_a_fiche_loaded_twice_makes_one_version_and_one_release(engine: Engine, content: Content, clock: Clock) -> None:
    first = _load(engine, content.fiche(), clock)
    second = _load(engine, content, clock)

    assert first.release is not None
    assert (second.unchanged, second.release) == (("cni-perte",), None)
    with reading(engine) as opened:
        assert (_count(opened, FicheVersion), _count(opened, Release)) == (1, 1)


def test_two_processes_that_load_at_once_make_one_version_and_one_release(engine: Engine, content: Content, clock: Clock) -> None:
    for number in range(10):
        content.fiche(f"cni-{number}")
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda _: _load(engine, content, clock), range(4)))

    assert sorted(len(report.added) for report in reports) == [0, 0, 0, 10]
    with reading(engine) as opened:
        assert (_count(opened, FicheVersion), _count(opened, Release)) == (10, 1)


def test_a_changed_text_makes_a_second_version_and_keeps_the_first(engine: Engine, content: Content, clock: Clock) -> None:
    _load(engine, content.fiche(), clock)
    report = _load(engine, content.fiche(title="Nouveau titre"), lambda: clock() + timedelta(hours=1))

    assert report.changed == ("cni-perte",)
    assert (_served(engine)["cni-perte"].number, _served(engine)["cni-perte"].title) == (2, "Nouveau titre")
    with reading(engine) as opened:
        before = fiches.version(opened, "cni-perte", 1)
        assert before.front["title"] == "Titre de cni-perte"
        assert before.replaced_at == clock() + timedelta(hours=1)
        with pytest.raises(FicheUnknown, match="version 3"):
            fiches.version(opened, "cni-perte", 3)


def test_a_removed_file_archives_its_fiche_and_its_return_restores_it(engine: Engine, content: Content, clock: Clock) -> None:
    _load(engine, content.fiche().fiche("cni-vol"), clock)
    content.path("cni-vol").unlink()

    assert _load(engine, content, clock).archived == ("cni-vol",)
    assert set(_served(engine)) == {"cni-perte"}
    assert _load(engine, content, clock).release is None
    assert _load(engine, content.fiche("cni-vol"), clock).added == ("cni-vol",)
    assert _served(engine)["cni-vol"].number == 3


def test_a_fiche_moved_to_another_theme_is_a_new_version(engine: Engine, content: Content, clock: Clock) -> None:
    _load(engine, content.fiche(), clock)
    content.path().unlink()
    content.write("cni-perte", a_fiche(), theme="papiers")

    assert _load(engine, content, clock).changed == ("cni-perte",)
    assert _served(engine)["cni-perte"].theme == "papiers"


def test_a_new_amount_alone_is_announced(engine: Engine, content: Content, clock: Clock) -> None:
    _load(engine, content.fiche(), clock)
    report = _load(engine, content.facts([*FACTS[1:], a_fact(value="30 €")]), clock)

    assert (report.facts_changed, report.changed, report.release is not None) == (True, (), True)
    assert "30 €" in _served(engine)["cni-perte"].court


def test_changed_services_alone_are_announced(engine: Engine, content: Content, clock: Clock) -> None:
    _load(engine, content.fiche(), clock)
    (content.folder / "services.yml").write_text(SERVICES.replace("03 53 01 10 60", "03 53 01 10 61"), "utf-8")

    report = _load(engine, content, clock)
    assert (report.services_changed, report.facts_changed, report.release is not None) == (True, False, True)


@pytest.mark.parametrize("status", ["draft", "review", "archived"])
def test_only_published_fiches_are_served(engine: Engine, content: Content, clock: Clock, status: str) -> None:
    _load(engine, content.fiche(status=status), clock)

    assert _served(engine) == {}


def test_a_fiche_is_served_within_its_dates_only(engine: Engine, content: Content, clock: Clock) -> None:
    first, last = date(2026, 11, 22), date(2026, 12, 24)
    _load(engine, content.fiche(valid_from=first, valid_to=last), clock)

    served = [day for day in (DAY, first, last, last + timedelta(days=1)) if _served(engine, day)]
    assert served == [first, last]


def test_a_fiche_whose_fact_has_expired_is_left_out_and_logged(
    engine: Engine, content: Content, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    content.facts([*FACTS[1:], a_fact(valid_to=date(2026, 12, 31))])
    _load(engine, content.fiche(), clock)

    assert set(_served(engine, date(2026, 12, 31))) == {"cni-perte"}
    with caplog.at_level(logging.WARNING):
        assert _served(engine, date(2027, 1, 1)) == {}
    assert "cni-perte" in caplog.text


def test_the_new_amount_is_served_from_its_first_day(engine: Engine, content: Content, clock: Clock) -> None:
    periods = [a_fact(valid_to=date(2026, 12, 31)), a_fact(value="30 €", valid_from=date(2027, 1, 1))]
    _load(engine, content.facts([*FACTS[1:], *periods]).fiche(), clock)

    assert "25 €" in _served(engine, date(2026, 12, 31))["cni-perte"].court
    assert "30 €" in _served(engine, date(2027, 1, 1))["cni-perte"].court


def test_a_refused_fiche_stops_the_whole_load(engine: Engine, content: Content, clock: Clock) -> None:
    _load(engine, content.fiche(), clock)
    content.fiche(title="Autre titre").fiche("cni-vol", service="inconnu")

    with pytest.raises(ContentRefused, match="le service « inconnu » n'existe pas"):
        _load(engine, content, clock)
    assert _served(engine)["cni-perte"].title == "Titre de cni-perte"


def test_an_interrupted_load_leaves_everything_as_it_was(engine: Engine, content: Content, clock: Clock) -> None:
    _load(engine, content.fiche(), clock)
    content.fiche(title="Autre titre").fiche("cni-vol")

    def interrupted() -> None:
        with session(engine) as opened:
            fiches.load(opened, content.folder, clock)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [fiche.title for fiche in _served(engine).values()] == ["Titre de cni-perte"]


def test_the_demonstration_signs_its_approvals(engine: Engine, content: Content, clock: Clock) -> None:
    _load(engine, content.fiche(), clock)

    with reading(engine) as opened:
        assert fiches.version(opened, "cni-perte", 1).approved_by == "démonstration"


def test_a_real_prefecture_starts_with_drafts_to_approve(engine: Engine, content: Content, clock: Clock) -> None:
    (content.folder / "services.yml").write_text(SERVICES.replace("  fictional: true\n", ""), "utf-8")

    assert _load(engine, content.fiche(), clock).to_approve == ("cni-perte",)
    assert _served(engine) == {}

    _load(engine, content.fiche(approved_by="Camille Exemple, bureau de la citoyenneté"), clock)
    assert set(_served(engine)) == {"cni-perte"}


def test_loaded_content_starts_again_on_the_day_a_fact_expires(engine: Engine, content: Content, clock: Clock) -> None:
    """Servers load at each start: only a new or changed content is proofread."""
    _load(engine, content.facts([*FACTS[1:], a_fact(valid_to=date(2026, 12, 31))]).fiche(), clock)

    report = _load(engine, content, lambda: clock() + timedelta(days=60))
    assert (report.unchanged, report.release) == (("cni-perte",), None)
    with pytest.raises(ContentRefused, match="a expiré le 31/12/2026"):
        _load(engine, content.fiche(title="Autre titre"), lambda: clock() + timedelta(days=60))


def test_a_review_date_that_has_passed_is_told_but_does_not_stop_the_load(engine: Engine, content: Content, clock: Clock) -> None:
    report = _load(engine, content.fiche(checked_on=date(2026, 5, 1), review_by=date(2026, 8, 1)), clock)

    assert [remark.rule for remark in report.overdue] == ["relecture"]
    assert set(_served(engine)) == {"cni-perte"}


def test_export_writes_the_same_files_back_byte_for_byte(engine: Engine, content: Content, clock: Clock, tmp_path: Path) -> None:
    windows = a_fiche("cni-vol").replace("\n", "\r\n")
    content.fiche().write("cni-vol", windows).write("cni-prix", a_fiche("cni-prix") + "\n\n", theme="papiers")
    _load(engine, content, clock)

    with reading(engine) as opened:
        assert fiches.export(opened, tmp_path / "copie") == 3
    for path in (content.folder / "fiches").rglob("*.md"):
        copy = tmp_path / "copie" / path.relative_to(content.folder)
        assert copy.read_bytes() == path.read_bytes()
    assert len(list((tmp_path / "copie").rglob("*.*"))) == 3


def test_diff_says_what_load_would_change(engine: Engine, content: Content, clock: Clock) -> None:
    _load(engine, content.fiche().fiche("cni-vol").fiche("cni-prix"), clock)
    content.fiche(title="Autre titre").fiche("cni-neuf").path("cni-vol").unlink()

    with reading(engine) as opened:
        changes = fiches.diff(opened, content.folder)
    assert [(change.fiche, change.kind) for change in changes] == [("cni-neuf", "added"), ("cni-perte", "changed"), ("cni-vol", "archived")]
    _load(engine, content, clock)
    with reading(engine) as opened:
        assert fiches.diff(opened, content.folder) == ()


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("bonjour", 1, "l'en-tête entre deux lignes"),
        ("---\nid: a\n", 1, "l'en-tête"),
        (a_fiche(title=None), 2, "« title » manque"),
        (a_fiche(checked_on=None), 2, "« checked_on » manque"),
        (a_fiche(review_by=None), 2, "« review_by » manque"),
        (a_fiche(sources=[]), 16, "« sources » est vide"),
        (a_fiche(sources=[{"url": "https://ants.gouv.fr", "rubric": ""}]), 18, "« sources.rubric » est vide"),
        (a_fiche(sources=[{"url": "https://ants.gouv.fr"}]), 17, "« sources.rubric » manque"),
        (a_fiche(sources=[{"url": "javascript:alert(1)", "rubric": "x"}]), 17, "sources.url"),
        (a_fiche(procedure={"online": True, "exclusive": False}), 19, "une démarche en ligne a besoin de son adresse"),
        (a_fiche(service_public=["F1", "F2", "F3", "F4"]), 14, "service_public"),
        (a_fiche(certainty="K"), 13, "« K » n'est pas prévu"),
        (a_fiche(status="online"), 10, "n'est pas prévu"),
        (a_fiche(colour="red"), 54, "n'est pas un champ connu"),
        (a_fiche("autre"), 2, "n'est pas le nom du fichier"),
        (a_fiche().replace("title:", "title: : :"), 3, "YAML"),
        (a_fiche().replace("owner:", "id:"), 9, "est écrit deux fois"),
        (a_fiche(sections={"court": None}), 63, "la section « court » manque"),
        (a_fiche(sections={"detail": ""}), 64, "la section « detail » manque"),
        (a_fiche(sections={"resume": "x"}), 65, "la section « resume » n'est pas connue"),
        (a_fiche() + "# en\nagain\n", 65, "est écrite deux fois"),
        (a_fiche().replace("# court", "perdu\n# court"), 55, "texte avant la première section"),
        (a_fiche(questions={"fr": ["une", 12, *some_questions("x", 20)]}), 29, "questions.fr"),
    ],
)
def test_a_malformed_fiche_is_refused_near_its_fault(text: str, line: int, said: str) -> None:
    with pytest.raises(ContentRefused, match=r"fiches/identite/cni-perte\.md:\d+ — ") as refused:
        fiches.parse(text, "fiches/identite/cni-perte.md")

    (remark,) = refused.value.remarks
    assert said in remark.message
    assert remark.line == line
    assert remark.remedy


def test_a_theme_folder_with_a_strange_name_is_refused() -> None:
    with pytest.raises(ContentRefused, match="le nom du dossier de thème"):
        fiches.parse(a_fiche(), "fiches/Identité/cni-perte.md")


@pytest.mark.parametrize(
    ("raw", "said"),
    [(b"---\nid: caf\xe9\n---\n", "UTF-8"), ("\ufeff---\n".encode(), "caractère invisible"), (b"a\x00b", "caractère invisible")],
)
def test_a_file_that_is_not_plain_text_is_refused(engine: Engine, content: Content, clock: Clock, raw: bytes, said: str) -> None:
    content.fiche().path().write_bytes(raw)

    with pytest.raises(ContentRefused, match=said):
        _load(engine, content, clock)


def test_one_identifier_in_two_themes_is_refused(engine: Engine, content: Content, clock: Clock) -> None:
    content.fiche().write("cni-perte", a_fiche(), theme="papiers")

    with pytest.raises(ContentRefused, match=r"existe déjà dans fiches/identite/cni-perte\.md"):
        _load(engine, content, clock)


def test_steps_are_read_one_by_one() -> None:
    assert steps("1. Un.\n2. Deux\nsuite.\n10) Dix.\n- Tiret.") == ("Un.", "Deux suite.", "Dix.", "Tiret.")
    assert steps("") == ()


def test_the_sentence_after_a_list_is_a_paragraph() -> None:
    text = "À voir :\n- un ;\n- deux\n  suite.\nAprès.\nEncore.\n1. a\n2. b\n\nFin."

    assert paragraphs(text) == "À voir :\n- un ;\n- deux\n  suite.\n\nAprès.\nEncore.\n1. a\n2. b\n\n\nFin."


def test_the_shipped_content_is_accepted_and_served_whole(engine: Engine, clock: Clock) -> None:
    with session(engine) as opened:
        report = fiches.load(opened, CONTENT, clock)
        assert not fiches.load(opened, CONTENT, clock).added

    served = _served(engine)
    assert len(served) == len(report.added) >= 150
    assert not any("{{" in fiche.court + fiche.detail + "".join(fiche.steps) for fiche in served.values())
