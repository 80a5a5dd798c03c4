"""The ears of the line: what a recogniser receives, what happens to one that fails, and a true engine on true speech."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.errors import SpeechUnavailable
from telephony.questions import engines
from telephony.questions.engines import ENGINES, listener, loaded
from telephony.questions.listening import Ears, Heard, Listener, Session, Upsampler
from telephony.settings import TelephonySettings
from telephony.speech.sound import RATE, Pcm
from tests.telephony.calls import say
from tests.telephony.recognition import ENGLISH, Failing, Slow, american, english_engine


def live(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 30))


@dataclass
class Attentive:
    """Remembers what it was given, and from which threads."""

    name: str = "attentive"
    pieces: list[Pcm] = field(default_factory=list)
    threads: set[int] = field(default_factory=set)
    finished: int = 0

    def open(self, language: str) -> Session:
        self.threads.add(threading.get_ident())
        return self

    def feed(self, pcm: Pcm) -> None:
        self.threads.add(threading.get_ident())
        self.pieces.append(pcm)

    def finish(self) -> Heard:
        self.threads.add(threading.get_ident())
        self.finished += 1
        return Heard("compris", 0.9)


def test_everything_said_reaches_the_recogniser_in_one_thread_that_is_not_the_loop() -> None:
    async def story() -> None:
        ears, spoken = Attentive(), say("Bonjour à tous.")
        hearing = Ears(ears).open("fr")
        data = spoken.tobytes()
        for start in range(0, len(data), 320):
            hearing.feed(data[start : start + 320])
        assert await hearing.finish(2) == Heard("compris", 0.9)
        assert np.array_equal(np.concatenate(ears.pieces), spoken)
        assert len(ears.threads) == 1
        assert threading.get_ident() not in ears.threads

    live(story)


def test_a_question_given_up_is_not_recognised() -> None:
    async def story() -> None:
        ears = Attentive()
        door = Ears(ears, places=1)
        door.open("fr").abandon()
        async with asyncio.timeout(2):
            while True:
                try:
                    hearing = door.open("fr")
                    break
                except SpeechUnavailable:
                    await asyncio.sleep(0.01)
        assert ears.finished == 0
        assert (await hearing.finish(2)).text == "compris"

    live(story)


def test_a_recogniser_out_of_time_is_left_alone_and_gives_its_place_back_when_it_ends() -> None:
    async def story() -> None:
        door = Ears(Slow(0.5), places=1)
        with pytest.raises(SpeechUnavailable, match="n'a pas répondu"):
            await door.open("fr").finish(0.1)
        with pytest.raises(SpeechUnavailable, match="saturé"):
            door.open("fr")
        await asyncio.sleep(0.6)
        assert (await door.open("fr").finish(2)).text

    live(story)


@pytest.mark.parametrize("when", ["open", "feed", "finish"])
def test_whatever_a_recogniser_raises_is_one_error_of_ours(when: str) -> None:
    async def story() -> None:
        door = Ears(Failing(when), places=1)
        for _ in range(3):  # and its place is given back each time
            hearing = door.open("fr")
            hearing.feed(bytes(6400))
            with pytest.raises(SpeechUnavailable, match="a échoué"):
                await hearing.finish(2)
            await asyncio.sleep(0.05)

    live(story)


# --- From 8 to 16 kHz ----------------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(1, 900), min_size=1, max_size=20))
def test_no_seam_is_heard_between_two_pieces(cuts: list[int]) -> None:
    spoken = say("Bonjour à tous.")[:6000]
    whole = Upsampler().convert(spoken)
    sampler, start, pieces = Upsampler(), 0, []
    for cut in [*cuts, len(spoken)]:
        if start < len(spoken):
            pieces.append(sampler.convert(spoken[start : start + cut]))
            start += cut

    assert np.array_equal(np.concatenate(pieces), whole)
    assert len(whole) == 2 * len(spoken)


@pytest.mark.parametrize("frequency", [200, 1000, 3000])
def test_a_tone_stays_the_same_tone(frequency: int) -> None:
    tone = (8000 * np.sin(2 * np.pi * frequency * np.arange(RATE) / RATE)).astype(np.int16)
    spectrum = np.abs(np.fft.rfft(Upsampler().convert(tone)[200:-200].astype(float)))
    peak = np.argmax(spectrum) * 2 * RATE / (2 * RATE - 400)

    assert abs(peak - frequency) < 3
    above = spectrum[len(spectrum) * 9 // 16 :].max()
    assert above < spectrum.max() / 50


# --- Engines -------------------------------------------------------------------------------------------------------------


def test_without_a_setting_there_is_no_engine_and_that_is_no_error() -> None:
    assert listener(TelephonySettings(_env_file=None, listener="")) is None


def test_an_engine_that_cannot_serve_is_said_in_the_log_and_the_line_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert listener(TelephonySettings(_env_file=None, listener="inconnu", models=tmp_path)) is None
    assert "TELEPHONY_LISTENER" in caplog.text
    assert "reviennent au menu" in caplog.text


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_without_its_package_says_how_to_install_it(engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "ENGINES", {engine: ("a_package_that_is_not_there", ENGINES[engine][1])})
    with pytest.raises(SpeechUnavailable, match=f"pip install {engine}"):
        loaded(engine, tmp_path)


def test_an_engine_without_models_says_where_they_go(tmp_path: Path) -> None:
    with pytest.raises(SpeechUnavailable, match="un dossier par langue"):
        loaded("pocketsphinx", tmp_path / "absent")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_damaged_model_is_refused_at_the_start_not_during_a_call(engine: str, tmp_path: Path) -> None:
    (tmp_path / "fr").mkdir()
    (tmp_path / "fr" / "model.onnx").write_bytes(b"damaged")
    with pytest.raises(SpeechUnavailable, match="ne convient pas"):
        loaded(engine, tmp_path)


@pytest.fixture(scope="module")
def sphinx(tmp_path_factory: pytest.TempPathFactory) -> Listener:
    return english_engine(tmp_path_factory.mktemp("models"))


def understood(sphinx: Listener, *texts: str) -> list[str]:
    """What the engine makes of each sentence said on a telephone line."""

    async def story() -> None:
        ears = Ears(sphinx)
        for text in texts:
            hiss = np.random.default_rng(3).normal(0, 12, RATE).astype(np.int16)
            sound = np.concatenate((hiss[: RATE // 2], american(text), hiss))
            hearing = ears.open("en")
            for start in range(0, len(sound), 160):
                hearing.feed(sound[start : start + 160].tobytes())
            found.append((await hearing.finish(5)).text)

    found: list[str] = []
    live(story)
    return found


def test_a_true_engine_recognises_true_speech_at_telephone_quality(sphinx: Listener) -> None:
    found = understood(sphinx, *ENGLISH)

    assert sum(one == text for one, text in zip(found, ENGLISH, strict=True)) >= 9, found
    assert all(one in (text, "") for one, text in zip(found, ENGLISH, strict=True)), found  # asked again rather than mistaken


def test_a_true_engine_takes_no_other_speech_for_a_question(sphinx: Listener) -> None:
    others = ("the weather is nice today", "please bring two kilos of potatoes", "my neighbour plays the trumpet", "tell me a story")

    assert understood(sphinx, *others) == ["", "", "", ""]


def test_a_true_engine_hears_nothing_in_silence(sphinx: Listener) -> None:
    async def story() -> None:
        hearing = Ears(sphinx).open("en")
        hearing.feed(bytes(3 * RATE))
        assert (await hearing.finish(3)).text == ""

    live(story)


def test_a_language_without_a_model_is_an_error_of_ours(sphinx: Listener) -> None:
    async def story() -> None:
        with pytest.raises(SpeechUnavailable):
            await Ears(sphinx).open("fr").finish(2)

    live(story)
