"""The classifier of intents: it knows the fiches it was taught, and says nothing of those it was not."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine

from bot.assistant import Assistant
from bot.engines.intents import BUCKETS, SIGNS, UNKNOWN, Classes, Intents, rows_of
from bot.engines.shipped import PARTS, SHIPPED
from bot.errors import ModelsMissing
from bot.messages import Question
from bot.training import intents as trainer
from knowledge.wordforms import default_lexicon
from tests.stock import real_assistant

TAUGHT = ("cni-perte", "cni-vol", "permis-perte")
OWN, BEHIND, KNOWN, ORDERED, ORDERED_BEHIND = range(len(SIGNS))


@pytest.fixture(scope="module")
def taught(assistant: Assistant) -> Intents:
    """A classifier of three fiches only."""
    fiches = [assistant.catalogue.fiches[name] for name in TAUGHT]
    return trainer.train(fiches, (), default_lexicon())


def _signs(assistant: Assistant, intents: Intents, text: str) -> dict[str, np.ndarray]:
    """The signs of every fiche of the index for `text`, by fiche."""
    index = assistant.catalogue.index
    signs = Classes.over(intents, index).signs(index.read(text), np.arange(len(index.subjects)))
    return {fiche: signs[number] for fiche, number in index.by_fiche.items()}


@pytest.mark.parametrize(
    ("text", "fiche"),
    [("on m'a volé ma carte d'identité", "cni-vol"), ("carte d'identité perdue", "cni-perte"), ("j'ai perdu mon permis", "permis-perte")],
)
def test_a_fiche_that_was_taught_is_put_first(assistant: Assistant, taught: Intents, text: str, fiche: str) -> None:
    signs = _signs(assistant, taught, text)

    for behind in (BEHIND, ORDERED_BEHIND):
        assert signs[fiche][behind] == 0.0
        assert all(signs[other][behind] < 0.0 for other in TAUGHT if other != fiche)


def test_a_fiche_without_class_stands_a_little_behind_the_best(assistant: Assistant, taught: Intents) -> None:
    signs = _signs(assistant, taught, "où en est ma carte grise")
    known, ordered = ([signs[name][own] for name in TAUGHT] for own in (OWN, ORDERED))

    behind, ordered_behind = (UNKNOWN * (np.mean(one) - max(one)) for one in (known, ordered))

    expected = [max(known) + behind, behind, 0.0, max(ordered) + ordered_behind, ordered_behind]
    assert signs["cg-perte-vol"].tolist() == pytest.approx(expected)
    assert np.exp(ordered).sum() == pytest.approx(1.0)
    assert [signs[name][KNOWN] for name in TAUGHT] == [1.0] * 3


def test_the_classes_of_fiches_that_left_do_not_count(assistant: Assistant, taught: Intents) -> None:
    gone = replace(taught, fiches=("partie", *taught.fiches[1:]))
    text = "carte d'identité perdue"

    before, after = (_signs(assistant, one, text) for one in (taught, gone))
    assert after["cni-perte"][KNOWN] == 0.0
    assert max(after[name][BEHIND] for name in TAUGHT[1:]) == 0.0 > max(before[name][BEHIND] for name in TAUGHT[1:])


def test_an_index_without_any_known_fiche_is_searched_all_the_same(assistant: Assistant, taught: Intents) -> None:
    strange = replace(taught, fiches=("a", "b", "c"))

    assert not any(signs.any() for signs in _signs(assistant, strange, "carte perdue").values())
    engine = replace(assistant.engine, classes=Classes.over(strange, assistant.catalogue.index))  # type: ignore[type-var]
    found = engine.interpret("j'ai perdu ma carte d'identité")
    assert found.candidates[0].fiche == "cni-perte"


def test_a_text_without_any_word_known_lights_its_own_rows_only() -> None:
    assert len(rows_of(())) == 1
    rows = rows_of(("carte", "perdu", "carte"))
    assert rows.tolist() == sorted(set(rows.tolist())) and rows.min() >= 0 and rows.max() < BUCKETS


def test_the_training_gives_twice_the_same_classifier_and_its_files_give_it_back(
    assistant: Assistant, taught: Intents, tmp_path: Path
) -> None:
    again = trainer.train([assistant.catalogue.fiches[name] for name in TAUGHT], (), default_lexicon())
    trainer.save(again, tmp_path)
    read = Intents.load(tmp_path)

    assert read.fiches == taught.fiches and read.scale == taught.scale
    assert (read.weights == taught.weights).all() and read.weights.dtype == np.int8
    assert read.bias == pytest.approx(taught.bias, abs=1e-4)
    asked = assistant.catalogue.index.read("carte d'identité perdue")
    assert np.ptp(read.ordered(asked) - taught.ordered(asked)) < 0.1


@pytest.mark.parametrize("damage", ["cut", "other", "text"])
def test_damaged_files_are_refused_by_name_and_not_served(stocked: Engine, tmp_path: Path, damage: str) -> None:
    for part in PARTS:
        shutil.copy(SHIPPED / part, tmp_path)
    table = tmp_path / "intents.npy"
    match damage:
        case "cut":
            table.write_bytes(table.read_bytes()[:1000])
        case "other":
            np.save(table, np.zeros((BUCKETS, 3), np.int8))
        case "text":
            (tmp_path / "intents.json").write_text("{", "utf-8")

    with pytest.raises(ModelsMissing, match="intents"):
        Intents.load(tmp_path)
    assert real_assistant(stocked).answer(Question("carte d'identité perdue")).sentences  # the shipped ones still serve
