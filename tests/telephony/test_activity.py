"""Who speaks: real sentences in silence, in noise, over an echo; and what is only noise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.questions.activity import BARGE_IN_FRAMES, BEGINS_FRAMES, ENDS_FRAMES, LONGEST_FRAMES, Activity, Sign
from telephony.questions.audiosocket import levels_of
from telephony.speech.sound import RATE, Pcm, finished
from tests.telephony.calls import say
from tests.telephony.recognition import FRENCH

FRAME = RATE // 50


def signs(sound: Pcm, activity: Activity | None = None) -> list[tuple[float, Sign]]:
    """What is noticed, and when."""
    activity = activity or Activity()
    levels = levels_of(sound[: len(sound) // FRAME * FRAME].tobytes())
    noticed = ((number / 50, activity.listen(level)) for number, level in enumerate(levels))
    return [(at, sign) for at, sign in noticed if sign]


def noise(level: float, seconds: float, seed: int = 1) -> Pcm:
    return np.clip(np.random.default_rng(seed).normal(0, level, int(seconds * RATE)), -32768, 32767).astype(np.int16)


def quiet(seconds: float) -> Pcm:
    return np.zeros(int(seconds * RATE), np.int16)


def over(sound: Pcm, other: Pcm) -> Pcm:
    return np.clip(sound.astype(np.int32) + other[: len(sound)], -32768, 32767).astype(np.int16)


@pytest.mark.parametrize("text", FRENCH)
@pytest.mark.parametrize("before", [0.0, 1.0])
def test_a_sentence_begins_and_ends_once(text: str, before: float) -> None:
    spoken = say(text)
    found = signs(np.concatenate((quiet(before), spoken, quiet(1))))

    assert [sign for _, sign in found] == [Sign.BEGAN, Sign.ENDED]
    heard_until = before + np.flatnonzero(np.abs(spoken) > 300)[-1] / RATE
    assert before < found[0][0] < before + 0.6
    assert heard_until + 0.3 < found[1][0] < heard_until + 0.55


@pytest.mark.parametrize("level", [50, 200, 400])
def test_a_sentence_is_found_in_the_noise_of_the_line(level: float) -> None:
    sound = np.concatenate((quiet(2), say(FRENCH[0]), quiet(2)))
    found = [sign for _, sign in signs(over(sound, noise(level, 10)))]

    assert found[-2:] == [Sign.BEGAN, Sign.ENDED]
    assert found[:-2] in ([], [Sign.BEGAN, Sign.FALSE])


@pytest.mark.parametrize("level", [100, 400, 600])
def test_steady_noise_is_never_a_question(level: float) -> None:
    found = [sign for _, sign in signs(noise(level, 10))]

    assert Sign.ENDED not in found
    assert found.count(Sign.BEGAN) == found.count(Sign.FALSE)


@pytest.mark.parametrize("level", [1500, 6000])
def test_a_deafening_line_is_noticed_within_two_seconds(level: float) -> None:
    at = next(at for at, sign in signs(noise(level, 4)) if sign is Sign.NOISE)

    assert at <= 2


def test_noise_that_stops_lets_the_caller_be_heard() -> None:
    found = [sign for _, sign in signs(np.concatenate((noise(500, 2), quiet(0.5), say(FRENCH[0]), quiet(1))))]

    assert found[-2:] == [Sign.BEGAN, Sign.ENDED]


def test_sounds_shorter_than_200_ms_are_not_speech() -> None:
    click = np.concatenate((noise(8000, 0.16), quiet(0.4)))

    assert signs(np.tile(click, 20)) == []


def test_a_pause_shorter_than_480_ms_does_not_end_a_question() -> None:
    words = [finished(say(text)) for text in ("Bonjour madame.", "Ma carte est perdue.")]

    def ends(pause: float) -> int:
        found = signs(np.concatenate((words[0], quiet(pause), words[1], quiet(1))))
        return [sign for _, sign in found].count(Sign.ENDED)

    assert ends(0.3) == 1
    assert ends(0.7) == 2


def test_nobody_is_listened_to_for_more_than_twenty_seconds() -> None:
    endless = np.tile(say(FRENCH[0])[: RATE * 3 // 2], 20)
    at = next(at for at, sign in signs(endless) if sign is Sign.ENDED)

    assert 19.9 < at < 20.5


# --- While we speak ------------------------------------------------------------------------------------------------------


def overheard(heard: Pcm, said: Pcm) -> list[tuple[float, Sign]]:
    """What is noticed in `heard` while `said` is being said."""
    activity = Activity()
    for level in levels_of(quiet(0.6).tobytes()):
        activity.listen(level)
    sent, came = levels_of(_whole(said)), levels_of(_whole(heard[: len(said)]))
    noticed = []
    for number, level in enumerate(came):
        sign = activity.overhear(level, max(sent[max(0, number - 24) : number + 1]))
        if sign:
            noticed.append((number / 50, sign))
    return noticed


def _whole(sound: Pcm) -> bytes:
    return sound[: len(sound) // FRAME * FRAME].tobytes()


ANSWER = "Déclarez la perte en mairie équipée, au moment de refaire la carte. Apportez une photo et un justificatif de domicile."


@pytest.mark.parametrize("loudness", [0.0, 0.05, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("delay", [0.02, 0.15, 0.35])
def test_our_own_echo_never_interrupts_us(loudness: float, delay: float) -> None:
    said = say(ANSWER)
    echo = np.concatenate((quiet(delay), (said * loudness).astype(np.int16)))

    assert overheard(echo, said) == []


@pytest.mark.parametrize("loudness", [0.0, 0.05, 0.2])
def test_a_caller_interrupts_us_despite_the_echo(loudness: float) -> None:
    said = say(ANSWER)
    echo = np.concatenate((quiet(0.05), (said * loudness).astype(np.int16)))[: len(said)]
    caller = np.concatenate((quiet(2), say(FRENCH[1]), quiet(10)))
    at, sign = overheard(over(echo, caller), said)[0]

    assert sign is Sign.BARGED_IN
    assert 2.25 < at < 3.2


def test_a_cough_does_not_interrupt_us() -> None:
    said = say(ANSWER)
    cough = np.concatenate((quiet(2), noise(8000, 0.2), quiet(10)))

    assert overheard(cough, said) == []


@settings(max_examples=200, deadline=None)
@given(levels=st.lists(st.floats(0, 32768), max_size=400), ours=st.lists(st.booleans(), min_size=400, max_size=400))
def test_whatever_is_heard_signs_come_in_order(levels: list[float], ours: list[bool]) -> None:
    activity, speaking = Activity(), False
    for number, (level, we_speak) in enumerate(zip(levels, ours, strict=False)):
        sign = activity.overhear(level, 3000.0) if we_speak and not speaking else activity.listen(level)
        if sign in (Sign.BEGAN, Sign.BARGED_IN):
            assert not speaking
            assert number >= min(BEGINS_FRAMES, BARGE_IN_FRAMES) - 1
            speaking = True
        elif sign in (Sign.ENDED, Sign.FALSE):
            assert speaking
            assert number >= ENDS_FRAMES or number >= LONGEST_FRAMES
            speaking = False
        elif sign is Sign.NOISE:
            speaking = False
        assert activity.speech == speaking
