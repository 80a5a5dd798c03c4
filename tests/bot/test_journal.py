"""The journal: figures that nobody rewrites, words that are masked before they are kept and forgotten when they must be."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import DatabaseError

from bot import journal
from bot.errors import ConversationUnknown
from bot.journal import Period
from bot.messages import Channel, Decision, Nature
from knowledge import models
from knowledge.database import reading, scrub, session
from tests.bot.builders import NOON, Journal, at
from tests.bot.conftest import Run, files_of

CANARY = "hirondelle-rousseline"


def _traces(engine: Engine, canary: str = CANARY) -> int:
    """Occurrences of `canary` in the rows, and for SQLite in the bytes of its files."""
    with reading(engine) as opened:
        rows = opened.execute(
            select(models.ExchangeText.question, models.ExchangeText.answer).order_by(models.ExchangeText.exchange_id)
        ).all()
    files = sum(file.read_bytes().count(canary.encode()) for file in files_of(engine))
    return files + sum(canary in f"{row.question} {row.answer}" for row in rows)


@pytest.mark.parametrize("table", ["exchange", "feedback", "journal_event"])
@pytest.mark.parametrize("statement", ["DELETE FROM {table}", "UPDATE {table} SET id = id + 1000"])
def test_figures_can_be_neither_changed_nor_deleted_by_any_program(engine: Engine, table: str, statement: str) -> None:
    with session(engine) as opened:
        writer = Journal(opened)
        writer.opinion(writer.exchange(), clear=True)
        journal.forget(opened, NOON, 30, at(NOON))

    with pytest.raises(DatabaseError, match="append-only"), session(engine) as opened:
        opened.execute(text(statement.format(table=table)))

    with reading(engine) as opened:
        assert opened.scalar(text(f"SELECT count(*) FROM {table} WHERE id < 1000")) == 1


def test_the_context_of_a_conversation_is_its_last_three_turns(engine: Engine) -> None:
    with session(engine) as opened:
        writer = Journal(opened)
        conversation = writer.conversation()
        for turn in range(1, 6):
            writer.exchange(Decision.CLARIFY if turn == 5 else Decision.REPLY, f"question {turn}", conversation=conversation, turn=turn)

        context, following = journal.context(opened, conversation)

    assert following == 6
    assert [turn.text for turn in context.turns] == ["question 3", "question 4", "question 5"]
    assert context.last is not None
    assert (context.last.decision, context.last.choices, context.last.nature) == (Decision.CLARIFY, ("cni-perte",), Nature.GENERAL)


def test_an_unknown_conversation_is_refused(engine: Engine) -> None:
    with session(engine) as opened, pytest.raises(ConversationUnknown):
        journal.context(opened, "f" * 32)


def test_an_opinion_is_kept_only_in_its_own_conversation(engine: Engine) -> None:
    with session(engine) as opened:
        writer = Journal(opened)
        exchange = writer.exchange()
        with pytest.raises(ConversationUnknown):
            journal.give_feedback(opened, writer.conversation(), exchange, clear=True)

        assert opened.scalar(select(func.count()).select_from(models.Feedback)) == 0


def test_control_characters_are_removed_before_masking_and_never_stop_the_journal(engine: Engine) -> None:
    with session(engine) as opened:
        Journal(opened).exchange(question="appelez\x00 le 06\u200b12 34 56 78 \x1b[31m\ud800 svp")

        kept = opened.scalar(select(models.ExchangeText.question))

    assert kept is not None
    assert "[téléphone]" in kept
    assert not set("\x00\x1b\u200b\ud800") & set(kept)


def test_days_are_those_of_the_prefecture_even_when_clocks_change(engine: Engine) -> None:
    paris = ZoneInfo("Europe/Paris")
    sunday = date(2026, 10, 25)  # 25 hours long
    with session(engine) as opened:
        writer = Journal(opened)
        for hour, minute, day in ((23, 59, 24), (0, 0, 25), (2, 30, 25), (23, 59, 25), (0, 0, 26)):
            writer.exchange(question=f"{day} {hour}:{minute}", instant=datetime(2026, 10, day, hour, minute, tzinfo=paris))
        found = journal.entries(opened, Period(sunday, sunday))

    assert [entry.question for entry in found] == ["25 0:0", "25 2:30", "25 23:59"]
    period = Period(sunday, sunday)
    assert period.start is not None
    assert period.end is not None
    assert period.end.astimezone(UTC) - period.start.astimezone(UTC) == timedelta(hours=25)


def test_the_last_answer_to_each_feedback_question_counts(engine: Engine) -> None:
    with session(engine) as opened:
        writer = Journal(opened)
        exchange = writer.exchange()
        writer.opinion(exchange, clear=True)
        writer.opinion(exchange, helped=False)
        writer.opinion(exchange, clear=False)
        (entry,) = journal.entries(opened, Period())

    assert (entry.clear, entry.helped) == (False, False)


def test_a_clarification_followed_by_a_reply_is_told_from_one_that_was_not(engine: Engine) -> None:
    with session(engine) as opened:
        writer = Journal(opened)
        conversation = writer.conversation()
        writer.exchange(Decision.CLARIFY, conversation=conversation, turn=1)
        writer.exchange(Decision.REPLY, conversation=conversation, turn=2)
        writer.exchange(Decision.CLARIFY, conversation=conversation, turn=3)
        found = journal.entries(opened, Period())

    assert [entry.replied_later for entry in found] == [True, False, False]


def test_a_whole_journal_has_no_hole(engine: Engine) -> None:
    with session(engine) as opened:
        writer = Journal(opened)
        for _ in range(4):
            writer.exchange()

        assert journal.holes(opened, Period()).numbers == 0
        assert journal.holes(opened, Period()).turns == 0


def test_rows_removed_behind_the_guards_are_noticed(engine: Engine) -> None:
    with session(engine) as opened:
        writer = Journal(opened)
        conversation = writer.conversation()
        for turn in range(1, 5):
            removed = writer.exchange(conversation=conversation, turn=turn)
            if turn == 2:
                second = removed
    _remove_behind_the_guards(engine, second)

    with reading(engine) as opened:
        day = NOON.date()
        for period in (Period(), Period(day, day)):
            found = journal.holes(opened, period)
            assert (found.numbers, found.turns) == (1, 1)


def _remove_behind_the_guards(engine: Engine, exchange: int) -> None:
    lift = "DROP TRIGGER exchange_no_delete" if engine.dialect.name == "sqlite" else "DROP TRIGGER exchange_append_only ON exchange"
    with session(engine) as opened:
        opened.execute(text(lift))
        opened.execute(text("DELETE FROM exchange_text WHERE exchange_id = :id"), {"id": exchange})
        opened.execute(text("DELETE FROM exchange WHERE id = :id"), {"id": exchange})


def test_a_cancelled_turn_is_never_taken_for_a_removed_one(engine: Engine) -> None:
    with session(engine) as opened:
        Journal(opened).exchange()
    with pytest.raises(RuntimeError), session(engine) as opened:
        Journal(opened).exchange()
        raise RuntimeError("the power fails before the commit")
    with session(engine) as opened:
        Journal(opened).exchange()
        found = journal.holes(opened, Period())

    assert found.turns == 0
    assert found.numbers == (1 if found.numbers_may_skip else 0)


# --- Forgetting ----------------------------------------------------------------------------------------------------------


def test_forgotten_words_leave_no_trace_in_the_files_and_figures_stay(engine: Engine, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    old = datetime.now(UTC) - timedelta(days=31)
    with session(engine) as opened:
        writer = Journal(opened)
        for number in range(40):
            writer.exchange(question=f"{CANARY} {number} " + "x" * 300, instant=old)
        writer.exchange(question="question de ce matin", instant=datetime.now(UTC))
    assert _traces(engine) >= 40

    assert run("forget", "--yes") == 0

    assert "Effacé : les mots de 40 échange(s)." in capsys.readouterr().out
    assert _traces(engine) == 0
    assert _traces(engine, "question de ce matin") >= 1
    with reading(engine) as opened:
        assert journal.count(opened) == 41
        (event,) = opened.scalars(select(models.JournalEvent))
    assert (event.kind, event.detail["days"], event.detail["texts"]) == ("retention", 30, 40)


def test_forgetting_without_a_yes_forgets_nothing(engine: Engine, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with session(engine) as opened:
        Journal(opened).exchange(question=CANARY, instant=datetime.now(UTC) - timedelta(days=9))

    assert run("forget", "--days", "8") == 1

    told = capsys.readouterr()
    assert "1 échange(s)" in told.out
    assert "--yes" in told.err
    assert _traces(engine) >= 1


def test_forgetting_when_nothing_is_old_enough_only_notes_it(engine: Engine, run: Run) -> None:
    with session(engine) as opened:
        Journal(opened).exchange(question=CANARY, instant=datetime.now(UTC))

    assert run("forget") == 0

    assert _traces(engine) >= 1
    with reading(engine) as opened:
        assert opened.scalars(select(models.JournalEvent.kind)).all() == ["retention"]


def test_a_conversation_is_erased_on_request_and_only_that_one(engine: Engine, run: Run) -> None:
    with session(engine) as opened:
        writer = Journal(opened)
        conversation = writer.conversation()
        for turn in (1, 2):
            writer.exchange(question=f"{CANARY} {turn}", conversation=conversation, turn=turn)
        writer.exchange(question="une autre personne")

    assert run("erase", conversation, "--yes") == 0

    assert _traces(engine) == 0
    assert _traces(engine, "une autre personne") >= 1
    with reading(engine) as opened:
        context, following = journal.context(opened, conversation)
        (event,) = opened.scalars(select(models.JournalEvent))
    assert following == 3
    assert [turn.text for turn in context.turns] == ["", ""]
    assert (event.kind, event.detail) == ("erasure", {"conversation": conversation, "texts": 2})


def test_erasing_an_unknown_reference_says_so(engine: Engine, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("erase", "f" * 32, "--yes") == 1
    assert "Aucune conversation ne porte la référence" in capsys.readouterr().err


def test_a_conversation_is_found_by_its_hour(engine: Engine, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with session(engine) as opened:
        writer = Journal(opened)
        near, far = writer.conversation(channel=Channel.MAIL), writer.conversation()
        writer.exchange(question="permis bateau", conversation=near)
        writer.exchange(question="autre heure", conversation=far, instant=NOON + timedelta(hours=2))

    assert run("erase", "--near", "2026-11-24T12:20") == 0

    told = capsys.readouterr().out
    assert near in told
    assert "permis bateau" in told
    assert far not in told


@pytest.mark.parametrize("arguments", [("erase",), ("erase", "f" * 32, "--near", "2026-11-24T12:20")])
def test_erasing_asks_for_one_reference_or_one_hour(run: Run, arguments: tuple[str, ...]) -> None:
    assert run(*arguments) == 2


def test_a_reader_that_holds_the_file_is_told_and_running_again_finishes(
    engine: Engine, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    if engine.dialect.name != "sqlite":
        scrub(engine)  # PostgreSQL readers hold nothing: there is nothing to wait for
        return
    with session(engine) as opened:
        Journal(opened).exchange(question=CANARY, instant=datetime.now(UTC) - timedelta(days=31))
    with engine.connect().execution_options(reading=True) as reader:
        reader.execute(select(models.Exchange.id))
        with engine.connect() as other:  # the connection that the command will borrow: it need not wait 15 s here
            other.execute(text("PRAGMA busy_timeout=0"))
        assert run("forget", "--yes") == 1
        assert "relancez" in capsys.readouterr().err

    assert run("forget", "--yes") == 0
    assert _traces(engine) == 0
