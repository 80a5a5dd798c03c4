"""Which service holds a file: what names it, the fiches that resemble, and the words in their order."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from bot.assistant import Assistant
from bot.engines.embedded import EmbeddedEngine
from bot.engines.nature import BUCKETS
from bot.engines.services import Services, shipped_words
from bot.engines.shipped import SHIPPED
from bot.errors import ModelsMissing
from bot.training import convolution, natures
from bot.training import services as learning

QUESTIONS = Path(__file__).parent.parent / "questions"


@pytest.fixture(scope="module")
def services() -> Services:
    return Services.load()


@pytest.fixture(scope="module")
def engine(assistant: Assistant) -> EmbeddedEngine:
    return EmbeddedEngine.load(assistant.catalogue)


@pytest.mark.parametrize(
    ("said", "service"),
    [
        ("mon récépissé est expiré", "migrations"),
        ("entretien de naturalisation de ma femme, reporté ?", "naturalisation"),
        ("mon titre de voyage de réfugié", "asile"),
        ("mes points du stage", "permis"),
        ("cession de ma voiture refusée", "immatriculation"),
        ("ma carte nationale d'identité", "citoyennete"),
        ("mon autorisation de détention d'arme", "armes"),
        ("ma médaille du travail", "cabinet"),
        ("mon compte ANEF est bloqué", "pan-etrangers"),
        ("je suis de nationalité tunisienne et mon permis est suspendu", "permis"),
        ("my residence permit application", "migrations"),
        ("mon dossier à la sous-préfecture de Rocheclaire", "sp-rocheclaire"),
        ("avez-vous du nouveau", "standard"),
    ],
)
def test_the_words_of_a_file_say_which_service_holds_it(said: str, service: str, services: Services) -> None:
    assert (services.find(said, {}) or "standard") == service  # which knows where to send what nothing names


def test_the_fiches_that_resemble_a_request_settle_what_its_words_leave_open(services: Services) -> None:
    assert services.find("le papier est expiré", {}) is None
    assert services.find("le papier est expiré", {"asile": 0.8}) == "asile"


def test_a_service_without_examples_is_known_by_its_words_and_its_fiches(services: Services) -> None:
    labels = ("armes", "cabinet", "permis", "standard")
    order = convolution.fit(["mon fusil", "ma médaille", "mes points", "le standard"], labels, dimensions=4, filters=4)
    untaught = Services(labels, np.zeros((BUCKETS, 4), np.float32), np.zeros(4), services.naming, services.resembling, 0.0, order)
    assert untaught.find("ma carte grise", {}) == "immatriculation"
    assert untaught.find("avez-vous du nouveau", {"sp-rocheclaire": 0.9}) == "sp-rocheclaire"
    assert untaught.find("avez-vous du nouveau", {}) is None


def test_the_order_of_the_words_says_which_service_holds_a_file() -> None:
    told = {"mon arme sans mon permis": "armes", "mon permis sans mon arme": "permis"}
    labels = tuple(told.values())
    order = convolution.fit([*told] * 100, labels * 100, dimensions=16, filters=16)
    read = Services(labels, np.zeros((BUCKETS, 2), np.float32), np.zeros(2), 0.0, 0.0, 1.0, order)
    assert {said: read.find(said, {}) for said in told} == told


def test_what_only_tells_who_somebody_is_names_no_service() -> None:
    assert dict(shipped_words().named("je suis de nationalité tunisienne")) == {}


def test_nearly_every_file_goes_to_its_service(services: Services) -> None:
    rows = [json.loads(line) for line in (QUESTIONS / "services.jsonl").read_text("utf-8").splitlines()]
    for part in ("tuned", "aside"):
        asked = [row for row in rows if row["part"] == part]
        right = sum((services.find(row["query"], {}) or "standard") == row["service"] for row in asked)
        assert right >= 0.95 * len(asked), part


def test_a_network_of_other_services_is_refused(tmp_path: Path) -> None:
    for part in ("services.json", "services.npy", "services_order.npz"):
        shutil.copy(SHIPPED / part, tmp_path)
    header = json.loads((SHIPPED / "services_order.json").read_text("utf-8"))
    (tmp_path / "services_order.json").write_text(json.dumps(header | {"labels": header["labels"][::-1]}), "utf-8")
    with pytest.raises(ModelsMissing, match=r"services\.json.*tailles"):
        Services.load(tmp_path)


# --- What is learned ---------------------------------------------------------------------------------------------------------


def test_the_service_of_a_file_is_learned_from_examples_and_comes_back_from_its_files(engine: EmbeddedEngine, tmp_path: Path) -> None:
    told = {"armes": "le zbrulik est en panne", "permis": "mon gloubi est en panne", "asile": "mon trucmuche est en panne"}
    learned = learning.train(engine, [(text, service) for service, text in told.items() for _ in range(3)])
    learning.save(learned, tmp_path)
    read = Services.load(tmp_path)
    assert {text: read.find(text, {}) for text in told.values()} == {text: service for service, text in told.items()}
    assert read.shares("mon gloubi", {}) == pytest.approx(learned.shares("mon gloubi", {}), abs=0.02)


def test_examples_of_files_name_their_service_and_who_wants_somebody_the_one_that_is_named() -> None:
    asked = dict(learning.examples([("mon dossier zbrulik", "cabinet")]))
    assert asked["mon dossier zbrulik"] == "cabinet"
    wanting = [one.text for one in natures.all_examples() if one.kind == "wants_person" and not one.aside]
    assert all(text in asked for text in wanting)
    assert len(set(asked.values())) >= 13


def test_a_service_of_which_nearly_nobody_wrote_is_left_to_its_words_and_its_fiches() -> None:
    asked = dict(learning.examples([("mon dossier zbrulik", "sp-valbrune")]))
    assert "mon dossier zbrulik" not in asked and "sp-valbrune" not in asked.values()
