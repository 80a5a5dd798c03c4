"""What needs a person among the official sources: old, dead, unclaimed, suspicious pages, and fiches to reread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from knowledge.clock import local
from knowledge.errors import SourceRefused
from knowledge.loading import current_versions
from knowledge.models import Page
from knowledge.settings import settings
from knowledge.sources import service_public
from knowledge.sources.approval import too_old
from knowledge.sources.pages import HIDDEN, Status

_WORDS = {Status.PROPOSED: "proposée", Status.APPROVED: "approuvée", Status.WITHDRAWN: "retirée"}


@dataclass(frozen=True)
class SourceLine:
    origin: str
    told: str
    """Counts by status and last reading, in French."""


@dataclass(frozen=True)
class Report:
    sources: tuple[SourceLine, ...]
    lists: tuple[tuple[str, tuple[str, ...]], ...]
    """Title and lines, in French; what is quoted today comes first in each."""


def compose(session: Session, day: date) -> Report:
    """The state of the official sources on `day`."""
    rows = list(session.scalars(select(Page).order_by(Page.origin, Page.external_id)))
    living = sorted((row for row in rows if row.status != Status.WITHDRAWN), key=lambda row: row.status != Status.APPROVED)
    old = sorted(
        (row for row in living if too_old(row.updated_on, day)), key=lambda row: (row.status != Status.APPROVED, row.updated_on or date.min)
    )
    dead = sorted((row for row in rows if row.status == Status.WITHDRAWN), key=lambda row: row.changed_at, reverse=True)
    return Report(
        tuple(_sources(session)),
        (
            ("Fiches de réponse à relire (leur source a changé depuis)", tuple(_to_reread(session, rows))),
            ("Pages disparues", tuple(f"{_name(row)} — depuis le {local(row.changed_at):%d/%m/%Y}" for row in dead)),
            (
                "Pages avec du texte caché",
                tuple(f"{_name(row)} — « {row.validators[HIDDEN]} »" for row in living if HIDDEN in row.validators),
            ),
            (
                f"Pages anciennes (plus de {settings().page_age_days} jours) ou sans date",
                tuple(f"{_name(row)} — {_age(row)}" for row in old),
            ),
            ("Pages dont aucun service ne répond", tuple(_name(row) for row in living if not row.service_id and _matters(row))),
        ),
    )


def page_text(session: Session, external_id: str) -> str:
    """A page as it would be quoted, to be read before it is approved.

    Raises:
        SourceRefused: no such page.
    """
    row = session.scalar(select(Page).where(Page.external_id == external_id))
    if row is None:
        raise SourceRefused(f"Page inconnue : {external_id}.")
    head = [row.title, row.breadcrumb, row.url, f"{_WORDS[Status(row.status)].capitalize()}, {_age(row)}"]
    if HIDDEN in row.validators:
        head.append(f"Texte caché, écarté : « {row.validators[HIDDEN]} »")
    body = [f"\n{section['title']}\n{section['text']}" if section["title"] else f"\n{section['text']}" for section in row.sections]
    return "\n".join([*head, *body])


def _sources(session: Session) -> Iterator[SourceLine]:
    query = (
        select(Page.origin, Page.status, func.count(), func.max(Page.fetched_at)).group_by(Page.origin, Page.status).order_by(Page.origin)
    )
    found = [(origin, status, count, seen) for origin, status, count, seen in session.execute(query)]
    for origin in dict.fromkeys(origin for origin, *_ in found):
        counts = {status: count for name, status, count, _ in found if name == origin}
        last = max(seen for name, *_, seen in found if name == origin)
        told = ", ".join(f"{counts[status]} {_WORDS[status]}(s)" for status in Status if status in counts)
        yield SourceLine(origin, f"{told} ; lue le {local(last):%d/%m/%Y à %Hh%M}")


def _to_reread(session: Session, rows: Sequence[Page]) -> Iterator[str]:
    """Served fiches whose national sheet changed after they were checked, left the feed, or was never in it."""
    sheets = {row.external_id: row for row in rows if row.origin == service_public.ORIGIN}
    if not sheets:
        return
    for version in current_versions(session).values():
        if version.status != "published":
            continue
        checked_on = date.fromisoformat(version.front["checked_on"])
        for name in version.front.get("service_public", ()):
            sheet = sheets.get(name)
            if sheet is None:
                yield f"{version.fiche_id} — {name} n'est pas dans le flux national"
            elif sheet.status == Status.WITHDRAWN:
                yield f"{version.fiche_id} — {name} « {sheet.title} » a été retirée du flux national"
            elif local(sheet.changed_at).date() > checked_on:
                yield f"{version.fiche_id} — {name} « {sheet.title} » a changé le {local(sheet.changed_at):%d/%m/%Y}"


def _matters(row: Page) -> bool:
    """A national sheet that is not quoted needs no service of ours."""
    return row.origin != service_public.ORIGIN or row.status == Status.APPROVED


def _name(row: Page) -> str:
    return f"{row.external_id} « {row.title} » ({_WORDS[Status(row.status)]})"


def _age(row: Page) -> str:
    return f"mise à jour le {row.updated_on:%d/%m/%Y}" if row.updated_on else "sans date"
