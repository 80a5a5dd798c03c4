"""Official pages as they are stored: proposed, approved by a person, withdrawn.

A page that is new or whose text changed is *proposed*: it is never quoted before someone approves this very text. A page that is no
longer at its address is *withdrawn*. Every change of what may be quoted is announced by a release, so that running servers follow.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, time
from enum import StrEnum

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from knowledge.clock import Clock, now
from knowledge.loading import one_at_a_time
from knowledge.models import JournalEvent, Page, Release

HIDDEN = "hidden_text"
"""Key of `Page.validators` under which the beginning of the hidden text of a page is kept, for the report."""


class Status(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Section:
    title: str
    """Path of headings: "Cas général > Pièces à fournir"; empty for the introduction."""
    text: str


@dataclass(frozen=True)
class OfficialPage:
    """What was read at one address."""

    external_id: str
    url: str
    title: str
    breadcrumb: str
    """Rubrics from the widest, separated by " > ", without the title."""
    updated_on: date | None
    sections: tuple[Section, ...]
    validators: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 of all that is quoted; validators do not count."""
        shown = {key: value for key, value in asdict(self).items() if key != "validators"}
        return hashlib.sha256(json.dumps(shown, sort_keys=True, default=str, ensure_ascii=False).encode()).hexdigest()


@dataclass(frozen=True)
class Changes:
    """Identifiers, by what happened to them. `refused` says why; the previous text of a refused page stays as it was."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    withdrawn: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    release: int | None = None
    """Announced because what may be quoted is no longer the same."""


def plain(text: str) -> str:
    """One line without control or invisible characters; spaces of every kind become one space."""
    line = " ".join(text.split())
    if line.isprintable():
        return line
    return " ".join("".join(character for character in line if character.isprintable()).split())


def known(session: Session, origin: str) -> dict[str, Page]:
    """Every stored page of an origin, by identifier."""
    return {row.external_id: row for row in session.scalars(select(Page).where(Page.origin == origin).order_by(Page.external_id))}


def merge(
    session: Session,
    origin: str,
    pages: Sequence[OfficialPage],
    *,
    gone: Collection[str] = (),
    same: Collection[str] = (),
    refused: Mapping[str, str] | None = None,
    claims: Callable[[str], str | None] = lambda _: None,
    clock: Clock = now,
) -> Changes:
    """Store what was read. Reading the same again changes nothing but the instant of the last reading.

    Args:
        gone: identifiers that are no longer at their address.
        same: identifiers that the site says it has not changed.
        claims: the service that claims an identifier, if any.
    """
    one_at_a_time(session)
    rows, instant = known(session, origin), clock()
    before = _quotable(rows)
    added, changed, unchanged, withdrawn = [], [], [name for name in same if name in rows], []
    for page in pages:
        row = rows.get(page.external_id)
        if row is None:
            rows[page.external_id] = row = Page(origin=origin, external_id=page.external_id, changed_at=_first_change(page, instant))
            session.add(row)
            added.append(page.external_id)
        elif row.digest == page.digest and row.status != Status.WITHDRAWN:
            row.validators = dict(page.validators)
            unchanged.append(page.external_id)
            continue
        else:
            row.changed_at = instant
            changed.append(page.external_id)
        _write(row, page)
        row.fetched_at = instant
    for name in sorted(gone):
        row = rows.get(name)
        if row is not None and row.status != Status.WITHDRAWN:
            row.status, row.changed_at, row.validators = Status.WITHDRAWN, instant, {}
            withdrawn.append(name)
    _claim(rows, claims)
    session.flush()
    _seen(session, origin, unchanged, instant)
    reason = f"{origin} : {len(changed)} page(s) modifiée(s), {len(withdrawn)} retirée(s)"
    release = announce(session, reason, clock) if _quotable(rows) != before else None
    return Changes(tuple(added), tuple(changed), tuple(unchanged), tuple(withdrawn), dict(refused or {}), release)


def announce(session: Session, reason: str, clock: Clock = now) -> int:
    """Tell running servers that what may be quoted has changed; the number of the release."""
    session.flush()
    previous = session.scalar(select(Release.digest).order_by(Release.id.desc()).limit(1)) or ""
    approved = select(Page.origin, Page.external_id, Page.digest).where(Page.status == Status.APPROVED)
    state = [previous, *(list(row) for row in session.execute(approved.order_by(Page.origin, Page.external_id)))]
    release = Release(created_at=clock(), digest=hashlib.sha256(json.dumps(state).encode()).hexdigest(), reason=reason)
    session.add(release)
    session.flush()
    return release.id


def note(session: Session, kind: str, detail: dict[str, object], clock: Clock = now) -> None:
    """A line in the journal: who approved what, or what a reading brought."""
    session.add(JournalEvent(at=clock(), kind=kind, detail=detail))


def _first_change(page: OfficialPage, instant: datetime) -> datetime:
    """A page met for the first time changed when it says so: no fiche has to be reread because we discover an old sheet."""
    return datetime.combine(page.updated_on, time(), UTC) if page.updated_on else instant


def _write(row: Page, page: OfficialPage) -> None:
    row.url, row.title, row.breadcrumb, row.updated_on = page.url, page.title, page.breadcrumb, page.updated_on
    row.sections = [asdict(section) for section in page.sections]
    row.digest, row.validators, row.status = page.digest, dict(page.validators), Status.PROPOSED


def _claim(rows: Mapping[str, Page], claims: Callable[[str], str | None]) -> None:
    for name, row in rows.items():
        service = claims(name)
        if row.service_id != service:
            row.service_id = service


def _quotable(rows: Mapping[str, Page]) -> set[tuple[str, str]]:
    return {(name, row.digest) for name, row in rows.items() if row.status == Status.APPROVED}


def _seen(session: Session, origin: str, names: Sequence[str], instant: datetime) -> None:
    for start in range(0, len(names), 500):
        chosen = names[start : start + 500]
        session.execute(update(Page).where(Page.origin == origin, Page.external_id.in_(chosen)).values(fetched_at=instant))
