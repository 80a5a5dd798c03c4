"""Versions of a phone script: nobody's change is lost, exactly one approval wins, and the line always knows what it serves."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from knowledge.clock import Clock
from knowledge.database import session
from knowledge.documents import refusal
from knowledge.errors import ContentRefused, DraftOutdated, Remark, ScriptUnknown, SecondReaderNeeded, VersionSettled
from knowledge.line_models import ScriptEvent, ScriptVersion
from knowledge.loading import load
from knowledge.scripts import versions
from knowledge.scripts.model import ScriptFile
from knowledge.scripts.versions import State
from knowledge.settings import settings
from tests.knowledge.builders import SERVICES, Content
from tests.knowledge.scripts.written import a_text

NOON = datetime(2026, 11, 21, 11, 0, tzinfo=UTC)
MARIE, JEAN = "Marie Lenoir", "Jean Petit"


def accepted(_: Session, file: ScriptFile, day: date) -> tuple[Remark, ...]:
    """A check without refusal, for what does not depend on checks."""
    return ()


class Desk:
    """What two persons and the line do, in one session, at noon unless the hour is moved."""

    def __init__(self, opened: Session) -> None:
        self.session = opened
        self.at = NOON

    def clock(self) -> datetime:
        return self.at

    def draft(self, written: str, parent: int | None = None, author: str = MARIE) -> int:
        return versions.save_draft(self.session, written, author, "essai", parent, self.clock).number

    def approve(self, number: int, author: str = JEAN, **options: Any) -> ScriptEvent:
        return versions.approve(self.session, number, author, **{"check": accepted, "clock": self.clock, **options})

    def note(self, number: int, *kinds: State) -> None:
        for kind in kinds:
            versions.note(self.session, number, kind, {"reason": "essai"}, self.clock)

    def publish(self, number: int) -> None:
        """As the telephony process does, proof included."""
        self.note(number, State.PUBLISHING, State.LIVE, State.PROVEN)

    def put_live(self, written: str, parent: int | None = None) -> int:
        number = self.draft(written, parent)
        self.approve(number)
        self.publish(number)
        return number

    def state(self, number: int) -> State:
        return versions.state_of(self.session, number)

    @property
    def live(self) -> int | None:
        row = versions.live(self.session)
        return row.number if row else None

    def due(self, after: timedelta = timedelta(0)) -> int | None:
        row = versions.due(self.session, self.at + after)
        return row.number if row else None


@pytest.fixture
def desk(engine: Engine) -> Iterator[Desk]:
    with session(engine) as opened:
        yield Desk(opened)


@pytest.fixture
def second_reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("KNOWLEDGE_SECOND_READER", "true")
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


# --- Drafts ---------------------------------------------------------------------------------------------------------------


def test_a_draft_is_kept_as_it_was_typed_and_nobody_hears_it(desk: Desk) -> None:
    written = a_text() + "# une note de Marie\n"
    number = desk.draft(written)

    row = versions.version(desk.session, number)
    assert (row.text, row.author, row.parent, row.script_id) == (written, MARIE, None, "accueil")
    assert (desk.state(number), desk.due(), desk.live) == (State.DRAFT, None, None)


def test_a_text_that_is_not_a_script_is_refused_and_nothing_is_kept(desk: Desk) -> None:
    with pytest.raises(ContentRefused) as refused:
        desk.draft(a_text(carte={"type": "message", "say": {"fr": "Bonjour."}, "next": "nulle_part"}))

    assert "nulle_part" in str(refused.value)
    assert versions.history(desk.session) == ()


def test_a_draft_written_from_an_outdated_version_is_refused_and_names_the_newer_one(desk: Desk) -> None:
    first = desk.draft(a_text())
    second = desk.draft(a_text("Bonsoir."), first)

    with pytest.raises(DraftOutdated, match=rf"version {second}, de Marie Lenoir \(21/11/2026 à 12:00\), est plus récente"):
        desk.draft(a_text("Bonne nuit."), first, JEAN)
    with pytest.raises(DraftOutdated):
        desk.draft(a_text("Bonne nuit."), None, JEAN)


def test_once_a_draft_is_withdrawn_one_writes_from_the_version_before_it(desk: Desk) -> None:
    first = desk.draft(a_text())
    second = desk.draft(a_text("Bonsoir."), first)
    versions.withdraw(desk.session, second, JEAN, desk.clock)

    assert desk.draft(a_text("Bonne nuit."), first) > second


def test_a_draft_cannot_be_written_from_an_unknown_version_nor_from_another_script(desk: Desk) -> None:
    first = desk.draft(a_text())
    with pytest.raises(ScriptUnknown):
        desk.draft(a_text(), 99)
    with pytest.raises(DraftOutdated, match="autre script"):
        desk.draft(a_text().replace("id: accueil", "id: elections"), first)


# --- Approval -------------------------------------------------------------------------------------------------------------


def test_an_approved_version_is_due_at_once_or_at_its_hour(desk: Desk) -> None:
    now = desk.draft(a_text())
    desk.approve(now)
    assert desk.due() == now
    desk.publish(now)

    tomorrow = desk.draft(a_text("Bonsoir."), now)
    desk.approve(tomorrow, publish_at=NOON + timedelta(days=1))
    assert desk.due(timedelta(hours=23, minutes=59, seconds=59)) is None
    assert desk.due(timedelta(days=1)) == tomorrow


def test_what_a_check_refuses_is_not_approved_and_every_refusal_is_told(desk: Desk) -> None:
    number = desk.draft(a_text())

    def refusing(_: Session, file: ScriptFile, day: date) -> tuple[Remark, ...]:
        return refusal("scripts/accueil.yml", 12, "choix", f"six choix le {day}", "gardez-en cinq").remarks

    with pytest.raises(ContentRefused, match="12 — six choix le 2026-11-21 → gardez-en cinq"):
        desk.approve(number, check=refusing)
    assert desk.state(number) is State.DRAFT


def test_a_version_that_quotes_an_unknown_service_is_not_approved(desk: Desk, content: Content, clock: Clock) -> None:
    load(desk.session, content.folder, clock)
    number = desk.draft(a_text(horaires={"type": "message", "hours_of": ["douanes"], "next": "fin"}))

    with pytest.raises(ContentRefused, match="douanes"):
        versions.approve(desk.session, number, JEAN, clock=desk.clock)


def test_a_version_is_approved_only_once(desk: Desk) -> None:
    number = desk.draft(a_text())
    desk.approve(number)
    with pytest.raises(VersionSettled, match="approuvée"):
        desk.approve(number)


def test_a_request_sent_again_with_its_key_makes_one_event(desk: Desk) -> None:
    number = desk.draft(a_text())
    events = {desk.approve(number, key="2f1c").id for _ in range(10)}

    assert len(events) == 1
    assert len(versions.story(desk.session, number).events) == 1


def test_a_key_that_served_for_another_version_is_refused(desk: Desk) -> None:
    first = desk.draft(a_text())
    desk.approve(first, key="2f1c")
    second = desk.draft(a_text("Bonsoir."), first)
    with pytest.raises(VersionSettled, match="clé"):
        desk.approve(second, key="2f1c")


def test_a_draft_older_than_an_approved_version_is_refused(desk: Desk) -> None:
    first = desk.draft(a_text())
    second = desk.draft(a_text("Bonsoir."), first)
    desk.approve(second)
    with pytest.raises(DraftOutdated, match=f"version {second}"):
        desk.approve(first)


def test_the_author_approves_unless_a_second_reader_is_wanted(desk: Desk, second_reader: None) -> None:
    number = desk.draft(a_text())
    with pytest.raises(SecondReaderNeeded, match="Marie Lenoir"):
        desk.approve(number, MARIE)
    assert desk.approve(number, JEAN).author == JEAN


def test_without_that_setting_one_person_is_enough(desk: Desk) -> None:
    assert desk.approve(desk.draft(a_text()), MARIE).author == MARIE


def test_a_version_that_would_undo_a_newer_one_is_no_longer_due(desk: Desk) -> None:
    first = desk.draft(a_text())
    desk.approve(first, publish_at=NOON + timedelta(days=2))
    second = desk.draft(a_text("Bonsoir."), first)
    desk.approve(second, publish_at=NOON + timedelta(days=1))

    assert desk.state(first) is State.REPLACED
    assert desk.due(timedelta(days=3)) == second


def test_two_versions_wait_for_two_different_days(desk: Desk) -> None:
    first = desk.draft(a_text())
    desk.approve(first, publish_at=NOON + timedelta(days=1))
    second = desk.draft(a_text("Bonsoir."), first)
    desk.approve(second, publish_at=NOON + timedelta(days=2))

    assert desk.due(timedelta(days=1)) == first
    assert desk.due(timedelta(days=3)) == second, "a line that was away for two days goes straight to the last one"
    desk.publish(second)
    assert (desk.state(first), desk.due(timedelta(days=3))) == (State.REPLACED, None)


@pytest.mark.parametrize("when", [State.DRAFT, State.APPROVED, State.FAILED])
def test_what_is_not_live_can_be_withdrawn(desk: Desk, when: State) -> None:
    number = desk.draft(a_text())
    if when is not State.DRAFT:
        desk.approve(number)
    if when is State.FAILED:
        desk.note(number, State.PUBLISHING, State.FAILED)
    versions.withdraw(desk.session, number, JEAN, desk.clock)

    assert (desk.state(number), desk.due()) == (State.WITHDRAWN, None)
    with pytest.raises(VersionSettled):
        desk.approve(number)


def test_what_callers_hear_cannot_be_withdrawn(desk: Desk) -> None:
    number = desk.put_live(a_text())
    with pytest.raises(VersionSettled, match="en service"):
        versions.withdraw(desk.session, number, JEAN, desk.clock)


# --- At once --------------------------------------------------------------------------------------------------------------


def _together(engine: Engine, *acts: Callable[[Session], object]) -> list[object]:
    """What each act gives or raises, in threads that start together, each with its own transaction."""
    outcomes: list[object] = [None] * len(acts)
    ready = threading.Barrier(len(acts))

    def run(place: int, act: Callable[[Session], object]) -> None:
        ready.wait()
        try:
            with session(engine) as opened:
                outcomes[place] = act(opened)
        except Exception as error:
            outcomes[place] = error

    threads = [threading.Thread(target=run, args=(place, act)) for place, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return outcomes


def test_of_two_persons_who_approve_at_once_exactly_one_does(engine: Engine) -> None:
    parent = None
    for _ in range(100):
        with session(engine) as opened:
            parent = number = Desk(opened).draft(a_text(), parent)

        marie, jean = _together(
            engine,
            lambda opened, number=number: versions.approve(opened, number, MARIE, check=accepted),  # type: ignore[misc]
            lambda opened, number=number: versions.approve(opened, number, JEAN, check=accepted),  # type: ignore[misc]
        )

        assert {type(marie), type(jean)} == {ScriptEvent, VersionSettled}
        with session(engine) as opened:
            assert [event.kind for event in versions.story(opened, number).events] == ["approved"]


def test_of_two_drafts_written_from_one_version_exactly_one_is_kept(engine: Engine) -> None:
    parent = None
    for _ in range(30):
        found = _together(
            engine,
            lambda opened, parent=parent: Desk(opened).draft(a_text("Bonsoir."), parent),  # type: ignore[misc]
            lambda opened, parent=parent: Desk(opened).draft(a_text("Bonne nuit."), parent),  # type: ignore[misc]
        )
        (parent,) = [number for number in found if isinstance(number, int)]
        assert sum(isinstance(error, DraftOutdated) for error in found) == 1


def test_ten_replays_at_once_make_one_event(engine: Engine) -> None:
    with session(engine) as opened:
        number = Desk(opened).draft(a_text())

    found = _together(engine, *[lambda opened: versions.approve(opened, number, MARIE, key="2f1c", check=accepted).id] * 10)

    assert len(set(found)) == 1
    with session(engine) as opened:
        assert len(opened.scalars(select(ScriptEvent)).all()) == 1


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
