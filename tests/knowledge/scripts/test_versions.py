"""Versions of a phone script: nobody's change is lost, and exactly one approval wins."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import date, timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from knowledge.clock import Clock
from knowledge.database import session
from knowledge.documents import refusal
from knowledge.errors import ContentRefused, DraftOutdated, Remark, ScriptUnknown, SecondReaderNeeded, VersionSettled
from knowledge.line_models import ScriptEvent
from knowledge.loading import load
from knowledge.scripts import versions
from knowledge.scripts.model import ScriptFile
from knowledge.scripts.versions import State
from knowledge.settings import settings
from tests.knowledge.builders import Content
from tests.knowledge.scripts.desk import JEAN, MARIE, NOON, Desk, accepted
from tests.knowledge.scripts.written import a_text


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
