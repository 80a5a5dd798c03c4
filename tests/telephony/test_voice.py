"""A spoken question, from the voice of a caller to the sound of the answer: real sound, real assistant, Asterisk's side of AudioSocket."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from sqlalchemy import Engine, select

from bot.assistant import Assistant
from bot.messages import Answer, Channel, Question
from knowledge import models
from knowledge.database import reading, session
from knowledge.scripts.model import Script
from telephony.audiosocket import AudioServer
from telephony.conversation import Said, sentences
from telephony.errors import AmiUnavailable, SpeechUnavailable
from telephony.hearing import match, sequence
from telephony.listening import Ears, Listener
from telephony.sayings import Sayings
from telephony.sound import RATE, Pcm
from telephony.turn import Patience
from telephony.voice import Voice
from tests.stock import real_assistant, stocked_database
from tests.telephony.asterisk_side import Caller, identifier, leg
from tests.telephony.calls import say
from tests.telephony.recognition import (
    A_PERSON,
    GIBBERISH,
    HEART_ATTACK,
    LOST_CARD,
    MY_FILE,
    NO,
    WEATHER,
    Failing,
    Hanging,
    Known,
    Slow,
)
from tests.telephony.small_script import small

SCRIPT = small()
QUESTION = SCRIPT.positions["question"]
QUICK = Patience(silence=1.0, listener=1.0, assistant=1.0)
"""For tests where nothing depends on how patient the line is."""
NOTICE = "Vous parlez à un assistant automatique. Dites « un agent » à tout moment."
FIRST_WORDS = "Carte d'identité perdue ?"


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with stocked_database(tmp_path_factory.mktemp("voice")) as engine:
        yield engine


@pytest.fixture(scope="module")
def assistant(stocked: Engine) -> Assistant:
    return real_assistant(stocked)


def brief(said: Said, slow: bool) -> Pcm:
    """A voice that says only the end of each sentence, so that these tests last seconds; slowly: twice as long."""
    sound = ending(said.text, said.language)
    return np.repeat(sound, 2) if slow else sound


def ending(text: str, language: str = "fr") -> Pcm:
    return say(text, language)[-RATE // 2 :]


def whole(said: Said, slow: bool) -> Pcm:
    return say(said.text, said.language)


@dataclass
class Shelf:
    """AstDB, as far as a spoken question knows it."""

    written: list[tuple[str, str, str]] = field(default_factory=list)
    away: bool = False

    def put(self, family: str, key: str, value: str) -> None:
        if self.away:
            raise AmiUnavailable("Asterisk ne répond pas.")
        self.written.append((family, key, value))

    @property
    def destinations(self) -> list[str]:
        return [value for _, _, value in self.written]


@dataclass
class Line:
    """A line that answers the spoken questions of one caller; `turn` is one connection, as the dialplan opens it."""

    port: int
    shelf: Shelf
    server: AudioServer
    talk: str = field(default_factory=lambda: secrets.token_hex(10))

    @asynccontextmanager
    async def turn(self, language: int = 0) -> AsyncIterator[Caller]:
        async with leg(self.port, identifier(self.talk, 1, QUESTION, language)) as caller:
            yield caller


OpenLine = Callable[..., AbstractAsyncContextManager[Line]]


@pytest.fixture
def open_line(stocked: Engine, assistant: Assistant) -> OpenLine:
    """A line with these ears (None: no engine), by default those that know the utterances of `recognition`."""

    def answer(question: Question) -> Answer:
        with session(stocked) as kept:
            return assistant.converse(kept, question)

    @asynccontextmanager
    async def opened(
        ears: Listener | None,
        patience: Patience = QUICK,
        script: Script = SCRIPT,
        shelf: Shelf | None = None,
        converse: Callable[[Question], Answer] = answer,
        make: Callable[[Said, bool], Pcm] = brief,
    ) -> AsyncIterator[Line]:
        shelf = shelf or Shelf()
        voice = Voice(converse, Ears(ears) if ears else None, Sayings(make), lambda _: script, shelf.put, patience)
        server = AudioServer(voice.answer)
        port = await server.start("127.0.0.1", 0)
        try:
            yield Line(port, shelf, server)
        finally:
            await server.close()
            await voice.close()

    return opened


def live(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 60))


async def ended(caller: Caller, seconds: float = 20) -> None:
    await asyncio.wait_for(caller.ended.wait(), seconds)


async def hears(caller: Caller, text: str, seconds: float = 10) -> None:
    """Wait until the caller has heard this sentence."""
    async with asyncio.timeout(seconds):
        while text not in await asyncio.to_thread(names, caller, text):
            await asyncio.sleep(0.1)


def names(caller: Caller, *texts: str, language: str = "fr") -> list[str]:
    """Which of these sentences were heard, in order."""
    return [one.name for one in sequence(caller.heard, {text: ending(text, language) for text in texts})]


def fixed(key: str, language: str = "fr") -> str:
    return sentences(language)[key]


def barge_in(kind: str) -> Script:
    return small(**{"type: question": f"type: question\n    barge_in: {kind}"})


# --- Answers -------------------------------------------------------------------------------------------------------------


def test_a_question_is_answered_aloud_and_another_one_is_asked_for(open_line: OpenLine) -> None:
    async def story() -> None:
        ears = Known()
        async with open_line(ears) as line, line.turn() as caller:
            caller.say(say(LOST_CARD))
            await ended(caller)
            assert ears.understood == [LOST_CARD]
            assert names(caller, FIRST_WORDS, NOTICE, fixed("another"), fixed("silent")) == [NOTICE, FIRST_WORDS, fixed("another")]
            assert line.shelf.destinations == ["again"]
            assert caller.hung_up

    live(story)


def test_the_key_of_the_destination_is_the_identifier_that_asterisk_gave(open_line: OpenLine) -> None:
    async def story() -> None:
        async with open_line(Known()) as line, line.turn() as caller:
            caller.press("0")
            await ended(caller)
            digits = f"{line.talk}000001{QUESTION:04x}00"
            key = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
            assert line.shelf.written == [("accueil_next", key, "agent")]

    live(story)


def test_a_conversation_goes_on_from_turn_to_turn_and_the_notice_is_said_once(open_line: OpenLine, stocked: Engine) -> None:
    async def story() -> None:
        async with open_line(Known()) as line:
            async with line.turn() as caller:
                caller.say(say(LOST_CARD))
                await ended(caller)
            async with line.turn() as caller:
                caller.say(say(WEATHER))
                await ended(caller)
                assert NOTICE not in names(caller, NOTICE, fixed("ask"))
                assert fixed("ask") in names(caller, NOTICE, fixed("ask"))

    live(story)
    with reading(stocked) as opened:
        last = opened.scalars(select(models.Exchange).order_by(models.Exchange.id.desc()).limit(2)).all()
    assert [exchange.turn for exchange in last] == [2, 1]
    assert len({exchange.conversation_id for exchange in last}) == 1
    assert {exchange.channel for exchange in last} == {Channel.PHONE.value}


def test_a_caller_with_no_other_question_is_back_in_the_menu(open_line: OpenLine) -> None:
    async def story() -> None:
        async with open_line(Known()) as line:
            async with line.turn() as caller:
                caller.say(say(LOST_CARD))
                await ended(caller)
            async with line.turn() as caller:
                caller.say(say(NO))
                await ended(caller)
                assert names(caller, fixed("menu")) == [fixed("menu")]
            assert line.shelf.destinations == ["again", "menu"]

    live(story)


@pytest.mark.parametrize(("question", "destination"), [(MY_FILE, "migrations"), (A_PERSON, "standard")])
def test_what_only_a_person_can_answer_goes_to_the_service_in_charge(open_line: OpenLine, question: str, destination: str) -> None:
    async def story() -> None:
        async with open_line(Known()) as line, line.turn() as caller:
            caller.say(say(question))
            await ended(caller)
            assert line.shelf.destinations == [destination]

    live(story)


def test_a_service_without_a_line_in_this_script_is_replaced_by_its_person(open_line: OpenLine) -> None:
    async def story() -> None:
        only_callback = {"type: callback\n    service: permis": "type: callback\n    service: migrations"}
        script = small(**{"service: migrations": "service: permis"}, **only_callback)
        async with open_line(Known(), script=script) as line, line.turn() as caller:
            caller.say(say(MY_FILE))
            await ended(caller)
            assert line.shelf.destinations == ["agent"]

    live(story)


def test_an_emergency_is_answered_before_anything_else_then_a_person_is_offered(open_line: OpenLine) -> None:
    async def story() -> None:
        number = (
            "Pour une urgence médicale, appelez tout de suite le 15 (SAMU), ou le 114 par SMS si vous ne pouvez pas parler ou entendre."
        )
        async with open_line(Known()) as line, line.turn() as caller:
            caller.say(say(HEART_ATTACK))
            await ended(caller)
            assert names(caller, NOTICE, number, fixed("person")) == [number, NOTICE, fixed("person")]

    live(story)


@pytest.mark.slow
def test_an_answer_longer_than_a_turn_is_cut_between_two_sentences_and_goes_on_in_the_next(open_line: OpenLine) -> None:
    async def story() -> None:
        said: list[str] = []
        async with open_line(Known(), replace(QUICK, turn=10.0), make=whole) as line:
            while not said or (line.shelf.destinations[-1] == "again" and said[-1] != fixed("another")):
                async with line.turn() as caller:
                    if not said:
                        caller.say(say(LOST_CARD))
                    await ended(caller)
                    assert caller.now < 12
                    family = (NOTICE, FIRST_WORDS, "La préfecture ne reçoit pas ces demandes.", fixed("another"))
                    said += [one.name for one in sequence(caller.heard, {text: say(text) for text in family})]
        assert said == [NOTICE, FIRST_WORDS, "La préfecture ne reçoit pas ces demandes.", fixed("another")]
        assert len(line.shelf.destinations) >= 3

    live(story)


def test_a_question_that_lasts_beyond_its_turn_is_heard_to_its_end(open_line: OpenLine) -> None:
    async def story() -> None:
        ears = Known()
        spoken = say(MY_FILE)
        async with open_line(ears, replace(QUICK, listening=1.5)) as line:
            async with line.turn() as caller:
                caller.say(spoken)
                await ended(caller)
                said = caller.now
            async with line.turn() as caller:
                caller.say(spoken[int(said * RATE) :])
                await ended(caller)
            assert line.shelf.destinations[0] == "again"
            assert len(ears.received) == 1
            for piece in (spoken[:RATE], spoken[-RATE // 2 :]):
                assert match(ears.received[0], piece).score > 0.8

    live(story)


def test_the_english_line_speaks_english(open_line: OpenLine) -> None:
    async def story() -> None:
        question = "How do I renew my passport?"
        async with open_line(Known({"en": (question,)})) as line, line.turn(language=1) as caller:
            caller.say(say(question, "en"))
            await ended(caller)
            notice = 'You are speaking to an automatic assistant. Say "a person" at any time.'
            assert names(caller, notice, fixed("another", "en"), language="en") == [notice, fixed("another", "en")]

    live(story)


# --- Nothing to answer ---------------------------------------------------------------------------------------------------


def test_a_silent_caller_is_asked_again_and_after_two_silences_is_back_in_the_menu(open_line: OpenLine) -> None:
    async def story() -> None:
        async with open_line(Known()) as line:
            async with line.turn() as caller:
                await ended(caller)
                assert names(caller, fixed("silent"), fixed("silent_menu")) == [fixed("silent")]
            async with line.turn() as caller:
                await ended(caller)
                assert names(caller, fixed("silent"), fixed("silent_menu")) == [fixed("silent_menu")]
            assert line.shelf.destinations == ["again", "menu"]

    live(story)


@pytest.mark.slow
def test_a_caller_has_ten_seconds_to_begin(open_line: OpenLine) -> None:
    async def story() -> None:
        async with open_line(Known(), Patience()) as line, line.turn() as caller:
            await hears(caller, fixed("silent"), 15)
            assert 9.5 < caller.said[0][0] < 11

    live(story)


def test_speech_without_a_known_word_is_asked_again_once(open_line: OpenLine) -> None:
    async def story() -> None:
        async with open_line(Known()) as line:
            for key in ("unheard", "unheard_menu"):
                async with line.turn() as caller:
                    caller.say(say(GIBBERISH))
                    await ended(caller)
                    assert names(caller, fixed("unheard"), fixed("unheard_menu"), NOTICE) == [fixed(key)]
            assert line.shelf.destinations == ["again", "menu"]

    live(story)


@pytest.mark.parametrize("colour", ["white", "hum", "loud from the start"])
def test_a_line_too_noisy_leads_back_to_the_menu_within_five_seconds(open_line: OpenLine, colour: str) -> None:
    async def story() -> None:
        noise = np.random.default_rng(4).normal(0, 6000 if colour != "white" else 2000, 10 * RATE)
        if colour == "hum":
            noise = 4000 * np.sin(2 * np.pi * 100 * np.arange(10 * RATE) / RATE)
        async with open_line(Known(), Patience(), make=whole) as line, line.turn() as caller:
            caller.say(np.clip(noise, -32768, 32767).astype(np.int16))
            await ended(caller, 5)
            assert line.shelf.destinations == ["menu"]
            assert names(caller, fixed("noise")) == [fixed("noise")]

    live(story)


def test_clicks_and_coughs_are_not_questions(open_line: OpenLine) -> None:
    async def story() -> None:
        ears = Known()
        click = np.zeros(RATE // 2, np.int16)
        click[:1000] = np.random.default_rng(1).normal(0, 8000, 1000)
        async with open_line(ears, replace(QUICK, silence=2.5)) as line, line.turn() as caller:
            caller.say(np.tile(click, 5))
            await ended(caller)
            assert names(caller, fixed("silent")) == [fixed("silent")]
            assert ears.understood == []

    live(story)


def test_a_question_is_heard_through_the_noise_of_a_street(open_line: OpenLine) -> None:
    async def story() -> None:
        ears = Known()
        spoken = np.pad(say(LOST_CARD), (RATE, 3 * RATE)).astype(np.float64)
        noisy = spoken + np.random.default_rng(2).normal(0, 400, len(spoken))
        async with open_line(ears, replace(QUICK, silence=5)) as line, line.turn() as caller:
            caller.say(np.clip(noisy, -32768, 32767).astype(np.int16))
            await ended(caller)
            assert ears.understood == [LOST_CARD]
            assert line.shelf.destinations == ["again"]

    live(story)


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

    def converse(question: Question) -> Answer:
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
