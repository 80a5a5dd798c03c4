"""Other systems, asked the same questions: bm25s, character n-grams with logistic regression, and what Rasa DIET answered.

bm25s and scikit-learn are of the extra `dev`; what is absent is said in the tables, and nothing fails.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.errors import BatchRefused
from bot.evaluation.figures import SEED
from bot.evaluation.questions import Asked
from bot.messages import Candidate
from knowledge.fiches import PublishedFiche
from knowledge.search import Sheet

MOST = 10
FEATURES = 30_000
"""Character n-grams that the logistic regression keeps, the most frequent ones."""
MEASURED: tuple[str, ...] = ("turns_per_second", "memory_mb", "p50_ms", "p99_ms")
DEV = "install requirements-dev.lock"
Search = Callable[[str], list[Candidate]]


@dataclass(frozen=True)
class Baseline:
    """A system that ranks fiches."""

    name: str
    search: Search | None = None
    """Ten candidates of a text, best first; None: it was asked elsewhere, or not at all."""
    recorded: Mapping[str, list[list[Candidate]]] | None = None
    """By set, the candidates of each question, in the order of its file."""
    missing: str = ""
    """Why it was not measured."""
    seconds_training: float | None = None
    measured: Mapping[str, float] | None = None
    """What was measured elsewhere: `turns_per_second`, `memory_mb`, `p50_ms`, `p99_ms`."""

    def ranks(self, name: str, asked: Sequence[Asked]) -> list[int | None] | None:
        """Position of the first right candidate of each question, from 1; None when this set was not asked.

        Raises:
            BatchRefused: the recorded answers are not those of this set.
        """
        if self.search is not None:
            if any(len(one.turns) > 1 for one in asked):
                return None  # these systems read one message at a time
            return [_rank(self.search(one.text), one) for one in asked]
        if self.recorded is None or name not in self.recorded:
            return None
        if len(self.recorded[name]) != len(asked):
            raise BatchRefused(f"{self.name} a répondu à {len(self.recorded[name])} questions de « {name} », qui en a {len(asked)}.")
        return [_rank(found, one) for found, one in zip(self.recorded[name], asked, strict=True)]


def _rank(found: Sequence[Candidate], asked: Asked) -> int | None:
    return next((place for place, candidate in enumerate(found[:MOST], start=1) if asked.is_right(candidate)), None)


def bm25s(fiches: Sequence[PublishedFiche], sheets: Sequence[Sheet]) -> Baseline:
    """bm25s with its French stop words and the Snowball stemmer, over each fiche with its phrasings and sheets, and each other sheet."""
    try:
        import bm25s
        import Stemmer
    except ImportError:
        return Baseline("bm25s", missing=DEV)
    logging.getLogger("bm25s").setLevel(logging.WARNING)
    started = time.perf_counter()
    stemmer = Stemmer.Stemmer("french")
    by_id = {sheet.id: _whole(sheet) for sheet in sheets}
    covered = {number for fiche in fiches for number in fiche.service_public}
    alone = [sheet for sheet in sheets if sheet.id not in covered]
    candidates = [_candidate(fiche) for fiche in fiches] + [Candidate(None, (sheet.id,), sheet.url, 0.0) for sheet in alone]
    texts = [
        " ".join(
            (
                fiche.title,
                fiche.court,
                fiche.detail,
                *fiche.steps,
                *(text for texts in fiche.questions.values() for text in texts),
                *(by_id.get(number, "") for number in fiche.service_public),
            )
        )
        for fiche in fiches
    ] + [by_id[sheet.id] for sheet in alone]
    retriever = bm25s.BM25()
    retriever.index(bm25s.tokenize(texts, stopwords="fr", stemmer=stemmer, show_progress=False), show_progress=False)

    def search(text: str) -> list[Candidate]:
        tokens = bm25s.tokenize([text], stopwords="fr", stemmer=stemmer, show_progress=False)
        numbers, _ = retriever.retrieve(tokens, k=min(MOST, len(texts)), show_progress=False)
        return [candidates[int(number)] for number in numbers[0]]

    return Baseline("bm25s", search, seconds_training=time.perf_counter() - started)


def character_regression(fiches: Sequence[PublishedFiche], asked: Sequence[Asked] = ()) -> Baseline:
    """Logistic regression over TF-IDF of character 2- to 5-grams, one class a fiche against the others, learned from its phrasings.

    By stochastic descent: as right as L-BFGS on phrasings set apart (.34 and .33 first, 480 fiches), in a third of the time.

    Args:
        asked: questions of people that teach it too, as they teach our classifier of intents; each fiche that answers one is taught it.
    """
    name = "n-grams + LR"
    try:
        import numpy as np
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import SGDClassifier
    except ImportError:
        return Baseline(name, missing=DEV)
    started = time.perf_counter()
    labelled = [
        (text, number) for number, fiche in enumerate(fiches) for texts in fiche.questions.values() for text in (fiche.title, *texts)
    ]
    candidates = [_candidate(fiche) for fiche in fiches]
    labelled += [(one.text, number) for one in asked for number, candidate in enumerate(candidates) if one.is_right(candidate)]
    vectorizer = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(2, 5), strip_accents="unicode", max_features=FEATURES, sublinear_tf=True, dtype=np.float32
    )
    matrix = vectorizer.fit_transform([text for text, _ in labelled])
    model = SGDClassifier(loss="log_loss", alpha=1e-5, max_iter=8, tol=None, random_state=SEED)
    model.fit(matrix, [number for _, number in labelled])

    def search(text: str) -> list[Candidate]:
        scores = model.decision_function(vectorizer.transform([text]))[0]
        return [candidates[int(model.classes_[number])] for number in np.argsort(-scores)[:MOST]]

    return Baseline(name, search, seconds_training=time.perf_counter() - started)


def recorded(path: Path | None, fiches: Sequence[PublishedFiche]) -> Baseline:
    """What another system answered elsewhere: the file written by `python -m bot rasa measure`.

    Shape: `{"system", "version", "seconds_training", "turns_per_second", "memory_mb", "p50_ms", "p99_ms",
    "answers": {set: [[fiche, …], …]}}`, in the order of the files, ten fiches at most each, best first.

    Raises:
        BatchRefused: the file is not of that shape.
    """
    if path is None:
        return Baseline("Rasa DIET", missing="give its answers with --rasa FILE")
    by_id = {fiche.id: _candidate(fiche) for fiche in fiches}
    try:
        stored: dict[str, Any] = json.loads(path.read_text("utf-8"))
        answers = {
            str(name): [[by_id[fiche] for fiche in found if fiche in by_id] for found in rows] for name, rows in stored["answers"].items()
        }
        measured = {key: float(stored[key]) for key in MEASURED if key in stored}
        name = f"{stored['system']} {stored.get('version', '')}".strip()
        return Baseline(name, recorded=answers, seconds_training=float(stored["seconds_training"]), measured=measured)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BatchRefused(f"{path.name} ne se lit pas ({error}). Attendu : le fichier de « python -m bot rasa measure ».") from error


def _candidate(fiche: PublishedFiche) -> Candidate:
    return Candidate(fiche.id, fiche.service_public, "", 0.0)


def _whole(sheet: Sheet) -> str:
    return " ".join((sheet.title, sheet.introduction, *(text for section in sheet.sections for text in section)))
