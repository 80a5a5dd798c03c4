"""What the encoder learns from, and that learning it again gives the same thing."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from safetensors.numpy import load_file
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from tokenizers import Tokenizer

from bot.training.encoder import Recipe, prepare, train
from bot.training.families import Bending, concept_families, fiche_families, named_concepts, sheet_families
from bot.training.shares import Share, share
from knowledge.embeddings import StaticEmbedder, shipped_encoder
from knowledge.errors import PartMissing
from knowledge.fiches import PublishedFiche, published
from knowledge.search import Sheet
from knowledge.wordforms import Lexicon, fold_word
from tests.bot.conftest import Run
from tests.conftest import CONTENT
from tests.stock import tuesday_morning

SMALL = Recipe(vocabulary=400, dimensions=8, steps=4, bent=1, concepts=8, sheets=2)
NO_TORCH = find_spec("sentence_transformers") is None
needs_torch = pytest.mark.skipif(NO_TORCH, reason="sentence-transformers is not installed here")


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return Lexicon.load(CONTENT)


@pytest.fixture(scope="module")
def fiches(stocked: Engine) -> Sequence[PublishedFiche]:
    with Session(stocked) as session:
        return published(session, tuesday_morning().date())


@pytest.fixture
def sheets(fiches: Sequence[PublishedFiche]) -> Sequence[Sheet]:
    """One that a fiche covers, one that none covers."""
    covered = next(number for fiche in fiches for number in fiche.service_public)
    one = Sheet("F1", "Permis bateau", "Loisirs", "Il faut un permis.", (("Âge > Minimum", "Seize ans. " * 90),), "https://…", "2020-01-01")
    return [one, replace(one, id=covered)]


def test_no_text_kept_aside_or_for_the_order_is_learned_from(
    fiches: Sequence[PublishedFiche], sheets: Sequence[Sheet], lexicon: Lexicon
) -> None:
    families = fiche_families(fiches, sheets, lexicon, {})
    assert [family.name for family in families] == [fiche.id for fiche in fiches]

    for fiche, family in zip(fiches, families, strict=True):
        learned = {*family.asked, *family.told, *family.foreign, *family.renamed}
        kept = {text for texts in fiche.questions.values() for text in texts if share(text) is not Share.ENCODER} - {fiche.title}
        assert not kept & learned, fiche.id


def test_a_sheet_covered_by_a_fiche_belongs_to_its_family_only(
    fiches: Sequence[PublishedFiche], sheets: Sequence[Sheet], lexicon: Lexicon
) -> None:
    assert [family.name for family in sheet_families(fiches, sheets)] == ["F1"]
    assert sheets[1].introduction in {text for family in fiche_families(fiches, sheets, lexicon, {}) for text in family.told}


def test_a_long_section_is_told_in_several_passages(fiches: Sequence[PublishedFiche], sheets: Sequence[Sheet]) -> None:
    [family] = sheet_families(fiches, sheets)

    assert family.asked == ("Permis bateau", "Permis bateau Minimum")
    assert sum(text.startswith("Âge > Minimum Seize ans.") for text in family.told) == 2


def test_languages_without_phrasings_ask_by_concepts(fiches: Sequence[PublishedFiche], lexicon: Lexicon) -> None:
    named = named_concepts(CONTENT)
    families = {family.name: family for family in fiche_families(fiches, (), lexicon, named)}

    italian = [text for text in families["permis-perte"].renamed if "patente" in text]
    words = {fold_word(word) for phrases in named["it"].values() for phrase in phrases for word in phrase.split()}
    assert italian
    assert {fold_word(word) for text in italian for word in text.split()} <= words


def test_each_concept_of_the_lexicon_is_a_family(lexicon: Lexicon) -> None:
    assert {family.name for family in concept_families(lexicon)} >= {"carte_identite", "passeport"}


def test_bent_texts_are_misspelled_never_emptied_and_the_same_for_one_seed(lexicon: Lexicon) -> None:
    clean = ["j'ai perdu ma carte grise hier", "oui", "", "rendez vous pour le passeport de ma fille"] * 20
    first, again = ([bend(text) for text in clean] for bend in (Bending(lexicon, random.Random(1)), Bending(lexicon, random.Random(1))))

    assert first == again
    assert len(set(first)) > 20
    assert all(bent for bent, text in zip(first, clean, strict=True) if text)
    assert any("rdv" in bent for bent in first)


def test_the_tokenizer_is_the_same_twice(fiches: Sequence[PublishedFiche], sheets: Sequence[Sheet], lexicon: Lexicon) -> None:
    one, other = (prepare(fiches[:20], sheets, lexicon, {}, SMALL)[0].to_str() for _ in range(2))

    assert one == other


def test_the_shipped_weights_are_those_of_the_recipe() -> None:
    table = load_file(shipped_encoder() / "model.safetensors")["embedding.weight"]
    tokenizer = Tokenizer.from_file(str(shipped_encoder() / "tokenizer.json"))

    assert table.shape == (Recipe().vocabulary, Recipe().dimensions)
    assert tokenizer.get_vocab_size() == Recipe().vocabulary
    assert tokenizer.truncation is None
    assert tokenizer.padding is None


@needs_torch
def test_learning_twice_gives_the_same_bytes(
    fiches: Sequence[PublishedFiche], sheets: Sequence[Sheet], lexicon: Lexicon, tmp_path: Path
) -> None:
    for name in ("one", "other"):
        train(fiches[:20], sheets, lexicon, named_concepts(CONTENT), tmp_path / name, lambda _: None, SMALL)

    kept = sorted(file.name for file in (tmp_path / "one").iterdir())
    assert kept == ["README.md", "config_sentence_transformers.json", "model.safetensors", "modules.json", "tokenizer.json"]
    for name in kept:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()
    assert StaticEmbedder.load(tmp_path / "one").dimensions == SMALL.dimensions


@needs_torch
def test_learning_brings_the_phrasings_of_a_fiche_together(fiches: Sequence[PublishedFiche], lexicon: Lexicon, tmp_path: Path) -> None:
    few = fiches[:30]
    train(few, (), lexicon, {}, tmp_path / "few", lambda _: None, replace(SMALL, vocabulary=1500, dimensions=32, steps=60))
    embedder = StaticEmbedder.load(tmp_path / "few")
    families = fiche_families(few, (), lexicon, {})

    asked = embedder.embed([family.asked[0] for family in families])
    titles = embedder.embed([fiche.title for fiche in few])
    likeness = asked @ titles.T
    assert likeness.diagonal().mean() > likeness.mean() + 0.2


@pytest.mark.skipif(not NO_TORCH, reason="sentence-transformers is installed here")
def test_without_torch_learning_says_what_to_install(fiches: Sequence[PublishedFiche], lexicon: Lexicon, tmp_path: Path) -> None:
    with pytest.raises(PartMissing, match="torch"):
        train(fiches, (), lexicon, {}, tmp_path / "encoder", lambda _: None)
    assert not (tmp_path / "encoder").exists()


def test_the_command_needs_a_published_fiche(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("train", "encoder") == 1
    assert "knowledge load" in capsys.readouterr().err
