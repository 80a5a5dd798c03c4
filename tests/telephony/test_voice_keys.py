"""During a spoken question: keys, interruptions, and every failure; the caller is given back to the menu."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace

import numpy as np
import pytest

from bot.messages import Answer, Question
from telephony.errors import SpeechUnavailable
from telephony.questions.conversation import Said
from telephony.questions.listening import Ears, Listener
from telephony.questions.turn import Patience
from telephony.sip.hearing import match, sequence
from telephony.speech.sound import Pcm
from tests.telephony.asterisk_side import identifier, leg
from tests.telephony.calls import say
from tests.telephony.recognition import (
    LOST_CARD,
    MY_FILE,
    Failing,
    Hanging,
    Known,
    Slow,
)
from tests.telephony.spoken_line import (
    FIRST_WORDS,
    NOTICE,
    QUICK,
    OpenLine,
    Shelf,
    barge_in,
    brief,
    ended,
    ending,
    fixed,
    hears,
    live,
    names,
    whole,
)

pytestmark = pytest.mark.paced

# --- Keys and interruptions ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "destination"), [("0", "agent"), ("#", "menu")])
@pytest.mark.parametrize("when", ["while listening", "during the question", "during the answer"])
def test_zero_and_hash_lead_away_at_any_moment(open_line: OpenLine, key: str, destination: str, when: str) -> None:
    async def story() -> None:
        async with open_line(Known(), replace(QUICK, silence=5)) as line, line.turn() as caller:
            if when != "while listening":
                said = caller.say(say(LOST_CARD))
                await asyncio.sleep(said - caller.now if when == "during the answer" else 0.8)
            if when == "during the answer":
                await hears(caller, NOTICE)
            caller.press(key)
            await ended(caller, 2)
            assert line.shelf.destinations == [destination]

    live(story)


def test_star_says_the_last_answer_again(open_line: OpenLine) -> None:
    async def story() -> None:
        async with open_line(Known()) as line:
            async with line.turn() as caller:
                caller.say(say(LOST_CARD))
                await ended(caller)
            async with line.turn() as caller:
                caller.press("*")
                await ended(caller)
                assert names(caller, NOTICE, FIRST_WORDS) == [NOTICE, FIRST_WORDS]
            assert line.shelf.destinations == ["again", "again"]

    live(story)


def test_nine_says_the_sentence_again_slowly_and_all_that_follows(open_line: OpenLine) -> None:
    async def story() -> None:
        made: list[tuple[str, bool]] = []

        def noted(said: Said, slow: bool) -> Pcm:
            made.append((said.text, slow))
            return brief(said, slow)

        async with open_line(Known(), make=noted) as line, line.turn() as caller:
            caller.say(say(LOST_CARD))
            await hears(caller, NOTICE)
            await asyncio.sleep(0.5)
            caller.press("9")
            await ended(caller, 30)
            slowly = [text for text, slow in made if slow]
            assert slowly[0] in (NOTICE, FIRST_WORDS)  # the one that was being said
            assert slowly[-1] == fixed("another")
            assert match(caller.heard, np.repeat(ending(fixed("another")), 2)).score > 0.8

    live(story)


def test_a_caller_who_speaks_stops_the_answer_and_is_answered(open_line: OpenLine) -> None:
    async def story() -> None:
        ears = Known()
        async with open_line(ears) as line, line.turn() as caller:
            caller.say(say(LOST_CARD))
            await hears(caller, FIRST_WORDS)
            caller.say(say(MY_FILE))
            await ended(caller)
            assert ears.understood == [LOST_CARD, MY_FILE]
            assert fixed("another") not in names(caller, fixed("another"))
            assert line.shelf.destinations == ["migrations"]

    live(story)


def test_a_voice_does_not_stop_an_answer_that_only_keys_may_stop(open_line: OpenLine) -> None:
    async def story() -> None:
        ears = Known()
        async with open_line(ears, script=barge_in("key")) as line, line.turn() as caller:
            caller.say(say(LOST_CARD))
            await hears(caller, FIRST_WORDS)
            caller.say(say(MY_FILE))
            await ended(caller)
            assert ears.understood == [LOST_CARD]
            assert names(caller, fixed("another")) == [fixed("another")]

    live(story)


def test_where_nothing_may_interrupt_a_key_waits_for_the_end_of_the_sentence(open_line: OpenLine) -> None:
    async def story() -> None:
        async with open_line(Known(), script=barge_in("none"), make=whole) as line, line.turn() as caller:
            caller.say(say(LOST_CARD))
            async with asyncio.timeout(10):
                while not caller.said:
                    await asyncio.sleep(0.02)
            caller.press("0")
            await ended(caller)
            assert [one.name for one in sequence(caller.heard, {NOTICE: say(NOTICE)})] == [NOTICE]
            assert line.shelf.destinations == ["agent"]

    live(story)


@pytest.mark.parametrize("loudness", [0.1, 0.5, 0.9])
def test_the_echo_of_the_answer_is_not_taken_for_the_caller(open_line: OpenLine, loudness: float) -> None:
    async def story() -> None:
        ears = Known()
        async with open_line(ears) as line, line.turn() as caller:
            await asyncio.sleep(caller.say(say(LOST_CARD)) - caller.now)
            while not caller.ended.is_set():
                caller.echo(loudness)
                await asyncio.sleep(0.01)
            assert ears.understood == [LOST_CARD]
            assert names(caller, fixed("another")) == [fixed("another")]

    live(story)


# --- Failures: the caller is back in the menu ----------------------------------------------------------------------------


def test_without_an_engine_the_caller_is_sent_back_at_once(open_line: OpenLine) -> None:
    async def story() -> None:
        async with open_line(None) as line, line.turn() as caller:
            await ended(caller, 1)
            assert line.shelf.destinations == []

    live(story)


@pytest.mark.parametrize(
    "ears", [Slow(20), Failing("open"), Failing("feed"), Failing("finish"), Hanging()], ids=["slow", "open", "feed", "finish", "hanging"]
)
def test_a_recogniser_that_fails_sends_the_caller_back_within_five_seconds_of_the_question(open_line: OpenLine, ears: Listener) -> None:
    async def story() -> None:
        async with open_line(ears, Patience()) as line, line.turn() as caller:
            end = caller.say(say(LOST_CARD))
            await ended(caller, end + 5)
            assert line.shelf.destinations == []

    live(story)
    if isinstance(ears, Hanging):
        ears.released.set()


def test_recognisers_that_hang_one_after_the_other_do_not_block_the_line(open_line: OpenLine) -> None:
    ears = Hanging()
    hung = Ears(ears, places=2)

    async def story() -> None:
        for _ in range(2):
            hung.open("fr").feed(bytes(3200))
        with pytest.raises(SpeechUnavailable):
            hung.open("fr")
        ears.released.set()

    live(story)


@pytest.mark.parametrize("fault", ["fails", "hangs"])
def test_an_assistant_that_fails_or_hangs_sends_the_caller_back(open_line: OpenLine, fault: str) -> None:
    released = threading.Event()

    def converse(question: Question, _talk: str) -> Answer:
        if fault == "hangs":
            released.wait(30)
        raise OSError("database gone")

    async def story() -> None:
        async with open_line(Known(), Patience(), converse=converse) as line, line.turn() as caller:
            end = caller.say(say(LOST_CARD))
            await ended(caller, end + 5)
            assert line.shelf.destinations == []
        released.set()

    live(story)


def test_a_voice_that_fails_sends_the_caller_back(open_line: OpenLine) -> None:
    def mute(said: Said, slow: bool) -> Pcm:
        raise SpeechUnavailable("aucune voix")

    async def story() -> None:
        async with open_line(Known(), make=mute) as line, line.turn() as caller:
            caller.say(say(LOST_CARD))
            await ended(caller, 10)
            assert line.shelf.destinations == []

    live(story)


def test_with_asterisk_out_of_reach_the_leg_is_closed_all_the_same(open_line: OpenLine) -> None:
    async def story() -> None:
        async with open_line(Known(), shelf=Shelf(away=True)) as line, line.turn() as caller:
            caller.press("0")
            await ended(caller, 2)
            assert caller.hung_up

    live(story)


def test_a_caller_who_hangs_up_leaves_nothing_running(open_line: OpenLine) -> None:
    async def story() -> None:
        before = set(threading.enumerate())
        async with open_line(Known()) as line:
            async with line.turn() as caller:
                caller.say(say(LOST_CARD))
                await asyncio.sleep(1.0)
            async with asyncio.timeout(5):
                while line.server.legs or any(one.name.startswith("hearing") for one in set(threading.enumerate()) - before):
                    await asyncio.sleep(0.05)
            assert line.shelf.destinations == []

    live(story)


def test_a_place_that_is_no_question_is_refused(open_line: OpenLine) -> None:
    async def story() -> None:
        async with open_line(Known()) as line:
            for greeting in (identifier(node=1), identifier(node=999), identifier(language=9)):
                async with leg(line.port, greeting) as caller:
                    await ended(caller, 2)
            assert line.shelf.destinations == []

    live(story)


def test_a_caller_does_not_turn_for_ever(open_line: OpenLine) -> None:
    async def story() -> None:
        async with open_line(Known(), replace(QUICK, listening=0.1)) as line:
            async with asyncio.timeout(30):
                while "menu" not in line.shelf.destinations:
                    async with line.turn() as caller:
                        await ended(caller)
            assert line.shelf.destinations.count("again") == 12

    live(story)
