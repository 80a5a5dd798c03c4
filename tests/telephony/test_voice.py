"""A spoken question, from the voice of a caller to the sound of the answer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import Engine, select

from bot.messages import Channel
from knowledge import models
from knowledge.database import reading
from telephony.questions.turn import Patience
from telephony.sip.hearing import match, sequence
from telephony.speech.sound import RATE
from tests.telephony.calls import say
from tests.telephony.recognition import (
    A_PERSON,
    GIBBERISH,
    HEART_ATTACK,
    LOST_CARD,
    MY_FILE,
    NO,
    WEATHER,
    Known,
)
from tests.telephony.small_script import small
from tests.telephony.spoken_line import (
    FIRST_WORDS,
    NOTICE,
    QUESTION,
    QUICK,
    OpenLine,
    ended,
    fixed,
    hears,
    live,
    names,
    whole,
)

pytestmark = pytest.mark.paced

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
