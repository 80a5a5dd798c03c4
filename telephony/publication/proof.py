"""The line calls itself and listens: a version is proven when its greeting and its new sentences were really heard.

The greeting is heard as any caller hears it. Each new sentence is heard through the proof context of the same version, which plays exactly
that file: those that need a closed day or a full queue too. Only the self-call account reaches it; these calls are marked, never counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np

from telephony.errors import CallFailed, PublicationRefused
from telephony.sip.agent import UserAgent
from telephony.sip.hearing import THRESHOLD, best, match
from telephony.sip.message import Credentials
from telephony.speech.prompts import Prompts
from telephony.speech.sound import RATE, Pcm

_AT_ONCE = 12
"""Self-calls in progress: enough to be quick, few enough to leave the line to callers."""
_FAMILY = 12
"""Sentences that begin most alike, among which the one heard must be the best."""
_TRIES = 3
"""A busy machine may lose some sound of a call: a sentence is missed when it is missed each time."""
_MARGIN = 6.0
"""Seconds beyond the length of what is to be heard after which a self-call is given up."""


Listened = TypeVar("Listened")


@dataclass(frozen=True)
class Heard:
    """One sentence that the line heard itself say."""

    sound: str
    text: str
    score: float


@dataclass(frozen=True)
class SelfCall:
    """Where the line calls itself, and with which account."""

    address: tuple[str, int]
    secret: str

    @property
    def credentials(self) -> Credentials:
        return Credentials("proof", self.secret)


def prove(place: SelfCall, prompts: Prompts, greeting: Sequence[str], changed: Collection[str], texts: Mapping[str, str]) -> dict[str, Any]:
    """Hear the greeting and every sound of `changed`; the certificate.

    Args:
        greeting: sounds of the greeting, in order.
        texts: what each sound of the version says; those that begin alike are the family of one another.

    Raises:
        PublicationRefused: something was not heard, or another sentence was heard better: says which.
    """
    return asyncio.run(_prove(place, prompts, greeting, changed, texts))


async def _prove(
    place: SelfCall, prompts: Prompts, greeting: Sequence[str], changed: Collection[str], texts: Mapping[str, str]
) -> dict[str, Any]:
    caller = await UserAgent.open(place.address)
    turns = asyncio.Semaphore(_AT_ONCE)

    async def heard(sound: str) -> Heard:
        async with turns:
            recording = await _listen(caller, place, sound, prompts.duration(sound))
        return await asyncio.to_thread(_recognised, recording, sound, prompts, texts)

    try:
        first = await _again(lambda: _greeted(caller, place, prompts, greeting, texts))
        others = await asyncio.gather(*(_again(partial(heard, sound)) for sound in sorted(changed)))
    finally:
        await caller.close()
    return {
        "greeting": [{"text": one.text, "score": round(one.score, 3)} for one in first],
        "sentences": [{"sound": one.sound, "text": one.text, "score": round(one.score, 3)} for one in others],
        "threshold": THRESHOLD,
    }


async def _again(listen: Callable[[], Awaitable[Listened]]) -> Listened:
    """Listen until it is heard, _TRIES times at most. Raises the last PublicationRefused."""
    for _ in range(_TRIES - 1):
        with suppress(PublicationRefused):
            return await listen()
    return await listen()


async def _greeted(
    caller: UserAgent, place: SelfCall, prompts: Prompts, greeting: Sequence[str], texts: Mapping[str, str]
) -> tuple[Heard, ...]:
    """The greeting, as any caller hears it: each sentence, in its order."""
    length = sum(prompts.duration(sound) for sound in greeting)
    recording = await _listen(caller, place, "start", length, hang_up=True)
    found: list[Heard] = []
    after = 0.0
    for sound in greeting:
        scored = match(recording, prompts.load(sound))
        if scored.score < THRESHOLD or scored.at < after:
            raise PublicationRefused(f"L'accueil n'a pas été entendu en entier : il manque « {texts[sound]} » ({scored.score:.2f}).")
        after = scored.at
        found.append(Heard(sound, texts[sound], scored.score))
    return tuple(found)


async def _listen(caller: UserAgent, place: SelfCall, extension: str, length: float, hang_up: bool = False) -> Pcm:
    """What is heard at an extension of the proof context, until the other side hangs up or enough was heard."""
    try:
        call = await caller.call(extension, caller="proof", credentials=place.credentials)
        await call.answered(_MARGIN)
        if hang_up:
            await asyncio.sleep(length + 2.0)
            call.hang_up()
        else:
            await call.ended(length + _MARGIN)
    except CallFailed as failed:
        raise PublicationRefused(f"La ligne n'a pas pu s'appeler elle-même : {failed}") from failed
    return call.heard()


def _recognised(recording: Pcm, sound: str, prompts: Prompts, texts: Mapping[str, str]) -> Heard:
    family = {other: prompts.load(other) for other in (sound, *_alike(sound, texts))}
    padded = np.concatenate([recording, np.zeros(RATE // 2, np.int16)])
    found = best(padded, family)
    if found is None:
        score = match(padded, family[sound]).score
        raise PublicationRefused(f"La phrase « {texts[sound]} » n'a pas été entendue (ressemblance {score:.2f}, il faut {THRESHOLD}).")
    if found.name != sound:
        raise PublicationRefused(f"La ligne a dit « {texts[found.name]} » au lieu de « {texts[sound]} ».")
    return Heard(sound, texts[sound], found.score)


def _alike(sound: str, texts: Mapping[str, str]) -> list[str]:
    """The sounds whose text begins most like that of `sound`."""
    said = texts[sound]
    others = [(_shared(said, text), other) for other, text in texts.items() if other != sound and text != said]
    return [other for shared, other in sorted(others, reverse=True)[:_FAMILY] if shared > 0]


def _shared(one: str, other: str) -> int:
    """How many characters two sentences share at their beginning."""
    return next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
