"""Sound as a telephone carries it: 8 kHz, mono, 16 bits; edges trimmed, one level for every voice."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import lru_cache
from math import ceil, gcd
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from telephony.errors import PromptRefused

RATE = 8000
"""Samples per second on the line."""
Pcm = NDArray[np.int16]
"""Mono samples at `RATE`."""
Wave = NDArray[np.float64]
"""Mono samples from -1 to 1, at any rate."""

LEVEL = 10 ** (-20 / 20)
"""Root mean square of what is said, pauses left out: -20 dB under full scale."""
CEILING = 10 ** (-3 / 20)
"""No sample is above: -3 dB, so that the codec of the line never clips."""
SILENCE = 10 ** (-50 / 20)
"""Under this level in its loudest frame, nobody hears anything."""
KEPT_EDGE = RATE * 30 // 1000
"""Samples of silence on each side of the speech: 30 ms."""

_FRAME = RATE // 100
_EDGE_FALL = 10 ** (-40 / 20)
"""Under the loudest frame by more than this, an edge is silence."""
_PAUSE_FALL = 10 ** (-25 / 20)
_CROSSINGS = 24
_KAISER = 8.0


def decode(data: bytes) -> tuple[Wave, int]:
    """The samples of a WAV file (PCM of 8, 16, 24 or 32 bits; channels are averaged) and their rate in hertz.

    Raises:
        PromptRefused: it is no WAV file, it is cut, or it is not plain PCM.
    """
    chunks = dict(_chunks(data))
    form, samples = chunks.get(b"fmt "), chunks.get(b"data")
    if form is None or samples is None or len(form) < 16:
        raise PromptRefused("ce n'est pas un fichier WAV")
    code, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", form)
    if code == 0xFFFE and len(form) >= 26:  # the extensible form names the real one further
        code = struct.unpack_from("<H", form, 24)[0]
    if code != 1 or bits not in (8, 16, 24, 32) or not 1 <= channels <= 8 or not 4000 <= rate <= 192_000 or rate % 25:
        raise PromptRefused("le format n'est pas du WAV PCM ordinaire (8 à 32 bits, 4 à 192 kHz)")
    size = bits // 8 * channels
    if len(samples) % size:
        raise PromptRefused("le fichier est coupé")
    return _scaled(samples, bits).reshape(-1, channels).mean(axis=1), rate


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise PromptRefused("ce n'est pas un fichier WAV" if data else "le fichier est vide")
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        if at + 8 + size > len(data):
            raise PromptRefused("le fichier est coupé")
        yield name, data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _scaled(samples: bytes, bits: int) -> Wave:
    if bits == 8:
        return (np.frombuffer(samples, np.uint8).astype(np.float64) - 128) / 128
    if bits == 24:
        bytes_of = np.frombuffer(samples, np.uint8).reshape(-1, 3)
        padded = np.zeros((len(bytes_of), 4), np.uint8)
        padded[:, 1:] = bytes_of
        return padded.view("<i4").ravel() / 2.0**31
    whole: NDArray[Any] = np.frombuffer(samples, "<i2" if bits == 16 else "<i4")
    return whole.astype(np.float64) / 2.0 ** (bits - 1)


def encode(pcm: Pcm) -> bytes:
    """A WAV file of `pcm`."""
    samples = pcm.astype("<i2").tobytes()
    form = struct.pack("<HHIIHH", 1, 1, RATE, RATE * 2, 2, 16)
    return b"".join(
        (
            struct.pack("<4sI4s", b"RIFF", 36 + len(samples), b"WAVE"),
            struct.pack("<4sI", b"fmt ", len(form)),
            form,
            struct.pack("<4sI", b"data", len(samples)),
            samples,
        )
    )


def for_the_line(wave: Wave, rate: int) -> Pcm:
    """`wave`, at `rate` hertz, as `Pcm`: nothing above 4 kHz, which would come back as noise."""
    if rate != RATE:
        wave = _resampled(wave, rate)
    return quantised(wave)


def quantised(wave: Wave) -> Pcm:
    return np.clip(np.rint(wave * 32768), -32768, 32767).astype(np.int16)


def waved(pcm: Pcm) -> Wave:
    return pcm.astype(np.float64) / 32768


def _resampled(wave: Wave, rate: int) -> Wave:
    kernels, down = _kernels(rate)
    up, taps = kernels.shape
    windows = sliding_window_view(np.pad(wave, (taps // 2, taps // 2 + 1)), taps)
    result = np.empty(ceil(len(wave) * up / down))
    for first in range(min(up, len(result))):
        places = result[first::up]
        places[:] = windows[first * down // up :: down][: len(places)] @ kernels[first]
    return result


@lru_cache(maxsize=8)
def _kernels(rate: int) -> tuple[Wave, int]:
    """A windowed sinc for each place that an output sample may take between two input samples, and the input step of a whole turn."""
    common = gcd(rate, RATE)
    up, down = RATE // common, rate // common
    cutoff = 0.46 * min(1.0, RATE / rate)
    reach = ceil(_CROSSINGS / (2 * cutoff))
    offsets = np.arange(-reach, reach + 1) - (np.arange(up) * down % up / up)[:, None]
    window = np.i0(_KAISER * np.sqrt(1 - (offsets / (reach + 1)) ** 2))
    kernels = np.sinc(2 * cutoff * offsets) * window
    return kernels / kernels.sum(axis=1, keepdims=True), down


def finished(pcm: Pcm) -> Pcm:
    """`pcm` as callers hear it: 30 ms of silence at each edge, speech at -20 dB, peaks under -3 dB. Empty if it is silent."""
    wave = waved(pcm)
    frames = _frames(wave)
    loudest = float(frames.max(initial=0))
    if loudest < SILENCE:
        return np.zeros(0, np.int16)
    heard = np.flatnonzero(frames > loudest * _EDGE_FALL)
    wave = _faded(wave[int(heard[0]) * _FRAME : (int(heard[-1]) + 1) * _FRAME])
    speech = frames[frames > loudest * _PAUSE_FALL]
    gain = LEVEL / float(np.sqrt(np.mean(speech**2)))
    return quantised(np.pad(_limited(wave * gain), KEPT_EDGE))


def loudest_frame(pcm: Pcm) -> float:
    """Level, from 0 to 1, of its loudest 10 ms."""
    return float(_frames(waved(pcm)).max(initial=0))


def _frames(wave: Wave) -> Wave:
    """Root mean square of each 10 ms."""
    whole = np.pad(wave, (0, -len(wave) % _FRAME)).reshape(-1, _FRAME)
    levels: Wave = np.sqrt(np.mean(whole**2, axis=1))
    return levels


def _limited(wave: Wave) -> Wave:
    """`wave` turned down smoothly around what is above `CEILING`, 5 ms before and after; the rest is untouched."""
    if not len(wave) or np.abs(wave).max() <= CEILING:
        return wave
    half = _FRAME // 2
    around = sliding_window_view(np.pad(np.abs(wave), 2 * half), 2 * half + 1).max(axis=1)
    needed = np.minimum(1.0, CEILING / np.maximum(around, CEILING))
    smooth = np.hanning(2 * half + 3)[1:-1]
    return wave * np.convolve(needed, smooth / smooth.sum(), mode="valid")


def _faded(wave: Wave) -> Wave:
    """No click at the edges."""
    length = min(_FRAME // 2, len(wave) // 2)
    slope = np.linspace(0.0, 1.0, length)
    wave = wave.copy()
    wave[:length] *= slope
    wave[len(wave) - length :] *= slope[::-1]
    return wave
