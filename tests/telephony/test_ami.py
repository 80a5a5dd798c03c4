"""The manager interface without Asterisk: what may be written, how what comes is read, and the story told of the calls."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.asterisk.ami import Account, Asterisk, CallArrived, CallEnded, Connected, Disconnected, Pace, Snapshot, StateChange
from telephony.asterisk.events import Delivery, LiveCalls
from telephony.asterisk.packets import MOST_BYTES, Garbled, Packet, Stream, decode, encode
from telephony.errors import AmiRefused, AmiUnavailable

GREETING = b"Asterisk Call Manager/11.0.0\r\n"
FORBIDDEN = [
    "\r",
    "\n",
    "\r\n",
    "\0",
    "\t",
    "\v",
    "\f",
    "\x1b",
    "\x1c",
    "\x1d",
    "\x1e",
    "\x1f",
    "\x7f",
    "\x85",
    "\x9f",
    "\u2028",
    "\u2029",
    "\ud800",
]
NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,20}", fullmatch=True)
PLAIN = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=200).map(lambda text: text.strip(" "))


# --- Writing -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("character", FORBIDDEN, ids=ascii)
def test_a_value_with_a_control_character_or_a_separator_is_never_written(character: str) -> None:
    with pytest.raises(AmiRefused, match="caractère interdit"):
        encode("DBPut", {"Val": f"a{character}Action: Reload"})


@pytest.mark.parametrize("name", ["", "Val ", "Val:", "Val: x\r\nAction", "Vàl", "1Val", "Val\u2028"])
def test_a_name_that_is_not_a_header_is_never_written(name: str) -> None:
    with pytest.raises(AmiRefused, match="nom d'en-tête"):
        encode("DBPut", {name: "x"})


def test_a_value_that_asterisk_would_shorten_is_never_written() -> None:
    for value in (" x", "x ", "x" * 2000):
        with pytest.raises(AmiRefused, match="ien n'a été envoyé"):
            encode("DBPut", {"Val": value})


@given(NAMES, st.dictionaries(NAMES.filter(lambda name: name != "Action"), PLAIN, max_size=8))
def test_what_is_written_is_read_back_the_same(action: str, headers: dict[str, str]) -> None:
    stream = Stream()

    packets = stream.feed(GREETING + encode(action, headers))

    assert packets == [Packet("Action", action, headers)]


@given(st.text(max_size=60))
def test_no_value_whatsoever_makes_a_second_packet_or_another_header(value: str) -> None:
    try:
        written = encode("DBPut", {"Family": "accueil", "Val": value})
    except AmiRefused:
        return
    stream = Stream()

    assert [dict(packet.headers) for packet in stream.feed(GREETING + written)] == [{"Family": "accueil", "Val": value}]
    assert len(written.decode().splitlines()) == 4  # even for a reader that cuts at every Unicode separator


# --- Reading -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x1c", "\x1d", "\x1e", "\v", "\f", "\n", "\r"], ids=ascii)
def test_a_separator_in_a_name_forges_no_header(separator: str) -> None:
    event = f"Event: Newchannel\r\nCallerIDName: Mallory{separator}CallerIDNum: 17\r\nCallerIDNum: 0612345678".encode()

    assert decode(event)["CallerIDNum"] == "0612345678"


def test_of_two_headers_of_one_name_the_first_counts() -> None:
    assert decode(b"Event: Newchannel\r\nCallerIDNum: 0612345678\r\nCallerIDNum: 17")["CallerIDNum"] == "0612345678"


@given(st.lists(st.dictionaries(NAMES, PLAIN, max_size=4), max_size=8), st.data())
def test_packets_are_the_same_in_whatever_pieces_they_arrive(sent: list[dict[str, str]], data: st.DataObject) -> None:
    whole = GREETING + b"".join(encode("Ping", {key: value for key, value in headers.items() if key != "Action"}) for headers in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=12)))
    stream = Stream()

    pieces = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    packets = [packet for piece in pieces for packet in stream.feed(piece)]

    assert packets == Stream().feed(whole)
    assert len(packets) == len(sent)


@settings(max_examples=500)
@given(st.lists(st.one_of(st.binary(max_size=200), st.sampled_from([b"\r\n\r\n", b"Event: X\r\n", b": ", b"\r", b"\n"])), max_size=20))
def test_any_bytes_are_read_as_packets_or_refused_and_never_kept_for_ever(pieces: list[bytes]) -> None:
    stream = Stream()
    stream.feed(GREETING)
    try:
        for piece in pieces:
            for packet in stream.feed(piece):
                assert packet.kind
                assert not any("\r\n" in value for value in packet.headers.values())
    except Garbled:
        pass


@pytest.mark.parametrize(
    "received",
    [
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"x" * 300,
        b"Asterisk Call Manager/\r\n",
        b"\r\n",
        b"Asterisk Call Manager/1 \r\n",
    ],
)
def test_another_greeting_than_asterisks_is_refused(received: bytes) -> None:
    with pytest.raises(Garbled):
        Stream().feed(received)


def test_a_packet_over_64_kilobytes_is_refused_whether_it_ends_or_not() -> None:
    for ending in (b"", b"\r\n\r\n"):
        stream = Stream()
        stream.feed(GREETING + b"Event: Newchannel\r\nName: ")
        with pytest.raises(Garbled, match="64 Ko"):
            stream.feed(b"x" * MOST_BYTES + ending)


# --- The live view -------------------------------------------------------------------------------------------------------


def newchannel(identifier: str) -> Packet:
    headers = {"Channel": f"PJSIP/trunk-{int(identifier):08x}", "Uniqueid": identifier, "Linkedid": identifier, "CallerIDNum": "0612345678"}
    return Packet("Event", "Newchannel", headers)


def hangup(identifier: str, cause: str = "16") -> Packet:
    return Packet("Event", "Hangup", {"Uniqueid": identifier, "Cause": cause})


class Told:
    """Keeps what is told; refuses everything while `full`."""

    def __init__(self) -> None:
        self.events: list[StateChange] = []
        self.full = False

    def __call__(self, event: StateChange) -> bool:
        if not self.full:
            self.events.append(event)
        return not self.full

    def arrived(self) -> list[str]:
        return [event.channel.id for event in self.events if isinstance(event, CallArrived)]

    def ended(self) -> list[str]:
        return [event.id for event in self.events if isinstance(event, CallEnded)]


def test_a_call_that_ended_while_nothing_was_seen_is_told_once_at_the_next_list() -> None:
    told = Told()
    calls = LiveCalls(told)
    calls.hear(newchannel("1"))

    calls.take_stock([newchannel("2")])
    calls.hear(hangup("1"))
    calls.hear(newchannel("2"))
    calls.hear(hangup("2", "17"))

    assert [type(event).__name__ for event in told.events] == ["CallArrived", "CallEnded", "CallArrived", "Snapshot", "CallEnded"]
    assert told.events[1] == CallEnded("1", "1", None)
    assert told.events[-1] == CallEnded("2", "2", 17)


def test_a_late_event_does_not_start_an_ended_call_again() -> None:
    told = Told()
    calls = LiveCalls(told)
    calls.take_stock([newchannel("1")])
    calls.take_stock([])

    calls.hear(newchannel("1"))

    assert told.arrived() == ["1"]
    assert told.ended() == ["1"]


def test_a_bridge_of_an_unknown_leg_is_not_told() -> None:
    told = Told()

    LiveCalls(told).hear(Packet("Event", "BridgeEnter", {"Uniqueid": "9", "Linkedid": "9", "BridgeUniqueid": "b"}))

    assert told.events == []


STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["new", "end"]), st.integers(1, 6)),
        st.tuples(st.just("list"), st.sets(st.integers(1, 6))),
        st.tuples(st.just("full"), st.booleans()),
    ),
    max_size=60,
)


@given(STEPS)
def test_whatever_comes_or_is_lost_a_call_arrives_once_ends_once_and_the_list_has_the_last_word(steps: list[tuple[str, object]]) -> None:
    told = Told()
    calls = LiveCalls(told)
    for kind, value in steps:
        match kind, value:
            case "new", int(number):
                calls.hear(newchannel(str(number)))
            case "end", int(number):
                calls.hear(hangup(str(number)))
            case "list", set(numbers):
                calls.take_stock([newchannel(str(number)) for number in numbers])
            case "full", bool(full):
                told.full = full
    told.full = False
    present = {identifier for identifier in told.arrived() if identifier not in told.ended()} | {"7"}
    calls.take_stock([newchannel(identifier) for identifier in present])

    assert max(Counter(told.arrived()).values()) == 1
    assert all(count == 1 for count in Counter(told.ended()).values())
    assert set(told.ended()) <= set(told.arrived())
    assert set(told.arrived()) - set(told.ended()) == present
    assert not calls.incomplete


def test_a_connection_that_never_was_is_not_told_lost() -> None:
    told = Told()
    calls = LiveCalls(told)
    for event in (Disconnected("a"), Connected(), Disconnected("b"), Disconnected("c"), Connected()):
        calls.note(event)

    assert told.events == [Connected(), Disconnected("b"), Connected()]


def test_what_was_lost_is_counted_until_the_next_list_says_it() -> None:
    told = Told()
    calls = LiveCalls(told)
    told.full = True
    calls.hear(newchannel("1"))
    calls.note(Connected())
    told.full = False
    assert calls.incomplete

    calls.take_stock([newchannel("1")])

    assert isinstance(told.events[-1], Snapshot)
    assert told.events[-1].lost == 2
    assert told.arrived() == ["1"]
    assert not calls.incomplete


def test_the_number_of_a_caller_and_a_secret_do_not_show_when_printed() -> None:
    told = Told()
    LiveCalls(told).hear(newchannel("1"))

    assert "0612345678" not in repr(told.events)
    assert "secret" not in repr(Account("accueil_view", "secret"))


def test_an_error_of_the_listener_does_not_stop_the_delivery(caplog: pytest.LogCaptureFixture) -> None:
    heard = []

    def listener(event: StateChange) -> None:
        heard.append(event)
        raise RuntimeError("listener")

    delivery = Delivery(listener)
    for _ in range(3):
        assert delivery.put(Connected())
    delivery.close(5)

    assert heard == [Connected()] * 3
    assert "the next events are delivered" in caplog.text


def test_a_listener_that_never_returns_holds_nobody_up() -> None:
    stuck, begun = threading.Event(), threading.Event()

    def listener(event: StateChange) -> None:
        begun.set()
        stuck.wait()

    delivery = Delivery(listener, most=2)
    delivery.put(Connected())
    assert begun.wait(5)
    taken = [delivery.put(Connected()) for _ in range(5)]
    stuck.set()
    delivery.close(5)

    assert taken == [True, True, False, False, False]


# --- The door, with nobody behind it -------------------------------------------------------------------------------------

QUICK = Pace(ping_every=0.1, silence=0.5, retry_first=0.02, retry_most=0.2, answer=0.4, listing=1)


def test_a_request_to_nobody_fails_at_its_deadline_and_says_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    before = threading.active_count()

    with Asterisk("127.0.0.1", port, Account("accueil_view", "secret"), pace=QUICK) as asterisk:
        start = time.monotonic()
        with pytest.raises(AmiUnavailable, match=f"127.0.0.1:{port} .personne n'écoute à cette adresse.*TELEPHONY_AMI_PORT"):
            asterisk.ping()
        waited = time.monotonic() - start

    assert 0.3 < waited < 5
    assert not asterisk.connected
    assert threading.active_count() == before


def test_a_closed_door_refuses_at_once_and_can_be_opened_and_closed_again() -> None:
    asterisk = Asterisk("127.0.0.1", 9, Account("accueil_view", "secret"), pace=Pace(answer=60))
    for _ in range(2):
        with pytest.raises(AmiUnavailable, match="Asterisk ne répond pas"):
            asterisk.ping()
        asterisk.open()
        asterisk.open()
        asterisk.close()
        asterisk.close()


def test_a_door_that_was_only_greeted_is_not_connected_and_closes_without_leaving_a_thread() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        before = threading.active_count()
        with Asterisk("127.0.0.1", silent.getsockname()[1], Account("accueil_view", "secret"), pace=QUICK) as asterisk:
            accepted, _ = silent.accept()
            accepted.sendall(GREETING)
            assert not asterisk.wait(0.3)
        accepted.close()

        assert threading.active_count() == before


@pytest.mark.parametrize("channel", ["/.*/", "PJSIP/trunk", "", "PJSIP/trunk-00000001\r\nAction: Reload", "all", "PJSIP/a,b-00000001"])
def test_only_one_channel_in_full_can_be_hung_up(channel: str) -> None:
    """Between slashes Asterisk would read a regular expression, and hang up every call."""
    with pytest.raises(AmiRefused, match="n'est pas un canal"):
        Asterisk("127.0.0.1", 9, Account("accueil_publish", "secret")).hangup(channel)


@pytest.mark.parametrize("name", ["", "a b", "a,1", "${X}", "SHELL(id)", "a\u2028", "x" * 200])
def test_only_a_name_of_the_dialplan_can_be_asked_for(name: str) -> None:
    asterisk = Asterisk("127.0.0.1", 9, Account("accueil_publish", "secret"))

    for ask in (asterisk.dialplan, asterisk.family, lambda name: asterisk.variable("PJSIP/trunk-00000001", name)):
        with pytest.raises(AmiRefused, match="n'est pas"):
            ask(name)
