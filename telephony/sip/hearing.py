"""What was heard: recognises our own prompts in the recording of a call. Pure; no level, delay or small loss deceives it.

A score goes from 0 to 1: correlation between the prompt and the recording, normalised by the local energy of the recording. Measured on
our line: 1.00 for the right prompt, 0.98 with one packet in ten lost, 0.96 with noise 10 dB below; under 0.10 for another prompt, but up
to 0.70 for two sentences that begin alike. Hence the double rule: at least 0.8, and the best of the family.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from telephony.speech.sound import RATE, Pcm

THRESHOLD = 0.8
_QUIET = 0.02
"""Part of the peak of a prompt under which its ends are silence."""
_FLOOR = 30.0
"""Root mean square, out of 32,768, under which a recording is silent: silence resembles nothing."""
_SAME = 0.05
"""Scores closer than this are equal: the longer prompt then explains more of what was heard."""
_SHARED = 0.3
"""Part of the shorter prompt that two prompts heard one after the other may seem to share."""
_SHORTEST = RATE // 20
"""Samples under which a sound has too little shape to be recognised: 50 ms."""


@dataclass(frozen=True)
class Match:
    score: float
    at: float
    """Seconds from the start of the recording to the first sound of the prompt."""


@dataclass(frozen=True)
class Heard:
    name: str
    score: float
    at: float
    """Seconds at which its sound begins, and ends: `until`."""
    until: float


def match(recording: Pcm, prompt: Pcm) -> Match:
    """Where `prompt` is the most probably heard in `recording`. A score of 0 when the recording is shorter than the prompt.

    Raises:
        ValueError: the prompt is silent, or lasts less than 50 ms.
    """
    return _Recording(recording).match(_trimmed(prompt))


def best(recording: Pcm, family: Mapping[str, Pcm]) -> Heard | None:
    """The prompt of `family` that is heard best, or None when none reaches the threshold.

    Give as family every prompt that could have been heard in its place, and those that begin alike above all.
    """
    heard = _Recording(recording)
    scores = {name: (heard.match(sound), len(sound)) for name, sound in _trimmed_family(family).items()}
    found = [(_rank(scored.score, length), name) for name, (scored, length) in scores.items() if scored.score >= THRESHOLD]
    if not found:
        return None
    _, name = max(found)
    scored, length = scores[name]
    return Heard(name, scored.score, scored.at, scored.at + length / RATE)


def sequence(recording: Pcm, family: Mapping[str, Pcm]) -> tuple[Heard, ...]:
    """Every prompt of `family` that is heard, in order, as many times as it is said to its end.

    Where two prompts would be heard at once, only the best one is.
    """
    heard = _Recording(recording)
    candidates = [
        (_rank(score, len(sound)), Heard(name, score, at / RATE, (at + len(sound)) / RATE))
        for name, sound in _trimmed_family(family).items()
        for at, score in heard.peaks(sound)
    ]
    kept: list[Heard] = []
    for _, candidate in sorted(candidates, key=lambda ranked: ranked[0], reverse=True):
        if not any(_overlap(candidate, other) for other in kept):
            kept.append(candidate)
    return tuple(sorted(kept, key=lambda said: said.at))


def _rank(score: float, length: int) -> tuple[int, int, float]:
    return round(score / _SAME), length, score


def _overlap(one: Heard, other: Heard) -> bool:
    shared = min(one.until, other.until) - max(one.at, other.at)
    return shared > _SHARED * min(one.until - one.at, other.until - other.at)


def _trimmed(prompt: Pcm) -> NDArray[np.float64]:
    """A prompt without the silence around it."""
    sound = prompt.astype(np.float64)
    loud = np.flatnonzero(np.abs(sound) > _QUIET * max(np.abs(sound).max(initial=0.0), 1.0))
    if len(loud) == 0 or loud[-1] - loud[0] < _SHORTEST:
        raise ValueError("a silent or very short prompt cannot be recognised")
    return sound[loud[0] : loud[-1] + 1]


def _trimmed_family(family: Mapping[str, Pcm]) -> dict[str, NDArray[np.float64]]:
    return {name: _trimmed(prompt) for name, prompt in family.items()}


class _Recording:
    """A recording, transformed once for all the prompts that are looked for in it."""

    def __init__(self, recording: Pcm) -> None:
        self._sound = recording.astype(np.float64)
        self._energy = np.concatenate([[0.0], np.cumsum(self._sound**2)])
        self._size = 0
        self._spectrum: NDArray[np.complex128] = np.zeros(0, np.complex128)

    def match(self, prompt: NDArray[np.float64]) -> Match:
        scores = self._scores(prompt)
        if len(scores) == 0:
            return Match(0.0, 0.0)
        at = int(np.argmax(scores))
        return Match(float(scores[at]), at / RATE)

    def peaks(self, prompt: NDArray[np.float64]) -> Iterator[tuple[int, float]]:
        """Samples at which the prompt begins, with its score; two of them are half a prompt apart at least."""
        scores = self._scores(prompt).copy()
        while len(scores) and (score := float(scores.max())) >= THRESHOLD:
            at = int(np.argmax(scores))
            yield at, score
            scores[max(0, at - len(prompt) // 2) : at + len(prompt) // 2 + 1] = 0

    def _scores(self, prompt: NDArray[np.float64]) -> NDArray[np.float64]:
        """The score of the prompt beginning at each sample."""
        places = len(self._sound) - len(prompt) + 1
        if places <= 0:
            return np.zeros(0)
        size = 1 << (len(self._sound) + len(prompt) - 1).bit_length()
        if size != self._size:
            self._size, self._spectrum = size, np.fft.rfft(self._sound, size)
        product = np.fft.irfft(self._spectrum * np.conj(np.fft.rfft(prompt, size)), size)[:places]
        local = self._energy[len(prompt) :] - self._energy[: -len(prompt)]
        scores: NDArray[np.float64] = product / np.sqrt(np.maximum(local, _FLOOR**2 * len(prompt)) * (prompt**2).sum())
        return scores
