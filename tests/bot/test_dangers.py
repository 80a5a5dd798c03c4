"""A danger is heard in languages that nothing here was taught, and nothing else is taken for one."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pytest

from bot.assistant import Assistant
from bot.engines.dangers import Dangers, shipped_dangers
from bot.messages import Nature, Question
from bot.training.natures import all_examples
from knowledge.parsing import parsed
from knowledge.wordforms import folded_words

MESSAGES = Path(__file__).parent.parent / "questions" / "dangers.jsonl"


def _number(dangers: Dangers, text: str) -> str | None:
    return dangers.number(text, folded_words(text))


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("Bà tôi bị đột quỵ rồi, tôi phải làm gì", "15"),
        ("baba im nuk po merr frymë", "15"),
        ("خواهرم نفس نمی‌کشد", "15"),
        ("پدرم نفس نمي‌كشد", "15"),
        ("je suis sourd, baba im nuk po merr frymë", "114"),
    ],
)
def test_a_danger_is_given_its_number_before_anything_else(assistant: Assistant, said: str, number: str) -> None:
    answer = assistant.answer(Question(said))

    assert answer.sentences[0].provenance.reference == f"emergency_{number}"
    assert answer.interpretation.nature is Nature.EMERGENCY
    assert answer.interpretation.emergency == number


def test_of_several_dangers_the_one_most_is_said_of_gives_the_number() -> None:
    dangers = Dangers.of({"xx": {"17": "zob mak", "15": "zob mak dur tel"}})
    assert _number(dangers, "bonjour zob mak") == "17"
    assert _number(dangers, "bonjour zob mak dur tel") == "15"
    assert _number(dangers, "bonjour zob") is None


def test_words_that_are_not_written_apart_are_heard_within_a_line() -> None:
    dangers = Dangers.of({"th": {"112": "ช่วยด้วย"}})
    assert _number(dangers, "สวัสดีช่วยด้วยครับ") == "112"
    assert _number(dangers, "สวัสดีครับ") is None


def test_each_expression_is_heard_as_it_is_written() -> None:
    """With any ending where it has one: none is lost in the reading of the list."""
    dangers = shipped_dangers()
    deaf = [said for said in _expressions() if _number(dangers, said.replace("*", "abc")) is None]
    assert deaf == []


@pytest.mark.parametrize(
    "asked",
    [
        "tôi muốn tìm tài liệu ở đường số 5",
        "chồng tôi đánh mất hộ chiếu",
        "tôi cần tư vấn từ từ về thẻ cư trú",
        "Davi se mudou para outra prefeitura",
    ],
)
def test_words_that_only_look_alike_without_their_accents_are_no_danger(asked: str) -> None:
    assert _number(shipped_dangers(), asked) is None


def test_nothing_that_is_calm_is_taken_for_a_danger_elsewhere(assistant: Assistant) -> None:
    dangers = shipped_dangers()
    calm = [text for fiche in assistant.catalogue.fiches.values() for texts in fiche.questions.values() for text in texts]
    calm += [example.text for example in all_examples() if not example.label.startswith(Nature.EMERGENCY)]

    assert [text for text in calm if _number(dangers, text)] == []


def test_messages_of_other_people_are_heard_and_their_calm_questions_are_not() -> None:
    """Measured for each language by `python -m bot evaluate --part natures`; here, that the list does not lose what it had."""
    dangers = shipped_dangers()
    rows = [json.loads(line) for line in MESSAGES.read_text("utf-8").splitlines()]
    told = [bool(_number(dangers, row["query"])) for row in rows if row.get("nature") == Nature.EMERGENCY]
    calm = [bool(_number(dangers, row["query"])) for row in rows if row.get("nature") != Nature.EMERGENCY]

    assert len({row["lang"] for row in rows}) >= 40
    assert sum(told) / len(told) >= 0.45
    assert sum(calm) / len(calm) <= 0.01


def _expressions() -> list[str]:
    lists = parsed(files("bot").joinpath("engines/dangers.yml").read_text("utf-8"))
    return [said.strip() for numbers in lists.values() for written in numbers.values() for said in written.split(",")]
