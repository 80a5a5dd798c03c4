"""`python -m bench.speech_callers PORT LEGS SECONDS QUESTIONS.npz`: callers of the spoken question, in a process of their own.

Each one waits a little, asks a question, hears the answer, and goes on in a new turn, as the dialplan makes it. Prints one JSON object:
`waits`, seconds between the end of each question and the first sound of its answer; `frames`; `late`, gaps of more than 40 ms between two
frames; `worst`, the longest gap; `cut`, legs that ended without an answer.
"""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import struct
import sys
import time
from pathlib import Path

import numpy as np

FRAME = struct.Struct("!BH")
LATE = 0.04
SILENCE = bytes(320)
SILENT = FRAME.pack(0x10, 320) + SILENCE


class Figures:
    def __init__(self) -> None:
        self.waits: list[float] = []
        self.frames = self.late = self.cut = 0
        self.worst = 0.0


class Caller(asyncio.Protocol):
    """One leg after the other, for one caller."""

    def __init__(self, port: int, questions: list[list[bytes]], figures: Figures, draw: random.Random) -> None:
        self._port, self._questions, self._figures, self._draw = port, questions, figures, draw
        self._talk = ""
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._frames: list[bytes] = []
        self._pause = 0
        self._asked_at: float | None = None
        self._last: float | None = None

    async def open(self) -> None:
        """Begin a talk, or go on with it in a new turn."""
        self._talk = self._talk or secrets.token_hex(10)
        self._received.clear()
        self._last = None
        self._pause = self._draw.randrange(10, 150)
        await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", self._port)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(FRAME.pack(0x01, 16) + bytes.fromhex(self._talk + "000001000100"))

    def tick(self) -> None:
        """Send the frame of these 20 ms."""
        if self._transport is None:
            return
        if self._frames:
            self._transport.write(self._frames.pop())
            if not self._frames:
                self._asked_at = time.monotonic()
            return
        self._transport.write(SILENT)
        self._pause -= 1
        if self._pause == 0:
            self._frames = self._draw.choice(self._questions)[::-1]

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        self._received += data
        while len(self._received) >= 3:
            kind, size = FRAME.unpack_from(self._received)
            if len(self._received) < 3 + size:
                return
            silent = not any(self._received[3 : 3 + size])
            del self._received[: 3 + size]
            if kind == 0x10:
                self._hear(now, silent)

    def _hear(self, now: float, silent: bool) -> None:
        figures = self._figures
        figures.frames += 1
        if self._asked_at is not None and not silent:
            figures.waits.append(now - self._asked_at)
            self._asked_at = None
        if self._last is not None:
            figures.late += now - self._last > LATE
            figures.worst = max(figures.worst, now - self._last)
        self._last = now

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._asked_at is not None:
            self._figures.cut += 1
            self._asked_at = None
        if self._draw.random() < 0.5:
            self._talk = ""
        self._frames = []
        asyncio.get_running_loop().create_task(self.open())


async def run(port: int, legs: int, seconds: float, questions: list[list[bytes]]) -> Figures:
    figures = Figures()
    callers = [Caller(port, questions, figures, random.Random(number)) for number in range(legs)]
    for caller in callers:
        await caller.open()
    due = time.monotonic()
    end = due + seconds
    while due < end:
        for caller in callers:
            caller.tick()
        due += 0.02
        await asyncio.sleep(max(0.0, due - time.monotonic()))
    return figures


def main() -> None:
    port, legs, seconds, path = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4])
    with np.load(path) as stored:
        sounds = [stored[name] for name in stored.files]
    questions = []
    for sound in sounds:
        padded = np.pad(sound, (0, -len(sound) % 160)).astype("<i2").tobytes()
        questions.append([FRAME.pack(0x10, 320) + padded[start : start + 320] for start in range(0, len(padded), 320)])
    print(json.dumps(vars(asyncio.run(run(port, legs, seconds, questions)))))


if __name__ == "__main__":
    main()
