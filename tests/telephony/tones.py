"""Sounds that a test recognises at once and without a doubt: each is a chord of three tones in turn, whose order is its number.

Every frame of 20 ms holds one pure tone, and no tone serves in two places: what is left of an interrupted sound is never taken for another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from telephony.sip.rtp import FRAME, Packet, decode
from telephony.speech.sound import RATE, Pcm

SHORT = 12
"""Frames of the shortest sound: 240 ms."""
_TONE = SHORT // 3
_LETTERS = 16
_LOWEST = 8
"""Of the spectrum of a frame, in steps of 50 Hz."""
MOST = _LETTERS**3


def tone(number: int, frames: int = SHORT) -> Pcm:
    """The sound of `number` (under MOST), so many frames long: its last tone goes on."""
    letters = [*(place for place in _letters(number) for _ in range(_TONE)), *[_letters(number)[-1]] * (frames - SHORT)]
    times = np.arange(FRAME) / RATE
    played = [6000 * np.sin(2 * np.pi * (RATE / FRAME) * (_LOWEST + letter) * times) for letter in letters]
    return np.concatenate(played).astype(np.int16)


def heard(packets: Sequence[Packet], lengths: Mapping[int, int]) -> list[int]:
    """The sounds that were played to their end, in order. `lengths`: frames by number."""
    letters = _read(packets)
    known = {tuple(_letters(number)): number for number in lengths}
    found: list[int] = []
    at = 0
    while at + 2 * _TONE < len(letters):
        number = known.get((letters[at], letters[at + _TONE], letters[at + 2 * _TONE]))
        whole = lengths[number] - 1 if number is not None else 0  # Asterisk leaves out the last 22 samples of a WAV file
        if number is not None and letters[at : at + whole] == _written(number, whole):
            found.append(number)
            at += whole
        else:
            at += 1
    return found


def _letters(number: int) -> list[int]:
    first, rest = divmod(number, _LETTERS**2)
    second, third = divmod(rest, _LETTERS)
    return [first, _LETTERS + second, 2 * _LETTERS + third]


def _written(number: int, frames: int) -> list[int]:
    first, second, third = _letters(number)
    return [first] * _TONE + [second] * _TONE + [third] * (frames - 2 * _TONE)


def _read(packets: Sequence[Packet]) -> list[int]:
    """The tone of each packet; -1 for anything else."""
    if not packets:
        return []
    frames = np.stack([decode(packet.payload[:FRAME].ljust(FRAME, b"\xd5")) for packet in packets]).astype(np.float64)
    power: NDArray[np.float64] = np.abs(np.fft.rfft(frames)) ** 2
    loudest = power.argmax(axis=1)
    clear = power[np.arange(len(power)), loudest] > 0.9 * power.sum(axis=1) + 1
    return [int(place) - _LOWEST if pure else -1 for place, pure in zip(loudest, clear, strict=True)]
