"""The versions of a phone script, from a draft to the line: written once, approved by a person, put live by the telephony process.

A version is never rewritten: its state is the last of its events. Texts follow one another in a single line for each script: a draft is
written from the newest version that nobody withdrew, so that nobody's change is lost in silence. Every decision takes the lock of the
scripts, then looks, then writes: of two persons who approve at once, exactly one does (T04).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy import text as sql
from sqlalchemy.orm import Session

from knowledge import directory, facts
from knowledge.clock import Clock, as_utc, local, now, today
from knowledge.documents import read_text
from knowledge.errors import ContentRefused, DraftOutdated, Remark, SecondReaderNeeded, VersionSettled
from knowledge.fiches import PublishedFiche, published
from knowledge.line_models import ScriptEvent, ScriptVersion
from knowledge.proofreading.vocabulary import Vocabulary, read_acronyms, read_domains
from knowledge.scripts import checks
from knowledge.scripts.history import (
    FRENCH,
    PENDING,
    SERVING,
    State,
    Story,
    Temporary,
    due,
    expiring,
    history,
    last_events,
    live,
    pending,
    state_of,
    story,
    tip,
    unproven,
    values,
    version,
)
from knowledge.scripts.model import ScriptFile, parse
from knowledge.scripts.telling import Told, tell
from knowledge.settings import settings

__all__ = [
    "FRENCH",
    "PENDING",
    "SERVING",
    "State",
    "Story",
    "Temporary",
    "approve",
    "checked",
    "due",
    "expiring",
    "history",
    "live",
    "load_file",
    "note",
    "one_at_a_time",
    "pending",
    "rollback",
    "save_draft",
    "state_of",
    "story",
    "tip",
    "told",
    "unproven",
    "version",
    "withdraw",
    "written",
]

SHIPPED = "accueil"
"""The script that comes with the contents."""
FROM_FILE = "contenus"
"""Author of the versions read from a file."""
LINE = "line"
"""Author of what the telephony process notes."""

_APPROVABLE = (State.DRAFT, State.FAILED, State.ROLLED_BACK)
"""A version that could not be put live may be tried again as it is."""
_WITHDRAWABLE = (*_APPROVABLE, State.APPROVED)
_NOTED: Mapping[State, tuple[State, ...]] = {
    State.PUBLISHING: PENDING,
    State.LIVE: (State.PUBLISHING,),
    State.PROVEN: SERVING,
    State.FAILED: PENDING,
    State.ROLLED_BACK: (State.PUBLISHING, *SERVING),
}
"""What the telephony process notes, and the states that it may follow."""

Check = Callable[[Session, ScriptFile, date], tuple[Remark, ...]]
"""Every refusal of a script on a day."""


def checked(session: Session, file: ScriptFile, day: date) -> tuple[Remark, ...]:
    """Every refusal of `file` with the services, facts and fiches of the database, as they are on `day`."""
    content = settings().content
    vocabulary = Vocabulary(read_acronyms(content), read_domains(content))
    return checks.check(file, directory.stored(session), facts.stored(session), _fiches(session, day), vocabulary, day)


def told(session: Session, number: int, day: date) -> Told:
    """Every sentence of a version as it is on `day`.

    Raises:
        ScriptUnknown: no such version.
        ContentRefused: something in it can no longer be said.
    """
    file = written(session, number)
    return tell(file.script, directory.stored(session), facts.stored(session), _fiches(session, day), day, file.document)


def written(session: Session, number: int) -> ScriptFile:
    """The script of a version. Raises ScriptUnknown."""
    return parse(version(session, number).text, f"version {number}")


def _fiches(session: Session, day: date) -> dict[str, PublishedFiche]:
    return {fiche.id: fiche for fiche in published(session, day)}


# --- What people do -------------------------------------------------------------------------------------------------------


def save_draft(session: Session, text: str, author: str, comment: str, parent: int | None, clock: Clock = now) -> ScriptVersion:
    """A new version, which nobody hears before it is approved. `parent`: the version it was written from, None for the first one.

    Raises:
        ContentRefused: the text does not have the shape of a script.
        DraftOutdated: a newer version exists.
        ScriptUnknown: no version has the number `parent`.
    """
    script = parse(text, "script").script
    one_at_a_time(session)
    if parent is not None and version(session, parent).script_id != script.id:
        raise DraftOutdated(f"La version {parent} est celle d'un autre script que « {script.id} ». Partez de la bonne version.")
    newest = tip(session, script.id)
    if (newest.number if newest else None) != parent:
        raise DraftOutdated(_outdated(newest, parent))
    return _add(session, script.id, text, author, comment, parent, clock)


def approve(
    session: Session,
    number: int,
    author: str,
    publish_at: datetime | None = None,
    key: str | None = None,
    check: Check = checked,
    clock: Clock = now,
) -> ScriptEvent:
    """The version will be put live at `publish_at`, at once when it is None. The same `key` again gives the same event.

    An earlier version that waits for the same moment or a later one is replaced: it would undo this one.

    Raises:
        ScriptUnknown: no such version.
        ContentRefused: a check refuses it; every refusal is told.
        SecondReaderNeeded: its author approves it, and the settings want another person.
        VersionSettled: it was approved or withdrawn already, or `key` served for something else.
        DraftOutdated: a newer version was approved.
    """
    row = version(session, number)
    one_at_a_time(session)
    if repeated := _repeated(session, key, number):
        return repeated
    before = story(session, number)
    _allowed(before, State.APPROVED, _APPROVABLE)
    if settings().second_reader and row.author == author:
        raise SecondReaderNeeded(f"« {author} » a écrit la version {number} : une autre personne doit l'approuver.")
    later = _approved_after(session, row)
    if later is not None:
        raise DraftOutdated(f"La version {later}, plus récente, a été approuvée : celle-ci la ferait disparaître. Repartez d'elle.")
    _refuse(check(session, written(session, number), today(clock)))
    return _approve(session, row, author, publish_at, key, clock)


def withdraw(session: Session, number: int, author: str, clock: Clock = now) -> ScriptEvent:
    """The version will not be put live, and drafts no longer have to be written from it.

    Raises:
        ScriptUnknown, VersionSettled: no such version; it is live, being put live, or withdrawn already.
    """
    one_at_a_time(session)
    _allowed(story(session, number), State.WITHDRAWN, _WITHDRAWABLE)
    return _happened(session, number, State.WITHDRAWN, author, {}, clock)


def rollback(session: Session, number: int, author: str, key: str | None = None, check: Check = checked, clock: Clock = now) -> ScriptEvent:
    """The text of an earlier version becomes a new one, approved at once; no second reader, as it was approved before.

    Raises:
        ScriptUnknown: no such version.
        VersionSettled: it was never approved, or it is live.
        ContentRefused: a check refuses it today.
    """
    one_at_a_time(session)
    if repeated := _repeated(session, key, None):
        return repeated
    before = story(session, number)
    if before.first(State.APPROVED) is None or before.state in (*PENDING, *SERVING):
        raise VersionSettled(f"On revient à une version approuvée autrefois : la version {number} est « {FRENCH[before.state]} ».")
    row = before.version
    _refuse(check(session, written(session, number), today(clock)))
    newest = tip(session, row.script_id)
    copy = _add(session, row.script_id, row.text, author, f"Retour à la version {number}", newest.number if newest else None, clock)
    return _approve(session, copy, author, None, key, clock)


def load_file(session: Session, content: Path, check: Check = checked, clock: Clock = now) -> ScriptVersion | None:
    """The script of the contents becomes a version; None when this text already is one.

    In a demonstration whose script nobody has edited, it is approved by « démonstration » when no check refuses it (a fact may have expired
    since it was written). Everywhere else it is a draft to read.

    Raises:
        ContentRefused: the file is absent or malformed.
        DatabaseUnready: the services have not been loaded.
    """
    name = f"scripts/{SHIPPED}.yml"
    text = read_text(content / name, name)
    script = parse(text, name).script
    one_at_a_time(session)
    same = select(ScriptVersion.number).where(ScriptVersion.script_id == script.id, ScriptVersion.digest == _digest(text))
    if session.scalar(same.limit(1)) is not None:
        return None
    edited = select(ScriptVersion.number).where(ScriptVersion.script_id == script.id, ScriptVersion.author != FROM_FILE)
    newest = tip(session, script.id)
    row = _add(session, script.id, text, FROM_FILE, "Lu dans les contenus", newest.number if newest else None, clock)
    if directory.stored(session).prefecture.fictional and session.scalar(edited.limit(1)) is None:
        with suppress(ContentRefused):
            approve(session, row.number, "démonstration", check=check, clock=clock)
    return row


# --- What the line does ---------------------------------------------------------------------------------------------------


def note(session: Session, number: int, kind: State, detail: Mapping[str, Any] | None = None, clock: Clock = now) -> ScriptEvent:
    """What the telephony process did: publishing, live, proven, failed, rolled_back.

    When a version goes live, the one before it is replaced, and so are the earlier ones that still waited. When it is rolled back, the one
    that it replaced is live again: both are noted here, in the same transaction.

    Raises:
        ScriptUnknown, VersionSettled: no such version; or this cannot follow its last event.
    """
    one_at_a_time(session)
    before = story(session, number)
    _allowed(before, kind, _NOTED.get(kind, ()))
    event = _happened(session, number, kind, LINE, dict(detail or {}), clock)
    if kind is State.LIVE:
        _replace_others(session, number, clock)
    if kind is State.ROLLED_BACK and before.state in SERVING:
        _restore(session, number, clock)
    return event


def one_at_a_time(session: Session) -> None:
    """Wait until no other process decides about scripts. On SQLite the writing session is already alone."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sql("SELECT pg_advisory_xact_lock(hashtext('accueil.scripts'))"))


def _approve(session: Session, row: ScriptVersion, author: str, publish_at: datetime | None, key: str | None, clock: Clock) -> ScriptEvent:
    moment = as_utc(publish_at or clock())
    for waiting in pending(session):
        same_line = waiting.version.script_id == row.script_id and waiting.state is State.APPROVED
        if same_line and waiting.publish_at and waiting.publish_at >= moment:
            _happened(session, waiting.version.number, State.REPLACED, author, {"by": row.number}, clock)
    return _happened(session, row.number, State.APPROVED, author, {"publish_at": moment.isoformat()}, clock, key)


def _approved_after(session: Session, row: ScriptVersion) -> int | None:
    """The newest version of the same script, later than `row`, that was approved and may still be heard or was."""
    last = last_events()
    newest = select(func.max(ScriptVersion.number)).join(last, last.c.version == ScriptVersion.number)
    approved = last.c.kind.in_(values(*PENDING, *SERVING, State.REPLACED))
    return session.scalar(newest.where(ScriptVersion.script_id == row.script_id, ScriptVersion.number > row.number, approved))


def _repeated(session: Session, key: str | None, number: int | None) -> ScriptEvent | None:
    """The event that `key` already made."""
    event = session.scalar(select(ScriptEvent).where(ScriptEvent.key == key)) if key else None
    if event and number not in (None, event.version):
        raise VersionSettled(f"Cette clé a déjà servi à approuver la version {event.version}. Recommencez avec une autre.")
    return event


def _allowed(told: Story, kind: State, before: tuple[State, ...]) -> None:
    if told.state not in before:
        raise VersionSettled(f"La version {told.version.number} est « {FRENCH[told.state]} » et ne peut pas devenir « {FRENCH[kind]} ».")


def _refuse(remarks: tuple[Remark, ...]) -> None:
    if remarks:
        raise ContentRefused(remarks)


def _replace_others(session: Session, number: int, clock: Clock) -> None:
    """Called by a version that goes live: what served is replaced, and so is what waited before it."""
    last = last_events()
    passed = last.c.kind.in_(values(*SERVING)) | (last.c.kind.in_(values(*PENDING)) & (last.c.version < number))
    for other in session.scalars(select(last.c.version).where(last.c.version != number, passed)).all():
        _happened(session, other, State.REPLACED, LINE, {"by": number}, clock)


def _restore(session: Session, number: int, clock: Clock) -> None:
    """The version that served before `number` serves again."""
    last = last_events()
    replaced = session.scalars(select(last.c.version).where(last.c.kind == State.REPLACED.value).order_by(last.c.version.desc())).all()
    for told in (story(session, other) for other in replaced):
        if told.events[-1].detail.get("by") == number and told.events[-2].kind in SERVING:
            _happened(session, told.version.number, State.LIVE, LINE, {"restored_after": number}, clock)
            return


def _happened(
    session: Session, number: int, kind: State, author: str, detail: dict[str, Any], clock: Clock, key: str | None = None
) -> ScriptEvent:
    event = ScriptEvent(version=number, at=clock(), kind=kind.value, author=author, detail=detail, key=key)
    session.add(event)
    session.flush()
    return event


def _add(session: Session, script_id: str, text: str, author: str, comment: str, parent: int | None, clock: Clock) -> ScriptVersion:
    row = ScriptVersion(
        script_id=script_id,
        text=text,
        digest=_digest(text),
        parent=parent,
        author=author,
        comment=comment,
        created_at=clock(),
    )
    session.add(row)
    session.flush()
    return row


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _outdated(newest: ScriptVersion | None, parent: int | None) -> str:
    if newest is None:
        return f"La version {parent} n'est plus en usage. Enregistrez ce texte sans version d'origine."
    written = f"{local(newest.created_at):%d/%m/%Y à %H:%M}"
    return f"La version {newest.number}, de {newest.author} ({written}), est plus récente. Partez d'elle, ou retirez-la, puis recommencez."
