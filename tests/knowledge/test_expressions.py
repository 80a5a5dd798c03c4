"""Several words that say one are read as that one, before what belongs to somebody only."""

from __future__ import annotations

from pathlib import Path

import pytest

from knowledge import wishes
from knowledge.expressions import Expressions
from knowledge.wordforms import CONCEPT, Lexicon
from tests.conftest import CONTENT

LOSS = f"{CONCEPT}perte"


@pytest.fixture(scope="module")
def shipped() -> Lexicon:
    return Lexicon.load(CONTENT)


@pytest.mark.parametrize(
    "written",
    [
        "je ne retrouve plus ma carte d'identité",
        "jretrouve pas mon passeport",
        "Je n'arrive pas à retrouver mon permis",
        "impossible de retrouver ma carte grise",
        "je sais plus où j'ai mis mon titre de séjour",
        "on ne trouve plus nos passeports",
    ],
)
def test_what_cannot_be_found_any_more_is_lost_and_not_found(shipped: Lexicon, written: str) -> None:
    reading = shipped.read(written)

    assert LOSS in reading.concepts and "perdu" in reading.words
    assert "perdu" in reading.text and "trouve" not in reading.text  # what the encoder reads


@pytest.mark.parametrize(
    "written", ["je ne trouve plus de rendez-vous", "j'ai retrouvé ma carte d'identité", "je trouve que mon permis est long"]
)
def test_other_finds_stay_as_they_are_written(shipped: Lexicon, written: str) -> None:
    reading = shipped.read(written)

    assert "perdu" not in reading.words
    assert reading.text == written


def test_an_expression_is_plain_text_and_several_are_replaced() -> None:
    expressions = Expressions({"perdu": ("trouve plus",), "abime": ("tombe en morceaux",)})

    assert (
        expressions.plain("je trouve plus mon permis et tombe en morceaux ma carte".split())
        == "je perdu mon permis et abime ma carte".split()
    )
    assert expressions.plain("je trouve plus un permis".split()) is None
    assert Expressions({}).plain([]) is None


def test_a_content_folder_without_expressions_or_wishes_has_none(tmp_path: Path) -> None:
    assert Expressions.load(tmp_path).sayings == {}
    assert wishes.load(tmp_path) == ()
