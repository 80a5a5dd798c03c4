"""What teaches and what only chooses the threshold; the threshold that a share of wrong answers allows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.assistant import Assistant
from bot.engines.shipped import PARTS
from bot.training import learning, natures
from bot.training.learning import MOST_WRONG, least_sure
from bot.training.ranking import Guide
from knowledge.wordforms import default_lexicon

FICHES = ("cni-perte", "cni-vol", "passeport-perte", "passeport-renouvellement", "permis-perte", "cg-perte-vol")
LOST_CARD = frozenset({"F1344"})


def test_no_wrong_answer_allows_any_threshold_and_wrong_ones_raise_it() -> None:
    right = [(0.9, True)] * 98
    assert least_sure(right, [0.1]) <= 0.9
    assert least_sure([*right, (0.95, False), (0.96, False)], [0.1]) > 0.95


@pytest.mark.parametrize("strangers", [[], [0.97, 0.5]])
def test_wrong_answers_above_the_threshold_stay_within_the_share(strangers: list[float]) -> None:
    covered = [(number / 500, number % 7 != 0) for number in range(500)]
    threshold = least_sure(covered, strangers)

    wrong = sum(not right for confidence, right in covered if confidence >= threshold) / len(covered) * 2 / 3
    wrong += sum(confidence >= threshold for confidence in strangers) / max(len(strangers), 1) / 3
    assert wrong <= MOST_WRONG


def test_a_question_that_judges_moves_the_threshold_and_teaches_nothing(
    assistant: Assistant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = {nature: texts[:25] for nature, texts in natures.examples().items()}
    monkeypatch.setattr(natures, "examples", lambda: some)
    fiches = [assistant.catalogue.fiches[name] for name in FICHES]
    asked = [Guide(text, LOST_CARD) for text in ("j'ai égaré ma carte d'identité", "plus de carte d'identité depuis hier, que faire")]
    wrongly = [Guide("carte grise perdue", LOST_CARD), Guide("mon permis a été perdu", LOST_CARD)]  # answered by something else
    folders = [tmp_path / name for name in ("without", "with")]
    for folder, judges in zip(folders, ([], wrongly), strict=True):
        folder.mkdir()
        learning.train(fiches, (), default_lexicon(), asked, judges, (), folder, lambda _said: None)

    taught = [part for part in PARTS if part not in ("conversation.json", "confidence.json")]
    assert all((folders[0] / part).read_bytes() == (folders[1] / part).read_bytes() for part in taught)
    without, judged = (json.loads((folder / "confidence.json").read_text("utf-8")) for folder in folders)
    assert without["thresholds"]["sure"] < judged["thresholds"]["sure"]
    del without["thresholds"], judged["thresholds"]
    assert without == judged
