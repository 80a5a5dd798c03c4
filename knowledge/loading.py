"""From files to the database and back: services, facts and fiches, in one transaction.

A text that changed makes a new version of its fiche; the previous one gets `replaced_at` and is kept, so that every answer ever given
can be read again. A file that was removed makes a last version with the status `archived`: the fiche is no longer served, and its
history says since when. Loading the same files twice changes nothing and announces nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from knowledge import directory, facts, phrasings, proofreading
from knowledge.clock import Clock, now, today
from knowledge.errors import ContentRefused, Remark
from knowledge.fiche_files import FicheFile, read_all
from knowledge.gate import Gate, opened
from knowledge.models import FicheVersion, Release

Progress = Callable[[str], None]
"""Told the name of each file that is being handled."""


@dataclass(frozen=True)
class Change:
    """What loading would do to one fiche: `added`, `changed` or `archived`."""

    fiche: str
    kind: str
    before: str
    after: str
    """The file, empty when there is none."""


@dataclass(frozen=True)
class LoadReport:
    added: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    archived: tuple[str, ...]
    overdue: tuple[Remark, ...]
    """Loaded and served, but their review date has passed."""
    unserved: tuple[Remark, ...]
    """Wishes that name a fiche which is not served: it is not offered."""
    to_approve: tuple[str, ...]
    """Published in their file but loaded as drafts: nobody has signed them (`approved_by`)."""
    services_changed: bool
    facts_changed: bool
    release: int | None
    """The new release that was announced; None when nothing changed."""


def load(
    session: Session, content: Path, clock: Clock = now, progress: Progress = lambda _: None, gate: Gate = opened, despite: str = ""
) -> LoadReport:
    """Make the database hold the content of `content`; the caller's transaction makes it all or nothing.

    Content that is already loaded is not proofread again: a fact that expires overnight stops its fiche (`fiches.published`),
    not the start of the servers.

    Args:
        gate: has the last word once everything is written (`knowledge.gate`).
        despite: why the gate was not asked, written in the release; empty when it was.

    Raises:
        ContentRefused: proofreading refuses something; nothing has been written.
        PublicationBlocked: the gate refuses: the caller's transaction is to be given up.
    """
    one_at_a_time(session)
    versions = current_versions(session)
    unchanged = _already_loaded(session, content, versions, clock)
    if unchanged:
        return unchanged
    checked = proofreading.check(content, today(clock), versions, progress)
    if checked.remarks:
        raise ContentRefused(checked.remarks)
    services_changed = directory.store(session, checked.directory)
    facts_changed = facts.store(session, checked.facts)
    fictional = checked.directory.prefecture.fictional
    changes: dict[str, list[str]] = {"added": [], "changed": [], "unchanged": [], "archived": []}
    for file in checked.fiches:
        row = versions.pop(file.id, None)
        if row is not None and _same(row, file, fictional):
            changes["unchanged"].append(file.id)
            continue
        changes["added" if row is None or row.status == "archived" else "changed"].append(file.id)
        _add_version(session, row, _version(file, fictional), clock)
    for row in versions.values():
        if row.status != "archived":
            changes["archived"].append(row.fiche_id)
            _add_version(session, row, _archived(row), clock)
    session.flush()
    report = LoadReport(
        **{kind: tuple(fiches) for kind, fiches in changes.items()},
        overdue=checked.overdue,
        unserved=checked.unserved,
        to_approve=_to_approve(checked.fiches, fictional),
        services_changed=services_changed,
        facts_changed=facts_changed,
        release=None,
    )
    report = _announced(session, report, clock, despite)
    if report.release is not None:
        gate(session, today(clock))
    return report


def _already_loaded(session: Session, content: Path, versions: Mapping[str, FicheVersion], clock: Clock) -> LoadReport | None:
    """The report of a load that would change nothing; None when something differs or cannot be read."""
    files, remarks = read_all(content)
    if remarks or {row.fiche_id for row in versions.values() if row.status != "archived"} != {file.id for file in files}:
        return None
    try:
        services, stock = directory.read(content), facts.read(content)
    except ContentRefused:
        return None
    fictional = services.prefecture.fictional
    same_fiches = all(_same(versions[file.id], file, fictional) for file in files)
    if not same_fiches or directory.stored_data(session) != services.data or set(facts.stored(session)) != set(stock):
        return None
    return LoadReport(
        added=(),
        changed=(),
        unchanged=tuple(file.id for file in files),
        archived=(),
        overdue=tuple(remark for file in files for remark in proofreading.overdue(file, today(clock))),
        unserved=(),
        to_approve=_to_approve(files, fictional),
        services_changed=False,
        facts_changed=False,
        release=None,
    )


def diff(session: Session, content: Path) -> tuple[Change, ...]:
    """What loading would change among the fiches, sorted by identifier.

    Raises:
        ContentRefused: a file does not have the shape of a fiche.
    """
    files, remarks = read_all(content)
    if remarks:
        raise ContentRefused(remarks)
    current = {identifier: row for identifier, row in current_versions(session).items() if row.status != "archived"}
    changes = []
    for file in files:
        row = current.pop(file.id, None)
        if row is None:
            changes.append(Change(file.id, "added", "", file.text))
        elif (row.digest, row.theme) != (file.digest, file.theme):
            changes.append(Change(file.id, "changed", row.file_text, file.text))
    changes.extend(Change(row.fiche_id, "archived", row.file_text, "") for row in current.values())
    return tuple(sorted(changes, key=lambda change: change.fiche))


def export(session: Session, folder: Path, progress: Progress = lambda _: None) -> int:
    """Write every current fiche under `folder/fiches/`, byte for byte as it was read; how many were written.

    A file is written beside its place then moved there: an interruption never leaves half a fiche.
    """
    rows = [row for row in current_versions(session).values() if row.status != "archived"]
    for row in rows:
        path = folder / "fiches" / row.theme / f"{row.fiche_id}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".md.partial")
        try:
            unfinished.write_bytes(row.file_text.encode())
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
        progress(row.fiche_id)
    return len(rows)


def one_at_a_time(session: Session) -> None:
    """Wait until no other process is loading or printing an edition. On SQLite the writing session is already alone."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(hashtext('accueil.knowledge'))"))


def current_versions(session: Session) -> dict[str, FicheVersion]:
    """The current version of each fiche, archived ones included, by identifier."""
    rows = session.scalars(select(FicheVersion).where(FicheVersion.replaced_at.is_(None)).order_by(FicheVersion.fiche_id))
    return {row.fiche_id: row for row in rows}


def _status(file: FicheFile, fictional: bool) -> str:
    """A published file nobody signed is a draft, except in the demonstration, whose approvals are signed "démonstration"."""
    if file.front.status == "published" and file.front.approved_by is None and not fictional:
        return "draft"
    return file.front.status


def _same(row: FicheVersion, file: FicheFile, fictional: bool) -> bool:
    return (row.digest, row.status, row.theme) == (file.digest, _status(file, fictional), file.theme)


def _to_approve(files: Iterable[FicheFile], fictional: bool) -> tuple[str, ...]:
    return tuple(file.id for file in files if _status(file, fictional) != file.front.status)


def _version(file: FicheFile, fictional: bool) -> FicheVersion:
    status = _status(file, fictional)
    approved_by = file.front.approved_by or ("démonstration" if fictional else None)
    return FicheVersion(
        fiche_id=file.id,
        status=status,
        theme=file.theme,
        digest=file.digest,
        front=file.front.model_dump(mode="json", exclude_unset=True),
        sections=dict(file.sections),
        file_text=file.text,
        approved_by=approved_by if status == "published" else None,
    )


def _archived(row: FicheVersion) -> FicheVersion:
    return FicheVersion(
        fiche_id=row.fiche_id,
        status="archived",
        theme=row.theme,
        digest=row.digest,
        front=row.front,
        sections=row.sections,
        file_text=row.file_text,
        approved_by=row.approved_by,
    )


def _add_version(session: Session, previous: FicheVersion | None, version: FicheVersion, clock: Clock) -> None:
    version.created_at = clock()
    version.number = previous.number + 1 if previous else 1
    if previous:
        previous.replaced_at = version.created_at
    session.add(version)


def announce(session: Session, reason: str, clock: Clock = now) -> int:
    """Announce a new state of the knowledge, which the servers then swap in; the number of the release."""
    release = Release(created_at=clock(), digest=_digest(session), reason=reason)
    session.add(release)
    session.flush()
    return release.id


def _announced(session: Session, report: LoadReport, clock: Clock, despite: str) -> LoadReport:
    reason = _reason(report) + (f" (malgré des réponses perdues : {despite})" if despite else "")
    return replace(report, release=announce(session, reason, clock)) if _reason(report) else report


def _reason(report: LoadReport) -> str:
    counted = ((report.added, "ajoutée(s)"), (report.changed, "modifiée(s)"), (report.archived, "archivée(s)"))
    parts = [f"{len(fiches)} fiche(s) {what}" for fiches, what in counted if fiches]
    parts += ["services modifiés"] if report.services_changed else []
    parts += ["faits modifiés"] if report.facts_changed else []
    return ", ".join(parts)


def _digest(session: Session) -> str:
    """What the knowledge holds, in one line: two databases with the same content give the same digest."""
    state: Iterable[object] = (
        [[row.fiche_id, row.status, row.theme, row.digest] for row in current_versions(session).values()],
        sorted(repr(fact) for fact in facts.stored(session)),
        directory.stored_data(session),
        [[row.fiche_id, row.language, row.text] for row in phrasings.attached(session)],
    )
    return hashlib.sha256(json.dumps(list(state), sort_keys=True, default=str).encode()).hexdigest()
