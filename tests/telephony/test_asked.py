"""What was asked aloud during a call is found in the journal, by nature and title, never by the words of the caller."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import DatabaseError

from bot.assistant import Assistant
from bot.messages import Channel, Decision, Nature, Question
from knowledge.database import reading, session
from knowledge.line_models import Call, SpokenConversation
from telephony import __main__ as entrance
from telephony.records.asked import asked_during, link
from telephony.records.tail import Records
from tests.telephony.asterisk_lines import Told, Writer, append
from tests.telephony.recognition import A_PERSON, LOST_CARD, MY_FILE

TALK = "0123456789abcdef0123"
UUID = f"{TALK}-00000c000a00"
CARD, FILE = "Carte nationale d'identité perdue", "Où en est ma demande de titre de séjour"


@pytest.fixture(scope="module")
def call(stocked: Engine, assistant: Assistant, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """A caller who asks three things in one spoken question, is spoken to slowly, and is put through."""
    conversation = None
    for question in (LOST_CARD, A_PERSON, MY_FILE):
        with session(stocked) as opened:
            answer = assistant.converse(opened, Question(question, Channel.PHONE, conversation))
            link(opened, TALK, answer)
        conversation = answer.conversation
    told = Writer().call().greeted().says("NODE", node="n10").says("SPEECH", UUID, "SUCCESS", "again", node="n10")
    told.after(9).says("SPEECH", UUID, "SUCCESS", "migrations.slow", node="n10").says(
        "ANNOUNCED", "migrations", "SUCCESS", node="n6"
    ).ends()
    records = tmp_path_factory.mktemp("records") / "cel.csv"
    append(records, told.text)
    Records(stocked, records).read()
    return told


def test_each_question_of_a_call_is_told_once_with_its_nature_and_its_fiches(stocked: Engine, call: Told) -> None:
    with reading(stocked) as opened:
        found = opened.get(Call, call.id)
        assert found is not None
        asked = asked_during(opened, found)

    assert [question["next"] for question in found.questions] == ["again", "migrations"]
    assert [(one.talk, one.nature, one.decision) for one in asked] == [
        (TALK, Nature.GENERAL, Decision.REPLY),
        (TALK, Nature.WANTS_PERSON, Decision.HANDOVER),
        (TALK, Nature.PERSONAL_FILE, Decision.HANDOVER),
    ]
    assert (asked[0].titles, asked[1].titles, asked[2].titles[0]) == ((CARD,), (), FILE)


def test_the_conversation_is_noted_once_and_never_rewritten(stocked: Engine, call: Told) -> None:
    with reading(stocked) as opened:
        assert opened.scalar(select(func.count()).select_from(SpokenConversation)) == 1
    for order in ("UPDATE spoken_conversation SET talk = 'x'", "DELETE FROM spoken_conversation"):
        with pytest.raises(DatabaseError, match="append-only"), session(stocked) as opened:
            opened.execute(text(order))


def test_a_call_without_a_spoken_question_has_nothing(stocked: Engine, tmp_path: Path) -> None:
    told = Writer(at=1_795_990_000.0).call().greeted().ends()
    append(tmp_path / "cel.csv", told.text)
    Records(stocked, tmp_path / "cel.csv").read()

    with reading(stocked) as opened:
        found = opened.get(Call, told.id)
        assert found is not None
        assert asked_during(opened, found) == ()


def test_the_command_shows_what_was_asked_and_no_word_of_it(
    stocked: Engine, call: Told, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("knowledge.database.default_engine", lambda: stocked)

    assert entrance.main(["calls", call.id]) == 0

    shown = capsys.readouterr().out
    assert f"générale, répondu : « {CARD} »" in shown
    assert f"dossier personnel, confié à une personne : « {FILE} »" in shown
    assert shown.count(CARD) == 1
    assert all(words not in shown for words in (LOST_CARD, A_PERSON, MY_FILE))
