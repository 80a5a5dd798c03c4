"""Calls on the real Asterisk, told from what it wrote of them."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine, select

from bench.records import measure
from knowledge.database import reading, session
from knowledge.line_models import Call, CallbackRequest, CallEvent, ScriptVersion, TransferRequest
from knowledge.scripts.model import parse
from knowledge.scripts.telling import Sentence, Told
from telephony.asterisk.ami import Account, Asterisk
from telephony.asterisk.instance import Instance
from telephony.dialplan import compiled
from telephony.records.callbacks import FAMILY, collect
from telephony.records.reconciliation import check_calls
from telephony.records.tail import Records
from telephony.sip.agent import Policy, UserAgent
from telephony.sip.hearing import match
from telephony.speech.sound import RATE, Pcm
from telephony.switchboard import Outcome, Switchboard
from tests.telephony.calls import BUSY, IGNORE, NUMBER, caller, desks, put_sound, read_wav, serve
from tests.telephony.conftest import CONFIGURATION, StartAsterisk
from tests.telephony.small_script import told as told_by

pytestmark = pytest.mark.asterisk

SCRIPT = """
id: accueil
title: Un script de trois services
languages: [fr]
start: bienvenue
menu: principal
agent: vers_standard
forced_closure: ferme
nodes:
  bienvenue: {type: message, say: {fr: "Bonjour."}, next: principal}
  principal:
    type: menu
    say: {fr: "Voici le menu."}
    choices:
      - {key: "1", label: {fr: "Pour le permis"}, to: vers_permis}
      - {key: "2", label: {fr: "Pour la carte grise"}, to: vers_immatriculation}
      - {key: "3", label: {fr: "Pour être rappelé"}, to: rappel}
      - {key: "4", label: {fr: "Pour un titre de séjour"}, to: file_sejour}
    silence: {say: {fr: "Je n'ai rien entendu."}}
    wrong: {say: {fr: "Cette touche n'est pas proposée."}}
    exhausted: {say: {fr: "Je vous passe une personne."}, to: vers_standard}
  vers_permis: {type: transfer, service: permis, subject: {fr: "permis"}, seconds: 10, unanswered: au_revoir}
  vers_immatriculation: {type: transfer, service: immatriculation, subject: {fr: "carte grise"}, seconds: 10, unanswered: au_revoir}
  vers_standard: {type: transfer, service: standard, subject: {fr: "autre"}, seconds: 10, unanswered: au_revoir}
  file_sejour: {type: queue, service: migrations, subject: {fr: "séjour"}, seconds: 30, full: au_revoir, unanswered: au_revoir}
  rappel: {type: callback, service: permis, say: {fr: "Un agent va vous rappeler."}, next: au_revoir}
  ferme: {type: message, say: {fr: "C'est fermé."}, next: au_revoir}
  au_revoir: {type: end, say: {fr: "Au revoir."}}
"""
VERSION = 12
PERMIS, IMMATRICULATION, STANDARD, MIGRATIONS = "1040", "1050", "1000", "1010"
# the desks share one endpoint: without its state, Asterisk takes each member for invalid and never rings it
QUEUE = (
    "[migrations]\nstrategy = rrmemory\ntimeout = 20\nannounce-frequency = 0\njoinempty = yes\nmember => PJSIP/1010@desks,0,,PJSIP/desks\n"
)


class _Line:
    """An Asterisk that serves SCRIPT, the records of it, and a door."""

    def __init__(self, asterisk: Instance, engine: Engine, door: Asterisk) -> None:
        self.asterisk, self.engine, self.door = asterisk, engine, door
        self.records = Records(engine, asterisk.cel, asterisk.cdr)
        self.told: Told = told_by(parse(SCRIPT, "script.yml").script)

    def sound(self, sentence: Sentence, rate: str = "normal") -> Pcm:
        return read_wav(self.asterisk.line / "sounds" / f"{_name(sentence, rate)}.wav")

    async def calls(self, number: int, patience: float = 10.0) -> list[Call]:
        """The first calls told, in the order in which they came, once there are so many."""
        for _ in range(int(patience * 10)):
            self.records.read()
            with reading(self.engine) as opened:
                found = list(opened.scalars(select(Call).order_by(Call.started_at)))
            if len(found) >= number:
                return found
            await asyncio.sleep(0.1)
        raise AssertionError(f"{len(found)} calls were told, {number} were made")


def _name(sentence: Sentence, rate: str) -> str:
    return hashlib.sha256(f"{sentence.language} {sentence.text} {rate}".encode()).hexdigest()[:32]


@pytest.fixture
def line(start_asterisk: StartAsterisk, engine: Engine, tmp_path: Path) -> Iterator[_Line]:
    asterisk = start_asterisk()
    with session(engine) as opened:
        made = {"script_id": "accueil", "digest": "d", "author": "a", "comment": "", "created_at": datetime.now(UTC)}
        opened.add(ScriptVersion(number=VERSION, text=SCRIPT, **made))
    with Asterisk("127.0.0.1", asterisk.ami_port, Account("accueil_publish", asterisk.secrets["accueil_publish"])) as door:
        assert door.wait(10)
        made_line = _Line(asterisk, engine, door)
        sounds = {}
        for sentence in made_line.told.sentences():
            for rate in ("normal", "slow"):
                name = _name(sentence, rate)
                chance = np.random.default_rng(int(name[:8], 16))  # a noise of its own, that no other resembles
                seconds = 2.0 if sentence in _announcements(made_line.told) else 0.2
                put_sound(asterisk, name, (chance.normal(0, 3000, int(RATE * seconds))).astype(np.int16))
                sounds[sentence, rate] = name
        (asterisk.line / "queues.conf").write_text(QUEUE, "utf-8")
        door.reload_queues()
        plan = compiled(made_line.told, VERSION, sounds, "Europe/Paris").text
        serve(asterisk, plan.partition(f"[a{VERSION}_end]")[0], VERSION)
        yield made_line


def _announcements(told: Told) -> set[Sentence]:
    transfers = ("vers_permis", "vers_immatriculation", "vers_standard", "file_sejour")
    return {sentence for name in transfers for sentence in told.said(name, "fr", "announce")}


@pytest.mark.slow
def test_six_ways_to_end_a_call_are_told_as_they_were(line: _Line) -> None:
    async def presses(key: str, phone: UserAgent) -> None:
        call = await (await phone.call(NUMBER)).answered()
        await asyncio.sleep(1)
        call.press(key)
        await call.ended(30)

    async def leaves_in_the_announcement(phone: UserAgent) -> None:
        call = await (await phone.call(NUMBER)).answered()
        await asyncio.sleep(1)
        call.press("1")
        await asyncio.sleep(1)
        call.hang_up()

    async def leaves_in_the_menu(phone: UserAgent) -> None:
        call = await (await phone.call(NUMBER)).answered()
        await asyncio.sleep(1.2)
        call.hang_up()

    async def story() -> list[Call]:
        policies = {PERMIS: Policy(after=0.3, lasts=2), IMMATRICULATION: BUSY, STANDARD: IGNORE, MIGRATIONS: Policy(after=0.5, lasts=2)}
        async with caller(line.asterisk) as phone, desks(line.asterisk, policies):
            ways: list[asyncio.Task[None]] = []
            answered, busy, ignored, queued = (partial(presses, key) for key in "1204")
            for way in (answered, busy, ignored, queued, leaves_in_the_announcement, leaves_in_the_menu):
                ways.append(asyncio.create_task(way(phone)))
                await asyncio.sleep(0.1)
            await asyncio.gather(*ways)
            return await line.calls(6)

    spoken, engaged, unanswered, queued, in_announcement, in_menu = asyncio.run(story())

    assert all(
        call.welcomed and not call.proof and call.version == VERSION and call.language == "fr" for call in (spoken, engaged, in_menu)
    )
    assert len({call.caller for call in (spoken, engaged)}) == 1
    assert len(spoken.caller or "") == 40  # a hash, not a number
    assert (spoken.offered, spoken.announced, spoken.answered, spoken.end) == (True, True, True, "agent")
    assert spoken.transfers[0]["by"].startswith("PJSIP/desks-")
    assert 0.2 < (spoken.wait_seconds or 0) < 5
    assert [step["key"] for step in spoken.path if step["kind"] == "key"] == ["1"]
    assert (engaged.offered, engaged.announced, engaged.answered, engaged.end) == (True, True, False, "line")
    assert (engaged.transfers[0]["status"], engaged.ended_in) == ("BUSY", "au_revoir")
    assert (unanswered.offered, unanswered.answered, unanswered.transfers[0]["status"], unanswered.rings) == (True, False, "NOANSWER", 2)
    assert (queued.offered, queued.announced, queued.answered, queued.end) == (True, True, True, "agent")
    assert [(one["service"], one["status"]) for one in queued.transfers] == [("migrations", "CONTINUE")]
    assert (in_announcement.offered, in_announcement.announced, in_announcement.ended_in, in_announcement.end) == (
        False,
        None,
        "vers_permis",
        "caller",
    )
    assert (in_menu.ended_in, in_menu.end, in_menu.transfers) == ("principal", "caller", [])

    check = check_calls(line.engine, line.records.read, line.door)
    assert check.ok, check.detail
    with reading(line.engine) as opened:
        numbers = [event for event in opened.scalars(select(CallEvent)) if "612345678" in str(event.detail) + event.channel]
    assert numbers == []


@pytest.mark.slow
def test_a_desk_sends_its_caller_on_and_he_hears_the_service_named_to_its_end(line: _Line) -> None:
    switchboard = Switchboard(line.engine, line.door)

    async def story() -> tuple[Pcm, list[Call]]:
        policies = {STANDARD: Policy(after=0.2), PERMIS: Policy(after=0.2, lasts=2)}
        async with caller(line.asterisk) as phone, desks(line.asterisk, policies):
            call = await (await phone.call(NUMBER)).answered()
            await asyncio.sleep(1)
            call.press("0")
            await asyncio.sleep(6)  # in conversation with the switchboard
            channel = next(channel for channel in line.door.channels() if channel.endpoint == "trunk")
            line.records.read()
            with session(line.engine) as opened:
                for service in ("permis", "armes"):  # the script does not lead to the second one
                    opened.add(TransferRequest(at=datetime.now(UTC), author="Poste 12", call=channel.call, service_id=service))
            assert await asyncio.to_thread(switchboard.serve) == 2
            await call.ended(20)
            heard = call.heard()
            return heard, await line.calls(1)

    heard, (told,) = asyncio.run(story())

    with reading(line.engine) as opened:
        assert list(opened.scalars(select(TransferRequest.outcome).order_by(TransferRequest.id))) == [Outcome.SENT, Outcome.REFUSED]
        rows = {row.service_id: row for row in opened.scalars(select(TransferRequest))}
        announced = opened.scalars(select(CallEvent).where(CallEvent.kind == "ACCUEIL_ANNOUNCED").order_by(CallEvent.at)).all()
        bridged = opened.scalars(
            select(CallEvent).where(CallEvent.kind == "BRIDGE_ENTER", CallEvent.channel.like("PJSIP/desks-%")).order_by(CallEvent.at)
        ).all()
    assert rows["permis"].done_at is not None
    assert [(one["service"], one["announced"], one["status"]) for one in told.transfers] == [
        ("standard", True, "ANSWER"),
        ("permis", True, "ANSWER"),
    ]
    assert bridged[0].at < announced[1].at < bridged[1].at
    (sentence,) = line.told.said("vers_permis", "fr", "announce")
    found = match(heard, line.sound(sentence))
    assert found.score >= 0.95, found  # a sentence cut short would not correlate over its whole length
    assert told.end == "agent"


def test_a_request_for_a_call_that_is_over_is_told_as_gone(line: _Line) -> None:
    with session(line.engine) as opened:
        opened.add(TransferRequest(at=datetime.now(UTC), author="Poste 12", call="1795869000.9", service_id="permis"))

    assert Switchboard(line.engine, line.door).serve() == 1
    with reading(line.engine) as opened:
        assert opened.scalars(select(TransferRequest.outcome)).one() == Outcome.GONE


def test_a_caller_who_asks_to_be_called_back_leaves_his_number_once(line: _Line) -> None:
    async def story() -> list[Call]:
        async with caller(line.asterisk) as phone, desks(line.asterisk):
            call = await (await phone.call(NUMBER)).answered()
            await asyncio.sleep(1)
            call.press("3")
            await call.ended(20)
            return await line.calls(1)

    (told,) = asyncio.run(story())

    assert list(line.door.family(FAMILY)) == [told.id]
    assert collect(line.engine, line.door) == 1
    assert line.door.family(FAMILY) == {}
    assert collect(line.engine, line.door) == 0
    with reading(line.engine) as opened:
        request = opened.scalars(select(CallbackRequest)).one()
    assert (request.call, request.service_id, request.number) == (told.id, "permis", "0612345678")
    assert ("callback", "rappel") in [(step["kind"], step["node"]) for step in told.path]


@pytest.mark.slow
def test_five_hundred_calls_while_the_application_is_killed_are_all_told_once(asterisk_root: str) -> None:
    if shutil.which("sipp") is None and os.environ.get("CI") != "true":
        pytest.skip("sipp (package sip-tester) is not installed")

    found = measure(asterisk_root, CONFIGURATION)

    assert (found.answered, found.counted, found.told, found.legs) == (500, 500, 500, 500)
    assert found.lines == found.written
    assert found.read_before < 500  # calls did arrive while nobody read
