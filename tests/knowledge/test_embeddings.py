"""The language model: the same vectors as sentence-transformers without torch, and one clear line when a model cannot be used."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from knowledge import embeddings, settings
from knowledge.embeddings import NamedEmbedder, StaticEmbedder, default_embedder, shipped_encoder
from knowledge.errors import EncoderUnusable, PartMissing
from knowledge.fiche_files import parse
from knowledge.settings import KnowledgeSettings
from tests.conftest import CONTENT

needs_the_extra = pytest.mark.skipif(find_spec("sentence_transformers") is None, reason="sentence-transformers is not installed here")
ODD = (
    "",
    " ",
    "\n\t",
    "🤯🔥",
    "?!…",
    "ﷺ بطاقة الإقامة",
    "رُخْصَةُ القِيَادَة",
    "驾照 换 法国",
    "посвідка на проживання",
    "İSTANBUL ıspanak",
    "œuvre Œuvre æ",
    "e\u0301te\u0301 été ÉTÉ",
    "a\u200bb\ufeffc",
    "\x00\x01",
    "x" * 6000,
    "carte grise " * 500,
    "12345678901234567890",
    "C'EST-À-DIRE l’attestation d'accueil",
)


@pytest.fixture(scope="module")
def shipped() -> StaticEmbedder:
    return StaticEmbedder.load(shipped_encoder())


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return shutil.copytree(shipped_encoder(), tmp_path / "encoder")


def texts() -> list[str]:
    """Titles and phrasings of the fiches, some cut anywhere, and odd texts."""
    chance = random.Random(8)
    paths = sorted((CONTENT / "fiches").rglob("*.md"))[::3]
    files = [parse(path.read_text("utf-8"), path.relative_to(CONTENT).as_posix()) for path in paths]
    found = [file.front.title for file in files]
    found += [chance.choice(questions) for file in files for questions in file.front.questions.values()]
    return [*ODD, *found, *(text[: chance.randrange(len(text))] for text in found)]


@needs_the_extra
def test_the_vectors_are_those_of_sentence_transformers(shipped: StaticEmbedder) -> None:
    asked = texts()
    assert len(asked) > 300

    ours, theirs = shipped.embed(asked), NamedEmbedder(str(shipped_encoder())).embed(asked)

    known = np.linalg.norm(ours, axis=1) > 0
    assert ((ours * theirs).sum(axis=1)[known] > 0.9999).all()
    assert not theirs[~known].any()


def test_each_vector_has_length_one_or_zero_when_nothing_is_known(shipped: StaticEmbedder) -> None:
    vectors = shipped.embed(texts())

    assert vectors.dtype == np.float32
    assert vectors.shape[1] == shipped.dimensions
    lengths = np.linalg.norm(vectors, axis=1)
    assert set(lengths.round(4)) == {0.0, 1.0}
    assert not lengths[[ODD.index(text) for text in ("", " ", "\n\t", "?!…")]].any()
    assert shipped.embed([]).shape == (0, shipped.dimensions)


@pytest.mark.parametrize(
    ("said", "meant", "other"),
    [
        ("g perdu ma cni", "Carte nationale d'identité perdue", "Passeport perdu"),
        ("lost my driving licence", "Permis de conduire perdu", "Titre de séjour perdu"),
        ("mi hanno rubato la patente", "Permis de conduire volé", "Passeport volé"),
        ("прописка ребенка паспорт", "Passeport d'un enfant", "Carte grise"),
    ],
)
def test_what_people_say_is_nearer_to_what_they_mean(shipped: StaticEmbedder, said: str, meant: str, other: str) -> None:
    question, right, wrong = shipped.embed([said, meant, other])

    assert question @ right > question @ wrong


def test_capitals_and_accents_change_nothing(shipped: StaticEmbedder) -> None:
    plain, marked = shipped.embed(["etat civil des refugies", "ÉTAT CIVIL des Réfugiés"])

    assert np.array_equal(plain, marked)


def test_the_name_changes_with_the_weights(shipped: StaticEmbedder, copy: Path) -> None:
    assert StaticEmbedder.load(copy).name == shipped.name
    table = load_file(copy / "model.safetensors")
    save_file({"embedding.weight": table["embedding.weight"] * np.float16(2)}, copy / "model.safetensors")

    assert StaticEmbedder.load(copy).name != shipped.name


def _cut(folder: Path) -> None:
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])


def _of_another_vocabulary(folder: Path) -> None:
    save_file({"embedding.weight": np.ones((12, 4), np.float16)}, folder / "model.safetensors")


def _with_a_hole(folder: Path) -> None:
    table = load_file(folder / "model.safetensors")["embedding.weight"].copy()
    table[7, 7] = np.nan
    save_file({"embedding.weight": table}, folder / "model.safetensors")


def _of_another_kind(folder: Path) -> None:
    modules = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]
    (folder / "modules.json").write_text(json.dumps(modules), "utf-8")


@pytest.mark.parametrize(
    "damage",
    [
        shutil.rmtree,
        lambda folder: (folder / "tokenizer.json").unlink(),
        lambda folder: (folder / "tokenizer.json").write_text("{}", "utf-8"),
        lambda folder: (folder / "modules.json").write_text("[]", "utf-8"),
        _cut,
        _of_another_vocabulary,
        _with_a_hole,
        _of_another_kind,
    ],
)
def test_a_damaged_encoder_says_which_folder_in_french(copy: Path, damage: Callable[[Path], object]) -> None:
    damage(copy)

    with pytest.raises(EncoderUnusable, match=r"L'encodeur .*encoder"):
        StaticEmbedder.load(copy)


def test_the_encoder_runs_without_torch() -> None:
    program = (
        "import sys; from knowledge.embeddings import default_embedder; assert default_embedder().embed(['carte grise']).any();"
        "assert not {'torch', 'transformers', 'sentence_transformers', 'huggingface_hub'} & set(sys.modules), 'imported'"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, env={"KNOWLEDGE_ENCODER": ""})

    assert done.returncode == 0, done.stderr


def test_the_shipped_encoder_is_small_and_says_where_it_comes_from(shipped: StaticEmbedder) -> None:
    kept = [file for file in shipped_encoder().iterdir() if file.is_file()]
    told = (shipped_encoder() / "README.md").read_text("utf-8")
    table = load_file(shipped_encoder() / "model.safetensors")["embedding.weight"]

    assert sum(file.stat().st_size for file in kept) <= 6_000_000
    assert not [file for file in kept if file.suffix in embeddings.PICKLED]
    assert "Licence Ouverte 2.0" in told
    assert f"{len(table)} × {table.shape[1]}" in told
    assert table.dtype == np.float16


# --- Another model -------------------------------------------------------------------------------------------------------


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Set KNOWLEDGE_ENCODER."""

    def name(encoder: str) -> None:
        monkeypatch.setattr(settings, "settings", lambda: KnowledgeSettings(encoder=encoder))
        monkeypatch.setattr(embeddings, "default_embedder", default_embedder.__wrapped__)

    return name


def test_without_a_setting_the_shipped_encoder_is_used(named: Callable[[str], None], shipped: StaticEmbedder) -> None:
    named("")

    assert embeddings.default_embedder().name == shipped.name


@pytest.mark.skipif(find_spec("sentence_transformers") is not None, reason="sentence-transformers is installed here")
def test_without_its_extra_another_encoder_says_what_to_install(named: Callable[[str], None]) -> None:
    named("some/model")

    with pytest.raises(PartMissing, match="pip install torch sentence-transformers"):
        embeddings.default_embedder()


@needs_the_extra
def test_a_folder_of_sentence_transformers_is_used(named: Callable[[str], None], copy: Path) -> None:
    named(str(copy))

    embedder = embeddings.default_embedder()

    assert embedder.name == str(copy)
    assert embedder.embed(["carte grise"]).shape == (1, embedder.dimensions)


def _with_pickled_weights(folder: Path) -> None:
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")


def _with_its_own_code(folder: Path) -> None:
    (folder / "modules.json").write_text(json.dumps([{"idx": 0, "name": "0", "path": "", "type": "their_code.Model"}]), "utf-8")


@needs_the_extra
@pytest.mark.parametrize("damage", [_with_pickled_weights, _with_its_own_code, _cut])
def test_a_model_that_could_run_code_or_is_damaged_is_refused(copy: Path, damage: Callable[[Path], None]) -> None:
    damage(copy)

    with pytest.raises(EncoderUnusable, match=r"L'encodeur .*encoder"):
        NamedEmbedder(str(copy))


@needs_the_extra
def test_a_model_that_does_not_exist_says_which_setting_to_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    with pytest.raises(EncoderUnusable, match="KNOWLEDGE_ENCODER"):
        NamedEmbedder("nobody/nothing-at-all")
