"""AudioSocket: Asterisk sends the caller's sound over TCP, and plays what is sent back. One process holds a hundred such legs.

A frame is one byte of kind, two of length (big-endian), then the content: sound is 8 kHz, 16 bits, little-endian, mono. Asterisk plays
sound as it comes, so the pace is ours: one tick every 20 ms sends one frame to every leg, and measures at once the levels of
all that was heard. A leg that ends, whatever the reason, gives the caller back to the dialplan: the door never has to be brave.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

import numpy as np

from telephony.speech.sound import Pcm

FRAME_SECONDS = 0.02
FRAME_BYTES = 320
LATE_SECONDS = 0.04
"""Beyond this between two frames, the caller may hear a gap."""
CATCH_UP_SECONDS = 0.2
"""A tick later than this (the machine was suspended) goes on from now: no burst of old sound."""
GREETING_SECONDS = 2.0
"""Time left to a new connection to say which call it is."""
LEG_SECONDS = 35.0
"""No leg lasts longer: the dialplan takes its caller back after 30 s, so what is left is a half-open connection."""
LEGS = 256
"""Simultaneous legs; one more is refused at once, and its caller is back in the menu."""
LONGEST_FRAME = 4096
UNREAD_BYTES = 65536
"""A peer that leaves this much unread no longer plays anything."""
MISSING_TICKS = 5
"""Ticks without sound after which each tick counts as a silent frame: some telephones send nothing while nobody speaks."""
ECHO_FRAMES = 25
"""An echo comes back within half a second, mobile telephones included."""
SILENT_FRAME = bytes(FRAME_BYTES)

log = logging.getLogger(__name__)


class Kind(IntEnum):
    HANGUP = 0x00
    UUID = 0x01
    DTMF = 0x03
    AUDIO = 0x10
    ERROR = 0xFF


@dataclass(frozen=True)
class Place:
    """Where a leg comes from: the 32 hexadecimal digits of its uuid carry it, so that nothing else has to."""

    uuid: str
    talk: str
    """20 random digits: the same for all the spoken turns of one question."""
    version: int
    node: int
    """Position of the question in its script, from 1."""
    language: int
    """Index in the languages of the script."""
    slow: bool

    @classmethod
    def read(cls, raw: bytes) -> Place:
        """The place written in the 16 bytes of a uuid. Raises ValueError: there is no such place."""
        digits = raw.hex()
        if len(digits) != 32 or digits[31] not in "01":
            raise ValueError(f"no place in {digits[:40]}")
        place = cls(
            str(uuid.UUID(hex=digits)), digits[:20], int(digits[20:26], 16), int(digits[26:30], 16), int(digits[30], 16), digits[31] == "1"
        )
        if not place.version or not place.node:
            raise ValueError(f"versions and nodes are counted from 1: {digits}")
        return place


class Ear(Protocol):
    """What a leg tells the one who answers its caller; everything is called in the event loop and returns at once."""

    def heard(self, pcm: bytes, levels: tuple[float, ...]) -> None:
        """Whole frames of 20 ms, with the level (root mean square) of each."""

    def pressed(self, key: str) -> None: ...

    def said(self) -> None:
        """All that was given to `Leg.play` has been sent."""

    def gone(self) -> None:
        """The caller is no longer there: nothing will be heard or said any more."""


class Leg(asyncio.Protocol):
    """One connection of Asterisk: one caller during one spoken turn."""

    def __init__(self, server: AudioServer) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._heard = bytearray()
        self._missing = 0
        self._speech: memoryview = memoryview(b"")
        self._levels: deque[float] = deque()
        self._played: deque[float] = deque([0.0] * ECHO_FRAMES, maxlen=ECHO_FRAMES)
        self._sent_at: float | None = None
        self._ear: Ear | None = None
        self.place: Place | None = None
        self._limit: asyncio.TimerHandle | None = None

    @property
    def speaking(self) -> bool:
        return bool(self._speech)

    @property
    def echo_level(self) -> float:
        """The highest level sent in the last half-second: what may come back as an echo."""
        return max(self._played)

    def play(self, sound: Pcm) -> None:
        """Say `sound` after what is being said."""
        padded = np.zeros(-(-len(sound) // 160) * 160, np.int16)
        padded[: len(sound)] = sound
        self._levels.extend(levels_of(padded.tobytes()))
        self._speech = memoryview(bytes(self._speech) + padded.astype("<i2").tobytes())

    def hush(self) -> None:
        """Say no more of what was to be said."""
        self._speech = memoryview(b"")
        self._levels.clear()

    def close(self) -> None:
        """Give the caller back to the dialplan."""
        if self._transport and not self._transport.is_closing():
            self._transport.write(bytes((Kind.HANGUP, 0, 0)))
            self._transport.close()

    # --- What comes --------------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if not self._server.admit(self):
            transport.abort()
            return
        self._limit = asyncio.get_running_loop().call_later(GREETING_SECONDS, self._abandon, "no greeting")

    def data_received(self, data: bytes) -> None:
        received = self._received
        received += data
        start = 0
        while len(received) - start >= 3:
            size = int.from_bytes(received[start + 1 : start + 3], "big")
            if size > LONGEST_FRAME:
                self._abandon(f"a frame of {size} bytes")
                return
            if len(received) - start < 3 + size:
                break
            content = bytes(received[start + 3 : start + 3 + size])
            if not self._take(received[start], content):
                return
            start += 3 + size
        del received[:start]

    def _take(self, kind: int, content: bytes) -> bool:
        """Act on one frame; whether the leg goes on."""
        if self._ear is None and kind != Kind.UUID:
            self._abandon(f"a frame of kind {kind} before the greeting")
            return False
        match kind:
            case Kind.AUDIO:
                self._heard += content
                self._missing = 0
            case Kind.DTMF if self._ear and len(content) == 1 and content in b"0123456789*#ABCD":
                self._ear.pressed(content.decode("ascii"))
            case Kind.UUID if self._ear is None:
                return self._greet(content)
            case Kind.HANGUP:
                self.close()
                return False
            case _:
                self._abandon(f"a frame of kind {kind} and {len(content)} bytes")
                return False
        return True

    def _greet(self, content: bytes) -> bool:
        try:
            self.place = Place.read(content)
            self._ear = self._server.answer(self, self.place)
        except Exception as unknown:  # whatever the reason, this caller is back in the menu and the others do not notice
            self._abandon(repr(unknown))
            return False
        if self._limit:
            self._limit.cancel()
        self._limit = asyncio.get_running_loop().call_later(LEG_SECONDS, self._abandon, "longer than a spoken turn")
        return True

    def _abandon(self, reason: str) -> None:
        log.warning("leg of %s closed: %s", self.place.uuid if self.place else "an unknown call", reason)
        if self._transport:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.forget(self)
        if self._limit:
            self._limit.cancel()
        if self._ear:
            self._ear.gone()

    # --- Every 20 ms -------------------------------------------------------------------------------------------------------

    def send_frame(self, now: float) -> float:
        """Send the next frame of what is being said, or of silence: a caller who hears nothing at all believes that he was cut off.

        Seconds since the previous frame; 0 for the first one.
        """
        assert self._transport is not None
        frame = self._speech[:FRAME_BYTES] or SILENT_FRAME
        self._transport.write(b"\x10\x01\x40" + frame)
        self._played.append(self._levels.popleft() if self._levels else 0.0)
        gap = now - self._sent_at if self._sent_at is not None else 0.0
        self._sent_at = now
        if self._transport.get_write_buffer_size() > UNREAD_BYTES:
            self._abandon("nothing is played any more")
        elif self._speech:
            self._speech = self._speech[FRAME_BYTES:]
            if not self._speech and self._ear:
                self._ear.said()
        return gap

    def taken(self) -> bytes:
        """The whole frames heard since the last tick; a silent one for a telephone that sends nothing."""
        whole = len(self._heard) // FRAME_BYTES * FRAME_BYTES
        if not whole:
            self._missing += 1
            return SILENT_FRAME if self._missing > MISSING_TICKS and self._ear else b""
        frames = bytes(self._heard[:whole])
        del self._heard[:whole]
        return frames

    def tell(self, pcm: bytes, levels: tuple[float, ...]) -> None:
        if self._ear:
            self._ear.heard(pcm, levels)


def levels_of(pcm: bytes) -> tuple[float, ...]:
    """The level (root mean square, constant part removed) of each frame of 160 samples."""
    frames = np.frombuffer(pcm, "<i2").reshape(-1, FRAME_BYTES // 2).astype(np.float32)
    return tuple(frames.std(axis=1).tolist())


class AudioServer:
    """Listens for Asterisk, keeps the pace of every leg, and counts what came late."""

    def __init__(self, answer: Callable[[Leg, Place], Ear]) -> None:
        self.answer = answer
        """Called when a leg has said its place; raises LookupError when there is no such place."""
        self.legs: set[Leg] = set()
        self.sent = 0
        self.late = 0
        """Frames sent more than 40 ms after the previous one."""
        self._server: asyncio.Server | None = None
        self._tick_handle: asyncio.TimerHandle | None = None
        self._due = 0.0

    async def start(self, host: str, port: int) -> int:
        """Listen, and return the port (that of the system when `port` is 0). Raises OSError: the address is taken."""
        loop = asyncio.get_running_loop()
        gc.freeze()  # the knowledge in memory stays: going through it again and again would stop every call for 50 ms
        self._server = await loop.create_server(lambda: Leg(self), host, port, backlog=LEGS)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def close(self) -> None:
        """Listen no more and give every caller back to the dialplan."""
        if self._server:
            self._server.close()
        for leg in tuple(self.legs):
            leg.close()
        await asyncio.sleep(0)
        if self._tick_handle:
            self._tick_handle.cancel()

    def admit(self, leg: Leg) -> bool:
        """Take a new leg in, if there is room."""
        if len(self.legs) >= LEGS:
            log.warning("leg refused: %d are open", LEGS)
            return False
        if not self.legs:
            loop = asyncio.get_running_loop()
            self._due = loop.time() + FRAME_SECONDS
            self._tick_handle = loop.call_at(self._due, self._tick)
        self.legs.add(leg)
        return True

    def forget(self, leg: Leg) -> None:
        self.legs.discard(leg)
        if not self.legs and self._tick_handle:
            self._tick_handle.cancel()  # nobody is on the line: the process sleeps

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        if now - self._due > CATCH_UP_SECONDS:
            self._due = now
        while self._due <= now:
            for leg in tuple(self.legs):
                self.sent += 1
                self.late += leg.send_frame(now) > LATE_SECONDS
            self._due += FRAME_SECONDS
        self._tick_handle = loop.call_at(self._due, self._tick)  # before what may raise: the pace never stops
        self._listen()

    def _listen(self) -> None:
        heard = [(leg, frames) for leg in self.legs if (frames := leg.taken())]
        if not heard:
            return
        levels = levels_of(b"".join(frames for _, frames in heard))
        start = 0
        for leg, frames in heard:
            end = start + len(frames) // FRAME_BYTES
            leg.tell(frames, levels[start:end])
            start = end
