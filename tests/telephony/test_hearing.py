"""Recognising what was heard: the right prompt, and no other, on a bad line too."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from telephony.sip.hearing import THRESHOLD, best, match, sequence
from telephony.sip.rtp import FRAME, decode, encode
from telephony.speech.sound import RATE, Pcm
from tests.telephony.calls import say

SERVICES = (
    "le standard",
    "le bureau des étrangers",
    "le bureau des permis de conduire",
    "le service de la citoyenneté",
    "les associations",
)
TRANSFERS = {name: say(f"Votre appel est transféré vers {name}.") for name in SERVICES}
OTHERS = {
    "hours": say("Les guichets sont ouverts du lundi au vendredi, de neuf heures à seize heures."),
    "bye": say("Au revoir."),
    "english": say("The desks are open from Monday to Friday.", "en"),
}
FAMILY = {**TRANSFERS, **OTHERS}


def on_the_line(*parts: Pcm | float, level: float = 1.0) -> Pcm:
    """A recording: prompts and silences (seconds), through A-law."""
    pieces = [np.zeros(round(part * RATE), np.int16) if isinstance(part, float) else part for part in parts]
    return decode(encode((np.concatenate(pieces) * level).astype(np.int16)))


def with_losses(recording: Pcm, part: float, draw: np.random.Generator) -> Pcm:
    frames = recording[: len(recording) // FRAME * FRAME].reshape(-1, FRAME).copy()
    frames[draw.random(len(frames)) < part] = 0
    return frames.reshape(-1)


def with_noise(recording: Pcm, decibels: float, draw: np.random.Generator) -> Pcm:
    """White noise, `decibels` under the sound of the recording."""
    sound = recording.astype(np.float64)
    power = (sound[np.abs(sound) > 100] ** 2).mean() / 10 ** (decibels / 10)
    noisy: Pcm = np.clip(sound + draw.normal(0, np.sqrt(power), len(sound)), -32768, 32767).astype(np.int16)
    return noisy


@pytest.mark.parametrize("name", FAMILY)
def test_a_prompt_is_recognised_and_placed(name: str) -> None:
    heard = best(on_the_line(1.25, FAMILY[name], 0.7), FAMILY)

    assert heard is not None
    assert heard.name == name
    assert heard.score > 0.97
    assert 1.25 <= heard.at < 1.6
    assert heard.until - heard.at <= len(FAMILY[name]) / RATE


@pytest.mark.parametrize("level", [0.05, 0.3, 1.3])
@pytest.mark.parametrize("name", TRANSFERS)
def test_neither_a_faint_line_nor_a_loud_one_deceives_it(name: str, level: float) -> None:
    heard = best(on_the_line(0.4, FAMILY[name], level=level), FAMILY)

    assert heard is not None and heard.name == name


@pytest.mark.parametrize("name", FAMILY)
def test_a_packet_in_ten_lost_or_a_noise_ten_decibels_under_does_not_deceive_it(name: str) -> None:
    draw = np.random.default_rng(7)
    clear = on_the_line(0.5, FAMILY[name], 0.5)
    for bad in (with_losses(clear, 0.1, draw), with_noise(clear, 10, draw), with_noise(with_losses(clear, 0.1, draw), 10, draw)):
        heard = best(bad, FAMILY)
        assert heard is not None and heard.name == name


@pytest.mark.parametrize("name", FAMILY)
def test_another_prompt_of_the_family_is_not_taken_for_the_one_that_was_not_said(name: str) -> None:
    recording = on_the_line(0.5, FAMILY[name], 0.5)
    without = {other: sound for other, sound in FAMILY.items() if other != name}

    assert best(recording, without) is None
    assert all(match(recording, sound).score < THRESHOLD for sound in without.values())


def test_a_prompt_cut_before_its_end_was_not_heard() -> None:
    prompt = TRANSFERS["le standard"]
    cut = on_the_line(0.3, prompt[: len(prompt) // 2], 2.0)

    assert best(cut, FAMILY) is None
    assert sequence(cut, FAMILY) == ()
    assert match(cut, prompt[: len(prompt) // 3]).score > 0.97


def test_what_was_heard_is_told_in_order_repeats_included() -> None:
    names = ["hours", "le standard", "hours", "hours", "bye", "le bureau des étrangers", "english"]
    parts = [part for name in names for part in (FAMILY[name], 0.2)]

    assert [said.name for said in sequence(on_the_line(*parts), FAMILY)] == names
    times = [(said.at, said.until) for said in sequence(on_the_line(*parts), FAMILY)]
    assert all(before[1] <= after[0] for before, after in pairwise(times))


def test_the_longer_of_two_prompts_that_both_fit_is_the_one_that_was_said() -> None:
    """« Au revoir » is also the end of a longer sentence."""
    family = {"long": np.concatenate([OTHERS["hours"], OTHERS["bye"]]), "short": OTHERS["bye"]}

    assert [said.name for said in sequence(on_the_line(0.2, family["long"], 0.2, family["short"]), family)] == ["long", "short"]
    heard = best(on_the_line(0.2, family["long"]), family)
    assert heard is not None and heard.name == "long"


@pytest.mark.parametrize("seed", range(3))
def test_silence_noise_and_tones_are_no_prompt(seed: int) -> None:
    draw = np.random.default_rng(seed)
    seconds = np.arange(8 * RATE) / RATE
    tone = (8000 * np.sin(2 * np.pi * 440 * seconds)).astype(np.int16)
    noise = draw.normal(0, 3000, 8 * RATE).astype(np.int16)
    for recording in (on_the_line(8.0), on_the_line(tone), on_the_line(noise), np.zeros(0, np.int16), np.zeros(100, np.int16)):
        assert best(recording, FAMILY) is None
        assert sequence(recording, FAMILY) == ()


@pytest.mark.parametrize("length", [0, 100, RATE])
def test_a_prompt_without_sound_is_refused_rather_than_found_everywhere(length: int) -> None:
    with pytest.raises(ValueError, match="silent"):
        match(on_the_line(2.0), np.zeros(length, np.int16))
