"""The spoken question on a real Asterisk: a caller speaks, hears the answer, and whatever happens to us is soon back in the menu."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from telephony.asterisk.ami import Account, Asterisk
from telephony.asterisk.instance import Instance, Place, free_port
from telephony.sip.agent import Call
from telephony.sip.hearing import match
from telephony.speech.sound import RATE, Pcm
from tests.stock import stocked_database
from tests.telephony.calls import NUMBER, caller, desks, put_sound, say, serve
from tests.telephony.conftest import StartAsterisk
from tests.telephony.recognition import GIBBERISH, LOST_CARD, MY_FILE, american

pytestmark = [pytest.mark.asterisk, pytest.mark.slow]

MENU = "Voici le menu de la préfecture."
FALLBACK = "La question parlée n'est pas disponible pour le moment. Je reviens au menu."
NOTICE = "Vous parlez à un assistant automatique. Dites « un agent » à tout moment."
CHECKOUT = Path(__file__).parents[2]


def dialplan(asterisk: Instance, language: int = 0) -> str:
    """A question and the menu it leads back to, written as the compiler writes them (version 1, node 9 of the small script)."""
    menu, fallback, agent = (
        put_sound(asterisk, name * 32, say(text)) for name, text in (("a", MENU), ("b", FALLBACK), ("c", "Je transfère."))
    )
    return f"""
[a1_entry]
exten = s,1,Goto(a1_frn_n9,s,1)

[a1_frn_n9]
exten = s,1,Set(SPEECH=${{UUID():0:24}}0000010009{language}0)
 same = n(turn),Set(TIMEOUT(absolute)=30)
 same = n,TryExec(AudioSocket(${{SPEECH}},${{AUDIOSOCKET}}))
 same = n,Goto(outcome,1)
exten = T,1,Goto(outcome,1)
exten = outcome,1,Set(TIMEOUT(absolute)=0)
 same = n,Set(NEXT=${{FILTER(a-z0-9_,${{DB_DELETE(accueil_next/${{SPEECH}})}})}})
 same = n,GotoIf($["${{NEXT}}"="again"]?s,turn)
 same = n,GotoIf($["${{NEXT}}"="menu"]?a1_frn_n4,s,1)
 same = n,GotoIf($["${{NEXT}}"="agent"]?a1_frn_go,agent,1)
 same = n,GotoIf($["${{NEXT}}"="migrations"]?a1_frn_go,migrations,1)
 same = n,Playback({fallback})
 same = n,Goto(a1_frn_n4,s,1)

[a1_frn_n4]
exten = s,1,Background({menu})
 same = n,WaitExten(60)

[a1_frn_go]
exten = agent,1,Playback({agent})
 same = n,Dial(PJSIP/1000@desks,10)
exten = migrations,1,Playback({agent})
 same = n,Dial(PJSIP/1010@desks,10)
"""


@pytest.fixture
def line(start_asterisk: StartAsterisk) -> Instance:
    """An Asterisk of its own, whose spoken questions are served on a free port."""
    place = Place(desks=f"127.0.0.1:{free_port()}", audio=f"127.0.0.1:{free_port(socket.SOCK_STREAM)}")
    asterisk = start_asterisk(place=place)
    serve(asterisk, dialplan(asterisk))
    return asterisk


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of the application, with the real content."""
    with stocked_database(tmp_path_factory.mktemp("voice")) as engine:
        yield engine.url.render_as_string(hide_password=False)


@contextmanager
def application(asterisk: Instance, database: str, ears: str = "known") -> Iterator[subprocess.Popen[bytes]]:
    """The spoken question, in a process of its own, as in production."""
    arguments = [asterisk.place.audio, str(asterisk.ami_port), asterisk.secrets["accueil_publish"], database, ears]
    process = subprocess.Popen([sys.executable, "-m", "tests.telephony.voice_process", *arguments], cwd=CHECKOUT, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield process
    finally:
        with_signal(process, signal.SIGCONT)
        process.kill()
        process.wait(10)


def with_signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    if process.poll() is None:
        os.kill(process.pid, number)


def live(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 90))


async def hears(call: Call, text: str | Pcm, seconds: float) -> float:
    """Wait until this sentence has been heard to its end; the instant at which it began, in seconds of the call's sound."""
    prompt = say(text) if isinstance(text, str) else text
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        found = match(call.heard(), prompt)
        if found.score > 0.8:
            return found.at
        await asyncio.sleep(0.2)
    raise AssertionError(f"not heard within {seconds:g} s: {text!r}")


def test_a_spoken_question_is_answered_and_a_file_leads_to_the_person_in_charge(line: Instance, database: str) -> None:
    async def story() -> None:
        async with caller(line) as phone, desks(line) as board:
            call = await (await phone.call(NUMBER)).answered()
            await asyncio.sleep(0.5)
            call.say(say(LOST_CARD))
            await hears(call, NOTICE, 8)
            await hears(call, "Carte d'identité perdue ?", 8)
            call.say(say(MY_FILE))  # the caller interrupts
            await hears(call, "Je transfère.", 20)
            for _ in range(50):
                if board.received:
                    break
                await asyncio.sleep(0.1)
            assert [received.number for received in board.received] == ["1010"]
            call.hang_up()

    with application(line, database):
        live(story)


def test_a_true_engine_answers_in_english(line: Instance, database: str) -> None:
    pytest.importorskip("pocketsphinx")
    serve(line, dialplan(line, language=1))
    notice = say('You are speaking to an automatic assistant. Say "a person" at any time.', "en")

    async def story() -> None:
        async with caller(line) as phone:
            call = await (await phone.call(NUMBER)).answered()
            await asyncio.sleep(0.5)
            call.say(american("i lost my french passport"))
            await hears(call, notice, 12)
            await hears(call, say("Lost your passport in France?", "en"), 8)
            call.hang_up()

    with application(line, database, "english"):
        live(story)


def test_a_key_during_the_answer_leads_to_a_person(line: Instance, database: str) -> None:
    async def story() -> None:
        async with caller(line) as phone, desks(line) as board:
            call = await (await phone.call(NUMBER)).answered()
            await asyncio.sleep(0.5)
            call.say(say(LOST_CARD))
            await hears(call, NOTICE, 8)
            call.press("0")
            await hears(call, "Je transfère.", 5)
            await asyncio.sleep(1)
            assert [received.number for received in board.received] == ["1000"]
            call.hang_up()

    with application(line, database):
        live(story)


def test_a_caller_who_stays_silent_is_asked_again_then_is_in_the_menu(line: Instance, database: str) -> None:
    async def story() -> None:
        async with caller(line) as phone:
            call = await (await phone.call(NUMBER)).answered()
            again = await hears(
                call, "Je n'ai rien entendu. Dites votre question en quelques mots, par exemple : carte d'identité perdue.", 20
            )
            assert 9 < again < 13
            await hears(call, "Je n'entends toujours rien. Je reviens au menu.", 25)
            await hears(call, MENU, 5)
            call.hang_up()

    with application(line, database):
        live(story)


@pytest.mark.parametrize("ears", ["none", "slow", "cannot open", "cannot feed", "cannot finish", "hanging"])
def test_without_a_recogniser_that_answers_the_caller_is_soon_in_the_menu(line: Instance, database: str, ears: str) -> None:
    async def story() -> None:
        async with caller(line) as phone:
            call = await (await phone.call(NUMBER)).answered()
            await asyncio.sleep(0.5)
            call.say(say(LOST_CARD))
            spoken = 0.5 + len(say(LOST_CARD)) / RATE
            at = await hears(call, FALLBACK, 10)
            assert at < spoken + 5
            await hears(call, MENU, 8)
            call.hang_up()

    with application(line, database, ears):
        live(story)


def test_a_line_that_only_brings_noise_is_in_the_menu_within_five_seconds(line: Instance, database: str) -> None:
    noise: Pcm = np.clip(np.random.default_rng(7).normal(0, 4000, 20 * RATE), -32768, 32767).astype(np.int16)

    async def story() -> None:
        async with caller(line) as phone:
            call = await (await phone.call(NUMBER)).answered()
            call.say(noise)
            assert await hears(call, MENU, 12) < 5.5  # the sound of a call begins with half a second of setting up
            call.hang_up()

    with application(line, database):
        live(story)


def test_words_never_understood_lead_back_to_the_menu(line: Instance, database: str) -> None:
    async def story() -> None:
        async with caller(line) as phone:
            call = await (await phone.call(NUMBER)).answered()
            await asyncio.sleep(0.5)
            call.say(say(GIBBERISH))
            await hears(call, "Je n'ai pas compris. Dites votre question en quelques mots, par exemple : carte d'identité perdue.", 15)
            await asyncio.sleep(0.5)
            call.say(say(GIBBERISH))
            await hears(call, MENU, 15)
            call.hang_up()

    with application(line, database):
        live(story)


def test_no_application_at_all_leads_back_to_the_menu_at_once(line: Instance) -> None:
    async def story() -> None:
        async with caller(line) as phone:
            call = await (await phone.call(NUMBER)).answered()
            assert await hears(call, FALLBACK, 10) < 5
            await hears(call, MENU, 5)
            call.hang_up()

    live(story)


@pytest.mark.parametrize("when", ["listening", "answering"])
def test_twenty_callers_are_in_the_menu_within_five_seconds_of_a_killed_application(line: Instance, database: str, when: str) -> None:
    async def story(process: subprocess.Popen[bytes]) -> None:
        async with caller(line, recording=True, idle=1) as phone:
            calls = [await phone.call(NUMBER, caller=f"06123400{number:02}") for number in range(20)]
            await asyncio.gather(*(call.answered() for call in calls))
            await asyncio.sleep(1)
            if when == "answering":
                for call in calls:
                    call.say(say(LOST_CARD))
                await asyncio.sleep(len(say(LOST_CARD)) / RATE + 1.5)
            process.kill()
            lengths = [len(call.heard()) / RATE for call in calls]
            await asyncio.sleep(9)  # the fallback lasts four of them
            for call, length in zip(calls, lengths, strict=True):
                found = match(call.heard(), say(FALLBACK))
                assert found.score > 0.8
                assert found.at < length + 5
                assert match(call.heard(), say(MENU)).score > 0.8
                assert call.in_progress
                call.hang_up()

    with application(line, database) as process:
        live(lambda: story(process))


def test_a_frozen_application_gives_its_callers_back_within_thirty_seconds(line: Instance, database: str) -> None:
    async def story(process: subprocess.Popen[bytes]) -> None:
        async with caller(line) as phone:
            call = await (await phone.call(NUMBER)).answered()
            await asyncio.sleep(1)
            with_signal(process, signal.SIGSTOP)
            began = time.monotonic()
            await hears(call, FALLBACK, 40)
            assert time.monotonic() - began < 30 + len(say(FALLBACK)) / RATE + 1
            await hears(call, MENU, 5)
            call.hang_up()

    with application(line, database) as process:
        live(lambda: story(process))


def test_the_destination_is_read_once_and_leaves_nothing_behind(line: Instance, database: str) -> None:
    async def story() -> None:
        async with caller(line) as phone:
            call = await (await phone.call(NUMBER)).answered()
            await asyncio.sleep(1)
            call.press("#")
            await hears(call, MENU, 8)
            call.hang_up()

    with application(line, database):
        live(story)
    with Asterisk("127.0.0.1", line.ami_port, Account("accueil_publish", line.secrets["accueil_publish"])) as door:
        assert door.wait(10)
        assert door.family("accueil_next") == {}
