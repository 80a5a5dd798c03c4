"""On a real Asterisk: who answers hears what was asked aloud, before he hears the caller; without it, all goes on as before."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine

from bot.assistant import Assistant
from bot.messages import Answer, Question
from knowledge.database import session
from knowledge.scripts.told import Told
from telephony.asterisk.ami import Account, Asterisk
from telephony.asterisk.instance import Instance, Place, free_port
from telephony.publication.building import Builder
from telephony.publication.folder import LineFolder
from telephony.questions.audiosocket import AudioServer
from telephony.questions.listening import Ears
from telephony.questions.sayings import Sayings, by_prompts
from telephony.questions.voice import Voice
from telephony.questions.whisper import FAMILY, teller
from telephony.settings import TelephonySettings
from telephony.sip.agent import Call, Side, UserAgent
from telephony.sip.hearing import THRESHOLD, match
from telephony.speech.prompts import Prompt, Prompts
from telephony.speech.sound import Pcm
from telephony.speech.voices import Rate
from tests.telephony.calls import NUMBER, caller, desks, say
from tests.telephony.conftest import CONFIGURATION
from tests.telephony.recognition import LOST_CARD, MY_FILE, Known
from tests.telephony.small_script import CONTENT, small, told
from tests.telephony.spoken_line import NOTICE

pytestmark = [pytest.mark.asterisk, pytest.mark.slow, pytest.mark.paced]
MORNING = datetime(2026, 11, 24, 10, tzinfo=ZoneInfo("Europe/Paris"))
ASKED = "La personne a demandé : Carte nationale d'identité perdue."
FILE = "La personne parle de son propre dossier : Où en est ma demande de titre de séjour."


@dataclass(frozen=True)
class Line:
    asterisk: Instance
    told: Told
    prompts: Prompts
    door: Asterisk
    assistant: Assistant
    engine: Engine

    def sound(self, text: str, rate: Rate = Rate.NORMAL) -> Pcm:
        prompt = Prompt(text, "fr", rate)
        return self.prompts.load(self.prompts.ensure([prompt])[prompt])

    def part(self, node: str, part: str, rate: Rate = Rate.NORMAL) -> list[Pcm]:
        return [self.sound(one.text, rate) for one in self.told.said(node, "fr", part)]

    def answer(self, question: Question, _talk: str) -> Answer:
        with session(self.engine) as opened:
            return self.assistant.converse(opened, question)

    @asynccontextmanager
    async def application(self) -> AsyncIterator[None]:
        """The spoken question, as `telephony.line` opens it, with ears that know the utterances of the tests."""
        tell = teller(self.prompts, self.door)
        voice = Voice(self.answer, Ears(Known()), Sayings(by_prompts(self.prompts)), lambda _: self.told.script, self.door.put, tell=tell)
        server = AudioServer(voice.answer)
        host, _, port = self.asterisk.place.audio.partition(":")
        await server.start(host, int(port))
        try:
            yield
        finally:
            await server.close()
            await voice.close()


@pytest.fixture(scope="module")
def line(asterisk_root: str, tmp_path_factory: pytest.TempPathFactory, stocked: Engine, assistant: Assistant) -> Iterator[Line]:
    place = Place(desks=f"127.0.0.1:{free_port()}", audio=f"127.0.0.1:{free_port(socket.SOCK_STREAM)}")
    with Instance.throwaway(asterisk_root, tmp_path_factory.mktemp("line"), CONFIGURATION, place) as started:
        started.console(f"dialplan set global ACCUEIL_AT {int(MORNING.timestamp())}")
        folder, script = LineFolder(started.line), told(small(**{"most: 1": "most: 9"}))
        prompts = Prompts.from_settings(TelephonySettings(_env_file=None, line=started.line), CONTENT)
        built = Builder(folder, prompts, "Europe/Paris").build(script, 1)
        folder.switch(folder.write(built.dialplan, built.queues, {}))
        started.console("dialplan reload")
        started.console("queue reload all")
        with Asterisk("127.0.0.1", started.ami_port, Account("accueil_publish", started.secrets["accueil_publish"])) as door:
            assert door.wait(10)
            yield Line(started, script, prompts, door, assistant, stocked)


async def asking(line: Line, phone: UserAgent) -> Call:
    """A call that has reached the spoken question, and is listened to."""
    call = await (await phone.call(NUMBER)).answered(10)
    await asyncio.sleep(1)
    call.press("#")
    await asyncio.sleep(0.7)
    call.press("4")
    await heard(call, line.part("question", "say")[-1])
    await asyncio.sleep(0.7)
    return call


async def heard(call: Call, sound: Pcm, seconds: float = 30) -> float:
    """Wait until a sentence was heard whole; the instant at which it began, on the clock of the calls."""
    for _ in range(int(seconds / 0.2)):
        found = match(call.heard(), sound)
        if found.score >= THRESHOLD and call.stream.packets:
            return call.stream.packets[0].arrived + found.at
        await asyncio.sleep(0.2)
    raise AssertionError(f"not heard within {seconds:g} s")


async def rung(board: UserAgent, seconds: float = 30) -> Call:
    for _ in range(int(seconds / 0.02)):
        if board.received:
            return board.received[-1]
        await asyncio.sleep(0.02)
    raise AssertionError("no desk rang")


def said_to(desk: Call, sound: Pcm) -> bool:
    return match(desk.heard(), sound).score >= THRESHOLD


def test_who_answers_hears_what_was_asked_after_the_subject_and_before_the_caller(line: Line) -> None:
    citizen = say("Bonjour, j'ai perdu ma carte.")

    async def story() -> tuple[Call, Call]:
        async with caller(line.asterisk) as phone, desks(line.asterisk) as board:
            async with line.application():
                call = await asking(line, phone)
                call.say(say(LOST_CARD))
                await heard(call, line.sound(NOTICE))
                call.press("0")
                desk = await rung(board)
            # from here on the application is gone: what it wrote is Asterisk's
            await desk.answered(5)
            await heard(desk, line.sound(ASKED))
            await asyncio.sleep(0.7)
            call.say(citizen)
            await heard(desk, citizen)
            desk.hang_up()
            assert await call.ended(5) is Side.THEM
            return call, desk

    call, desk = asyncio.run(story())
    assert desk.number == "1000"
    starts = [match(desk.heard(), sound).at for sound in (*line.part("vers_standard", "whisper"), line.sound(ASKED), citizen)]
    assert starts == sorted(starts)
    assert not said_to(call, line.sound(ASKED)), "the caller does not hear it"
    assert line.door.family(FAMILY), "kept: if this agent had not answered, the next one would hear it"


def test_an_agent_of_a_queue_hears_it_too(line: Line) -> None:
    citizen = say("Bonjour, mon titre de séjour expire.")

    async def story() -> Call:
        async with caller(line.asterisk) as phone, desks(line.asterisk) as board, line.application():
            call = await asking(line, phone)
            call.say(say(MY_FILE))
            desk = await rung(board)
            await desk.answered(5)
            await heard(desk, line.sound(FILE))
            await asyncio.sleep(0.7)
            call.say(citizen)
            await heard(desk, citizen)
            desk.hang_up()
            assert await call.ended(5) is Side.THEM
            return desk

    desk = asyncio.run(story())
    assert desk.number == "1010"
    assert match(desk.heard(), line.part("file_sejour", "whisper")[0]).at < match(desk.heard(), line.sound(FILE)).at


@pytest.mark.parametrize("value", ["", "f" * 32 + "|1795869000", "../${SHELL(id)}&accueil/0, b"])
def test_a_value_that_names_no_sound_plays_nothing_and_the_two_speak_all_the_same(line: Line, value: str) -> None:
    citizen = say("Bonjour, j'ai une question.")

    async def story() -> Call:
        async with caller(line.asterisk) as phone, desks(line.asterisk) as board:
            async with line.application():
                call = await asking(line, phone)
                call.say(say(LOST_CARD))
                await heard(call, line.sound(NOTICE))
                call.press("0")
                desk = await rung(board)
            for question in line.door.family(FAMILY):
                if value:
                    line.door.put(FAMILY, question, value)
                else:
                    line.door.delete(FAMILY, question)
            await desk.answered(5)
            await heard(desk, line.part("vers_standard", "whisper")[-1])
            await asyncio.sleep(1)
            call.say(citizen)
            await heard(desk, citizen)
            desk.hang_up()
            assert await call.ended(5) is Side.THEM
            return desk

    desk = asyncio.run(story())
    assert not said_to(desk, line.sound(ASKED))


def test_a_speed_chosen_during_the_question_holds_in_the_menu(line: Line) -> None:
    async def story() -> Call:
        async with caller(line.asterisk) as phone, line.application():
            call = await asking(line, phone)
            call.press("9")
            await asyncio.sleep(2.5)
            call.press("#")
            await heard(call, line.part("principal", "say", Rate.SLOW)[0])
            call.hang_up()
            return call

    assert asyncio.run(story()).answered_at
