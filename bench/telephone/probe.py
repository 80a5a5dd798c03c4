"""What a telephone of the bench should hear, and how well it heard it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bench.telephone.stage import Stage
from knowledge.scripts import walk
from knowledge.scripts.call import Await, Heard, Key, Silence, situation
from knowledge.scripts.telling import Sentence, Told
from telephony.sip.agent import Call
from telephony.sip.hearing import match
from telephony.sip.rtp import gaps
from telephony.speech.prompts import Prompt
from telephony.speech.sound import RATE, Pcm

INTACT, LATE = 0.95, 0.040
"""Score from which a sentence is intact; seconds between two packets over which one is late."""
SLACK = 4.0
"""Seconds of listening kept for the answer, and for what Asterisk adds between two sentences."""


@dataclass(frozen=True)
class Judged:
    """What one telephone heard, or several."""

    scores: tuple[float, ...]
    in_order: bool
    gaps: tuple[float, ...]
    """Seconds between the arrivals of packets that follow each other."""

    @property
    def lowest(self) -> float:
        return min(self.scores, default=0.0)

    @property
    def late(self) -> float:
        return float(np.percentile(self.gaps, 99)) if self.gaps else float("inf")

    @property
    def intact(self) -> bool:
        return self.in_order and self.lowest >= INTACT and self.late < LATE

    def words(self) -> str:
        longest = max(self.gaps, default=0.0) * 1000
        order = "" if self.in_order else " · phrases dans le désordre"
        return f"ressemblance ≥ {self.lowest:.3f} · écarts p99 {self.late * 1000:.1f}, max {longest:.0f} ms{order}"


def together(each: Sequence[Judged]) -> Judged:
    """The worst of what several telephones heard."""
    scores = tuple(score for one in each for score in one.scores)
    return Judged(scores, all(one.in_order for one in each), tuple(gap for one in each for gap in one.gaps))


async def judge(call: Call, expected: Sequence[Pcm]) -> Judged:
    """How well `call`, now over, heard the sentences of `expected`."""
    recording = call.heard()
    found = [await asyncio.to_thread(match, recording, sound) for sound in expected]
    in_order = all(one.at < after.at for one, after in pairwise(found))
    return Judged(tuple(one.score for one in found), in_order, tuple(gaps(call.stream.packets)))


def sound(line: Stage, sentence: Sentence) -> Pcm:
    """A sentence of the script in service, as callers hear it."""
    prompt = Prompt(sentence.text, sentence.language)
    return line.prompts.load(line.prompts.ensure([prompt])[prompt])


def heard_within(line: Stage, told: Told, seconds: float, pressed: str = "") -> list[Pcm]:
    """The sentences that a caller hears to their end in `seconds`, in their order, who presses one key at once, or none.

    Calls find open offices from now on.
    """
    following = walk.begin(told, situation(told.directory, line.open_offices(told)))
    if pressed:
        following = walk.step(told, following.state, Key(pressed))
    sounds: list[Pcm] = []
    at = SLACK
    while True:
        for sentence in following.said:
            sounds.append(sound(line, sentence))
            at += len(sounds[-1]) / RATE
            if at > seconds:
                return sounds[:-1]
        waits = isinstance(following.action, Await)
        at += following.action.seconds if isinstance(following.action, Await) else 0.0
        following = walk.step(told, following.state, Silence() if waits else Heard())
