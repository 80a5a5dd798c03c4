"""One spoken turn: listens to a caller, asks the assistant, says the answer, within the time of one AudioSocket connection.

Before closing, it writes where the caller goes (`accueil_next` in AstDB): the menu, a person, a service, or `again`: one more turn, which
goes on where this one stopped. `.slow` after it: the caller chose to be spoken to slowly. Nothing written means that something failed: the
dialplan says so and the caller is in the menu. What the person who answers will hear is written before, as soon as it is known.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from enum import Enum

import numpy as np

from bot.messages import Answer, Channel, Question
from knowledge.scripts.model import HOUSE_KEYS, BargeIn
from telephony.dialplan import SLOW
from telephony.errors import SpeechUnavailable, TelephonyError
from telephony.questions import conversation
from telephony.questions.activity import Activity, Sign
from telephony.questions.audiosocket import FRAME_BYTES, Leg, Place
from telephony.questions.conversation import AGAIN, AGENT, MENU, SURE_TO_HAVE_HEARD, Talk
from telephony.questions.listening import Ears, Hearing
from telephony.questions.sayings import Sayings
from telephony.questions.whisper import Tell, Told, told
from telephony.speech.sound import RATE

FAMILY = "accueil_next"
PAUSE = np.zeros(RATE // 5, np.int16)
"""Between two sentences: 200 ms."""
BEFORE_FRAMES = 30
"""600 ms of sound kept for the recogniser: speech is only noticed once it has begun."""
FRESH_SECONDS = 5.0
"""A sentence too long for what is left of a turn waits for the next one, unless this turn has only begun."""
BREATH_SECONDS = 0.005
"""Between two answers: Python runs one thread at a time, and the pace of a hundred calls must not wait behind a row of answers."""
TURNS = 12
"""Connections for one spoken question; then the menu."""

Converse = Callable[[Question, str], Answer]
"""Answers a question, and writes it in the journal with the talk it was asked in (`Place.talk`), committed. Called in a thread."""
Put = Callable[[str, str, str], None]
"""Writes family, key and value in AstDB; raises a TelephonyError. Called in a thread."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Patience:
    """Seconds left to each."""

    silence: float = 10.0
    listener: float = 3.0
    assistant: float = 1.5
    """With `listener`, under the five seconds after which a caller must be back in the menu."""
    put: float = 1.0
    listening: float = 22.0
    """In one turn; then another turn goes on listening. What follows (understanding, answering) must fit in `turn`."""
    turn: float = 27.0
    """After it no sentence is begun that would not end: the dialplan takes the caller back after 30 s."""


@dataclass(frozen=True)
class Means:
    """What every turn is given."""

    converse: Converse
    ears: Ears | None
    """None: no engine is installed, and every caller goes back to the menu."""
    sayings: Sayings
    put: Put
    tell: Tell | None
    """None: whoever answers is told nothing."""
    telling: ThreadPoolExecutor
    """Where it is waited for, apart: a slow voice or a silent Asterisk must not delay an answer."""
    pool: ThreadPoolExecutor
    """Where the assistant and AstDB are waited for."""
    patience: Patience = Patience()
    answering: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def answer(self, question: Question, talk: str) -> Answer:
        """The answer of the assistant; one is computed at a time."""
        await self.answering.acquire()
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self.pool, self.converse, question, talk)
        finally:
            loop.call_later(BREATH_SECONDS, self.answering.release)


@dataclass
class Memory:
    """What is left of a caller between two turns."""

    talk: Talk
    activity: Activity = field(default_factory=Activity)
    hearing: Hearing | None = None
    """A question that was still being said when its turn ended."""
    turns: int = 0
    seen_at: float = 0.0
    told: Told = ()
    """What was last written for the one who answers."""


class Happened(Enum):
    SAID = "said"
    FAILED = "failed"


Event = Sign | Happened | str
"""What the leg or the ear noticed; a key is its character."""


class Turn:
    """One spoken turn: an `Ear` of its leg, and the task that leads it."""

    def __init__(self, means: Means, leg: Leg, place: Place, memory: Memory, barge_in: BargeIn, services: Collection[str]) -> None:
        self._means = means
        self._patience = means.patience
        self._leg = leg
        self._place = place
        self._memory = memory
        self._services = services
        self._by_voice = barge_in in (BargeIn.VOICE, BargeIn.BOTH)
        self._by_key = barge_in in (BargeIn.KEY, BargeIn.BOTH)
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._before: deque[bytes] = deque(maxlen=BEFORE_FRAMES)
        self._listening = False
        self._saying = False
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._destination: str | None = None
        self._telling: asyncio.Task[None] | None = None
        self.task = asyncio.create_task(self._run())

    # --- The ear of the leg: in the event loop, at once --------------------------------------------------------------------

    def heard(self, pcm: bytes, levels: tuple[float, ...]) -> None:
        activity = self._memory.activity
        for number, level in enumerate(levels):
            frame = pcm[number * FRAME_BYTES : (number + 1) * FRAME_BYTES]
            self._before.append(frame)
            if self._memory.hearing and self._listening:
                self._memory.hearing.feed(frame)
            if self._listening:
                self._notice(activity.listen(level))
            elif self._saying and self._by_voice:
                self._notice(activity.overhear(level, self._leg.echo_level))

    def pressed(self, key: str) -> None:
        self._events.put_nowait(key)

    def said(self) -> None:
        self._events.put_nowait(Happened.SAID)

    def gone(self) -> None:
        self.task.cancel()

    def _notice(self, sign: Sign | None) -> None:
        if sign is None:
            return
        if sign in (Sign.BEGAN, Sign.BARGED_IN):
            self._open_ears()
        elif sign is Sign.FALSE:
            self._stop_hearing()
        else:
            self._listening = False
        if sign is Sign.BARGED_IN:
            self._leg.hush()
            self._saying, self._listening = False, True
        self._events.put_nowait(sign)

    def _open_ears(self) -> None:
        try:
            self._memory.hearing = self._ears.open(self.talk.language)
        except SpeechUnavailable as unavailable:
            log.warning("%s", unavailable)
            self._events.put_nowait(Happened.FAILED)
            return
        self._memory.hearing.feed(b"".join(self._before))

    # --- The turn ----------------------------------------------------------------------------------------------------------

    @property
    def talk(self) -> Talk:
        return self._memory.talk

    @talk.setter
    def talk(self, talk: Talk) -> None:
        self._memory.talk = talk

    @property
    def _elapsed(self) -> float:
        return self._loop.time() - self._began

    @property
    def _ears(self) -> Ears:
        if self._means.ears is None:
            raise SpeechUnavailable("Aucun moteur d'écoute n'est réglé : voir TELEPHONY_LISTENER.")
        return self._means.ears

    async def _run(self) -> None:
        try:
            self._destination = await self._lead()
            if self._telling:
                await asyncio.wait({self._telling}, timeout=self._patience.put)
            value = self._destination + SLOW if self.talk.slow and self._destination != AGAIN else self._destination
            written = self._loop.run_in_executor(self._means.pool, self._means.put, FAMILY, self._place.uuid, value)
            await asyncio.wait_for(written, self._patience.put)
        except TelephonyError as failure:
            log.warning("spoken question of %s: %s", self._place.uuid, failure)
        except Exception:  # whatever fails, the leg is closed and the dialplan takes its caller back
            log.exception("spoken question of %s failed", self._place.uuid)
        finally:
            if self._destination != AGAIN:
                self._stop_hearing()
            self._leg.close()

    async def _lead(self) -> str:
        """Speak and listen in turn until the caller has to go somewhere. Raises SpeechUnavailable: nobody can listen."""
        _ = self._ears
        if self._memory.turns > TURNS:
            return MENU
        destination = None
        while destination is None:
            self._tell()
            if self.talk.to_say:
                destination = await self._say()
            elif self.talk.then:
                destination = self.talk.then
                self.talk = replace(self.talk, then=None)
            else:
                destination = await self._listen()
        return destination

    def _tell(self) -> None:
        """Begin to write what the one who answers will hear, where it changed: it is there before the caller leaves."""
        wanted = told(self.talk.asked, self.talk.heard)
        if self._means.tell is not None and wanted != self._memory.told:
            self._memory.told = wanted
            self._telling = asyncio.create_task(self._written(self._means.tell, wanted, self._telling))

    async def _written(self, tell: Tell, wanted: Told, before: asyncio.Task[None] | None) -> None:
        if before:
            await asyncio.wait({before})
        try:
            await self._loop.run_in_executor(self._means.telling, tell, self._place.uuid, wanted)
        except Exception as failure:  # the call goes on: whoever answers hears the subject and the language, as from the menu
            self._memory.told = ()
            log.warning("what was asked in %s will not be told: %r", self._place.uuid, failure)

    def _press(self, key: str) -> str | None:
        """Obey a key. Where the caller goes at once, or None."""
        match key:
            case "0":
                return AGENT
            case "#":
                return MENU
            case "*":
                self.talk = conversation.repeated(self.talk)
            case "9":
                self.talk = conversation.slower(self.talk)
            case _:
                self.talk = conversation.interrupted(self.talk)
        return None

    # --- Speaking ----------------------------------------------------------------------------------------------------------

    async def _say(self) -> str | None:
        """Say the next sentence. Where the caller goes at once, or None: it was said, or he interrupted it."""
        talk = self.talk
        self._means.sayings.prepare(talk.to_say[:2], talk.slow)  # the next one is made while this one is said
        sound = await self._means.sayings.sound(talk.to_say[0], talk.slow)
        if self._elapsed + len(sound) / RATE > self._patience.turn and self._elapsed > FRESH_SECONDS:
            return AGAIN
        self._leg.play(np.concatenate((sound, PAUSE)))
        self._saying = True
        try:
            return await self._until_said()
        finally:
            self._saying = False

    async def _until_said(self) -> str | None:
        waiting: str | None = None
        while True:
            match await self._events.get():
                case Happened.SAID:
                    self.talk = conversation.spoken(self.talk)
                    return self._press(waiting) if waiting else None
                case Sign.BARGED_IN:
                    self.talk = conversation.interrupted(self.talk)
                    return None
                case str() as key if self._by_key:
                    self._hush()
                    return self._press(key)
                case str() as key if key in HOUSE_KEYS:
                    waiting = key  # this question lets no key cut a sentence: it acts at its end
                case Happened.FAILED:
                    raise SpeechUnavailable("La question n'a pas pu être écoutée.")

    def _hush(self) -> None:
        """Say no more; a sentence that ended at this very instant is not counted twice."""
        self._leg.hush()
        pending = [self._events.get_nowait() for _ in range(self._events.qsize())]
        for event in pending:
            if event is not Happened.SAID:
                self._events.put_nowait(event)

    # --- Listening ---------------------------------------------------------------------------------------------------------

    async def _listen(self) -> str | None:
        """Wait for a question and answer it. Where the caller goes at once, or None: something is to be said."""
        if self._memory.hearing is None:
            self._memory.activity.restart()
        self._listening = True
        silence = self._elapsed + self._patience.silence
        try:
            while True:
                limit = self._patience.listening if self._memory.hearing else min(silence, self._patience.listening)
                match await self._next(limit - self._elapsed):
                    case None if limit == self._patience.listening:
                        return AGAIN
                    case None:
                        self.talk = conversation.silent(self.talk)
                        return None
                    case Sign.ENDED:
                        await self._understand()
                        return None
                    case Sign.NOISE:
                        self._stop_hearing()
                        self.talk = conversation.noisy(self.talk)
                        return None
                    case str() as key if key in HOUSE_KEYS:
                        self._stop_hearing()
                        return self._press(key)
                    case Happened.FAILED:
                        raise SpeechUnavailable("La question n'a pas pu être écoutée.")
        finally:
            self._listening = False

    async def _next(self, seconds: float) -> Event | None:
        try:
            return await asyncio.wait_for(self._events.get(), max(0.0, seconds))
        except TimeoutError:
            return None

    async def _understand(self) -> None:
        hearing, self._memory.hearing = self._memory.hearing, None
        assert hearing is not None  # a question that ended had begun
        heard = await hearing.finish(self._patience.listener)
        text = heard.text.strip() if heard.confidence >= SURE_TO_HAVE_HEARD else ""
        if not text:
            self.talk = conversation.misunderstood(self.talk)
            return
        if refusal := conversation.refused_more(self.talk, text):
            self.talk = refusal
            return
        question = Question(text, Channel.PHONE, self.talk.conversation)
        answer = await asyncio.wait_for(self._means.answer(question, self._place.talk), self._patience.assistant)
        self.talk = conversation.answered(self.talk, answer, self._services)

    def _stop_hearing(self) -> None:
        if self._memory.hearing:
            self._memory.hearing.abandon()
            self._memory.hearing = None
