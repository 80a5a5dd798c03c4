"""What the title of each subject shares with a question is found for all of them at once, as it would be one by one."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from knowledge.search import Subject
from knowledge.titles import Titles
from knowledge.wordforms import CONCEPT

TERMS = ["carte", "perdu", "permis", f"{CONCEPT}perte", f"{CONCEPT}mineur"]
WEIGHTS = dict(zip(TERMS, (1.0, 2.5, 3.0, 0.5, 4.0), strict=True))


def _subject(fiche: str | None, terms: Sequence[str], share: float) -> Subject:
    return Subject(fiche, (), "", "", title_terms=tuple(terms), concepts={f"{CONCEPT}perte": share})


def _one_by_one(subject: Subject, asked: set[str]) -> tuple[float, float, float, float]:
    concepts = [term for term in subject.title_terms if term.startswith(CONCEPT)]
    left = [1 - 0.5 * subject.concepts.get(term, 0.0) * bool(subject.fiche) for term in concepts if term not in asked]
    found = sum(WEIGHTS[term] for term in subject.title_terms if term in asked)
    return sum(term in asked for term in concepts), sum(left), sum(WEIGHTS[term] for term in subject.title_terms), found


SUBJECTS = st.lists(
    st.builds(_subject, st.sampled_from([None, "cni-perte"]), st.lists(st.sampled_from(TERMS)), st.floats(0, 1)), min_size=1
)


@given(subjects=SUBJECTS, asked=st.sets(st.sampled_from([*TERMS, "inconnu"])), chance=st.randoms(use_true_random=False))
def test_all_titles_are_compared_as_each_would_be(subjects: list[Subject], asked: set[str], chance: Random) -> None:
    chosen = np.array(chance.sample(range(len(subjects)), len(subjects) // 2 + 1))
    shared = Titles(subjects, WEIGHTS.__getitem__).shared(chosen, asked)

    assert shared.shape == (len(chosen), 4)
    np.testing.assert_allclose(shared, [_one_by_one(subjects[number], asked) for number in chosen])


def test_no_subject_chosen_shares_nothing() -> None:
    assert Titles([_subject(None, TERMS, 0.5)], WEIGHTS.__getitem__).shared(np.zeros(0, np.int64), TERMS).shape == (0, 4)


@given(subjects=SUBJECTS, asked=st.sets(st.sampled_from([*TERMS, f"{CONCEPT}inconnu"])))
def test_a_concept_is_named_by_the_share_that_the_subject_says(subjects: list[Subject], asked: set[str]) -> None:
    named = Titles(subjects, WEIGHTS.__getitem__).naming(np.arange(len(subjects)), asked)

    assert named.tolist() == [[subject.concepts.get(concept, 0.0) for concept in asked] for subject in subjects]
