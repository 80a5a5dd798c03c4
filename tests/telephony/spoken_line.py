"""A line that answers spoken questions: real sound, real assistant, Asterisk's side of AudioSocket."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy import Engine

from bot.assistant import Assistant
from bot.messages import Answer, Question
from knowledge.database import session
from knowledge.scripts.model import Script
from telephony.errors import AmiUnavailable
from telephony.questions.audiosocket import AudioServer
from telephony.questions.conversation import Said, sentences
from telephony.questions.listening import Ears, Listener
from telephony.questions.sayings import Sayings
from telephony.questions.turn import Converse, Patience
from telephony.questions.voice import Voice
from telephony.questions.whisper import Tell
from telephony.sip.hearing import sequence
from telephony.speech.sound import RATE, Pcm
from tests.telephony.asterisk_side import Caller, identifier, leg
from tests.telephony.calls import say
from tests.telephony.small_script import small

SCRIPT = small()
QUESTION = SCRIPT.positions["question"]
QUICK = Patience(silence=1.0, listener=1.0, assistant=1.0)
"""For tests where nothing depends on how patient the line is."""
NOTICE = "Vous parlez à un assistant automatique. Dites « un agent » à tout moment."
FIRST_WORDS = "Carte d'identité perdue ?"


def brief(said: Said, slow: bool) -> Pcm:
    """A voice that says only the end of each sentence, so that these tests last seconds; slowly: twice as long."""
    sound = ending(said.text, said.language)
    return np.repeat(sound, 2) if slow else sound


def ending(text: str, language: str = "fr") -> Pcm:
    return say(text, language)[-RATE // 2 :]


def whole(said: Said, slow: bool) -> Pcm:
    return say(said.text, said.language)


@dataclass
class Shelf:
    """AstDB, as far as a spoken question knows it."""

    written: list[tuple[str, str, str]] = field(default_factory=list)
    away: bool = False

    def put(self, family: str, key: str, value: str) -> None:
        if self.away:
            raise AmiUnavailable("Asterisk ne répond pas.")
        self.written.append((family, key, value))

    @property
    def destinations(self) -> list[str]:
        return [value for _, _, value in self.written]


@dataclass
class Line:
    """A line that answers the spoken questions of one caller; `turn` is one connection, as the dialplan opens it."""

    port: int
    shelf: Shelf
    server: AudioServer
    talk: str = field(default_factory=lambda: secrets.token_hex(10))

    @asynccontextmanager
    async def turn(self, language: int = 0) -> AsyncIterator[Caller]:
        async with leg(self.port, identifier(self.talk, 1, QUESTION, language)) as caller:
            yield caller


OpenLine = Callable[..., AbstractAsyncContextManager[Line]]


def opener(stocked: Engine, assistant: Assistant) -> OpenLine:
    """Opens lines with these ears (None: no engine), by default those that know the utterances of `recognition`."""

    def answer(question: Question, _talk: str) -> Answer:
        with session(stocked) as kept:
            return assistant.converse(kept, question)

    @asynccontextmanager
    async def opened(
        ears: Listener | None,
        patience: Patience = QUICK,
        script: Script = SCRIPT,
        shelf: Shelf | None = None,
        converse: Converse = answer,
        make: Callable[[Said, bool], Pcm] = brief,
        tell: Tell | None = None,
    ) -> AsyncIterator[Line]:
        shelf = shelf or Shelf()
        voice = Voice(converse, Ears(ears) if ears else None, Sayings(make), lambda _: script, shelf.put, patience, tell)
        server = AudioServer(voice.answer)
        port = await server.start("127.0.0.1", 0)
        try:
            yield Line(port, shelf, server)
        finally:
            await server.close()
            await voice.close()

    return opened


def live(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 60))


async def ended(caller: Caller, seconds: float = 20) -> None:
    await asyncio.wait_for(caller.ended.wait(), seconds)


async def hears(caller: Caller, text: str, seconds: float = 10) -> None:
    """Wait until the caller has heard this sentence."""
    async with asyncio.timeout(seconds):
        while text not in await asyncio.to_thread(names, caller, text):
            await asyncio.sleep(0.1)


def names(caller: Caller, *texts: str, language: str = "fr") -> list[str]:
    """Which of these sentences were heard, in order."""
    return [one.name for one in sequence(caller.heard, {text: ending(text, language) for text in texts})]


def fixed(key: str, language: str = "fr") -> str:
    return sentences(language)[key]


def barge_in(kind: str) -> Script:
    return small(**{"type: question": f"type: question\n    barge_in: {kind}"})
