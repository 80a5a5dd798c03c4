"""Ways of asking that a person attached to a fiche after reading real questions. They help to find it, and are never said to anybody.

They live beside the content files, which they survive: loading a content folder keeps them. Each one can be taken back.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from knowledge import models
from knowledge.clock import Clock, now
from knowledge.errors import PhrasingRefused
from knowledge.learned_models import ConfirmedAnswer, LearnedPhrasing
from knowledge.wordforms import clean, folded_words

LONGEST = 400
"""Characters: a phrasing is one question, not a mail."""


def attach(
    session: Session, fiche: str, text: str, language: str, author: str, exchange: int | None = None, clock: Clock = now
) -> LearnedPhrasing:
    """Add a way of asking to a fiche. Announce a release afterwards (`loading.announce`): the servers then learn it.

    Args:
        text: already redacted.
        exchange: the exchange of the journal it was taken from.

    Raises:
        PhrasingRefused: it is empty, too long, or attached already, to this fiche or to another; or no such fiche is published.
    """
    wording = " ".join(clean(text).split())
    if not folded_words(wording):
        raise PhrasingRefused("Cette formulation est vide. Écrivez la question telle qu'une personne la pose.")
    if len(wording) > LONGEST:
        raise PhrasingRefused(
            f"Cette formulation est trop longue ({len(wording)} caractères). Gardez la question seule : {LONGEST} au plus."
        )
    if not _is_published(session, fiche):
        raise PhrasingRefused(
            f'Aucune fiche publiée ne s\'appelle « {fiche} ». Cherchez son nom : python -m bot ask "la question" --explain'
        )
    same = next((row for row in session.scalars(_current()) if folded_words(row.text) == folded_words(wording)), None)
    if same is not None:
        remedy = f"Pour la déplacer : python -m bot attach --withdraw {same.id}"
        raise PhrasingRefused(f"Cette formulation est déjà rattachée à la fiche « {same.fiche_id} » (n° {same.id}). {remedy}")
    row = LearnedPhrasing(
        fiche_id=fiche, language=language, text=wording, exchange_id=exchange, author=author, added_at=clock(), withdrawn_at=None
    )
    session.add(row)
    session.flush()
    return row


def withdraw(session: Session, number: int, author: str, clock: Clock = now) -> LearnedPhrasing:
    """Take a phrasing back; its row stays, and says who did it.

    Raises:
        PhrasingRefused: there is no such phrasing, or it was taken back already.
    """
    row = session.get(LearnedPhrasing, number)
    if row is None or not take_back(session, row, author, clock):
        raise PhrasingRefused(f"Aucune formulation rattachée ne porte le n° {number}. La liste : python -m bot attach --list")
    return row


def take_back(session: Session, row: LearnedPhrasing | ConfirmedAnswer, author: str, clock: Clock = now) -> bool:
    """Write once who took a row back, and when; whether it still counted."""
    counted = row.withdrawn_at is None
    if counted:
        row.withdrawn_at, row.withdrawn_by = clock(), author
        session.flush()
    return counted


def attached(session: Session) -> tuple[LearnedPhrasing, ...]:
    """The phrasings that count today, oldest first."""
    return tuple(session.scalars(_current()))


def by_fiche(session: Session) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """The texts of `attached`, by fiche and language."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for row in session.scalars(_current()):
        texts = found.setdefault(row.fiche_id, {})
        texts[row.language] = (*texts.get(row.language, ()), row.text)
    return found


def _current() -> Select[LearnedPhrasing]:
    return select(LearnedPhrasing).where(LearnedPhrasing.withdrawn_at.is_(None)).order_by(LearnedPhrasing.id)


def _is_published(session: Session, fiche: str) -> bool:
    version = models.FicheVersion
    wanted = select(version.id).where(version.fiche_id == fiche, version.status == "published", version.replaced_at.is_(None))
    return session.scalar(wanted) is not None
