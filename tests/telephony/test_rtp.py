"""The sound of calls: A-law, and a recording in which everything is at its own time."""

from __future__ import annotations

import numpy as np

from telephony.sip.rtp import FRAME, Packet, decode, encode, gaps, placed, read_packet
from telephony.speech.sound import RATE
from tests.telephony.calls import say

GREETING = say("Bienvenue à la préfecture. Pour les horaires, tapez un.")


def test_a_law_is_that_of_the_norm_and_the_nearest_one() -> None:
    codes = bytes(range(256))
    assert encode(decode(codes)) == codes
    assert decode(b"\x55\xd5\x2a\xaa").tolist() == [-8, 8, -32256, 32256]  # G.711, table 1a, on 16 bits
    every = np.arange(-32768, 32768).astype(np.int16)
    error = np.abs(decode(encode(every)).astype(int) - every)
    assert (error <= np.maximum(np.abs(every.astype(int)) / 16, 9)).all()


def test_packets_lost_doubled_or_out_of_order_change_nothing_to_the_others() -> None:
    sound = decode(encode(GREETING))[: 100 * FRAME]
    packets = [
        Packet(at * 0.02, 1, (2**32 - 5 * FRAME + at * FRAME) % 2**32, at == 0, encode(sound[at * FRAME : (at + 1) * FRAME]))
        for at in range(100)
    ]
    lost = {7, 8, 40}
    shuffled = [packets[at] for at in (0, 2, 1, *range(3, 100)) if at not in lost] + [packets[10]]
    expected = sound.copy()
    for at in lost:
        expected[at * FRAME : (at + 1) * FRAME] = 0

    assert (placed(packets) == sound).all()
    assert (placed(shuffled) == expected).all()
    assert gaps(packets).round(6).tolist() == [0.02] * 99


def test_a_sender_that_counts_again_is_placed_by_its_arrival() -> None:
    one = [Packet(at * 0.02, 1, at * FRAME, at == 0, b"\x2a" * FRAME) for at in range(50)]
    other = [Packet(3 + at * 0.02, 2, 77 + at * FRAME, at == 0, b"\xaa" * FRAME) for at in range(50)]
    heard = placed([*one, *other])

    assert (heard[:RATE] == -32256).all()
    assert not heard[RATE : 3 * RATE].any()
    assert (heard[3 * RATE :] == 32256).all()


def test_what_is_not_a_law_sound_is_not_recorded() -> None:
    header = bytes([0x80, 8]) + bytes(10)
    assert read_packet(header + b"\xd5" * FRAME, 1.0) is not None
    for other in (b"", header, bytes([0x80, 0]) + bytes(170), bytes([0x80, 101]) + bytes(14), bytes([0x00, 8]) + bytes(170), b"\xff" * 200):
        assert read_packet(other, 1.0) is None


def test_a_forged_clock_cannot_make_a_recording_grow_without_end() -> None:
    packets = [Packet(at * 0.02, 1, (at * 0x7FFFFFF) % 2**32, False, b"\x2a" * FRAME) for at in range(50)]

    assert len(placed(packets)) <= 4 * RATE
