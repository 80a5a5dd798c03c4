"""The sound of a call: A-law over RTP, keys as RFC 4733 events, and what was heard, placed in time.

One pacer sends the next 20 ms of every call of the process, so that a hundred calls cost one timer.
"""

from __future__ import annotations

import asyncio
import secrets
import struct
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from telephony.speech.sound import RATE, Pcm

FRAME = 160
"""Samples of one packet: 20 ms."""
_FRAME_SECONDS = FRAME / RATE
_PCMA = 8
_SILENCE = b"\xd5" * FRAME
_KEYS = "0123456789*#ABCD"
_KEY_PACKETS, _KEY_ENDS, _KEY_PAUSE = 5, 3, 4
"""A key lasts 100 ms, its end is said three times as RFC 4733 asks, and 80 ms pass before the next one."""
_LATE_FRAMES = 10
"""Frames sent at once after a stall; beyond, time has passed and they are given up."""
_JUMP = 2 * RATE
"""Samples by which the sender's clock may differ from ours before it is a new clock."""
_MARKED_JUMP = RATE // 5
"""The same at the start of a talk spurt, where a sender may count again."""


def _alaw_values() -> NDArray[np.int16]:
    """The sample that each of the 256 codes stands for (ITU-T G.711)."""
    codes = np.arange(256) ^ 0x55
    exponent, mantissa = (codes >> 4) & 7, codes & 15
    magnitude = np.where(exponent == 0, (mantissa << 4) + 8, ((mantissa << 4) + 0x108) << np.maximum(exponent - 1, 0))
    return np.where(codes & 0x80, magnitude, -magnitude).astype(np.int16)


_VALUES = _alaw_values()
_ORDER = np.argsort(_VALUES, kind="stable")
_MIDDLES = (_VALUES[_ORDER][1:].astype(np.int32) + _VALUES[_ORDER][:-1]) / 2
_CODES = _ORDER[np.searchsorted(_MIDDLES, np.arange(-32768, 32768))].astype(np.uint8)
"""The nearest code of each of the 65,536 samples."""


def encode(pcm: Pcm) -> bytes:
    """A-law bytes of `pcm`, one for each sample."""
    return _CODES[pcm.astype(np.int32) + 32768].tobytes()


def decode(payload: bytes) -> Pcm:
    """The samples of A-law bytes."""
    return _VALUES[np.frombuffer(payload, np.uint8)]


@dataclass(frozen=True, slots=True)
class Packet:
    arrived: float
    """Seconds, on the monotonic clock."""
    source: int
    stamp: int
    """Clock of the sender, in samples, modulo 2³²."""
    marked: bool
    payload: bytes


def read_packet(data: bytes, arrived: float) -> Packet | None:
    """The A-law packet in `data`, or None for anything else."""
    if len(data) <= 12 or data[0] >> 6 != 2 or data[1] & 0x7F != _PCMA:
        return None
    stamp, source = struct.unpack("!II", data[4:12])
    start = 12 + 4 * (data[0] & 0x0F)
    return Packet(arrived, source, stamp, bool(data[1] & 0x80), data[start:])


def placed(packets: Iterable[Packet]) -> Pcm:
    """The recording: each packet at its own time since the first one, silence where nothing came.

    Packets lost, doubled or out of order change nothing to the others; a sender that changes clock is placed again by its arrival.
    """
    pieces: list[tuple[int, Pcm]] = []
    origin = base_stamp = base = source = -1
    began = 0.0
    for packet in packets:
        if origin < 0:
            origin, began = 0, packet.arrived
        came = round((packet.arrived - began) * RATE)
        at = base + ((packet.stamp - base_stamp + 0x80000000) & 0xFFFFFFFF) - 0x80000000
        if packet.source != source or abs(at - came) > (_MARKED_JUMP if packet.marked else _JUMP):
            source, base, base_stamp, at = packet.source, came, packet.stamp, came
        pieces.append((max(at, 0), decode(packet.payload)))
    recording = np.zeros(max((at + len(piece) for at, piece in pieces), default=0), np.int16)
    for at, piece in pieces:
        recording[at : at + len(piece)] = piece
    return recording


def gaps(packets: Sequence[Packet]) -> NDArray[np.float64]:
    """Seconds between the arrivals of packets that follow each other in the sender's clock: 0.02 when nothing is late."""
    return np.array(
        [after.arrived - before.arrived for before, after in pairwise(packets) if (after.stamp - before.stamp) % 2**32 == FRAME]
    )


class Stream(asyncio.DatagramProtocol):
    """The sound of one call, both ways. Made by `open`; sends once `start` has said where to."""

    def __init__(self, *, recording: bool, idle: int) -> None:
        self.packets: list[Packet] = []
        self.port = 0
        self._transport: asyncio.DatagramTransport | None = None
        self._peer: tuple[str, int] | None = None
        self._recording, self._idle = recording, idle
        self._voice: deque[bytes] = deque()
        self._keys: deque[int] = deque()
        self._key_step, self._key_stamp, self._events = 0, 0, 101
        self._sequence, self._stamp, self._source = secrets.randbelow(1 << 15), secrets.randbelow(1 << 30), secrets.randbits(32)
        self._first, self._quiet = True, 0

    @classmethod
    async def open(cls, host: str, *, recording: bool = True, idle: int = 1) -> Stream:
        """A stream on a free port of `host`. `idle`: with nothing to say, one packet of silence is sent every `idle` frames (1: always)."""
        transport, stream = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: cls(recording=recording, idle=idle), local_addr=(host, 0)
        )
        stream._transport, stream.port = transport, transport.get_extra_info("sockname")[1]
        return stream

    def datagram_received(self, data: bytes, addr: object) -> None:
        if self._recording and (packet := read_packet(data, time.monotonic())):
            self.packets.append(packet)

    def start(self, peer: tuple[str, int], events: int = 101) -> None:
        """Send to `peer` from the next frame on; `events`: the payload type that the peer gave to keys."""
        self._peer, self._events = peer, events

    def say(self, pcm: Pcm) -> None:
        """Send `pcm` after what is already waiting; its end is completed with silence to a whole frame."""
        coded = encode(pcm)
        self._voice.extend(coded[at : at + FRAME].ljust(FRAME, b"\xd5") for at in range(0, len(coded), FRAME))

    def press(self, keys: str) -> None:
        """Press `keys` (0–9, *, #, A–D) one after the other. Speech waits meanwhile.

        Raises:
            ValueError: one of them is on no telephone.
        """
        self._keys.extend(_KEYS.index(key) for key in keys)

    @property
    def waiting(self) -> bool:
        """Whether something remains to be said or pressed."""
        return bool(self._voice or self._keys)

    def tick(self) -> None:
        """Send the next 20 ms."""
        if self._transport is None or self._peer is None:
            return
        if self._keys:
            self._tick_key(self._keys[0])
        elif self._voice:
            self._send(_PCMA, self._stamp, self._voice.popleft())
        else:
            if self._quiet % self._idle == 0:
                self._send(_PCMA, self._stamp, _SILENCE)
            self._quiet += 1
        self._stamp = (self._stamp + FRAME) & 0xFFFFFFFF

    def _tick_key(self, key: int) -> None:
        step = self._key_step
        if step == 0:
            self._key_stamp, self._first = self._stamp, True
        if step < _KEY_PACKETS + _KEY_ENDS:
            end = 0x80 if step >= _KEY_PACKETS else 0
            lasted = FRAME * min(step + 1, _KEY_PACKETS)
            self._send(self._events, self._key_stamp, struct.pack("!BBH", key, end | 10, lasted))
        self._key_step += 1
        if self._key_step == _KEY_PACKETS + _KEY_ENDS + _KEY_PAUSE:
            self._key_step = 0
            self._keys.popleft()

    def _send(self, kind: int, stamp: int, payload: bytes) -> None:
        assert self._transport is not None
        mark = 0x80 if self._first else 0
        self._first = False
        self._transport.sendto(struct.pack("!BBHII", 0x80, mark | kind, self._sequence, stamp, self._source) + payload, self._peer)
        self._sequence = (self._sequence + 1) & 0xFFFF

    def heard(self) -> Pcm:
        """What came so far; see `placed`."""
        return placed(self.packets)

    def close(self) -> None:
        """Send and receive nothing more; what was heard stays."""
        if self._transport is not None:
            self._transport.close()
        self._transport = self._peer = None


class Pacer:
    """Ticks every stream each 20 ms, from one task of the running loop."""

    def __init__(self) -> None:
        self._streams: set[Stream] = set()
        self._task: asyncio.Task[None] | None = None

    def add(self, stream: Stream) -> None:
        self._streams.add(stream)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    def remove(self, stream: Stream) -> None:
        self._streams.discard(stream)

    async def _run(self) -> None:
        due = time.monotonic()
        while self._streams:
            now = time.monotonic()
            due = max(due, now - _LATE_FRAMES * _FRAME_SECONDS)
            while due <= now:
                for stream in tuple(self._streams):
                    stream.tick()
                due += _FRAME_SECONDS
            await asyncio.sleep(due - time.monotonic())
