"""A model is put in service when it is as good as the one there; otherwise the one there stays."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bot.assistant import Assistant
from bot.engines.rasa import RasaDoor
from bot.errors import RasaRefused
from bot.training.rasa.project import Project
from bot.training.rasa.publication import CERTIFICATE, in_service, publish, put_in_service
from knowledge.settings import settings
from tests.contracts.rasa_side import TOKEN, a_few, rasa_python, serving, trained_project
from tests.stock import tuesday_morning

pytestmark = [pytest.mark.rasa, pytest.mark.slow]


def test_a_good_model_takes_the_place_of_the_one_in_service_and_a_worse_one_does_not(
    assistant: Assistant, shared: Path, tmp_path: Path
) -> None:
    served, first = trained_project(assistant, shared, Project())
    said: list[str] = []
    with serving(served, first) as server:
        door = RasaDoor(server.url, TOKEN, 10)

        def published() -> str:
            given = (
                a_few(assistant),
                settings().content,
                tmp_path / "project",
                Project(),
                rasa_python(),
                door,
                tuesday_morning,
                said.append,
            )
            return publish(*given).line

        line = published()
        put = door.model()
        certificate = in_service(tmp_path / "project" / "models")
        assert certificate
        perfect = {**json.loads((tmp_path / "project" / "models" / CERTIFICATE).read_text("utf-8")), "right": certificate.questions * 2}
        (tmp_path / "project" / "models" / CERTIFICATE).write_text(json.dumps(perfect), "utf-8")
        with pytest.raises(RasaRefused, match="reste en service"):
            published()

        assert door.model() == put == f"{certificate.model}.tar.gz"
        assert door.parse("j'ai perdu ma carte d'identité").intent.name == "cni-perte"
    assert line.startswith(f"Certificat : modèle {certificate.model} en service le 24/11/2026 à 10:30, {certificate.right} premières")
    assert certificate.share >= 0.5


def test_a_model_that_is_not_proven_gives_its_place_back(assistant: Assistant, shared: Path, tmp_path: Path) -> None:
    served, first = trained_project(assistant, shared, Project())
    before, after = (Path(shutil.copy(first, tmp_path / f"{name}.tar.gz")) for name in ("avant", "apres"))
    with serving(served, before) as server:
        door = RasaDoor(server.url, TOKEN, 10)
        with pytest.raises(RasaRefused, match="reste en service"):
            put_in_service(door, after, before, lambda: False)
        assert door.model() == "avant.tar.gz"

        put_in_service(door, Path(shutil.copy(first, tmp_path / "apres.tar.gz")), before, lambda: True)
        assert door.model() == "apres.tar.gz"


def test_a_server_that_is_away_keeps_what_it_has(assistant: Assistant, shared: Path, tmp_path: Path) -> None:
    with pytest.raises(RasaRefused, match="n'a pas pris le modèle"):
        publish(
            a_few(assistant),
            settings().content,
            tmp_path / "project",
            Project(),
            rasa_python(),
            RasaDoor("http://127.0.0.1:9", TOKEN, 1),
            tuesday_morning,
            lambda _: None,
        )

    assert in_service(tmp_path / "project" / "models") is None
    assert list((tmp_path / "project" / "models").glob("*.tar.gz")) == []
