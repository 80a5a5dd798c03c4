"""Rasa's own classifier, on a few fiches: it trains, it serves, it is measured, and it never makes us answer what we do not believe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.assistant import Assistant
from bot.evaluation import baselines
from bot.messages import NO_CONTEXT
from bot.policy import decide
from bot.training.rasa.measure import measure, prepared
from bot.training.rasa.project import Classifier, Project
from knowledge.settings import settings
from tests.contracts.rasa_side import a_few, embedded, rasa_engine, rasa_python, serving

pytestmark = [pytest.mark.rasa, pytest.mark.slow]

QUESTIONS = ("j'ai perdu ma carte d'identité", "on a volé ma carte d'identité", "changer l'adresse de ma carte grise", "bonjour")


def test_diet_is_trained_served_and_measured_and_what_it_alone_believes_is_asked_back(assistant: Assistant, tmp_path: Path) -> None:
    few = a_few(assistant)
    project = Project(Classifier.DIET, epochs=5)
    folder = tmp_path / "diet"
    trained = prepared(few, settings().content, folder, project, rasa_python(), lambda _: None)
    again = prepared(few, settings().content, folder, project, rasa_python(), lambda _: None)
    found = measure(folder, trained, project.classifier, rasa_python(), {"few": QUESTIONS})
    with serving(folder, trained.model) as server:
        other, own = rasa_engine(assistant, server.url), embedded(assistant)
        for text in QUESTIONS:
            ours = decide(own.interpret(text, NO_CONTEXT), assistant.thresholds)
            theirs = decide(other.interpret(text, NO_CONTEXT), assistant.thresholds)
            assert theirs.decision is not theirs.decision.REPLY or theirs.candidate == ours.candidate
        assert not other.breaker.open
    stored = tmp_path / "rasa.json"
    stored.write_text(json.dumps(found), "utf-8")

    assert again == trained
    assert [len(names) for names in found["answers"]["few"]] == [len(few.fiches)] * len(QUESTIONS)
    assert found["turns_per_second"] > 0
    assert found["memory_mb"] > 100
    assert baselines.recorded(stored, tuple(assistant.catalogue.fiches.values())).name == "Rasa DIET 3.6.21"
