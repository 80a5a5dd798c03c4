"""Sentences as sound: made once, kept within a bound, the same as those of the script."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest

from telephony.errors import PromptRefused, SpeechUnavailable
from telephony.questions import sayings
from telephony.questions.conversation import Said
from telephony.questions.sayings import Sayings, by_prompts
from telephony.settings import TelephonySettings
from telephony.speech.prompts import Prompt, Prompts
from telephony.speech.sound import Pcm
from telephony.speech.voices import Rate

CONTENT = Path(__file__).parents[2] / "knowledge" / "content"
ONE, TWO, THREE = (Said(text, "fr") for text in ("Un.", "Deux.", "Trois."))


def live(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 20))


class Maker:
    """Counts what it makes; waits for `go` when told to."""

    def __init__(self) -> None:
        self.made: list[tuple[str, bool]] = []
        self.go = threading.Event()
        self.go.set()

    def __call__(self, said: Said, slow: bool) -> Pcm:
        self.go.wait(10)
        self.made.append((said.text, slow))
        return np.full(1000, len(self.made), np.int16)


def test_a_sentence_asked_twice_is_made_once() -> None:
    async def story() -> None:
        make = Maker()
        kept = Sayings(make)
        first, second = await asyncio.gather(kept.sound(ONE, False), kept.sound(ONE, False))
        assert np.array_equal(first, second)
        assert np.array_equal(await kept.sound(ONE, False), first)
        assert make.made == [("Un.", False)]

    live(story)


def test_slow_and_normal_are_two_sounds() -> None:
    async def story() -> None:
        make = Maker()
        kept = Sayings(make)
        await kept.sound(ONE, False)
        await kept.sound(ONE, True)
        assert make.made == [("Un.", False), ("Un.", True)]

    live(story)


def test_what_was_prepared_is_ready() -> None:
    async def story() -> None:
        make = Maker()
        kept = Sayings(make)
        kept.prepare((ONE, TWO), False)
        await asyncio.sleep(0.3)
        make.go.clear()
        await asyncio.wait_for(asyncio.gather(kept.sound(ONE, False), kept.sound(TWO, False)), 0.5)
        make.go.set()

    live(story)


def test_memory_is_bounded_and_the_least_used_is_forgotten() -> None:
    async def story() -> None:
        make = Maker()
        kept = Sayings(make, memory=4000)  # two sentences
        await kept.sound(ONE, False)
        await kept.sound(TWO, False)
        await kept.sound(ONE, False)
        await kept.sound(THREE, False)
        await kept.sound(ONE, False)
        assert [text for text, _ in make.made] == ["Un.", "Deux.", "Trois."]
        await kept.sound(TWO, False)
        assert [text for text, _ in make.made][-1] == "Deux."

    live(story)


def test_a_sentence_too_slow_to_make_is_an_error_and_may_serve_the_next_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sayings, "SECONDS", 0.2)

    async def story() -> None:
        make = Maker()
        make.go.clear()
        kept = Sayings(make)
        with pytest.raises(SpeechUnavailable):
            await kept.sound(ONE, False)
        make.go.set()
        await asyncio.sleep(0.2)
        await kept.sound(ONE, False)
        assert len(make.made) == 1

    live(story)


@pytest.mark.parametrize("error", [SpeechUnavailable("muette"), PromptRefused("trop longue")])
def test_a_sentence_that_cannot_be_said_is_an_error_each_time_it_is_asked(error: Exception) -> None:
    tried = []

    def make(said: Said, slow: bool) -> Pcm:
        tried.append(said)
        raise error

    async def story() -> None:
        kept = Sayings(make)
        kept.prepare((ONE,), False)
        await asyncio.sleep(0.1)
        for _ in range(2):
            with pytest.raises(SpeechUnavailable):
                await kept.sound(ONE, False)
        assert len(tried) == 3

    live(story)


def test_a_spoken_answer_is_the_same_sound_as_the_same_sentence_in_the_script(tmp_path: Path) -> None:
    prompts = Prompts.from_settings(TelephonySettings(_env_file=None, line=tmp_path), CONTENT)
    said = by_prompts(prompts)(Said("Le timbre fiscal coûte 25 €.", "fr"), True)
    prompt = Prompt("Le timbre fiscal coûte 25 €.", "fr", Rate.SLOW)

    assert np.array_equal(said, prompts.load(prompts.ensure((prompt,))[prompt]))
    assert len(list((tmp_path / "sounds").glob("*.wav"))) == 1
