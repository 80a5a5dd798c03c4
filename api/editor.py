"""The editor of the phone script, for programs: read, write a draft, check, approve, go back, compare. The line does the rest."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, status
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from api.chat import problems
from api.dependencies import FromLine, Line, may
from api.errors import RemarkView, StaffProblem
from api.staff import Action, Person
from knowledge.clock import today
from knowledge.database import reading
from knowledge.documents import MOST_CHARACTERS
from knowledge.errors import ContentRefused, Remark
from knowledge.scripts import versions
from knowledge.scripts.difference import Change, difference, new_sounds
from knowledge.scripts.state import instant

router = APIRouter(prefix="/line", tags=["phone script"])

Reader = Annotated[Person, Depends(may(Action.READ_SCRIPTS))]
Writer = Annotated[Person, Depends(may(Action.WRITE_SCRIPTS))]
Approver = Annotated[Person, Depends(may(Action.APPROVE_SCRIPTS))]
Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="Number of a version.")]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=8,
        max_length=64,
        pattern="^[A-Za-z0-9_-]+$",
        description="Drawn by the program: the same request sent again makes one event.",
    ),
]


class Draft(BaseModel):
    text: str = Field(min_length=1, max_length=MOST_CHARACTERS, description="The script, in YAML.")
    comment: str = Field(default="", max_length=500, description="What changes and why, for who will approve it.")
    parent: int | None = Field(default=None, description="Version it was written from; none for the first one of a script.")


class Approval(BaseModel):
    publish_at: str | None = Field(
        default=None, description="When it goes live, on the clock of the préfecture; at once by default.", examples=["2026-12-01T08:00"]
    )


class EventView(BaseModel):
    """What happened to a version."""

    at: datetime = Field(description="When.")
    kind: versions.State = Field(description="What: the state that the version took.")
    author: str = Field(description="Who: a person, or `line` for the telephony process.")
    detail: dict[str, Any] = Field(description="`publish_at`; the certificate; the reason, in French.")


class VersionSummary(BaseModel):
    """A version, without its text."""

    number: int = Field(description="Number, one sequence for all scripts.")
    script: str = Field(description="Identifier of the script.")
    state: versions.State = Field(description="Where it is.")
    state_text: str = Field(description="The same, in French.")
    author: str = Field(description="Who wrote it.")
    comment: str = Field(description="What the author said of it.")
    parent: int | None = Field(description="Version it was written from.")
    created_at: datetime = Field(description="When it was written.")
    publish_at: datetime | None = Field(description="When it goes, or went, live; none before approval.")
    approved_by: str | None = Field(description="Who approved it.")


class VersionView(VersionSummary):
    """A version, with its text and its history."""

    text: str = Field(description="The script, in YAML, as it was written.")
    events: list[EventView] = Field(description="Oldest first.")
    certificate: dict[str, Any] | None = Field(description="What the line heard of itself, once proven.")


class Verdict(BaseModel):
    accepted: bool = Field(description="Whether it could be approved now.")
    remarks: list[RemarkView] = Field(description="Every refusal.")


class ChangeView(BaseModel):
    """One thing that changed."""

    what: str = Field(description="added, removed, renamed, sentence, key, destination, setting.")
    node: str = Field(description="Node of the newer version.")
    detail: str = Field(description="Part of the node, in French.")
    before: str = Field(description="As it was; empty: nothing.")
    after: str = Field(description="As it is; empty: nothing.")
    told: str = Field(description="The change in one French sentence.")


class DifferenceView(BaseModel):
    changes: list[ChangeView] = Field(description="In the order of the script.")
    new_sounds: int | None = Field(description="Sound files to make; none when one of the two can no longer be said today.")


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The refusals of a route of the staff, for its documentation."""
    own = {
        401: "No key, or a key that is nobody's.",
        403: "The role of this person does not do that, or another person must.",
        404: "No version has this number.",
        409: "Outdated, or settled already.",
        422: "Refused: the problem says why, with every remark on a script.",
    }
    told = problems(400, 429, 500, 503, *(code for code in statuses if code not in own))
    told.update({code: {"description": own[code]} for code in (401, 403, 422, *statuses) if code in own})
    return {code: {"model": StaffProblem, "description": refusal["description"]} for code, refusal in sorted(told.items(), key=str)}


@router.get("/scripts", summary="List the versions of the phone scripts", responses=refusals())
def list_versions(line: FromLine, person: Reader) -> list[VersionSummary]:
    """Newest first."""
    with reading(line.engine) as opened:
        return [VersionSummary(**_summary(told)) for told in versions.history(opened)]


@router.get("/scripts/{number}", summary="Read a version", responses=refusals(404))
def read_version(number: Number, line: FromLine, person: Reader) -> VersionView:
    """Its text, what happened to it, and the certificate of the line."""
    with reading(line.engine) as opened:
        return _view(versions.story(opened, number))


@router.post("/scripts", summary="Write a draft", status_code=status.HTTP_201_CREATED, responses=refusals(404, 408, 409, 413))
def write_draft(body: Draft, line: FromLine, person: Writer) -> VersionView:
    """Nobody hears it before it is approved. It must be written from the newest version."""

    def write(opened: Session) -> VersionView:
        row = versions.save_draft(opened, body.text, person.name, body.comment, body.parent, line.clock)
        return _view(versions.story(opened, row.number))

    return line.commits.write(write)


@router.post("/scripts/{number}/check", summary="Check a version", responses=refusals(404, 408, 413))
def check_version(number: Number, line: FromLine, person: Writer) -> Verdict:
    """Every refusal, with its line, its reason and its remedy, as things are today."""
    remarks = [RemarkView.model_validate(remark, from_attributes=True) for remark in _remarks(line, number)]
    return Verdict(accepted=not remarks, remarks=remarks)


@router.post("/scripts/{number}/approve", summary="Approve a version", responses=refusals(404, 408, 409, 413))
def approve_version(body: Approval, number: Number, line: FromLine, person: Approver, key: Key = None) -> VersionView:
    """The telephony process puts it live at once, or at the hour given, then calls itself to prove it."""
    moment = instant(body.publish_at) if body.publish_at else None
    check = _checked_before(line, number)
    return line.commits.write(
        lambda opened: _told(opened, versions.approve(opened, number, person.name, moment, key, check, line.clock).version)
    )


@router.post("/scripts/{number}/withdraw", summary="Withdraw a version", responses=refusals(404, 408, 409, 413))
def withdraw_version(number: Number, line: FromLine, person: Approver) -> VersionView:
    """A draft or an approved version that is not live."""
    return line.commits.write(lambda opened: _told(opened, versions.withdraw(opened, number, person.name, line.clock).version))


@router.post(
    "/scripts/{number}/rollback",
    summary="Go back to a version",
    status_code=status.HTTP_201_CREATED,
    responses=refusals(404, 408, 409, 413),
)
def go_back(number: Number, line: FromLine, person: Approver, key: Key = None) -> VersionView:
    """Its text becomes a new version, approved at once."""
    check = _checked_before(line, number)
    return line.commits.write(lambda opened: _told(opened, versions.rollback(opened, number, person.name, key, check, line.clock).version))


@router.get("/scripts/{number}/diff/{other}", summary="Compare two versions", responses=refusals(404))
def compare(number: Number, other: Number, line: FromLine, person: Reader) -> DifferenceView:
    """What changed from the first to the second, in French sentences."""
    with reading(line.engine) as opened:
        before, after = versions.written(opened, number), versions.written(opened, other)
        try:
            sounds = new_sounds(*(versions.told(opened, one, today(line.clock)) for one in (number, other)))
        except ContentRefused:
            sounds = None
    return DifferenceView(changes=[_change(change) for change in difference(before.script, after.script)], new_sounds=sounds)


def _checked_before(line: Line, number: int) -> versions.Check:
    """The check is made here, before the writing transaction, for which others wait."""
    remarks = _remarks(line, number)
    return lambda opened, file, day: remarks


def _remarks(line: Line, number: int) -> tuple[Remark, ...]:
    with reading(line.engine) as opened:
        return versions.checked(opened, versions.written(opened, number), today(line.clock))


def _told(opened: Session, number: int) -> VersionView:
    return _view(versions.story(opened, number))


def _view(told: versions.Story) -> VersionView:
    events = [EventView.model_validate(event, from_attributes=True) for event in told.events]
    return VersionView(**_summary(told), text=told.version.text, events=events, certificate=told.certificate)


def _summary(told: versions.Story) -> dict[str, Any]:
    row, approval = told.version, told.last(versions.State.APPROVED)
    return {
        "number": row.number,
        "script": row.script_id,
        "state": told.state,
        "state_text": versions.FRENCH[told.state],
        "author": row.author,
        "comment": row.comment,
        "parent": row.parent,
        "created_at": row.created_at,
        "publish_at": told.publish_at,
        "approved_by": approval.author if approval else None,
    }


def _change(change: Change) -> ChangeView:
    return ChangeView(what=change.what, node=change.node, detail=change.detail, before=change.before, after=change.after, told=str(change))
