"""A person approves what may be quoted. Signed, journaled, and never on text that is old, withdrawn or suspicious without a clear order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from knowledge.clock import Clock, now, today
from knowledge.errors import SourceRefused
from knowledge.loading import one_at_a_time
from knowledge.models import Page
from knowledge.settings import settings
from knowledge.sources.pages import HIDDEN, Status, announce, note


@dataclass(frozen=True)
class Approval:
    """What an order to approve, or to suspend, did."""

    done: tuple[str, ...]
    already: int
    refused: tuple[tuple[str, str], ...]
    """Identifier and reason."""
    release: int | None


def approve(
    session: Session, by: str, *, origin: str | None = None, ids: Sequence[str] = (), force_old: bool = False, clock: Clock = now
) -> Approval:
    """Allow pages to be quoted: all the proposals of an origin, or the pages named.

    Approving a whole origin leaves out pages with hidden text: they are approved one by one, after reading.

    Raises:
        SourceRefused: nobody signs, or nothing matches.
    """
    rows = _chosen(session, by, origin, ids)
    day = today(clock)
    done, refused = [], []
    pending = [row for row in rows if row.status != Status.APPROVED]
    for row in pending:
        reason = _objection(row, day, force_old=force_old, named=bool(ids))
        if reason:
            refused.append((row.external_id, reason))
        else:
            row.status = Status.APPROVED
            done.append(row.external_id)
    detail = {"by": by, "origin": origin, "force_old": force_old}
    release = _record(session, "pages-approved", f"{len(done)} page(s) approuvée(s) par {by}", detail, rows, done, clock)
    return Approval(tuple(done), len(rows) - len(pending), tuple(refused), release)


def suspend(session: Session, by: str, *, origin: str | None = None, ids: Sequence[str] = (), clock: Clock = now) -> Approval:
    """Stop quoting pages that were approved; they become proposals again.

    Raises:
        SourceRefused: nobody signs, or nothing matches.
    """
    rows = _chosen(session, by, origin, ids)
    approved = [row for row in rows if row.status == Status.APPROVED]
    for row in approved:
        row.status = Status.PROPOSED
    done = [row.external_id for row in approved]
    detail = {"by": by, "origin": origin}
    release = _record(session, "pages-suspended", f"{len(done)} page(s) suspendue(s) par {by}", detail, rows, done, clock)
    return Approval(tuple(done), len(rows) - len(approved), (), release)


def too_old(updated_on: date | None, day: date) -> bool:
    """Whether a page says nothing sure of `day`: too old, or without a date."""
    return updated_on is None or (day - updated_on).days > settings().page_age_days


def _chosen(session: Session, by: str, origin: str | None, ids: Sequence[str]) -> list[Page]:
    if not by.strip():
        raise SourceRefused("Une approbation est signée : donnez un nom avec --by.")
    one_at_a_time(session)
    query = select(Page).order_by(Page.origin, Page.external_id)
    if origin:
        query = query.where(Page.origin == origin)
    if ids:
        query = query.where(Page.external_id.in_(ids))
    rows = list(session.scalars(query))
    unknown = sorted(set(ids) - {row.external_id for row in rows})
    if unknown:
        raise SourceRefused(f"Page inconnue : {', '.join(unknown)}. « fetch report » et « fetch show » disent ce qui est là.")
    if not rows:
        raise SourceRefused(f"Aucune page de « {origin} ». Lisez d'abord cette source avec « fetch ».")
    return rows


def _objection(row: Page, day: date, *, force_old: bool, named: bool) -> str | None:
    if row.status == Status.WITHDRAWN:
        return "n'est plus à son adresse"
    if row.validators.get(HIDDEN) and not named:
        return "contient du texte caché : à lire puis à approuver par son identifiant"
    if too_old(row.updated_on, day) and not force_old:
        told = f"date du {row.updated_on:%d/%m/%Y}" if row.updated_on else "n'a pas de date"
        return f"{told} (limite : {settings().page_age_days} jours ; --force-old pour passer outre)"
    return None


def _record(
    session: Session, kind: str, reason: str, detail: Mapping[str, object], rows: Sequence[Page], done: Sequence[str], clock: Clock
) -> int | None:
    """Journal and announce what was done; nothing when nothing was."""
    if not done:
        return None
    digests = {row.external_id: row.digest for row in rows}
    note(session, kind, {**detail, "pages": [[name, digests[name]] for name in done]}, clock)
    return announce(session, reason, clock)
