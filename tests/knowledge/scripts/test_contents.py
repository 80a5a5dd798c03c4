"""A script read from the content folder alone, as the line will tell it from the database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from knowledge import fiches
from knowledge.clock import Clock
from knowledge.database import session
from knowledge.errors import ContentRefused
from knowledge.fiche_files import read_all
from knowledge.scripts import contents
from tests.knowledge.builders import DAY, Content
from tests.knowledge.scripts.builders import a_script, the_facts


def test_fiches_read_from_their_files_are_those_that_the_database_serves(engine: Engine, content: Content, clock: Clock) -> None:
    content.fiche("cni-perte").fiche("cni-brouillon", status="draft").fiche("cni-passee", valid_to=DAY - timedelta(days=1))
    with session(engine) as opened:
        fiches.load(opened, content.folder, clock)
        served = fiches.published(opened, DAY)
    files, _ = read_all(content.folder)

    assert [replace(fiche, number=0) for fiche in served] == list(fiches.in_files(files, the_facts(), DAY))
    assert [fiche.id for fiche in served] == ["cni-perte"]


def test_a_script_of_the_folder_is_read_with_the_fiches_that_it_quotes(content: Content) -> None:
    content.fiche("cni-perte").fiche("cni-vol")
    (content.folder / "scripts").mkdir()
    script = a_script().changed("agent", service="citoyennete").changed("bonjour", notices=["automatic"])
    (content.folder / "scripts" / "accueil.yml").write_text(script.text(), "utf-8")
    read = contents.read(content.folder, "accueil", DAY)

    assert set(read.fiches) == {"cni-perte"}
    assert read.told().fiches == {"cni-perte": 0}
    assert {remark.rule for remark in read.refusals()} == {"mention", "poste"}  # this small préfecture has no relay and no switchboard


def test_a_fiche_that_is_not_published_is_refused(content: Content) -> None:
    content.fiche("cni-perte", status="draft")
    (content.folder / "scripts").mkdir()
    (content.folder / "scripts" / "accueil.yml").write_text(a_script().changed("agent", service="citoyennete").text(), "utf-8")

    with pytest.raises(ContentRefused, match="n'existe pas ou n'est pas publiée"):
        contents.read(content.folder, "accueil", DAY).told()
