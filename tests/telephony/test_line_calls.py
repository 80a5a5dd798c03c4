"""Calls on the real line, with real speech: who is called is heard before anything rings; what a caller sends counts for nothing."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from knowledge.scripts.told import Told
from telephony.asterisk.instance import Instance, Place, free_port
from telephony.errors import CallFailed
from telephony.publication.building import Builder, Built
from telephony.publication.folder import LineFolder
from telephony.settings import TelephonySettings
from telephony.sip.agent import Call, Policy, Side, UserAgent
from telephony.sip.hearing import THRESHOLD, match
from telephony.speech.prompts import Prompt, Prompts
from telephony.speech.sound import RATE, Pcm
from tests.payloads import HOSTILE_HTML
from tests.telephony import calls
from tests.telephony.calls import BUSY, DECLINE, IGNORE, NUMBER, caller, desks
from tests.telephony.conftest import CONFIGURATION
from tests.telephony.small_script import CONTENT, small, told

pytestmark = [pytest.mark.asterisk, pytest.mark.slow]
MORNING = datetime(2026, 11, 24, 10, tzinfo=ZoneInfo("Europe/Paris"))
SERVICES = {"1000", "1010", "1040"}
"""The internal numbers of the services that the script names."""
versions = count(1)


@dataclass(frozen=True)
class Line:
    asterisk: Instance
    told: Told
    built: Built
    prompts: Prompts

    def part(self, node: str, part: str, language: str = "fr") -> list[Pcm]:
        """All that is said in a part of a node, sentence by sentence."""
        said = self.told.said(node, language, part)
        return [self.prompts.load(self.built.sounds[Prompt(one.text, one.language)]) for one in said]

    def seconds(self, node: str, *parts: str, language: str = "fr") -> float:
        return sum(len(sound) for part in parts for sound in self.part(node, part, language)) / RATE

    def fixed(self, family: str, name: str, language: str) -> list[Pcm]:
        """What Asterisk itself says to a caller of this language: a number, a place in a queue."""
        return [calls.read_wav(self.asterisk.line / "sounds" / language / family / f"{name}.wav")]

    def symbol(self, node: str) -> str:
        return self.told.script.symbol(node)


@pytest.fixture(scope="module")
def line(asterisk_root: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    place = Place(desks=f"127.0.0.1:{free_port()}")
    with Instance.throwaway(asterisk_root, tmp_path_factory.mktemp("line"), CONFIGURATION, place) as started:
        started.console(f"dialplan set global ACCUEIL_AT {int(MORNING.timestamp())}")
        yield serving(started, told(small(**{"most: 1": "most: 2", "seconds: 30": "seconds: 120"})))


def serving(asterisk: Instance, script: Told) -> Line:
    folder = LineFolder(asterisk.line)
    prompts = Prompts.from_settings(TelephonySettings(_env_file=None, line=asterisk.line), CONTENT)
    built = Builder(folder, prompts, "Europe/Paris").build(script, next(versions))
    folder.switch(folder.write(built.dialplan, built.queues, {}))
    asterisk.console("dialplan reload")
    asterisk.console("queue reload all")
    return Line(asterisk, script, built, prompts)


# --- What a caller does and hears ----------------------------------------------------------------------------------------


async def at_the_menu(phone: UserAgent, number: str = NUMBER, caller: str = "0612345678") -> Call:
    call = await (await phone.call(number, caller=caller)).answered(10)
    await asyncio.sleep(1)
    call.press("#")
    await asyncio.sleep(0.7)
    return call


async def at_the_english_menu(line: Line, phone: UserAgent) -> Call:
    call = await (await phone.call(NUMBER)).answered(10)
    await asyncio.sleep(line.seconds("bienvenue", "say") + 0.7)
    call.press("8")
    await asyncio.sleep(0.7)
    return call


async def rung(board: UserAgent, times: int = 1, seconds: float = 20) -> Call:
    """The last of so many calls that the desks receive."""
    for _ in range(int(seconds / 0.02)):
        if len(board.received) >= times:
            return board.received[times - 1]
        await asyncio.sleep(0.02)
    raise AssertionError(f"the desks rang {len(board.received)} times, not {times}")


def hears(call: Call, sounds: list[Pcm]) -> bool:
    return all(match(call.heard(), sound).score >= THRESHOLD for sound in sounds)


def instants(call: Call, sounds: list[Pcm]) -> tuple[float, float]:
    """When sentences began and ended in the ear of a caller, on the clock of the calls. They must be there, whole and in order."""
    recording, began, ends = call.heard(), call.stream.packets[0].arrived, []
    starts = []
    for sound in sounds:
        found = match(recording, sound)
        assert found.score >= THRESHOLD, f"heard at {found.score:.2f} only"
        starts.append(began + found.at)
        ends.append(began + found.at + _shape(sound))
    assert starts == sorted(starts)
    return starts[0], ends[-1]


def _seconds(sounds: list[Pcm]) -> float:
    return sum(len(sound) for sound in sounds) / RATE


def _shape(sound: Pcm) -> float:
    """Seconds from the first sound of a sentence to its last one."""
    loud = np.flatnonzero(np.abs(sound.astype(np.int32)) > 0.02 * np.abs(sound.astype(np.int32)).max())
    return float(loud[-1] - loud[0]) / RATE


# --- Transfers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["fr", "en"])
def test_who_is_called_is_heard_to_its_end_before_the_desk_rings_and_the_agent_hears_the_subject_first(line: Line, language: str) -> None:
    citizen, agent = calls.say("Bonjour, j'ai perdu mon permis."), calls.say("Service des permis, je vous écoute.")
    whisper = line.part("vers_permis", "whisper", language)

    async def story() -> tuple[Call, Call]:
        async with caller(line.asterisk) as phone, desks(line.asterisk) as board:
            call = await (at_the_menu(phone) if language == "fr" else at_the_english_menu(line, phone))
            call.press("1")
            desk = await rung(board)
            await desk.answered(5)
            call.say(np.concatenate([citizen] * 4))  # speaks all along: only what comes after the whisper is heard
            await asyncio.sleep(_seconds(whisper) + 0.5)
            desk.say(agent)
            await asyncio.sleep(4 * len(citizen) / RATE - _seconds(whisper))
            desk.hang_up()
            assert await call.ended(5) is Side.THEM
            return call, desk

    call, desk = asyncio.run(story())
    announced = instants(call, line.part("vers_permis", "announce", language))[1]
    left = instants(call, line.part("vers_permis", "leave", language))[1]
    assert desk.number == "1040"
    assert desk.rung_at is not None
    assert announced < desk.rung_at
    assert left < desk.rung_at + 0.05
    whispered = instants(desk, whisper)[1]
    assert whispered < instants(desk, [citizen])[0] + 0.05, "the two hear each other only after the whisper"
    assert whispered < instants(call, [agent])[0]
    assert not hears(call, whisper)


def test_the_whisper_names_the_subject_and_the_language(line: Line) -> None:
    french, english = (line.told.said("vers_permis", language, "whisper")[0].text for language in ("fr", "en"))

    assert "permis de conduire" in french and "français" in french
    assert "permis de conduire" in english and "anglais" in english


@pytest.mark.parametrize("policy", [IGNORE, BUSY, DECLINE], ids=["nobody answers", "busy", "declined"])
def test_when_nobody_takes_the_call_an_apology_is_heard_and_the_script_goes_on(line: Line, policy: Policy) -> None:
    async def story() -> tuple[Call, list[str]]:
        async with caller(line.asterisk) as phone, desks(line.asterisk, {"1040": policy}) as board:
            call = await at_the_menu(phone)
            call.press("1")
            assert await call.ended(40) is Side.THEM
            return call, [one.number for one in board.received]

    call, called = asyncio.run(story())
    apology, goodbye = instants(call, line.part("vers_permis", "unanswered")), instants(call, line.part("au_revoir", "say"))
    assert called == ["1040"]
    assert instants(call, line.part("vers_permis", "announce"))[1] < apology[0] < apology[1] < goodbye[0] + 0.05


@pytest.mark.parametrize("moment", [0.2, 0.8])
def test_a_caller_who_hangs_up_during_the_announcement_makes_nothing_ring(line: Line, moment: float) -> None:
    announcement = line.seconds("vers_permis", "announce")

    async def story() -> list[Call]:
        async with caller(line.asterisk) as phone, desks(line.asterisk) as board:
            call = await at_the_menu(phone)
            call.press("1")
            await asyncio.sleep(moment * announcement)
            call.hang_up()
            await asyncio.sleep(announcement + 6)
            return board.received

    assert asyncio.run(story()) == []


def test_no_key_shortens_an_announcement(line: Line) -> None:
    async def story() -> tuple[Call, Call]:
        async with caller(line.asterisk) as phone, desks(line.asterisk) as board:
            call = await at_the_menu(phone)
            call.press("1")
            await asyncio.sleep(0.5)
            call.press("#0*91A")
            return call, await rung(board)

    call, desk = asyncio.run(story())
    assert desk.number == "1040"
    assert desk.rung_at is not None and instants(call, line.part("vers_permis", "announce"))[1] < desk.rung_at


@pytest.mark.parametrize(("key", "node"), [("1", "vers_permis"), ("3", "file_sejour")], ids=["transfer", "queue"])
def test_an_agent_who_hangs_up_during_the_whisper_does_not_hang_up_on_the_caller(line: Line, key: str, node: str) -> None:
    """The agent was not there after all: the caller hears the apology, or another desk rings."""

    async def story() -> Call:
        async with caller(line.asterisk) as phone, desks(line.asterisk, others=Policy(after=0.1, lasts=0.5)) as board:
            call = await at_the_menu(phone)
            call.press(key)
            await rung(board)
            await asyncio.sleep(line.seconds(node, "unanswered") + 2)
            if call.in_progress:
                call.hang_up()
            return call

    assert hears(asyncio.run(story()), line.part(node, "unanswered"))


# --- Queues --------------------------------------------------------------------------------------------------------------


def test_who_waits_hears_his_place_in_his_language_and_one_caller_more_that_the_queue_is_full(line: Line) -> None:
    async def story() -> tuple[Call, Call, Call]:
        async with caller(line.asterisk) as phone, desks(line.asterisk, others=BUSY, recording=False) as board:
            first = await at_the_menu(phone)
            first.press("3")
            await rung(board)
            second = await at_the_english_menu(line, phone)
            second.press("3")
            await asyncio.sleep(line.seconds("file_sejour", "announce", "leave", language="en") + 10)
            third = await at_the_menu(phone)
            third.press("3")
            assert await third.ended(40) is Side.THEM
            first.hang_up()
            second.hang_up()
            return first, second, third

    first, second, third = asyncio.run(story())
    said = dict(re.findall(r"^(queue-\w+) = queue/(\w+)$", line.built.queues, re.MULTILINE))
    assert instants(first, line.part("file_sejour", "leave"))[1] < instants(first, line.fixed("queue", said["queue-youarenext"], "fr"))[0]
    place = [
        line.fixed("queue", said["queue-thereare"], "en"),
        line.fixed("digits", "2", "en"),
        line.fixed("queue", said["queue-callswaiting"], "en"),
    ]
    assert instants(second, line.part("file_sejour", "leave", "en"))[1] < instants(second, [sound for part in place for sound in part])[0]
    assert instants(third, line.part("file_sejour", "announce"))[1] < instants(third, line.part("file_sejour", "full"))[0]
    assert instants(third, line.part("file_sejour", "full"))[1] < instants(third, line.part("au_revoir", "say"))[0] + 0.05


def test_an_agent_of_a_queue_hears_the_subject_before_the_caller(line: Line) -> None:
    citizen, whisper = calls.say("Bonjour, mon titre de séjour expire."), line.part("file_sejour", "whisper")

    async def story() -> tuple[Call, Call]:
        async with caller(line.asterisk) as phone, desks(line.asterisk) as board:
            call = await at_the_menu(phone)
            call.press("3")
            desk = await rung(board)
            await desk.answered(5)
            await asyncio.sleep(_seconds(whisper) + 1)
            call.say(citizen)
            await asyncio.sleep(len(citizen) / RATE + 0.5)
            desk.hang_up()
            assert await call.ended(5) is Side.THEM
            return call, desk

    call, desk = asyncio.run(story())
    assert desk.number == "1010"
    assert desk.rung_at is not None and instants(call, line.part("file_sejour", "announce"))[1] < desk.rung_at
    assert instants(desk, whisper)[1] < instants(desk, [citizen])[0]
    assert not hears(call, whisper)


# --- Whatever a caller sends ---------------------------------------------------------------------------------------------


def test_the_number_of_a_caller_is_shown_to_the_desk_and_written_in_no_file(line: Line) -> None:
    number = "0698765432"

    async def story() -> str:
        async with caller(line.asterisk) as phone, desks(line.asterisk, {"1040": BUSY}) as board:
            for key in ("1", "3"):
                call = await at_the_menu(phone, caller=number)
                call.press(key)
                desk = await rung(board, 1 if key == "1" else 2)
                await asyncio.sleep(1)
                call.hang_up()
                assert desk.invite is not None
                shown = desk.invite.header("from")
            return shown

    assert f"sip:{number}@" in asyncio.run(story())
    asterisk = line.asterisk
    files = [path for folder in (asterisk.state, asterisk.line) for path in folder.rglob("*") if path.is_file()]
    assert any(path == asterisk.cel for path in files) and any(path == asterisk.cdr for path in files)
    assert [path for path in files if number[1:].encode() in path.read_bytes()] == []


NUMBERS = (
    *"0601&SIP/evil ${SHELL(id)} $[1+1] 0601,1,Dial(PJSIP/0899@trunk) 0601;x 0601|x ../../etc/passwd %0d%0aAction: 0601%26SIP".split(),
    *"+33612345678 anonymous 0612\\ #exec {} () é '` ,,, a=b [x] ~ 0601@0602 sip:0601 06.01.02 00330612 s i t h agent start *8".split(),
)
NAMES = tuple(text.replace("\\", "\\\\").replace('"', '\\"') for text in (*HOSTILE_HTML, "${SHELL(id)}", "a\u2028b", 'x" <sip:1>', "`id`"))


def test_a_hostile_number_or_name_goes_through_the_menu_as_any_other(line: Line) -> None:
    assert len(NUMBERS) + len(NAMES) > 50
    before, seen = line.asterisk.console("dialplan show"), len(calls.events(line.asterisk))

    async def one(phone: UserAgent, number: str, name: str, turn: asyncio.Semaphore) -> bool:
        async with turn:
            call = await phone.call(NUMBER, caller=number, name=name)
            try:
                await call.answered(3)
            except CallFailed as failed:  # what is not even a SIP address is refused, or not answered at all
                assert failed.status in (None, 400, 401, 403)
                return False
            await asyncio.sleep(0.5)
            call.press("#2")
            await asyncio.sleep(1.5)
            call.hang_up()
            return True

    async def story() -> tuple[list[bool], list[Call]]:
        async with caller(line.asterisk, recording=False) as phone, desks(line.asterisk) as board:
            turn = asyncio.Semaphore(12)
            callers = [(number, "") for number in NUMBERS] + [("0612345678", name) for name in NAMES]
            return list(await asyncio.gather(*(one(phone, number, name, turn) for number, name in callers))), board.received

    answered, received = asyncio.run(story())
    hours = [fields for fields in calls.told(line.asterisk, "ACCUEIL_NODE", seen) if fields[2] == line.symbol("horaires")]
    assert all(answered[len(NUMBERS) :]), "a name alone never prevents a call"
    assert sum(answered[: len(NUMBERS)]) > 10
    assert len(hours) == sum(answered)
    assert received == []
    assert line.asterisk.console("dialplan show") == before


def test_a_storm_of_keys_only_ever_rings_the_services_of_the_script(line: Line) -> None:
    seed = random.randrange(1 << 32)
    print(f"graine {seed}")
    chance = random.Random(seed)

    async def one(phone: UserAgent, keys: str) -> None:
        call = await (await phone.call(NUMBER)).answered(10)
        for at in range(0, len(keys), 4):
            call.press(keys[at : at + 4])
            await asyncio.sleep(0.9)
        call.hang_up()

    async def story() -> list[str]:
        async with caller(line.asterisk, recording=False) as phone, desks(line.asterisk, others=BUSY, recording=False) as board:
            storms = ["".join(chance.choices("0123456789*#ABCD", k=60)) for _ in range(6)] + ["#" * 60, "*" * 60, "9" * 60, "ABCD" * 15]
            await asyncio.gather(*(one(phone, keys) for keys in storms))
            after = await at_the_menu(phone)
            after.press("1")
            await asyncio.sleep(9)
            return [call.number for call in board.received]

    called = asyncio.run(story())
    assert set(called) <= SERVICES
    assert called[-1] == "1040", "the line still serves the next caller"
