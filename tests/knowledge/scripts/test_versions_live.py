"""Versions of a phone script on the line: it always knows what it serves, and one can go back."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DatabaseError

from knowledge.clock import Clock
from knowledge.database import session
from knowledge.errors import VersionSettled
from knowledge.line_models import ScriptEvent, ScriptVersion
from knowledge.loading import load
from knowledge.scripts import versions
from knowledge.scripts.versions import State
from tests.knowledge.builders import SERVICES, Content
from tests.knowledge.scripts.desk import JEAN, NOON, Desk, accepted
from tests.knowledge.scripts.written import a_text

# --- The line -------------------------------------------------------------------------------------------------------------


def test_a_version_goes_live_then_is_proven_and_the_one_before_is_replaced(desk: Desk) -> None:
    first = desk.put_live(a_text())
    assert (desk.live, desk.state(first), desk.due()) == (first, State.PROVEN, None)

    second = desk.draft(a_text("Bonsoir."), first)
    desk.approve(second)
    desk.note(second, State.PUBLISHING)
    assert desk.live == first, "the previous version serves until the switch"
    desk.note(second, State.LIVE)
    assert (desk.live, desk.state(first), desk.state(second)) == (second, State.REPLACED, State.LIVE)


def test_a_publication_that_was_interrupted_is_due_again(desk: Desk) -> None:
    number = desk.draft(a_text())
    desk.approve(number)
    desk.note(number, State.PUBLISHING)

    assert desk.due() == number
    desk.publish(number)
    assert (desk.live, desk.due()) == (number, None)


def test_a_version_that_failed_leaves_the_previous_one_and_may_be_approved_again(desk: Desk) -> None:
    first = desk.put_live(a_text())
    second = desk.draft(a_text("Bonsoir."), first)
    desk.approve(second)
    desk.note(second, State.PUBLISHING, State.FAILED)

    assert (desk.live, desk.due(), desk.state(second)) == (first, None, State.FAILED)
    desk.approve(second)
    desk.publish(second)
    assert desk.live == second


def test_when_a_version_is_rolled_back_the_one_before_it_serves_again(desk: Desk) -> None:
    first = desk.put_live(a_text())
    second = desk.draft(a_text("Bonsoir."), first)
    desk.approve(second)
    desk.note(second, State.PUBLISHING, State.LIVE, State.ROLLED_BACK)

    assert (desk.live, desk.state(first), desk.state(second)) == (first, State.LIVE, State.ROLLED_BACK)
    assert versions.story(desk.session, first).events[-1].detail == {"restored_after": second}


def test_the_version_to_prove_is_the_new_one_never_the_one_that_took_its_place_back(desk: Desk) -> None:
    first = desk.put_live(a_text())
    assert versions.unproven(desk.session) is None
    second = desk.draft(a_text("Bonsoir."), first)
    desk.approve(second)
    desk.note(second, State.PUBLISHING, State.LIVE)
    assert versions.unproven(desk.session) is versions.version(desk.session, second)
    desk.note(second, State.ROLLED_BACK)
    assert versions.unproven(desk.session) is None, "a proof that fails for another reason would undo every version in turn"


def test_a_first_version_that_is_rolled_back_leaves_nothing_live(desk: Desk) -> None:
    first = desk.draft(a_text())
    desk.approve(first)
    desk.note(first, State.PUBLISHING, State.LIVE, State.ROLLED_BACK)

    assert (desk.live, desk.due()) == (None, None)


@pytest.mark.parametrize(
    "kind", [State.PUBLISHING, State.LIVE, State.PROVEN, State.FAILED, State.ROLLED_BACK, State.APPROVED, State.REPLACED]
)
def test_nothing_happens_on_the_line_to_a_version_that_was_not_approved(desk: Desk, kind: State) -> None:
    number = desk.draft(a_text())
    with pytest.raises(VersionSettled):
        desk.note(number, kind)


def test_the_certificate_and_the_reason_are_read_back(desk: Desk) -> None:
    number = desk.draft(a_text())
    desk.approve(number)
    desk.note(number, State.PUBLISHING, State.LIVE)
    versions.note(desk.session, number, State.PROVEN, {"prompts": 12, "score": 0.97}, desk.clock)

    told = versions.story(desk.session, number)
    assert told.certificate == {"prompts": 12, "score": 0.97}
    assert told.publish_at == NOON
    assert told.first(State.LIVE) is told.last(State.LIVE)


# --- Going back -----------------------------------------------------------------------------------------------------------


def test_going_back_makes_a_new_version_with_the_text_of_the_old_one(desk: Desk) -> None:
    first = desk.put_live(a_text())
    second = desk.put_live(a_text("Bonsoir."), first)

    event = versions.rollback(desk.session, first, JEAN, check=accepted, clock=desk.clock)
    row = versions.version(desk.session, event.version)
    assert (row.text, row.parent, row.comment) == (a_text(), second, f"Retour à la version {first}")
    assert desk.due() == event.version
    desk.publish(event.version)
    assert (desk.live, desk.state(first), desk.state(second)) == (event.version, State.REPLACED, State.REPLACED)


def test_one_goes_back_only_to_what_callers_could_have_heard(desk: Desk) -> None:
    first = desk.put_live(a_text())
    draft = desk.draft(a_text("Bonsoir."), first)
    for number in (first, draft):
        with pytest.raises(VersionSettled):
            versions.rollback(desk.session, number, JEAN, check=accepted, clock=desk.clock)


def test_going_back_twice_with_one_key_goes_back_once(desk: Desk) -> None:
    first = desk.put_live(a_text())
    desk.put_live(a_text("Bonsoir."), first)
    events = {versions.rollback(desk.session, first, JEAN, "2f1c", accepted, desk.clock).id for _ in range(3)}

    assert len(events) == 1
    assert len(versions.history(desk.session)) == 3


# --- Reading --------------------------------------------------------------------------------------------------------------


def test_the_history_tells_the_newest_version_first_with_its_events(desk: Desk) -> None:
    first = desk.put_live(a_text())
    desk.draft(a_text("Bonsoir."), first)

    told = versions.history(desk.session, "accueil")
    assert [one.state for one in told] == [State.DRAFT, State.PROVEN]
    assert [event.kind for event in told[1].events] == ["approved", "publishing", "live", "proven"]
    assert versions.history(desk.session, "elections") == ()


@pytest.mark.parametrize("statement", ["UPDATE {table} SET author = 'X'", "DELETE FROM {table}"])
@pytest.mark.parametrize("table", [ScriptVersion.__tablename__, ScriptEvent.__tablename__])
def test_what_was_written_and_decided_cannot_be_rewritten(engine: Engine, table: str, statement: str) -> None:
    with session(engine) as opened:
        Desk(opened).put_live(a_text())
    with pytest.raises(DatabaseError, match="append-only"), session(engine) as opened:
        opened.execute(text(statement.format(table=table)))


def test_messages_about_to_end_are_listed_from_the_live_version(desk: Desk) -> None:
    works = {"type": "message", "say": {"fr": "Travaux."}, "valid_to": date(2026, 11, 30), "next": "principal"}
    first = desk.put_live(a_text(accueil={**works, "valid_to": None}, travaux=works))

    assert versions.expiring(desk.session, date(2026, 11, 29)) == ()
    assert versions.expiring(desk.session, date(2026, 11, 30)) == (versions.Temporary("travaux", date(2026, 11, 30)),)
    desk.put_live(a_text(), first)
    assert versions.expiring(desk.session, date(2026, 12, 31)) == ()


# --- From the contents ----------------------------------------------------------------------------------------------------


@pytest.fixture
def shipped(desk: Desk, content: Content, clock: Clock) -> Content:
    """Contents with a script, loaded."""
    load(desk.session, content.folder, clock)
    (content.folder / "scripts").mkdir()
    (content.folder / "scripts" / "accueil.yml").write_text(a_text(), "utf-8")
    return content


def test_a_demonstration_approves_the_script_of_the_contents_once(desk: Desk, shipped: Content) -> None:
    row = versions.load_file(desk.session, shipped.folder, accepted, desk.clock)

    assert row is not None
    assert (desk.due(), row.author) == (row.number, "contenus")
    assert versions.story(desk.session, row.number).events[0].author == "démonstration"
    assert versions.load_file(desk.session, shipped.folder, accepted, desk.clock) is None
    assert len(versions.history(desk.session)) == 1


def test_a_shipped_script_that_can_no_longer_be_said_is_a_draft_and_prevents_no_installation(desk: Desk, shipped: Content) -> None:
    row = versions.load_file(desk.session, shipped.folder, clock=desk.clock)

    assert row is not None
    assert desk.state(row.number) is State.DRAFT, "the small script of these tests breaks the real rules"


def test_elsewhere_the_script_of_the_contents_is_a_draft(desk: Desk, shipped: Content, clock: Clock) -> None:
    (shipped.folder / "services.yml").write_text(SERVICES.replace("fictional: true", "fictional: false"), "utf-8")
    load(desk.session, shipped.folder, clock)

    row = versions.load_file(desk.session, shipped.folder, accepted, desk.clock)
    assert row is not None
    assert (desk.state(row.number), desk.due()) == (State.DRAFT, None)


def test_a_new_file_never_replaces_what_a_person_edited(desk: Desk, shipped: Content) -> None:
    row = versions.load_file(desk.session, shipped.folder, accepted, desk.clock)
    assert row is not None
    edited = desk.draft(a_text("Bonsoir."), row.number)
    (shipped.folder / "scripts" / "accueil.yml").write_text(a_text("Bonne année."), "utf-8")

    proposed = versions.load_file(desk.session, shipped.folder, accepted, desk.clock)
    assert proposed is not None
    assert (desk.state(proposed.number), proposed.parent) == (State.DRAFT, edited)
