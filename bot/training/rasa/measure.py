"""Rasa DIET put to the same questions as ours, on the same machine, through its real server: what `evaluate` compares with."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bot.catalogue import Catalogue
from bot.engines.rasa import RasaDoor
from bot.evaluation import questions
from bot.training.rasa.project import Classifier, Project, write
from bot.training.rasa.server import RasaServer, train

VERSION = "3.6.21"
MOST = 10
"""Fiches kept of each answer."""
ASK_SECONDS = 30.0
NAMES = {Classifier.DIET: "Rasa DIET", Classifier.OURS: "Rasa, classifieur d'Accueil"}


@dataclass(frozen=True)
class Trained:
    """A model of a project folder, and how long it took: kept beside it, so that questions can be asked again without training."""

    model: Path
    seconds: float

    @classmethod
    def of(cls, folder: Path, name: str, digest: str) -> Trained | None:
        """The model `name` of a folder if it is of this knowledge; None otherwise."""
        stored = folder / "models" / f"{name}.json"
        if not stored.is_file():
            return None
        row = json.loads(stored.read_text("utf-8"))
        return cls(folder / "models" / f"{name}.tar.gz", row["seconds"]) if row["digest"] == digest else None


def prepared(catalogue: Catalogue, content: Path, folder: Path, project: Project, python: Path, tell: Callable[[str], None]) -> Trained:
    """The model to measure: trained now, or before in the same folder from the same contents.

    Raises:
        RasaRefused: the training failed.
    """
    name = f"{project.classifier.value}-{project.epochs}"
    digest = catalogue.index.digest
    found = Trained.of(folder, name, digest)
    if found:
        return found
    examples = write(catalogue, content, folder, project)
    tell(f"Entraînement de Rasa sur {examples} exemples ({project.classifier.value}, {project.epochs} passages au plus)…")
    trained = train(folder, python, name)
    seconds = round(trained.seconds, 1)
    kept = trained.model.with_name(f"{name}.json")
    kept.write_text(json.dumps({"seconds": seconds, "digest": digest}) + "\n", "utf-8")
    return Trained(trained.model, seconds)


def sets(catalogue: Catalogue, own: Path, development: Path | None) -> Mapping[str, Sequence[str]]:
    """The texts of every set, in the order of its file; `phrasings` are those that nothing learned from.

    Raises:
        PartMissing, BatchRefused: as `bot.evaluation.questions`.
    """
    found = {**questions.own(own), **(questions.development(development) if development else {})}
    texts = {name: [one.text for one in asked] for name, asked in found.items()}
    return {**texts, "phrasings": [one.text for one in questions.phrasings(tuple(catalogue.fiches.values()))]}


def measure(folder: Path, trained: Trained, classifier: Classifier, python: Path, asked: Mapping[str, Iterable[str]]) -> dict[str, Any]:
    """Start the server and put every question to it, one at a time.

    Returns:
        the shape that `bot.evaluation.baselines.recorded` reads; times in seconds and milliseconds, memory in megabytes.

    Raises:
        RasaRefused, EngineUnavailable: the server does not start, or stops answering.
    """
    answers: dict[str, list[list[str]]] = {}
    times: list[float] = []
    with RasaServer(folder, python, trained.model, "mesure-sur-cette-machine") as server:
        door = RasaDoor(server.url, server.token, ASK_SECONDS)
        for _ in range(5):
            door.parse("bonjour")  # the first ones build TensorFlow's graph
        for name, texts in asked.items():
            answers[name] = []
            for text in texts:
                started = time.perf_counter()
                heard = door.parse(text)
                times.append(time.perf_counter() - started)
                answers[name].append([one.name for one in heard.intent_ranking[:MOST] if one.name])
        memory = server.memory_mb
    milliseconds = np.array(times) * 1000
    return {
        "system": NAMES[classifier],
        "version": VERSION,
        "seconds_training": trained.seconds,
        "turns_per_second": round(len(times) / sum(times), 1),
        "memory_mb": round(memory, 1),
        "p50_ms": round(float(np.percentile(milliseconds, 50)), 2),
        "p99_ms": round(float(np.percentile(milliseconds, 99)), 2),
        "answers": answers,
    }
