"""The search: its formulas are those of the textbooks, its stored form is the built one, and a damaged index is never read."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.building import build
from knowledge.errors import IndexMissing
from knowledge.fiches import PublishedFiche
from knowledge.postings import Postings, bm25, cosine
from knowledge.search import FIELDS, Index, Sheet
from knowledge.wordforms import Lexicon, default_lexicon

WORDS = st.sampled_from("carte permis perdu vol prix mairie titre séjour rendez vous".split())
DOCUMENTS = st.lists(st.tuples(st.integers(0, 4), st.lists(WORDS, min_size=1, max_size=8)), min_size=1, max_size=12).map(
    lambda rows: sorted(rows, key=lambda row: row[0])
)
QUESTION = st.dictionaries(WORDS | st.just("inconnu"), st.floats(0.5, 3.0, width=32), min_size=1, max_size=5)
SUBJECTS = 5


def a_published(identifier: str, title: str, questions: Sequence[str], *, court: str = "", sheets: tuple[str, ...] = ()) -> PublishedFiche:
    return PublishedFiche(
        id=identifier,
        number=1,
        title=title,
        theme="identite",
        topics=("T22",),
        audience=("particulier",),
        service="citoyennete",
        competent=None,
        contrast=None,
        related=(),
        service_public=sheets,
        sources=(),
        procedure=None,
        help=(),
        checked_on=date(2026, 11, 20),
        review_by=date(2027, 2, 20),
        certainty="B",
        questions={"fr": tuple(questions)},
        court=court or title,
        detail="",
        steps=(),
        translations={},
    )


FICHES = (
    a_published(
        "cni-perte",
        "Carte d'identité perdue",
        ("carte d'identité égarée que faire", "refaire une carte d'identité perdue", "plus de carte d'identité, je l'ai perdue"),
        sheets=("F1344",),
    ),
    a_published(
        "permis-perdu",
        "Permis de conduire perdu",
        ("duplicata du permis de conduire perdu", "permis de conduire égaré que faire", "refaire mon permis de conduire perdu"),
    ),
    a_published(
        "carte-grise-cession",
        "Vendre son véhicule",
        ("vendre une voiture carte grise", "carte grise barrée pour la vente du véhicule", "déclarer la vente du véhicule"),
    ),
)
SHEETS = (
    Sheet(
        "F1344", "Perte de la carte d'identité", "Papiers > Identité", "Déclarez la perte.", (("Où", "En mairie."),), "https://a/F1344", ""
    ),
    Sheet(
        "F2000", "Chasse : permis de chasser", "Loisirs > Chasse", "Il faut un examen.", (("Coût", "Un timbre."),), "https://a/F2000", ""
    ),
)


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return default_lexicon()


@pytest.fixture(scope="module")
def index(lexicon: Lexicon) -> Index:
    """The index of `FICHES` and `SHEETS`: three fiches, one of which covers one of the two sheets."""
    return build(FICHES, SHEETS, lexicon, "un état")


def _best(scores: Mapping[int, float]) -> list[float]:
    return [scores.get(subject, 0.0) for subject in range(SUBJECTS)]


# --- Formulas ------------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(DOCUMENTS, QUESTION)
def test_scores_are_those_of_bm25_computed_naively(documents: list[tuple[int, list[str]]], question: dict[str, float]) -> None:
    k1, b = 1.2, 0.6
    average = sum(len(words) for _, words in documents) / len(documents)
    best: dict[int, float] = {}
    for owner, words in documents:
        total = 0.0
        for term, weight in question.items():
            frequency = sum(term in others for _, others in documents)
            idf = math.log(1 + (len(documents) - frequency + 0.5) / (frequency + 0.5))
            count = words.count(term)
            total += weight * idf * count * (k1 + 1) / (count + k1 * (1 - b + b * len(words) / average))
        best[owner] = max(best.get(owner, 0.0), total)

    assert bm25(documents, SUBJECTS).score(question) == pytest.approx(_best(best), rel=1e-4, abs=1e-5)


@settings(deadline=None)
@given(DOCUMENTS, QUESTION)
def test_scores_are_cosines_computed_naively(documents: list[tuple[int, list[str]]], question: dict[str, float]) -> None:
    known = {term for _, words in documents for term in words}
    idf = {term: math.log((len(documents) + 1) / (sum(term in words for _, words in documents) + 0.5)) for term in known}
    rarest = max(idf.values())
    asked = {term: weight * idf.get(term, rarest) for term, weight in question.items()}
    cosines = []
    for _, words in documents:
        vector = {term: math.sqrt(count) * idf[term] for term, count in Counter(words).items()}
        product = sum(vector.get(term, 0.0) * weight for term, weight in asked.items())
        norms = max(math.sqrt(sum(x * x for x in vector.values())), 1e-9) * max(math.sqrt(sum(x * x for x in asked.values())), 1e-9)
        cosines.append(product / norms)
    scores = cosine(documents, SUBJECTS).per_document(question, normalised=True)

    assert (scores is None) == (not known.intersection(question))
    if scores is not None:
        assert scores.tolist() == pytest.approx(cosines, rel=1e-3, abs=1e-4)


def test_a_question_without_a_known_word_scores_nothing() -> None:
    lists = bm25([(0, ["carte"])], 2)

    assert lists.score({"inconnu": 1.0}).tolist() == [0.0, 0.0]
    assert lists.score({}).tolist() == [0.0, 0.0]


def test_lists_without_any_document_score_nothing() -> None:
    assert bm25([], 3).score({"carte": 1.0}).tolist() == [0.0, 0.0, 0.0]
    assert cosine([], 3).per_document({"carte": 1.0}, normalised=True) is None


# --- Ranking -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fiche", FICHES, ids=lambda fiche: fiche.id)
def test_each_phrasing_kept_out_of_the_index_still_finds_its_fiche(fiche: PublishedFiche, lexicon: Lexicon) -> None:
    for question in fiche.questions["fr"]:
        others = tuple(one for one in fiche.questions["fr"] if one != question)
        known = [a_published(one.id, one.title, others if one is fiche else one.questions["fr"]) for one in FICHES]
        index = build(known, (), lexicon)

        evidence = index.evidence(index.read(question))
        votes = Counter(int(np.argmax(getattr(evidence, name))) for name in FIELDS)

        assert index.subjects[votes.most_common(1)[0][0]].fiche == fiche.id, question


def test_a_sheet_that_a_fiche_covers_strengthens_it_instead_of_standing_apart(index: Index) -> None:
    assert [subject.fiche for subject in index.subjects] == ["cni-perte", "permis-perdu", "carte-grise-cession", None]
    assert index.subjects[3].service_public == ("F2000",)
    assert index.evidence(index.read("perte en mairie")).body.argmax() == 0


def test_progress_is_told_to_the_end(lexicon: Lexicon) -> None:
    told: list[tuple[int, int]] = []
    build(FICHES, SHEETS, lexicon, progress=lambda done, total: told.append((done, total)))

    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


# --- Stored --------------------------------------------------------------------------------------------------------------


def test_a_stored_index_answers_exactly_as_the_built_one(index: Index, lexicon: Lexicon, tmp_path: Path) -> None:
    index.save(tmp_path / "index")
    opened = Index.open(tmp_path / "index", lexicon, "un état")

    assert opened.subjects == index.subjects
    for question in ("carte d'identité perdue", "permi de conduir perdu", "chasse timbre", "mairie", ""):
        assert opened.read(question) == index.read(question)
        built, stored = index.evidence(index.read(question)), opened.evidence(opened.read(question))
        for name in FIELDS:
            np.testing.assert_array_equal(getattr(built, name), getattr(stored, name))


def test_saving_replaces_the_former_index_and_leaves_nothing_else(index: Index, lexicon: Lexicon, tmp_path: Path) -> None:
    index.save(tmp_path / "index")
    build(FICHES[:1], (), lexicon, "un autre état").save(tmp_path / "index")

    assert Index.open(tmp_path / "index", lexicon, "un autre état").by_fiche == {"cni-perte": 0}
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_an_index_of_another_state_is_refused_with_what_to_do(index: Index, lexicon: Lexicon, tmp_path: Path) -> None:
    index.save(tmp_path / "index")

    with pytest.raises(IndexMissing, match=r"ne correspond plus aux contenus. Lancez : python -m knowledge index"):
        Index.open(tmp_path / "index", lexicon, "un état à venir")


def test_an_absent_index_is_refused_with_what_to_do(lexicon: Lexicon, tmp_path: Path) -> None:
    with pytest.raises(IndexMissing, match=r"absent ou abîmé .* Lancez : python -m knowledge index"):
        Index.open(tmp_path / "nulle part", lexicon)


def test_an_index_cut_anywhere_is_never_read(index: Index, lexicon: Lexicon, tmp_path: Path) -> None:
    folder = tmp_path / "index"
    index.save(folder)
    for file in sorted(folder.iterdir()):
        whole = file.read_bytes()
        for kept in (None, 0, len(whole) // 2, len(whole) - 1):
            if kept is None:
                file.unlink()
            else:
                file.write_bytes(whole[:kept])
            with pytest.raises(IndexMissing):
                Index.open(folder, lexicon)
            file.write_bytes(whole)

    assert Index.open(folder, lexicon).digest == "un état"


class _PowerCut(Exception):
    pass


def test_an_interrupted_writing_leaves_the_former_index_in_place(
    index: Index, lexicon: Lexicon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "index"
    index.save(folder)
    written: list[str] = []

    def interrupted(lists: Postings, to: Path, name: str) -> None:
        written.append(name)
        if len(written) == 3:
            raise _PowerCut
        save(lists, to, name)

    save = Postings.save
    monkeypatch.setattr(Postings, "save", interrupted)
    with pytest.raises(_PowerCut):
        build(FICHES[:1], (), lexicon, "un autre état").save(folder)

    assert Index.open(folder, lexicon).digest == "un état"


def test_readers_and_writers_at_the_same_time_see_whole_indexes(index: Index, lexicon: Lexicon, tmp_path: Path) -> None:
    folder = tmp_path / "index"
    states = {"un état": index, "petit": build(FICHES[:1], (), lexicon, "petit")}
    index.save(folder)
    failures: list[BaseException] = []
    seen_enough = threading.Event()

    def write(state: Index) -> None:
        try:
            for _ in range(500):
                state.save(folder)
                if seen_enough.is_set():
                    return
        except BaseException as error:
            failures.append(error)

    writers = [threading.Thread(target=write, args=(state,)) for state in states.values()]
    for writer in writers:
        writer.start()
    seen = 0
    while any(writer.is_alive() for writer in writers):
        try:
            opened = Index.open(folder, lexicon)
        except IndexMissing:
            continue  # between two renames: a reader builds its own
        seen += 1
        if seen >= 15:
            seen_enough.set()
        expected = states[opened.digest]
        assert opened.subjects == expected.subjects
        assert len(opened.body.owners) == len(expected.body.owners)
        assert opened.body.vocabulary == expected.body.vocabulary
    for writer in writers:
        writer.join()

    assert failures == []
    assert seen >= 15
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


# --- Of the database -----------------------------------------------------------------------------------------------------


@cache
def _small_index() -> Index:
    return build(FICHES, SHEETS, default_lexicon())


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=80))
def test_any_text_can_be_put_to_the_index(text: str) -> None:
    index = _small_index()
    evidence = index.evidence(index.read(text))

    for name in FIELDS:
        scores = getattr(evidence, name)
        assert scores.shape == (len(index.subjects),)
        assert np.isfinite(scores).all()
