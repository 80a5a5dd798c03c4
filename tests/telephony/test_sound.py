"""Sound for the line: 8 kHz, trimmed, one level, whole files only."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.errors import PromptRefused
from telephony.speech import sound
from telephony.speech.voices import Espeak, Rate


def a_tone(hertz: float, rate: int, seconds: float = 1.0, height: float = 0.5) -> sound.Wave:
    return height * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)


@pytest.mark.parametrize("rate", [6000, 8000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000])
def test_another_rate_becomes_8_khz_without_loss_nor_folding(rate: int) -> None:
    heard = sound.waved(sound.for_the_line(a_tone(1000, rate), rate))

    assert len(heard) == sound.RATE
    assert np.abs(heard - a_tone(1000, sound.RATE))[400:-400].max() < 0.001
    if rate > 12_000:
        folded = sound.waved(sound.for_the_line(a_tone(5000, rate), rate))
        assert np.abs(folded[400:-400]).max() < 0.001


def test_speech_is_trimmed_set_at_one_level_and_its_peaks_are_held() -> None:
    quiet = np.concatenate([np.zeros(8000), a_tone(440, 8000, height=0.01), np.zeros(4000), a_tone(440, 8000, height=0.01), np.zeros(9000)])
    finished = sound.waved(sound.finished(sound.quantised(quiet)))
    edge = sound.KEPT_EDGE

    assert len(finished) == 2 * 8000 + 4000 + 2 * edge
    assert not finished[:edge].any()
    assert not finished[-edge:].any()
    assert np.sqrt(np.mean(finished[edge + 100 : edge + 7900] ** 2)) == pytest.approx(sound.LEVEL, rel=0.05)

    peaked = a_tone(440, 8000, height=0.05)
    peaked[4000:4002] = 0.9
    held = sound.waved(sound.finished(sound.quantised(peaked)))
    assert sound.CEILING * 0.9 < np.abs(held).max() <= sound.CEILING + 1e-4
    far = slice(edge + 100, edge + 3800)
    assert np.corrcoef(held[far], peaked[100:3800])[0, 1] > 0.9999, "what is far from the peak is untouched"
    assert not len(sound.finished(np.zeros(8000, np.int16)))
    assert not len(sound.finished(np.zeros(0, np.int16)))


def test_what_is_written_is_read_back_and_what_is_cut_is_refused() -> None:
    pcm = Espeak().say("bonjour", "fr", Rate.NORMAL)
    data = sound.encode(pcm)
    wave, rate = sound.decode(data)

    assert rate == sound.RATE
    assert np.array_equal(sound.quantised(wave), pcm)
    for cut in (0, 3, 11, 30, 44, len(data) - 1, len(data) // 2):
        with pytest.raises(PromptRefused):
            sound.decode(data[:cut])
    for wrong in (b"", os.urandom(500), data.replace(b"\x10\x00data", b"\x0c\x00data"), data[:20] + b"\x07\x00" + data[22:]):
        with pytest.raises(PromptRefused):
            sound.decode(wrong)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 255)), min_size=1, max_size=8))
def test_a_corrupted_file_is_decoded_or_refused_never_worse(changes: list[tuple[int, int]]) -> None:
    data = bytearray(sound.encode(sound.quantised(a_tone(440, 8000, 0.05))))
    for place, value in changes:
        data[place] = value

    try:
        wave, rate = sound.decode(bytes(data))
    except PromptRefused as refused:
        assert str(refused)
    else:
        assert np.abs(sound.waved(sound.for_the_line(wave, rate))).max(initial=0) <= 1
