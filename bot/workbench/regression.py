"""Answers that people confirmed, which no publication may lose in silence.

The set grows from the feedback of visitors ("did you get what you needed?" — yes, and nothing said against it) and from the team. Before a
publication is kept, each confirmed question is put to the version in service and to the one that would replace it: what the first answers
rightly and the second no longer does blocks the publication, which can go through only with a written reason.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sqlalchemy import Engine, Select, select
from sqlalchemy.orm import Session

from bot.assistant import Assistant
from bot.catalogue import Catalogue
from bot.errors import NothingToAnswerWith
from bot.learned import REASON
from bot.messages import Question, Reply
from bot.workbench.candidate import as_written
from bot.workbench.remembered import helped
from knowledge.clock import Clock, now
from knowledge.database import reading
from knowledge.errors import PhrasingRefused, PublicationBlocked
from knowledge.learned_models import ConfirmedAnswer
from knowledge.phrasings import take_back
from knowledge.wordforms import clean, folded_words

VISITOR = "usager"
MOST_WORDS = 30
"""Longer messages tell a story: they are not kept beyond the retention of the journal."""
MOST_ASKED = 1000
"""The newest confirmed answers that a publication is tried on: about five seconds."""
MOST_TOLD = 10
Step = Callable[[int, int], None]


@dataclass(frozen=True)
class Broken:
    """A confirmed question that would no longer get its fiche."""

    case: ConfirmedAnswer
    decision: str
    fiche: str | None
    """What answers it instead, if anything does."""

    def __str__(self) -> str:
        instead = f"répondu par « {self.fiche} »" if self.fiche else {"clarify": "précision demandée"}.get(self.decision, "plus de réponse")
        return f"n° {self.case.id} « {self.case.question} » : attendu « {self.case.fiche_id} », {instead}"


def confirm(session: Session, question: str, fiche: str, language: str, author: str, clock: Clock = now) -> ConfirmedAnswer:
    """Add a question that `fiche` must go on answering.

    Args:
        question: already redacted.

    Raises:
        PhrasingRefused: it is empty, or confirmed already.
    """
    wording = " ".join(clean(question).split())
    if not folded_words(wording):
        raise PhrasingRefused("Cette question est vide. Écrivez-la telle qu'une personne la pose.")
    known = next((row for row in session.scalars(_current()) if folded_words(row.question) == folded_words(wording)), None)
    if known is not None:
        raise PhrasingRefused(f"Cette question est déjà confirmée pour la fiche « {known.fiche_id} » (n° {known.id}).")
    row = ConfirmedAnswer(question=wording, language=language, fiche_id=fiche, author=author, added_at=clock(), withdrawn_at=None)
    session.add(row)
    session.flush()
    return row


def withdraw(session: Session, number: int, author: str, clock: Clock = now) -> ConfirmedAnswer:
    """Take a confirmed answer out of the set; its row stays.

    Raises:
        PhrasingRefused: there is no such answer, or it was taken out already.
    """
    row = session.get(ConfirmedAnswer, number)
    if row is None or not take_back(session, row, author, clock):
        raise PhrasingRefused(f"Aucune réponse confirmée ne porte le n° {number}. La liste : python -m bot regression --list")
    return row


def confirmed(session: Session) -> tuple[ConfirmedAnswer, ...]:
    """The set as it is today, newest first."""
    return tuple(session.scalars(_current().order_by(ConfirmedAnswer.id.desc())))


def grow(session: Session, clock: Clock = now) -> int:
    """Add the answers that visitors confirmed since the last time; how many were new.

    Kept: first turns answered by a fiche, short, without anything masked. A question said twice, or taken out before, is not added again.
    """
    rows = session.execute(select(ConfirmedAnswer.question, ConfirmedAnswer.exchange_id)).all()
    known = {tuple(folded_words(row.question)) for row in rows}
    taken = {row.exchange_id for row in rows}
    added = 0
    for remembered, fiche in helped(session):
        words = tuple(folded_words(remembered.question))
        if remembered.exchange in taken or words in known or not words or len(words) > MOST_WORDS or "[" in remembered.question:
            continue
        known.add(words)
        session.add(
            ConfirmedAnswer(
                question=remembered.question,
                language=remembered.language,
                fiche_id=fiche,
                exchange_id=remembered.exchange,
                author=VISITOR,
                added_at=clock(),
            )
        )
        added += 1
    session.flush()
    return added


def failing(assistant: Assistant, cases: Sequence[ConfirmedAnswer], step: Step = lambda _done, _total: None) -> tuple[Broken, ...]:
    """The cases whose fiche does not answer them."""
    found = []
    for number, case in enumerate(cases, start=1):
        answer = assistant.answer(Question(case.question))
        fiche = answer.fiche if isinstance(answer, Reply) else None
        if fiche != case.fiche_id:
            found.append(Broken(case, answer.decision.value, fiche))
        step(number, len(cases))
    return tuple(found)


def broken(
    before: Assistant, after: Assistant, cases: Sequence[ConfirmedAnswer], step: Step = lambda _done, _total: None
) -> tuple[Broken, ...]:
    """What `before` answers as confirmed and `after` no longer does."""
    lost = failing(after, cases, step)
    already = {missed.case.id for missed in failing(before, [missed.case for missed in lost])}
    return tuple(missed for missed in lost if missed.case.id not in already)


def gate(session: Session, day: date) -> None:
    """Refuse a publication that loses confirmed answers (`knowledge.gate`); `session` holds it, not yet kept.

    Raises:
        PublicationBlocked: says which answers would be lost.
    """
    cases = confirmed(session)[:MOST_ASKED]
    engine = session.get_bind()
    if not cases or not isinstance(engine, Engine):
        return
    try:
        with reading(engine) as kept:
            before = Assistant.over(Catalogue.load(kept, day))
    except NothingToAnswerWith:
        return  # the first publication loses nothing
    refuse_if_broken(broken(before, as_written(session, day, before), cases))


def verify(session: Session, catalogue: Catalogue, models: Path, despite: str | None = None) -> None:
    """Refuse newly learned models that lose confirmed answers, unless a reason is given: it is then kept beside them.

    Raises:
        PublicationBlocked: says which answers would be lost.
    """
    lost = broken(Assistant.over(catalogue), Assistant.over(catalogue, models=models), confirmed(session)[:MOST_ASKED])
    if lost and despite:
        (models / REASON).write_text("\n".join([despite, *map(str, lost)]) + "\n", "utf-8")
    else:
        refuse_if_broken(lost)


def refuse_if_broken(lost: Sequence[Broken]) -> None:
    """Raises PublicationBlocked, with the first of the answers lost."""
    if not lost:
        return
    shown = "\n".join(f"  {missed}" for missed in lost[:MOST_TOLD])
    more = f"\n  … et {len(lost) - MOST_TOLD} autres" if len(lost) > MOST_TOLD else ""
    raise PublicationBlocked(
        f"Publication arrêtée : {len(lost)} réponse(s) confirmée(s) seraient perdues. Rien n'a changé.\n{shown}{more}\n"
        "Corrigez le changement, ou retirez une réponse qui n'a plus lieu d'être (python -m bot regression --withdraw N), "
        "ou publiez en disant pourquoi (--despite MOTIF)."
    )


def _current() -> Select[ConfirmedAnswer]:
    return select(ConfirmedAnswer).where(ConfirmedAnswer.withdrawn_at.is_(None))
