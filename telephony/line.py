"""The telephony process: what a line does beside Asterisk, each part in a thread of its own.

A part that fails is tried again, more and more slowly, and says why once. The menus, hours, transfers and queues do not depend on any of
them: they are Asterisk's (see docs/errors.md for what a caller hears when this process is away).
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import Engine

from bot.assistant import Assistant
from bot.messages import Answer, Question
from knowledge.clock import Clock, now
from knowledge.database import reading, session
from knowledge.errors import SettingRefused
from knowledge.scripts import versions
from knowledge.scripts.model import Script, parse
from knowledge.settings import settings as knowledge_settings
from telephony.asterisk.ami import Asterisk
from telephony.errors import AmiUnavailable
from telephony.instant import Instant
from telephony.publication.building import Builder
from telephony.publication.candidate import Candidate
from telephony.publication.folder import LineFolder
from telephony.publication.proof import SelfCall
from telephony.publication.publisher import Publisher
from telephony.questions import whisper
from telephony.questions.audiosocket import AudioServer
from telephony.questions.engines import listener
from telephony.questions.listening import Ears
from telephony.questions.sayings import Sayings, by_prompts
from telephony.questions.voice import Patience, Voice
from telephony.records import asked, callbacks, messages, reconciliation
from telephony.records.tail import Records
from telephony.settings import TelephonySettings
from telephony.speech.prompts import Prompt, Prompts
from telephony.switchboard import Switchboard

log = logging.getLogger("telephony")

LOOKS = 0.2
"""Seconds between two looks at what was approved: an approved sentence is live in less than a second."""
SWITCHBOARD = 0.5
CALLBACKS = 2.0
FORGETTING = 3600.0
CHECKS = 3600.0
"""Seconds between two comparisons of the records with Asterisk's own count."""
_SLOWEST = 30.0
"""Seconds after which a part that keeps failing is tried again."""


@dataclass(frozen=True)
class Line:
    """Everything a line is made of; made by `opened`."""

    settings: TelephonySettings
    engine: Engine
    assistant: Assistant
    publisher: Publisher
    door: Asterisk
    records: Records
    clock: Clock

    def run(self, stopping: threading.Event) -> None:
        """Do everything until `stopping` is set. Returns once every part has ended."""
        instant = Instant(self.engine, self.door, self._say, self.clock)
        switchboard = Switchboard(self.engine, self.door, self.clock)
        parts: dict[str, Callable[[], None]] = {
            "publication": lambda: _again(stopping, LOOKS, self.publisher.publish),
            "proof": lambda: _again(stopping, LOOKS, self.publisher.prove),
            "state": lambda: instant.run(stopping),
            "records": lambda: self.records.follow(stopping),
            "switchboard": lambda: _again(stopping, SWITCHBOARD, switchboard.serve),
            "callbacks": lambda: _again(stopping, CALLBACKS, lambda: callbacks.collect(self.engine, self.door, self.clock)),
            "forgetting": lambda: _again(stopping, FORGETTING, self._forget),
            "checks": lambda: _again(stopping, CHECKS, self._check),
            "knowledge": lambda: _again(stopping, LOOKS * 10, self._refresh),
            "speech": lambda: asyncio.run(self._speech(stopping)),
        }
        threads = [threading.Thread(target=part, name=name, daemon=True) for name, part in parts.items()]
        for thread in threads:
            thread.start()
        stopping.wait()
        for thread in threads:
            thread.join(5)

    def _refresh(self) -> None:
        with reading(self.engine) as opened:
            self.assistant.refresh(opened)

    def _forget(self) -> None:
        with session(self.engine) as opened:
            callbacks.forget(opened, self.settings.callback_days, self.clock)
        messages.forget(self.settings.line / "messages", self.settings.callback_days, self.clock)
        whisper.forget(self.door)

    def _check(self) -> None:
        reconciliation.check_disk(self.engine, self.settings.logs, self.settings.free_mb, self.clock)
        reconciliation.check_calls(self.engine, self.records.read, self.door, self.clock)
        reconciliation.check_transfers(self.engine, self.settings.transfers_hourly, self.clock)

    def _say(self, text: str) -> str:
        prompt = Prompt(text, "fr")
        return self.publisher.builder.prompts.ensure([prompt])[prompt]

    # --- The spoken question ---------------------------------------------------------------------------------------------

    async def _speech(self, stopping: threading.Event) -> None:
        ears = listener(self.settings)
        patience = Patience(listener=self.settings.listen_seconds)
        prompts = self.publisher.builder.prompts
        sayings, tell = Sayings(by_prompts(prompts)), whisper.teller(prompts, self.door)
        scripts = self._scripts()
        voice = Voice(self._converse, Ears(ears) if ears else None, sayings, scripts, self.door.put, patience, tell)
        with reading(self.engine) as opened:
            live = versions.live(opened)
        if live is not None:
            voice.prepare(scripts(live.number))
        server = AudioServer(voice.answer)
        host, _, port = self.settings.audio_address.rpartition(":")
        await server.start(host, int(port))
        try:
            await asyncio.to_thread(stopping.wait)
        finally:
            await server.close()
            await voice.close()

    def _converse(self, question: Question, talk: str) -> Answer:
        with session(self.engine) as opened:
            answer = self.assistant.converse(opened, question)
            asked.link(opened, talk, answer, self.clock)
            return answer

    def _scripts(self) -> Callable[[int], Script]:
        @lru_cache(maxsize=32)
        def script(number: int) -> Script:
            with reading(self.engine) as opened:
                return parse(versions.version(opened, number).text, f"version {number}").script

        return script


def _again(stopping: threading.Event, every: float, work: Callable[[], object]) -> None:
    """Do `work` again and again until the end. A failure is told once, and slows the next tries down."""
    pause, trouble = every, ""
    while not stopping.wait(pause):
        try:
            work()
            pause, trouble = every, ""
        except Exception as error:  # whatever failed, the line goes on and this is tried again
            told = f"{type(error).__name__}: {error}"
            if told != trouble:
                level = logging.WARNING if isinstance(error, AmiUnavailable) else logging.ERROR
                log.log(level, "%s: tried again soon (%s)", threading.current_thread().name, told)
            pause, trouble = min(max(pause * 2, 1.0), _SLOWEST), told


@contextmanager
def opened(settings: TelephonySettings, engine: Engine, assistant: Assistant | None = None, clock: Clock = now) -> Iterator[Line]:
    """The line that the settings describe: its door open, its candidate warm, the version in service put back in the folder.

    Raises:
        SettingRefused: a secret that it shares with Asterisk is not set.
        SpeechUnavailable: no voice on this machine.
        AsteriskAbsent, AsteriskUnstarted: no Asterisk to try versions on.
        BotError, KnowledgeError: the assistant cannot open.
    """
    absent = [name for name in ("ami_publish_secret", "proof_secret") if not getattr(settings, name)]
    if absent:
        named = " et ".join(f"TELEPHONY_{name}".upper() for name in absent)
        raise SettingRefused(f"Réglage manquant : {named}. Donnez le même secret à Asterisk (docs/telephone.md), ou essayez avec --demo.")
    folder = LineFolder(settings.line)
    prompts = Prompts.from_settings(settings, knowledge_settings().content)
    with ExitStack() as stack:
        candidate = Candidate(settings.asterisk, settings.configuration)
        stack.callback(candidate.close)
        candidate.warm()
        door = stack.enter_context(Asterisk.publisher(settings))
        host, _, port = settings.sip_address.rpartition(":")
        builder = Builder(folder, prompts, knowledge_settings().timezone)
        publisher = Publisher(engine, folder, builder, door, candidate, SelfCall((host, int(port)), settings.proof_secret), clock)
        logs = settings.logs
        records = Records(engine, logs / "cel-custom" / "cel.csv", logs / "cdr-custom" / "cdr.csv", clock)
        yield Line(settings, engine, assistant or Assistant.from_settings(clock), publisher, door, records, clock)


def wait_and_restore(line: Line, seconds: float) -> bool:
    """Wait for Asterisk, then put back in service what the database says; whether Asterisk answered in time."""
    limit = time.monotonic() + seconds
    if not line.door.wait(seconds):
        return False
    while time.monotonic() < limit:
        try:
            line.publisher.restore()
        except AmiUnavailable:
            time.sleep(0.5)
        else:
            return True
    return False
