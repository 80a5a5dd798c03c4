"""Nearness of meaning is that of the nearest texts of each subject, whatever the number of its texts."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from knowledge.building import build
from knowledge.embeddings import Vectors
from knowledge.errors import IndexMissing
from knowledge.meanings import NOTHING, SEVERAL, Meanings
from knowledge.search import Index
from knowledge.wordforms import default_lexicon
from tests.knowledge.test_search import FICHES


class Drawn:
    """An embedder that draws a vector for each text, the same each time."""

    def __init__(self, name: str = "drawn") -> None:
        self.name, self.dimensions = name, 12

    def embed(self, texts: Sequence[str]) -> Vectors:
        drawn = [np.random.default_rng(zlib.crc32(text.encode())).normal(size=self.dimensions) for text in texts]
        rows = np.reshape(drawn, (len(texts), self.dimensions))
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def _some(owners: Sequence[int], subjects: int) -> Meanings:
    return Meanings.of([(owner, f"texte {number}") for number, owner in enumerate(owners)], subjects, Drawn())


def test_a_subject_is_as_near_as_its_nearest_texts() -> None:
    owners = [0, 0, 0, 0, 2, 3, 3]
    meanings = _some(owners, 5)
    question = Drawn().embed(["question", "la même, corrigée"])

    nearest, several = meanings.nearest(question, np.arange(5))

    cosines = meanings.vectors @ question.T
    for subject in (0, 2, 3):
        own = cosines[np.array(owners) == subject]
        assert nearest[:, subject] == pytest.approx(own.max(axis=0), abs=1e-6)
        assert several[subject] == pytest.approx(np.sort(own[:, 0])[-SEVERAL:].mean(), abs=1e-6)
    assert list(nearest[0, [1, 4]]) == [NOTHING, NOTHING]


def test_only_the_subjects_asked_for_are_compared() -> None:
    meanings = _some([0, 0, 1, 3], 4)
    question = Drawn().embed(["question", "autre"])

    assert meanings.of_subjects(question, np.array([3, 2, 0])) == pytest.approx(
        meanings.nearest(question, np.arange(4))[0][0][[3, 2, 0]], abs=1e-6
    )


def test_a_knowledge_without_any_text_is_near_to_nothing() -> None:
    nearest, several = _some([], 3).nearest(Drawn().embed(["question", "autre"]), np.arange(3))

    assert nearest.tolist() == [[NOTHING] * 3] * 2
    assert several.tolist() == [NOTHING] * 3


def test_the_vectors_of_the_subjects_left_aside_are_not_read() -> None:
    meanings = _some([0, 0, 1, 3, 3], 4)
    question = Drawn().embed(["question", "autre"])
    everything, some = meanings.nearest(question, np.arange(4)), meanings.nearest(question, np.array([1, 3]))

    for all_of_them, chosen in zip(everything, some, strict=True):
        assert chosen[..., [1, 3]] == pytest.approx(all_of_them[..., [1, 3]], abs=1e-6)
        assert (chosen[..., [0, 2]] == NOTHING).all()


def test_a_subject_is_plausible_by_its_mean_vector() -> None:
    meanings = _some([0, 0, 1, 3, 3], 4)

    assert list(meanings.plausible(meanings.centres[[3, 1]], 1)) == [1, 3]
    assert list(meanings.plausible(meanings.centres[[3]], 99)) == [0, 1, 2, 3]


def test_vectors_of_another_encoder_are_never_compared(tmp_path: Path) -> None:
    lexicon = default_lexicon()
    build(FICHES, (), lexicon, "un état", embedder=Drawn("ancien")).save(tmp_path / "index")

    with pytest.raises(IndexMissing):
        Index.open(tmp_path / "index", lexicon, "un état", Drawn("nouveau"))
    opened = Index.open(tmp_path / "index", lexicon, "un état", Drawn("ancien"))
    assert opened.evidence(lexicon.read("carte perdue")).meaning.shape == (len(FICHES),)
