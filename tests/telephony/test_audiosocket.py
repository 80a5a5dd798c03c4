"""The door of AudioSocket: what comes is understood or refused, what goes keeps the pace of a call, and no peer can hold a place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.dialplan import speech_suffix
from telephony.questions import audiosocket
from telephony.questions.audiosocket import AudioServer, Leg, Place
from telephony.speech.sound import RATE, finished
from tests.telephony.asterisk_side import SILENCE, frame, identifier, leg
from tests.telephony.calls import say

pytestmark = pytest.mark.paced


@dataclass
class Ear:
    """Notes all that a leg tells."""

    leg: Leg
    place: Place
    pcm: bytes = b""
    levels: list[float] = field(default_factory=list)
    keys: str = ""
    said_times: int = 0
    is_gone: bool = False

    def heard(self, pcm: bytes, levels: tuple[float, ...]) -> None:
        assert len(pcm) == 320 * len(levels)
        self.pcm += pcm
        self.levels += levels

    def pressed(self, key: str) -> None:
        self.keys += key

    def said(self) -> None:
        self.said_times += 1

    def gone(self) -> None:
        self.is_gone = True


@dataclass
class Door:
    server: AudioServer
    port: int
    ears: list[Ear]


@asynccontextmanager
async def opened() -> AsyncIterator[Door]:
    ears: list[Ear] = []

    def answer(one: Leg, place: Place) -> Ear:
        ears.append(Ear(one, place))
        return ears[-1]

    server = AudioServer(answer)
    port = await server.start("127.0.0.1", 0)
    try:
        yield Door(server, port, ears)
    finally:
        await server.close()


def live(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 30))


async def until(condition: Callable[[], object], seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


# --- Places --------------------------------------------------------------------------------------------------------------


@given(
    talk=st.binary(min_size=10, max_size=10),
    version=st.integers(1, 0xFFFFFF),
    node=st.integers(1, 0xFFFF),
    language=st.integers(0, 15),
    rate=st.integers(0, 1),
)
def test_the_place_that_the_dialplan_writes_is_the_one_read(talk: bytes, version: int, node: int, language: int, rate: int) -> None:
    place = Place.read(talk + bytes.fromhex(speech_suffix(version, node, language, rate)))

    assert (place.talk, place.version, place.node, place.language, place.slow) == (talk.hex(), version, node, language, rate == 1)
    assert place.uuid.replace("-", "") == talk.hex() + speech_suffix(version, node, language, rate)


@given(raw=st.binary(max_size=40))
def test_any_other_identifier_is_refused_or_names_a_version_and_a_node(raw: bytes) -> None:
    try:
        place = Place.read(raw)
    except ValueError:
        return
    assert len(raw) == 16
    assert place.version > 0
    assert place.node > 0


# --- What comes ----------------------------------------------------------------------------------------------------------


def test_sound_and_keys_arrive_whole_however_they_are_cut(  # TCP keeps no boundary
) -> None:
    async def story() -> None:
        sound = say("Bonjour, ceci est un essai.")
        sound = sound[: len(sound) // 160 * 160]
        frames = b"".join(frame(0x10, sound[start : start + 160].tobytes()) for start in range(0, len(sound), 160))
        stream = frame(0x01, identifier()) + frames + frame(0x03, b"5") + frame(0x03, b"#")
        async with opened() as door:
            _, writer = await asyncio.open_connection("127.0.0.1", door.port)
            for number, start in enumerate(range(0, len(stream), 37)):
                writer.write(stream[start : start + 37])
                if number % 50 == 0:
                    await asyncio.sleep(0.001)
            await until(lambda: door.ears and door.ears[0].keys == "5#" and len(door.ears[0].pcm) >= 2 * len(sound))
            assert door.ears[0].pcm[: 2 * len(sound)] == sound.tobytes()
            expected = sound.reshape(-1, 160).astype(float).std(axis=1)
            assert np.allclose(door.ears[0].levels[: len(expected)], expected, rtol=1e-3, atol=0.1)
            writer.close()

    live(story)


def test_frames_of_any_even_size_are_cut_again_in_frames_of_twenty_milliseconds() -> None:
    async def story() -> None:
        async with opened() as door:
            _, writer = await asyncio.open_connection("127.0.0.1", door.port)
            writer.write(frame(0x01, identifier()) + frame(0x10, bytes(480)) + frame(0x10, bytes(160)) + frame(0x10, bytes(1280)))
            await until(lambda: door.ears and len(door.ears[0].levels) >= 6)
            writer.close()

    live(story)


@pytest.mark.parametrize(
    "first",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        frame(0x01, b"short"),
        frame(0x01, bytes(16)),
        frame(0x10, SILENCE),
        frame(0x03, b"1"),
        frame(0x77, b""),
        frame(0xFF, b"\x01"),
        bytes(5000),
        b"\x10\xff\xff" + bytes(100),
    ],
    ids=["http", "short", "no place", "sound first", "key first", "unknown", "error", "zeros", "oversized"],
)
def test_whoever_does_not_begin_with_a_place_is_closed_at_once(first: bytes) -> None:
    async def story() -> None:
        async with opened() as door:
            reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
            writer.write(first)
            await asyncio.wait_for(_end(reader), 1)
            assert door.ears == []
            await until(lambda: not door.server.legs)
            writer.close()

    live(story)


@pytest.mark.parametrize(
    "later",
    [frame(0x77), frame(0xFF, b"\x01"), frame(0x01, identifier()), frame(0x03, b"12"), frame(0x03, b"\xff"), b"\x10\x10\x01" + bytes(4097)],
    ids=["unknown", "error", "second place", "two keys", "no key", "oversized"],
)
def test_what_is_not_understood_later_ends_the_leg(later: bytes) -> None:
    async def story() -> None:
        async with opened() as door:
            async with leg(door.port) as caller:
                await until(lambda: door.ears)
                caller.send(later)
                await asyncio.wait_for(caller.ended.wait(), 1)
            assert door.ears[0].is_gone

    live(story)


@settings(max_examples=60, deadline=None)
@given(noise=st.binary(min_size=1, max_size=400), greeted=st.booleans())
def test_no_garbage_harms_the_door(noise: bytes, greeted: bool) -> None:
    async def story() -> None:
        async with opened() as door:
            _, writer = await asyncio.open_connection("127.0.0.1", door.port)
            writer.write((frame(0x01, identifier()) if greeted else b"") + noise)
            writer.write_eof()
            async with leg(door.port) as caller:  # the next caller is served
                await until(lambda: any(len(ear.levels) > 2 for ear in door.ears))
                assert not caller.ended.is_set()
            await until(lambda: not door.server.legs)
            writer.close()

    live(story)


def test_a_connection_that_says_nothing_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audiosocket, "GREETING_SECONDS", 0.3)

    async def story() -> None:
        async with opened() as door:
            reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
            writer.write(b"\x01\x00")
            await asyncio.wait_for(_end(reader), 2)
            writer.close()

    live(story)


def test_a_leg_that_outlives_its_turn_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audiosocket, "LEG_SECONDS", 0.3)

    async def story() -> None:
        async with opened() as door, leg(door.port) as caller:
            await asyncio.wait_for(caller.ended.wait(), 2)
            assert door.ears[0].is_gone

    live(story)


def test_one_leg_too_many_is_refused_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audiosocket, "LEGS", 2)

    async def story() -> None:
        async with opened() as door, leg(door.port) as one, leg(door.port) as two:
            await until(lambda: len(door.ears) == 2)
            async with leg(door.port) as three:
                await asyncio.wait_for(three.ended.wait(), 1)
            assert not one.ended.is_set()
            assert not two.ended.is_set()

    live(story)


def test_a_telephone_that_sends_nothing_while_silent_is_heard_as_silent() -> None:
    async def story() -> None:
        async with opened() as door:
            _, writer = await asyncio.open_connection("127.0.0.1", door.port)
            writer.write(frame(0x01, identifier()))
            await until(lambda: door.ears and len(door.ears[0].levels) >= 20, 2)
            assert set(door.ears[0].levels) == {0.0}
            writer.close()

    live(story)


# --- What goes -----------------------------------------------------------------------------------------------------------


def test_what_is_said_arrives_whole_at_the_pace_of_a_call() -> None:
    async def story() -> None:
        sound = finished(say("Vous êtes à la préfecture, posez votre question."))[RATE // 20 :]
        async with opened() as door, leg(door.port) as caller:
            await until(lambda: door.ears)
            door.ears[0].leg.play(sound)
            await until(lambda: door.ears[0].said_times, 10)
            await asyncio.sleep(0.1)
            heard = np.frombuffer(b"".join(content for _, content in caller.said), "<i2")
            assert np.array_equal(heard, np.pad(sound, (0, RATE))[: len(heard)])
            assert len(heard) > len(sound) - RATE // 20
            lasted = caller.said[-1][0] - caller.said[0][0]
            assert abs(lasted - (len(caller.said) - 1) * 0.02) < 0.1
            assert door.ears[0].said_times == 1

    live(story)


def test_a_caller_to_whom_nothing_is_said_hears_silence_not_nothing() -> None:
    async def story() -> None:
        async with opened() as door, leg(door.port) as caller:
            await until(lambda: len(caller.frames) > 20)
            assert {content for _, content in caller.frames} == {SILENCE}
            assert door.ears[0].said_times == 0

    live(story)


def test_two_sentences_follow_each_other_without_a_gap() -> None:
    async def story() -> None:
        async with opened() as door, leg(door.port) as caller:
            await until(lambda: door.ears)
            door.ears[0].leg.play(np.full(RATE // 5, 1000, np.int16))
            door.ears[0].leg.play(np.full(RATE // 5, 2000, np.int16))
            await until(lambda: door.ears[0].said_times)
            await until(lambda: len(caller.said) == 20)
            assert [np.frombuffer(content, "<i2")[0] for _, content in caller.said] == [1000] * 10 + [2000] * 10

    live(story)


def test_hush_stops_at_the_next_frame_and_is_not_taken_for_the_end_of_the_sentence() -> None:
    async def story() -> None:
        async with opened() as door, leg(door.port) as caller:
            await until(lambda: door.ears)
            door.ears[0].leg.play(np.full(5 * RATE, 1000, np.int16))
            await until(lambda: len(caller.said) > 5)
            door.ears[0].leg.hush()
            await asyncio.sleep(0.1)
            count = len(caller.said)
            await asyncio.sleep(0.2)
            assert len(caller.said) == count
            assert door.ears[0].said_times == 0
            assert not door.ears[0].leg.speaking

    live(story)


def test_the_level_of_what_was_just_said_is_known_for_half_a_second() -> None:
    async def story() -> None:
        async with opened() as door, leg(door.port):
            await until(lambda: door.ears)
            one = door.ears[0].leg
            one.play(np.tile(np.array([3000, -3000], np.int16), 800))
            await until(lambda: door.ears[0].said_times)
            assert one.echo_level == pytest.approx(3000)
            await until(lambda: one.echo_level == 0.0, 2)

    live(story)


def test_a_peer_that_no_longer_reads_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audiosocket, "UNREAD_BYTES", 1000)

    async def story() -> None:
        async with opened() as door:
            reader, writer = await asyncio.open_connection("127.0.0.1", door.port, limit=1)
            writer.write(frame(0x01, identifier()))
            await until(lambda: door.ears)
            one = door.ears[0].leg
            assert one._transport is not None
            one._transport.write(bytes(20_000_000))  # what the system buffers between two programs is full
            one.play(np.ones(RATE, np.int16))
            await until(lambda: door.ears[0].is_gone)
            del reader
            writer.close()

    live(story)


def test_closing_the_door_hangs_up_every_leg() -> None:
    async def story() -> None:
        async with opened() as door, leg(door.port) as one, leg(door.port) as two:
            await until(lambda: len(door.ears) == 2)
            await door.server.close()
            for caller in (one, two):
                await asyncio.wait_for(caller.ended.wait(), 2)
                assert caller.hung_up

    live(story)


def test_nobody_on_the_line_means_nothing_to_do() -> None:
    async def story() -> None:
        async with opened() as door:
            async with leg(door.port):
                await until(lambda: door.ears)
            await until(lambda: not door.server.legs)
            assert door.server._tick_handle is not None
            assert door.server._tick_handle.cancelled()

    live(story)


def test_the_pace_survives_a_suspended_process() -> None:
    async def story() -> None:
        import time

        async with opened() as door, leg(door.port) as caller:
            await until(lambda: door.ears)
            door.ears[0].leg.play(np.full(RATE, 1000, np.int16))
            await until(lambda: len(caller.said) > 5)
            time.sleep(0.5)  # everything stops, as under SIGSTOP
            await until(lambda: door.ears[0].said_times)
            assert door.server.late >= 1
            await until(lambda: len(caller.said) == 50)

    live(story)


async def _end(reader: asyncio.StreamReader) -> None:
    try:
        while await reader.read(4096):
            pass
    except ConnectionError:
        return
