"""What a desk asks for its caller: carried out once, in the caller's own version, language and speed, or refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from knowledge.database import reading, session
from knowledge.line_models import ScriptVersion, TransferRequest
from telephony.asterisk.events import Channel
from telephony.errors import AmiRefused, AmiUnavailable
from telephony.records.tail import Records
from telephony.switchboard import STALE, Outcome, Switchboard
from tests.telephony.asterisk_lines import Told, Writer, append
from tests.telephony.small_script import SMALL

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


class Door:
    """An Asterisk that remembers where it was told to send callers."""

    def __init__(self, *channels: Channel) -> None:
        self.present = channels
        self.sent: list[tuple[str, str, str]] = []
        self.failure: BaseException | None = None
        self.deaf = False

    def channels(self) -> tuple[Channel, ...]:
        if self.deaf:
            raise AmiUnavailable("Asterisk ne répond pas.")
        return self.present

    def redirect(self, channel: str, context: str, extension: str) -> bool:
        if self.failure:
            raise self.failure
        self.sent.append((channel, context, extension))
        return any(present.name == channel for present in self.present)


def _channel(call: Told, endpoint: str = "trunk") -> Channel:
    name = call.channel if endpoint == "trunk" else f"PJSIP/{endpoint}-0000ffff"
    identifier = call.id if endpoint == "trunk" else f"{call.id}9"
    return Channel(name, identifier, call.id, True, "a12_frn_n7", "s", "0612345678")


@pytest.fixture
def talking(engine: Engine, tmp_path: Path) -> Told:
    """A caller in conversation with the switchboard, in English, slowly."""
    call = Writer().call().greeted()
    call.mark = "12|ens|n7"
    call.says("NODE").says("ANNOUNCED", "standard", "SUCCESS")
    append(tmp_path / "cel.csv", call.text)
    Records(engine, tmp_path / "cel.csv").read()
    with session(engine) as opened:
        opened.add(ScriptVersion(number=12, script_id="accueil", text=SMALL, digest="d", author="a", comment="", created_at=NOW))
    return call


def _ask(engine: Engine, call: str, service: str = "permis", at: datetime = NOW) -> None:
    with session(engine) as opened:
        opened.add(TransferRequest(at=at, author="Poste 12", call=call, service_id=service))


def _outcomes(engine: Engine) -> list[str | None]:
    with reading(engine) as opened:
        return list(opened.scalars(select(TransferRequest.outcome).order_by(TransferRequest.id)))


def test_the_caller_is_sent_to_the_announcement_of_his_version_language_and_speed(engine: Engine, talking: Told) -> None:
    door = Door(_channel(talking, "desks"), _channel(talking))
    _ask(engine, talking.id)

    assert Switchboard(engine, door, lambda: NOW).serve() == 1
    assert door.sent == [(talking.channel, "a12_ens_go", "permis")]
    assert _outcomes(engine) == [Outcome.SENT]


def test_a_request_is_carried_out_once(engine: Engine, talking: Told) -> None:
    door = Door(_channel(talking))
    _ask(engine, talking.id)
    switchboard = Switchboard(engine, door, lambda: NOW)

    assert (switchboard.serve(), switchboard.serve()) == (1, 0)
    assert len(door.sent) == 1


@pytest.mark.parametrize("service", ["armes", "nothing", "menu", "agent", "permis,1&SIP/x"])
def test_a_service_that_the_script_does_not_lead_to_is_refused(engine: Engine, talking: Told, service: str) -> None:
    door = Door(_channel(talking))
    _ask(engine, talking.id, service)

    Switchboard(engine, door, lambda: NOW).serve()
    assert (door.sent, _outcomes(engine)) == ([], [Outcome.REFUSED])


def test_a_call_that_is_over_is_gone(engine: Engine, talking: Told) -> None:
    door = Door(_channel(talking, "desks"))  # the desk's leg alone is no caller
    _ask(engine, talking.id)

    Switchboard(engine, door, lambda: NOW).serve()
    assert (door.sent, _outcomes(engine)) == ([], [Outcome.GONE])


def test_a_caller_of_an_unknown_version_is_left_where_he_is(engine: Engine, tmp_path: Path) -> None:
    call = Writer().call().greeted()
    append(tmp_path / "cel.csv", call.text)
    Records(engine, tmp_path / "cel.csv").read()
    door = Door(_channel(call))
    _ask(engine, call.id)

    Switchboard(engine, door, lambda: NOW).serve()
    assert (door.sent, _outcomes(engine)) == ([], [Outcome.REFUSED])


def test_without_asterisk_a_request_waits_then_is_too_late(engine: Engine, talking: Told) -> None:
    door = Door(_channel(talking))
    door.deaf = True
    _ask(engine, talking.id)

    assert Switchboard(engine, door, lambda: NOW).serve() == 0
    assert _outcomes(engine) == [None]
    door.deaf = False
    assert Switchboard(engine, door, lambda: NOW + STALE + timedelta(seconds=1)).serve() == 1
    assert (door.sent, _outcomes(engine)) == ([], [Outcome.LATE])


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [(AmiRefused("Asterisk a refusé."), Outcome.REFUSED), (AmiUnavailable("Asterisk ne répond pas."), Outcome.UNSURE)],
)
def test_a_failure_while_the_caller_is_sent_is_told_and_never_repeated(
    engine: Engine, talking: Told, failure: Exception, outcome: Outcome
) -> None:
    door = Door(_channel(talking))
    door.failure = failure
    _ask(engine, talking.id)
    switchboard = Switchboard(engine, door, lambda: NOW)

    switchboard.serve()
    door.failure = None
    switchboard.serve()
    assert (door.sent, _outcomes(engine)) == ([], [outcome])


def test_a_stop_while_the_caller_is_sent_does_not_send_him_twice(engine: Engine, talking: Told) -> None:
    door = Door(_channel(talking))
    door.failure = KeyboardInterrupt()  # the process is stopped
    _ask(engine, talking.id)
    with pytest.raises(KeyboardInterrupt):
        Switchboard(engine, door, lambda: NOW).serve()
    door.failure = None

    assert Switchboard(engine, door, lambda: NOW).serve() == 0
    assert (door.sent, _outcomes(engine)) == ([], [Outcome.SENDING])


def test_several_requests_are_served_in_their_order(engine: Engine, talking: Told) -> None:
    door = Door(_channel(talking))
    for service in ("permis", "migrations", "armes"):
        _ask(engine, talking.id, service)

    assert Switchboard(engine, door, lambda: NOW).serve() == 3
    assert [extension for _, _, extension in door.sent] == ["permis", "migrations"]
    assert _outcomes(engine) == [Outcome.SENT, Outcome.SENT, Outcome.REFUSED]


def test_two_processes_do_not_carry_out_the_same_request(engine: Engine, talking: Told) -> None:
    door = Door(_channel(talking))
    _ask(engine, talking.id)
    other = Switchboard(engine, Door(_channel(talking)), lambda: NOW)

    class Slow(Door):
        def channels(self) -> tuple[Channel, ...]:
            other.serve()  # while this one looks for the caller
            return super().channels()

    slow = Slow(*door.present)
    assert Switchboard(engine, slow, lambda: NOW).serve() == 0
    assert (slow.sent, _outcomes(engine)) == ([], [Outcome.SENT])
