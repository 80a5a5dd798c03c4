"""The ears of the line: a recogniser hears while the caller speaks, and must have understood soon after.

A recogniser is foreign code that may be slow, fail or hang: each question has a thread of its own, fed with pieces of 200 ms, and is
abandoned at its deadline. A thread that hangs keeps its place; when all places are taken nobody is heard, and the menus go on.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from telephony.errors import SpeechUnavailable
from telephony.speech.sound import RATE, Pcm

PIECE_BYTES = RATE * 2 // 5
"""200 ms: the recogniser works while the caller speaks, without being woken for each frame."""
PLACES = 128
"""Questions heard at once."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Heard:
    text: str
    """What was understood; empty: nothing."""
    confidence: float
    """From 0 to 1, as the engine says."""


class Session(Protocol):
    """One question being heard, always from one and the same thread."""

    def feed(self, pcm: Pcm) -> None: ...

    def finish(self) -> Heard: ...


class Listener(Protocol):
    """A recognition engine with its models loaded. Any exception of its sessions is a question that was not heard."""

    name: str

    def open(self, language: str) -> Session:
        """Raises SpeechUnavailable: no model for this language."""


class Hearing:
    """One question: fed in the event loop, heard in its thread."""

    def __init__(self, ears: Ears, language: str) -> None:
        self._ears = ears
        self._language = language
        self._loop = asyncio.get_running_loop()
        self._result: asyncio.Future[Heard] = self._loop.create_future()
        self._piece = bytearray()
        self._pieces: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._abandoned = False
        threading.Thread(target=self._hear, name=f"hearing-{language}", daemon=True).start()

    def feed(self, pcm: bytes) -> None:
        """More of what the caller says."""
        self._piece += pcm
        if len(self._piece) >= PIECE_BYTES:
            self._pieces.put(bytes(self._piece))
            self._piece.clear()

    async def finish(self, seconds: float) -> Heard:
        """What was understood, at the latest `seconds` after the end of the question.

        Raises:
            SpeechUnavailable: the recogniser failed, or did not answer in time.
        """
        self._pieces.put(bytes(self._piece))
        self._pieces.put(None)
        done, _ = await asyncio.wait({self._result}, timeout=seconds)
        if not done:
            raise SpeechUnavailable(
                f"Le moteur d'écoute « {self._ears.name} » n'a pas répondu en {seconds:g} s. Essayez un modèle plus petit."
            )
        return self._result.result()

    def abandon(self) -> None:
        """The question will not be answered."""
        self._abandoned = True
        self._pieces.put(None)

    def _hear(self) -> None:
        try:
            session = self._ears.listener.open(self._language)
            while (piece := self._pieces.get()) is not None:
                if piece:
                    session.feed(np.frombuffer(piece, "<i2"))
            if not self._abandoned:
                self._tell(session.finish())
        except Exception as failure:  # foreign code: whatever it raises, the caller goes back to the menu
            log.warning("%s failed: %r", self._ears.name, failure)
            self._tell(SpeechUnavailable(f"Le moteur d'écoute « {self._ears.name} » a échoué : {failure!r}."))
        finally:
            self._ears.leave()

    def _tell(self, outcome: Heard | SpeechUnavailable) -> None:
        def settle() -> None:
            if self._result.cancelled() or self._result.done():
                return
            if isinstance(outcome, Heard):
                self._result.set_result(outcome)
            else:
                self._result.set_exception(outcome)
                self._result.exception()  # an abandoned question fails without a word in the log of the event loop

        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(settle)


class Ears:
    """Counts the questions being heard: a recogniser that hangs takes its places one by one, never the whole process."""

    def __init__(self, listener: Listener, places: int = PLACES) -> None:
        self.listener = listener
        self.name = listener.name
        self._places = threading.BoundedSemaphore(places)

    def open(self, language: str) -> Hearing:
        """Begin to hear a question; called in the event loop.

        Raises:
            SpeechUnavailable: every place is taken.
        """
        if not self._places.acquire(blocking=False):
            raise SpeechUnavailable(f"Le moteur d'écoute « {self.name} » est saturé ou bloqué. Relancez la ligne téléphonique.")
        return Hearing(self, language)

    def leave(self) -> None:
        self._places.release()


class Upsampler:
    """From 8 kHz to the 16 kHz of most models, piece by piece, without a seam between pieces."""

    TAPS = 32

    def __init__(self, mirror: float = 0.0) -> None:
        """`mirror`: share of the sound reflected above 4 kHz, for models that listen there."""
        offsets = np.arange(-self.TAPS // 2, self.TAPS // 2) + 0.5
        self._half = (np.sinc(offsets) * np.hamming(self.TAPS)).astype(np.float32)
        self._mirror = mirror
        self._before = np.zeros(self.TAPS - 1, np.float32)

    def convert(self, pcm: Pcm) -> Pcm:
        """Twice as many samples; delayed by 2 ms."""
        known = np.concatenate((self._before, pcm.astype(np.float32)))
        self._before = known[-(self.TAPS - 1) :]
        doubled = np.empty(2 * len(pcm), np.float32)
        doubled[0::2] = known[self.TAPS // 2 - 1 : self.TAPS // 2 - 1 + len(pcm)] * (1 + self._mirror)
        doubled[1::2] = np.convolve(known, self._half, "valid") * (1 - self._mirror)
        return np.clip(np.rint(doubled), -32768, 32767).astype(np.int16)
