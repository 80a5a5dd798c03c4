"""The door to the real Asterisk, through a network that fails: it comes back by itself, and tells each thing once."""

from __future__ import annotations

import gc
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from telephony.asterisk.ami import CallEnded, Disconnected, Pace, Snapshot, StateChange
from telephony.asterisk.client import Client
from telephony.asterisk.instance import Instance
from telephony.errors import AmiUnavailable
from tests.telephony.doors import LIVE, QUICK, Witness, door, failure, until, until_no_call, waiting_room
from tests.telephony.faults import Fault, FaultProxy, RawCaller

pytestmark = pytest.mark.asterisk
TENTH = Pace(ping_every=0.2, silence=0.5, retry_first=0.02, retry_most=0.5, answer=0.3, listing=1.5)
"""The pace of service, ten times faster."""


@pytest.fixture(scope="module")
def pbx(asterisk_root: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with waiting_room(asterisk_root, tmp_path_factory.mktemp("line")) as started:
        yield started


@pytest.fixture(autouse=True)
def _no_call_left(pbx: Instance) -> Iterator[None]:
    yield
    until_no_call(pbx)


@pytest.fixture
def proxy(pbx: Instance) -> Iterator[FaultProxy]:
    with FaultProxy(pbx.ami_port) as relay:
        yield relay


def close(proxy: FaultProxy) -> None:
    proxy.close()


def reset(proxy: FaultProxy) -> None:
    proxy.reset()


def refuse(proxy: FaultProxy) -> None:
    proxy.refuse()


def freeze(proxy: FaultProxy) -> None:
    proxy.set(Fault.FREEZE)


def black_hole(proxy: FaultProxy) -> None:
    proxy.set(Fault.BLACK_HOLE)


def garbage(proxy: FaultProxy) -> None:
    proxy.inject(bytes(range(256)) * 20 + b"\r\n\r\n")


def unknown_packet(proxy: FaultProxy) -> None:
    proxy.inject(b"Action: Login\r\nUsername: x\r\n\r\n")


def endless_packet(proxy: FaultProxy) -> None:
    proxy.inject(b"Event: Newchannel\r\nCallerIDName: " + b"x" * 70_000)


def garbage_greeting(proxy: FaultProxy) -> None:
    proxy.set(Fault.GARBAGE_GREETING)
    proxy.close()


FAULTS: dict[Callable[[FaultProxy], None], str] = {
    close: "fermée",
    reset: "coupée",
    refuse: "fermée",
    freeze: "plus rien ne vient|pas de réponse",
    black_hole: "plus rien ne vient|pas de réponse",
    garbage: "n'est pas d'Asterisk",
    unknown_packet: "ni une réponse ni un événement",
    endless_packet: "64 Ko",
    garbage_greeting: "fermée",
}
"""With the reason that the door gives."""
LASTING = {refuse, freeze, black_hole, garbage_greeting}
"""Faults that stay until they are healed; after the others the network is sound again."""


def _left_behind() -> list[object]:
    """The threads of a door, and its connections, that still exist."""
    gc.collect()
    threads: list[object] = [thread for thread in threading.enumerate() if thread.name.startswith("ami-")]
    return threads + [thing for thing in gc.get_objects() if isinstance(thing, Client)]


@pytest.mark.parametrize(
    "fault",
    FAULTS,
    ids=lambda fault: fault.__name__,
)
def test_after_any_fault_the_door_is_connected_again_by_itself(
    pbx: Instance, proxy: FaultProxy, fault: Callable[[FaultProxy], None]
) -> None:
    witness = Witness()
    with door(pbx, proxy.port, witness) as asterisk:
        witness.wait_for(lambda events: any(isinstance(event, Snapshot) for event in events))

        fault(proxy)
        witness.wait_for(lambda _: "Disconnected" in witness.kinds())
        if fault in LASTING:
            start = time.monotonic()
            assert "Asterisk ne répond pas" in failure(asterisk)
            assert time.monotonic() - start < QUICK.answer + 1
            proxy.heal()
        witness.wait_for(lambda _: witness.kinds().count("Snapshot") >= 2)

        assert asterisk.ping() < QUICK.answer
        assert asterisk.waiting == 0
        assert asterisk.lost == 0
        assert not witness.arrived()
        first = next(event for event in witness.events if isinstance(event, Disconnected))
        assert re.search(FAULTS[fault], first.reason), first.reason
        assert witness.kinds() == witness.regular()
    assert _left_behind() == []


def test_a_request_under_way_when_the_connection_breaks_fails_at_once_and_is_not_sent_again(pbx: Instance, proxy: FaultProxy) -> None:
    with door(pbx, proxy.port, pace=replace(QUICK, answer=30, silence=30)) as asterisk, ThreadPoolExecutor(1) as thread:
        assert asterisk.wait(5)
        proxy.set(Fault.BLACK_HOLE)
        asked = thread.submit(asterisk.put, "accueil", "broken", "1")
        until(lambda: b"DBPut" in proxy.swallowed)
        proxy.heal()
        proxy.reset()

        with pytest.raises(AmiUnavailable, match=r"coupée|fermée"):
            asked.result(5)
        assert asterisk.wait(5)
        assert asterisk.get("accueil", "broken") is None
        assert b"DBPut" not in proxy.sent


def test_a_request_made_during_a_short_fault_is_served_when_the_connection_comes_back(pbx: Instance, proxy: FaultProxy) -> None:
    with door(pbx, proxy.port, pace=replace(QUICK, answer=20)) as asterisk, ThreadPoolExecutor(1) as thread:
        assert asterisk.wait(5)
        proxy.refuse()
        until(lambda: not asterisk.connected)
        asked = thread.submit(asterisk.get, "accueil", "nothing")
        time.sleep(0.3)
        proxy.heal()

        assert asked.result(20) is None


def test_calls_that_come_and_go_during_a_fault_are_told_once_each(pbx: Instance, proxy: FaultProxy) -> None:
    witness = Witness()
    stays, leaves = RawCaller(pbx.sip_port, "0611111111"), RawCaller(pbx.sip_port, "0622222222")
    with door(pbx, proxy.port, witness):
        witness.wait_for(lambda _: len(witness.arrived()) == 2)
        proxy.refuse()
        witness.wait_for(lambda _: "Disconnected" in witness.kinds())
        leaves.hang_up()
        comes = RawCaller(pbx.sip_port, "0633333333")
        proxy.heal()
        witness.wait_for(lambda _: witness.kinds().count("Snapshot") == 2)
        stays.hang_up()
        comes.hang_up()
        witness.wait_for(lambda _: len(witness.ended()) == 3)

    numbers = {channel.id: channel.caller for channel in witness.arrived()}
    assert sorted(numbers.values()) == ["0611111111", "0622222222", "0633333333"]
    assert len(witness.arrived()) == 3
    assert {numbers[event.id] for event in witness.ended() if event.cause is None} == {"0622222222"}
    assert {numbers[event.id] for event in witness.ended()} == set(numbers.values())


def test_an_asterisk_killed_and_started_again_is_found_again_and_its_calls_are_closed(
    start_asterisk: Callable[..., Instance], tmp_path: Path
) -> None:
    (tmp_path / "live.conf").write_text(LIVE)
    instance = start_asterisk(line=tmp_path)
    witness = Witness()
    with door(instance, instance.ami_port, witness, replace(QUICK, answer=10)) as asterisk:
        RawCaller(instance.sip_port, "0612345678")
        witness.wait_for(lambda _: bool(witness.arrived()))
        counted = asterisk.calls_processed()

        instance.kill()
        time.sleep(1)  # Asterisk gives its start to the second
        witness.wait_for(lambda _: "Disconnected" in witness.kinds())
        instance.start()
        witness.wait_for(lambda _: bool(witness.ended()))

        assert [event.cause for event in witness.ended()] == [None]
        again = asterisk.calls_processed()
        assert (counted.processed, again.processed) == (1, 0)
        assert counted.started != again.started


def test_an_asterisk_that_hangs_is_given_up_and_found_again_when_it_moves(start_asterisk: Callable[..., Instance]) -> None:
    instance = start_asterisk()
    witness = Witness()
    with door(instance, instance.ami_port, witness) as asterisk:
        witness.wait_for(lambda _: "Snapshot" in witness.kinds())
        instance.freeze()
        try:
            witness.wait_for(lambda _: "Disconnected" in witness.kinds())
            assert "ne répond pas" in failure(asterisk)
        finally:
            instance.thaw()
        witness.wait_for(lambda _: witness.kinds().count("Snapshot") == 2)

        assert witness.kinds() == witness.regular()


def test_an_error_of_the_listener_neither_breaks_the_connection_nor_loses_the_next_event(pbx: Instance, proxy: FaultProxy) -> None:
    heard: list[StateChange] = []

    def listener(event: StateChange) -> None:
        heard.append(event)
        raise RuntimeError("listener")

    with door(pbx, proxy.port, listener) as asterisk:
        assert asterisk.wait(5)
        RawCaller(pbx.sip_port, "0612345678").hang_up()
        until(lambda: any(isinstance(event, CallEnded) for event in heard))

        assert proxy.connections == 1
        assert asterisk.ping() < QUICK.answer


def test_a_listener_may_close_the_door(pbx: Instance) -> None:
    closed = threading.Event()

    def listener(event: StateChange) -> None:
        if isinstance(event, Snapshot):
            asterisk.close()
            closed.set()

    asterisk = door(pbx, pbx.ami_port, listener)
    asterisk.open()

    assert closed.wait(10)
    assert not asterisk.connected
    until(lambda: _left_behind() == [])


def burst(calls: range) -> bytes:
    """Two events for each call, as Asterisk writes them."""
    return b"".join(
        b"Event: Newchannel\r\nChannel: PJSIP/trunk-%08x\r\nChannelState: 0\r\nCallerIDNum: 06\r\nUniqueid: 1.%d\r\nLinkedid: 1.%d\r\n\r\n"
        b"Event: Hangup\r\nChannel: PJSIP/trunk-%08x\r\nUniqueid: 1.%d\r\nLinkedid: 1.%d\r\nCause: 16\r\n\r\n"
        % (number, number, number, number, number, number)
        for number in calls
    )


def test_twenty_thousand_events_are_told_once_each(pbx: Instance, proxy: FaultProxy) -> None:
    witness = Witness()
    with door(pbx, proxy.port, witness, replace(QUICK, silence=5)) as asterisk:
        witness.wait_for(lambda _: "Snapshot" in witness.kinds())
        for start in range(0, 10_000, 2_500):  # in waves that fit the queue, whatever this machine does besides
            proxy.inject(burst(range(start, start + 2_500)))
            witness.wait_for(lambda _: len(witness.ended()) >= start + 2_500, 60)  # noqa: B023  # waited for within the turn

        assert asterisk.lost == 0
        assert proxy.connections == 1
    assert [channel.id for channel in witness.arrived()] == [f"1.{number}" for number in range(10_000)]
    assert [event.id for event in witness.ended()] == [f"1.{number}" for number in range(10_000)]


def test_a_listener_stuck_during_twenty_thousand_events_costs_events_that_are_counted_and_made_good(
    pbx: Instance, proxy: FaultProxy
) -> None:
    witness = Witness()
    caller = RawCaller(pbx.sip_port, "0612345678")
    with door(pbx, proxy.port, witness, replace(QUICK, silence=5)) as asterisk:
        witness.wait_for(lambda _: "Snapshot" in witness.kinds())
        witness.gate.clear()
        proxy.inject(burst(range(10_000)))
        until(lambda: asterisk.lost > 0, 60)
        assert asterisk.ping() < 5  # the reading goes on
        witness.gate.set()
        witness.wait_for(lambda events: isinstance(events[-1], Snapshot) and events[-1].lost > 0, 60)

        assert proxy.connections == 1
        last = witness.events[-1]
        assert isinstance(last, Snapshot)
        arrived, ended = [channel.id for channel in witness.arrived()], [event.id for event in witness.ended()]
        assert len(set(arrived)) == len(arrived)
        assert len(set(ended)) == len(ended)
        assert set(arrived) - set(ended) == {channel.id for channel in last.channels}
        assert [channel.caller for channel in last.channels] == ["0612345678"]
    caller.hang_up()


@pytest.mark.slow
def test_a_freeze_of_six_seconds_is_noticed_and_overcome_at_the_true_pace(pbx: Instance, proxy: FaultProxy) -> None:
    witness = Witness()
    with door(pbx, proxy.port, witness, Pace()) as asterisk:
        witness.wait_for(lambda _: "Snapshot" in witness.kinds())
        proxy.set(Fault.FREEZE)
        frozen = time.monotonic()
        assert "ne répond pas" in failure(asterisk)
        assert time.monotonic() - frozen < Pace().answer + 1
        time.sleep(max(0.0, frozen + 6 - time.monotonic()))
        proxy.heal()
        witness.wait_for(lambda _: witness.kinds().count("Snapshot") == 2)

        assert witness.kinds() == witness.regular()
        assert asterisk.ping() < Pace().answer


@pytest.mark.slow
def test_a_freeze_of_seventy_seconds_at_a_tenth_of_the_pace_leaves_one_connection_and_no_thread(pbx: Instance, proxy: FaultProxy) -> None:
    witness = Witness()
    with door(pbx, proxy.port, witness, TENTH) as asterisk:
        witness.wait_for(lambda _: "Snapshot" in witness.kinds())
        proxy.set(Fault.FREEZE)
        time.sleep(7)
        assert not asterisk.connected
        proxy.heal()
        witness.wait_for(lambda _: witness.kinds()[-2:] == ["Connected", "Snapshot"] and len(witness.kinds()) > 2)

        assert witness.kinds() == witness.regular()
        assert asterisk.waiting == 0
        assert proxy.connections < 40  # it waits between its tries
    assert _left_behind() == []


@pytest.mark.slow
def test_through_forty_faults_in_a_row_each_call_is_told_once(pbx: Instance, proxy: FaultProxy) -> None:
    chance = random.Random(20261128)
    witness = Witness()
    callers: list[RawCaller] = []
    with door(pbx, proxy.port, witness, TENTH) as asterisk:
        for _ in range(40):
            callers.append(RawCaller(pbx.sip_port, f"06{len(callers):08}"))
            chance.choice(list(FAULTS))(proxy)
            time.sleep(chance.uniform(0, 0.8))
            if chance.random() < 0.7:
                callers[chance.randrange(len(callers))].hang_up()
            proxy.heal()
            time.sleep(chance.uniform(0, 0.3))
        for caller in callers:
            caller.hang_up()
        assert asterisk.wait(20)
        witness.wait_for(lambda _: len({event.id for event in witness.ended()}) == len({channel.id for channel in witness.arrived()}))
        witness.wait_for(lambda events: isinstance(events[-1], Snapshot | CallEnded))

        assert max(Counter(channel.id for channel in witness.arrived()).values()) == 1
        assert max(Counter(event.id for event in witness.ended()).values()) == 1
        assert asterisk.channels() == ()
    assert _left_behind() == []
