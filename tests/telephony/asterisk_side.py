"""Asterisk's side of AudioSocket, for the tests that need no Asterisk: a caller who speaks at the pace of a call and hears."""

from __future__ import annotations

import asyncio
import secrets
import struct
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np

from telephony.speech.sound import RATE, Pcm

SILENCE = bytes(320)


def frame(kind: int, content: bytes = b"") -> bytes:
    return struct.pack("!BH", kind, len(content)) + content


def identifier(talk: str = "", version: int = 1, node: int = 1, language: int = 0, slow: bool = False) -> bytes:
    """The 16 bytes that Asterisk sends first."""
    return bytes.fromhex((talk or secrets.token_hex(10)) + f"{version:06x}{node:04x}{language:x}{slow:d}")


class Caller:
    """One leg: what is given to `say` is sent frame by frame, silence otherwise, as a real call does."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._to_say: deque[bytes] = deque()
        self._began = time.monotonic()
        self._echoed = 0
        self.frames: list[tuple[float, bytes]] = []
        """When each frame was received, in seconds since the beginning, and its sound."""
        self.ended = asyncio.Event()
        """The other side closed."""
        self.hung_up = False
        """It said so first."""
        self._tasks = [asyncio.create_task(self._speak()), asyncio.create_task(self._listen())]

    @property
    def now(self) -> float:
        return time.monotonic() - self._began

    def say(self, pcm: Pcm) -> float:
        """Say this; the instant at which it will have been said."""
        padded = np.pad(pcm, (0, -len(pcm) % 160)).astype("<i2").tobytes()
        self._to_say.extend(padded[start : start + 320] for start in range(0, len(padded), 320))
        return self.now + len(self._to_say) * 0.02

    def echo(self, loudness: float) -> None:
        """Send back what was received since the last time, as a bad telephone does; what would be late by 200 ms is lost."""
        for _, content in self.frames[self._echoed :]:
            self.say((np.frombuffer(content, "<i2") * loudness).astype(np.int16))
        self._echoed = len(self.frames)
        while len(self._to_say) > 10:
            self._to_say.popleft()

    def press(self, key: str) -> None:
        self._writer.write(frame(0x03, key.encode()))

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    @property
    def said(self) -> list[tuple[float, bytes]]:
        """The frames received, from the first one that is not silent to the last."""
        loud = [number for number, (_, content) in enumerate(self.frames) if content != SILENCE]
        return self.frames[loud[0] : loud[-1] + 1] if loud else []

    @property
    def heard(self) -> Pcm:
        """What was heard, placed in time."""
        sound = np.zeros(int((self.now + 1) * RATE), np.int16)
        end = 0
        for at, content in self.frames:
            start = int(at * RATE)
            if start < end + RATE // 10:
                start = end  # as in a telephone: a frame that comes a little late or early follows the previous one
            end = start + len(content) // 2
            sound[start:end] = np.frombuffer(content, "<i2")[: len(sound) - start]
        return sound

    async def _speak(self) -> None:
        due = time.monotonic()
        while not self.ended.is_set():
            self._writer.write(frame(0x10, self._to_say.popleft() if self._to_say else SILENCE))
            due += 0.02
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _listen(self) -> None:
        try:
            while True:
                kind, size = struct.unpack("!BH", await self._reader.readexactly(3))
                content = await self._reader.readexactly(size)
                if kind == 0x10:
                    self.frames.append((self.now, content))
                elif kind == 0x00:
                    self.hung_up = True
        except (asyncio.IncompleteReadError, ConnectionError):
            self.ended.set()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._writer.close()


@asynccontextmanager
async def leg(port: int, greeting: bytes | None = None) -> AsyncIterator[Caller]:
    """A leg open on this port, its caller identified (by default at a new place of version 1)."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(frame(0x01, identifier() if greeting is None else greeting))
    caller = Caller(reader, writer)
    try:
        yield caller
    finally:
        await caller.close()
