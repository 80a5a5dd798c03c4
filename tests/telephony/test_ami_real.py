"""The door to the real Asterisk: what it does, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from telephony.asterisk.ami import Account, Asterisk, Line, Pace, Snapshot
from telephony.asterisk.instance import Instance
from telephony.errors import AmiRefused
from telephony.settings import TelephonySettings
from tests.telephony.doors import LIVE, QUICK, Witness, door, failure, until, until_no_call, waiting_room
from tests.telephony.faults import FaultProxy, RawCaller

pytestmark = pytest.mark.asterisk


@pytest.fixture(scope="module")
def pbx(asterisk_root: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with waiting_room(asterisk_root, tmp_path_factory.mktemp("line")) as started:
        yield started


@pytest.fixture(autouse=True)
def _no_call_left(pbx: Instance) -> Iterator[None]:
    yield
    until_no_call(pbx)


@pytest.fixture
def publish(pbx: Instance) -> Iterator[Asterisk]:
    """The publisher's door, as the settings open it, without a fault."""
    with Asterisk.publisher(TelephonySettings(ami_port=pbx.ami_port, ami_publish_secret=pbx.secrets["accueil_publish"])) as opened:
        yield opened


# --- What it does --------------------------------------------------------------------------------------------------------


def test_a_context_is_read_back_exactly_as_asterisk_runs_it(publish: Asterisk) -> None:
    lines = publish.dialplan("accueil_live")

    assert Line("accueil_live", "s", 1, "", "NoOp", 'waits: "a", b|c ${X}') in lines
    assert Line("accueil_live", "s", 2, "here", "Wait", "600") in lines
    assert Line("accueil_live", "elsewhere", -1, "", "PJSIP/desks", "") in lines
    assert Line("accueil_live", "", 0, "", "include", "accueil_more") in lines
    assert len(lines) == 6
    assert publish.dialplan("accueil_nowhere") == ()
    assert {"accueil_live", "accueil_more", "trunk"} <= {line.context for line in publish.dialplan()}


def test_a_reload_is_seen_by_the_next_reading(pbx: Instance, publish: Asterisk) -> None:
    live = pbx.line / "live.conf"
    live.write_text(LIVE.replace("600", "700") + "[accueil_new]\nexten = s,1,NoOp()\n")
    publish.reload_dialplan()
    try:
        assert [line.data for line in publish.dialplan("accueil_live") if line.label == "here"] == ["700"]
        assert len(publish.dialplan("accueil_new")) == 1
    finally:
        live.write_text(LIVE)
        publish.reload_dialplan()
    assert publish.dialplan("accueil_new") == ()


def test_a_dialplan_of_ten_thousand_lines_is_read_whole(pbx: Instance, publish: Asterisk) -> None:
    live = pbx.line / "live.conf"
    live.write_text(LIVE + "".join(f"[a1_n{context}]\n" + "exten = s,1,NoOp()\n" + " same = n,NoOp()\n" * 99 for context in range(100)))
    publish.reload_dialplan()
    try:
        assert sum(line.context.startswith("a1_n") for line in publish.dialplan()) == 10_000
    finally:
        live.write_text(LIVE)
        publish.reload_dialplan()


def test_queues_are_reloaded(publish: Asterisk) -> None:
    publish.reload_queues()


def test_a_value_is_written_read_and_removed(publish: Asterisk) -> None:
    publish.put("accueil_next", "f47ac10b-58cc", 'é : à | ; ${X} "q"')
    publish.put("accueilxnext", "other", "1")
    publish.put("accueil", "crisis_until", "")

    assert publish.get("accueil_next", "f47ac10b-58cc") == 'é : à | ; ${X} "q"'
    assert publish.get("accueil", "crisis_until") == ""
    assert publish.get("accueil", "nothing") is None
    assert publish.family("accueil_next") == {"f47ac10b-58cc": 'é : à | ; ${X} "q"'}
    assert publish.family("accueil_nothing") == {}
    assert publish.delete("accueil_next", "f47ac10b-58cc")
    assert not publish.delete("accueil_next", "f47ac10b-58cc")


def test_a_call_is_listed_moved_and_ended(pbx: Instance, publish: Asterisk) -> None:
    before = publish.calls_processed()
    caller = RawCaller(pbx.sip_port, "0612345678")
    assert caller.status == 200
    [leg] = [channel for channel in publish.channels() if channel.caller == "0612345678"]

    assert (leg.endpoint, leg.up, leg.bridge) == ("trunk", True, "")
    assert publish.variable(leg.name, "CALLERID") == ""
    assert len(publish.variable(leg.name, "CALLER_HASH") or "") == 40
    assert publish.redirect(leg.name, "accueil_live", "elsewhere")
    until(lambda: any(channel.extension == "elsewhere" for channel in publish.channels()))
    assert publish.hangup(leg.name)
    until(lambda: not any(channel.id == leg.id for channel in publish.channels()))
    assert not publish.hangup(leg.name)
    assert not publish.redirect(leg.name, "accueil_live", "elsewhere")
    assert publish.variable(leg.name, "CALLER_HASH") is None
    assert publish.calls_processed() == replace(before, processed=before.processed + 1)
    caller.hang_up()


def test_twenty_threads_ask_at_once_and_each_gets_its_own_answer(publish: Asterisk) -> None:
    def ask(number: int) -> bool:
        publish.put("accueil_threads", str(number), f"value {number}")
        return publish.get("accueil_threads", str(number)) == f"value {number}" and publish.delete("accueil_threads", str(number))

    with ThreadPoolExecutor(20) as threads:
        assert all(threads.map(ask, range(200)))
    assert publish.waiting == 0


# --- What it refuses -----------------------------------------------------------------------------------------------------


def test_the_account_that_watches_may_change_nothing(pbx: Instance) -> None:
    with Asterisk.watcher(TelephonySettings(ami_port=pbx.ami_port, ami_view_secret=pbx.secrets["accueil_view"]), Witness()) as watch:
        assert watch.get("accueil", "nothing") is None
        assert watch.dialplan("accueil_live")
        for forbidden in (
            watch.reload_dialplan,
            lambda: watch.put("accueil", "crisis_until", "1"),
            lambda: watch.delete("accueil", "crisis_until"),
            lambda: watch.hangup("PJSIP/trunk-00000001"),
            lambda: watch.redirect("PJSIP/trunk-00000001", "accueil_live", "s"),
        ):
            with pytest.raises(AmiRefused, match="Permission denied"):
                forbidden()


@pytest.mark.parametrize(
    "smuggled", ["1\r\n\r\nAction: Logoff", "1\nVal: 2", "1\u2028Val: 2", "1\x85Val: 2", "1\x1cVal: 2", "1\0"], ids=ascii
)
def test_a_value_cannot_smuggle_an_action_into_asterisk(pbx: Instance, smuggled: str) -> None:
    with FaultProxy(pbx.ami_port) as proxy, door(pbx, proxy.port) as asterisk:
        with pytest.raises(AmiRefused, match="caractère interdit"):
            asterisk.put("accueil", "smuggled", smuggled)

        assert asterisk.get("accueil", "smuggled") is None
        assert b"DBPut" not in proxy.sent


def test_a_wrong_secret_is_said_and_is_not_taken_for_a_connection(pbx: Instance) -> None:
    with Asterisk("127.0.0.1", pbx.ami_port, Account("accueil_view", "wrong"), pace=replace(QUICK, silence=5)) as asterisk:
        until(lambda: "refusé" in failure(asterisk))
        assert not asterisk.connected


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\u0085", "\x1c", "\x1d", "\x0b", "\x0c"], ids=ascii)
def test_a_caller_cannot_forge_his_number_by_his_name(pbx: Instance, separator: str) -> None:
    witness = Witness()
    with door(pbx, pbx.ami_port, witness, Pace()):
        witness.wait_for(lambda events: any(isinstance(event, Snapshot) for event in events))
        lie = f"Mallory{separator}CallerIDNum: 17{separator}Uniqueid: 1.1{separator}Event: Hangup"
        caller = RawCaller(pbx.sip_port, "0612345678", lie.encode())
        witness.wait_for(lambda _: bool(witness.arrived()))
        caller.hang_up()
        witness.wait_for(lambda _: bool(witness.ended()))

        [leg] = witness.arrived()
        assert leg.caller == "0612345678"
        assert leg.id != "1.1"
        assert [event.id for event in witness.ended()] == [leg.id]
