"""One call, told from the lines that Asterisk wrote of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.line_models import Call
from telephony.records.calls import Event, Place, place_of, summarise
from telephony.records.lines import EVENTS, Record, split
from tests.telephony.asterisk_lines import Told, Writer, mixed


def _events(text: bytes, call: str) -> list[Event]:
    lines, taken = split(text, 0, EVENTS)
    assert taken == len(text)
    records = [line for line in lines if isinstance(line, Record) and line.call == call]
    return [
        Event(line.at, line.kind, line.detail["leg"], line.channel, line.detail.get("extra", ""), line.detail.get("app", ""))
        for line in records
    ]


def _told(call: Told, text: bytes = b"", name: Callable[[int, str], str] = lambda _, symbol: symbol, lost: bool = False) -> Call:
    told = summarise(call.id, _events(text or call.text, call.id), name, lost)
    assert told is not None
    return told


def test_a_call_answered_by_an_agent_gives_its_wait_and_its_rings() -> None:
    call = Writer().call().greeted().says("NODE", node="n4").after(2).says("KEY", "1").says("NODE", node="n6")
    call.after(4).says("ANNOUNCED", "permis", "SUCCESS")
    leg = call.after(1).dials()
    call.after(11).desk("ANSWER", leg)
    call.after(3).bridged(leg).after(60).says("TRANSFER", "permis", "ANSWER").says("END", "agent").ends("dialplan/builtin")

    told = _told(call)

    assert (told.offered, told.answered, told.announced) == (True, True, True)
    assert told.wait_seconds == pytest.approx(14, abs=0.01)
    assert told.rings == 2  # 11 s of ringing
    assert [(one["service"], one["status"], one["announced"], one["by"]) for one in told.transfers] == [("permis", "ANSWER", True, leg[1])]
    assert (told.end, told.ended_in, told.version, told.language) == ("agent", "n6", 12, "fr")


def test_the_path_holds_nodes_and_keys_with_their_times() -> None:
    call = Writer().call().greeted().says("NODE", node="n4").after(10).says("SILENCE").after(2).says("WRONG", "7").after(1).says("KEY", "2")
    call.says("NODE", node="n5").says("CALLBACK", "permis").after(1).ends()

    told = _told(call, name=lambda version, symbol: {"n4": "principal", "n5": "horaires"}.get(symbol, symbol))

    assert [(step["kind"], step["node"], step["key"]) for step in told.path] == [
        ("node", "n1", None),
        ("node", "principal", None),
        ("silence", "principal", None),
        ("wrong", "principal", "7"),
        ("key", "principal", "2"),
        ("node", "horaires", None),
        ("callback", "horaires", None),
    ]
    assert told.path[-1]["service"] == "permis"
    assert told.path[1]["at"] < told.path[2]["at"] < told.path[3]["at"]
    assert told.ended_in == "horaires"


def test_a_caller_who_hangs_up_during_the_announcement_was_offered_nobody() -> None:
    told = _told(Writer().call().greeted().says("NODE", node="n6").after(1).ends())

    assert (told.offered, told.answered, told.announced, told.transfers, told.rings, told.wait_seconds) == (
        False,
        False,
        None,
        [],
        None,
        None,
    )
    assert (told.ended_in, told.end) == ("n6", "caller")


@pytest.mark.parametrize(("status", "last"), [("BUSY", "HANGUP"), ("NOANSWER", "HANGUP"), ("CHANUNAVAIL", "HANGUP")])
def test_a_desk_that_does_not_answer_was_rung_but_nobody_answered(status: str, last: str) -> None:
    call = Writer().call().greeted().says("NODE", node="n6").says("ANNOUNCED", "permis", "SUCCESS")
    leg = call.dials()
    call.after(20).desk(last, leg).says("TRANSFER", "permis", status).says("NODE", node="n14").says("END", "line").ends("dialplan/builtin")

    told = _told(call)

    assert (told.offered, told.answered, told.announced, told.rings, told.end) == (True, False, True, 4, "line")
    assert told.transfers[0]["status"] == status


def test_a_caller_who_gives_up_while_it_rings_is_told_as_such() -> None:
    call = Writer().call().greeted().says("NODE", node="n6").says("ANNOUNCED", "permis", "SUCCESS")
    leg = call.dials()
    call.after(9).ends().desk("HANGUP", leg)

    told = _told(call)

    assert (told.offered, told.answered, told.end, told.transfers[0]["status"]) == (True, False, "caller", "CANCEL")


def test_a_desk_that_answers_but_whose_caller_leaves_before_the_bridge_did_not_answer_him() -> None:
    """The disposition of the records says ANSWERED: only the bridge tells that two people spoke."""
    call = Writer().call().greeted().says("NODE", node="n6").says("ANNOUNCED", "permis", "SUCCESS")
    leg = call.dials()
    call.after(5).desk("ANSWER", leg).after(2).ends().desk("HANGUP", leg)

    assert _told(call).answered is False


def test_a_person_called_without_an_announcement_is_told() -> None:
    call = Writer().call().greeted()
    leg = call.dials()
    call.after(3).desk("ANSWER", leg).bridged(leg).after(9).ends()

    told = _told(call)

    assert (told.answered, told.announced, told.transfers[0]["announced"], told.transfers[0]["service"]) == (True, False, False, "")


def test_an_announcement_that_could_not_be_played_is_no_announcement() -> None:
    call = Writer().call().greeted().says("NODE", node="n6").says("ANNOUNCED", "permis", "FAILED").says("NODE", node="n14").ends()

    told = _told(call)

    assert (told.transfers[0]["announced"], told.transfers[0]["status"], told.offered, told.announced) == (False, "FAILED", False, None)


def test_a_queue_counts_from_the_moment_it_is_entered() -> None:
    call = Writer().call().greeted().says("NODE", node="n9").says("ANNOUNCED", "migrations", "SUCCESS")
    first = call.dials("Queue")
    call.after(15).desk("HANGUP", first)
    second = call.writer.leg()
    call.after(5).line("CHAN_START", *second)
    call.after(10).desk("ANSWER", second).bridged(second).after(50).says("TRANSFER", "migrations", "CONTINUE").ends()

    told = _told(call)

    assert told.wait_seconds == pytest.approx(30, abs=0.01)
    assert told.rings == 5  # 15 s on one desk, 10 s on the other
    assert told.transfers[0]["by"] == second[1]


def test_a_full_queue_offers_nobody() -> None:
    call = Writer().call().greeted().says("ANNOUNCED", "migrations", "SUCCESS").says("TRANSFER", "migrations", "FULL").ends()

    told = _told(call)

    assert (told.offered, told.announced, told.transfers[0]["status"]) == (False, True, "FULL")


def test_a_caller_sent_by_a_desk_to_another_service_has_two_transfers() -> None:
    call = Writer().call().greeted().says("NODE", node="n7").says("ANNOUNCED", "standard", "SUCCESS")
    first = call.dials()
    call.after(4).desk("ANSWER", first).bridged(first).after(30).says("NODE", node="n6").desk("HANGUP", first)
    call.after(3).says("ANNOUNCED", "permis", "SUCCESS")
    second = call.dials()
    call.after(6).desk("ANSWER", second).bridged(second).after(20).ends()

    told = _told(call)

    assert [(one["service"], one["by"], one["status"]) for one in told.transfers] == [
        ("standard", first[1], "ANSWER"),
        ("permis", second[1], "ANSWER"),
    ]
    assert (told.wait_seconds, told.rings) == (pytest.approx(4, abs=0.01), 2)


def test_a_spoken_question_keeps_its_outcome_and_its_conversation() -> None:
    uuid = "0123456789abcdef0123-00000c000a00"
    call = Writer().call().greeted().says("NODE", node="n10").after(12).says("SPEECH", uuid, "SUCCESS", "permis").ends()

    assert [(one["node"], one["conversation"], one["status"], one["next"]) for one in _told(call).questions] == [
        ("n10", "0123456789abcdef0123", "SUCCESS", "permis")
    ]


def test_what_was_heard_and_the_state_of_the_line_are_kept() -> None:
    call = Writer().call().says("CALL", "0", "c0ffee").says("STATE", "crisis").says("STATE", "closed").says("NODE").says("HEARD").ends()

    told = _told(call)

    assert (told.state, told.heard, told.welcomed, told.caller) == ("crisis", ["n1"], False, "c0ffee")


def test_the_line_calling_itself_is_marked() -> None:
    by_endpoint, by_event = Writer().call("proof").greeted().ends(), Writer().call().greeted(proof="1").ends()

    assert _told(by_endpoint).proof
    assert _told(by_event).proof
    assert not _told(Writer().call().greeted().ends()).proof


def test_a_desk_that_dials_by_itself_is_no_call() -> None:
    call = Writer().call("desks").ends()

    assert summarise(call.id, _events(call.text, call.id), lambda _, symbol: symbol) is None


def test_the_fallback_is_told_without_a_version() -> None:
    call = Writer().call()
    call.mark = "0|frn|n0"
    told = _told(call.says("STATE", "fallback").ends())

    assert (told.version, told.state) == (None, "fallback")


def test_a_call_whose_end_was_never_written_is_lost() -> None:
    call = Writer().call().greeted()

    assert _told(call, lost=True).end == "lost"


def test_the_agent_who_hangs_up_first_ends_the_call() -> None:
    assert _told(Writer().call().greeted().ends("PJSIP/desks-00000001")).end == "agent"
    assert _told(Writer().call().greeted().ends("dialplan/builtin")).end == "line"


def test_eight_calls_at_once_are_told_as_if_they_were_alone() -> None:
    writer = Writer()
    calls = []
    for number in range(8):
        call = writer.call().greeted(caller=f"caller{number}").says("KEY", str(number + 1), node="n4")
        if number % 2:
            call.says("ANNOUNCED", f"service{number}", "SUCCESS")
            leg = call.dials()
            call.after(1).desk("ANSWER", leg).bridged(leg)
        calls.append(call.after(1).ends())
    together = mixed(calls)

    for number, call in enumerate(calls):
        told = _told(call, together)
        assert (told.caller, told.path[-1]["key"], told.answered) == (f"caller{number}", str(number + 1), bool(number % 2))


@given(st.text(max_size=60))
def test_no_text_in_an_event_makes_the_summary_fail(text: str) -> None:
    call = Writer().call().greeted()
    for kind in ("CALL", "NODE", "KEY", "SPEECH", "ANNOUNCED", "TRANSFER", "STATE", "END"):
        call.says(kind, text, text, text, node=text.replace("\n", " "))
    call.lines = [line for line in call.lines if b"\0" not in line]

    told = _told(call.ends())

    assert "\0" not in repr(told.path)


@pytest.mark.parametrize("extra", ["", "{", "[" * 50_000, '{"extra": 3}', "12|frn", "x|frn|n1", "99999999999|frn|n1", "12||n1"])
def test_an_event_of_ours_that_says_no_place_is_passed_over(extra: str) -> None:
    call = Writer().call().greeted()
    event = _events(call.text, call.id)[0]

    assert place_of(Event(event.at, "ACCUEIL_NODE", event.leg, event.channel, extra)) is None


def test_a_place_tells_version_language_and_rate() -> None:
    event = _events(Writer().call().text, "1795869000.0")[0]

    assert place_of(Event(event.at, "ACCUEIL_NODE", event.leg, event.channel, '{"extra":"7|ens|n3"}')) == Place(7, "en", "s", "n3")
