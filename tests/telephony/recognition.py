"""Ears for the tests: one that knows its utterances by their sound, some that are slow, fail or hang, and a true engine for English."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import yaml

from telephony.questions.engines import loaded
from telephony.questions.listening import Heard, Listener, Session
from telephony.sip.hearing import best
from telephony.speech.sound import Pcm
from tests.telephony.calls import say
from tests.telephony.small_script import CONTENT

LOST_CARD = "J'ai perdu ma carte d'identité."
MY_FILE = "Où en est mon dossier de titre de séjour ?"
A_PERSON = "Je voudrais parler à une personne."
HEART_ATTACK = "Mon fils fait une crise cardiaque."
WEATHER = "Quel temps fera-t-il demain ?"
VAGUE = "C'est pour une carte perdue."
NO = "Non merci."
GIBBERISH = "Tralala pouet pouet lirelanlaire."
"""Speech in which no word is recognised."""
FRENCH = (LOST_CARD, MY_FILE, A_PERSON, HEART_ATTACK, WEATHER, VAGUE, NO)


@dataclass
class Known:
    """Recognises known utterances by correlation with their synthesis; deterministic. Anything else is not understood."""

    utterances: Mapping[str, Sequence[str]] = field(default_factory=lambda: {"fr": FRENCH})
    name: str = "known"
    understood: list[str] = field(default_factory=list)
    received: list[Pcm] = field(default_factory=list)

    def open(self, language: str) -> Session:
        return _KnownSession(self, {text: say(text, language) for text in self.utterances[language]})


class _KnownSession:
    def __init__(self, ears: Known, family: Mapping[str, Pcm]) -> None:
        self._ears = ears
        self._family = family
        self._pieces: list[Pcm] = []

    def feed(self, pcm: Pcm) -> None:
        self._pieces.append(pcm)

    def finish(self) -> Heard:
        heard = np.concatenate(self._pieces)
        self._ears.received.append(heard)
        found = best(np.pad(heard, 800), self._family)
        text = found.name if found else ""
        self._ears.understood.append(text)
        return Heard(text, found.score if found else 0.0)


@dataclass
class Slow:
    """Understands everything as `text`, after `seconds`."""

    seconds: float
    text: str = LOST_CARD
    name: str = "slow"

    def open(self, language: str) -> Session:
        return _SlowSession(self)


@dataclass
class _SlowSession:
    ears: Slow

    def feed(self, pcm: Pcm) -> None:
        pass

    def finish(self) -> Heard:
        time.sleep(self.ears.seconds)
        return Heard(self.ears.text, 1.0)


@dataclass
class Failing:
    """Raises at `when`: `open`, `feed` or `finish`."""

    when: str
    name: str = "failing"

    def open(self, language: str) -> Session:
        if self.when == "open":
            raise OSError("model unreadable")
        return _FailingSession(self.when)


@dataclass
class _FailingSession:
    when: str

    def feed(self, pcm: Pcm) -> None:
        if self.when == "feed":
            raise ValueError("bad frame")

    def finish(self) -> Heard:
        raise RuntimeError("engine lost")


@dataclass
class Hanging:
    """Never comes back from `feed` until it is released."""

    released: threading.Event = field(default_factory=threading.Event)
    name: str = "hanging"

    def open(self, language: str) -> Session:
        return _HangingSession(self)


@dataclass
class _HangingSession:
    ears: Hanging

    def feed(self, pcm: Pcm) -> None:
        self.ears.released.wait(30)

    def finish(self) -> Heard:
        return Heard("", 0.0)


# --- A true engine -------------------------------------------------------------------------------------------------------

ENGLISH = (
    "i have lost my driving licence",
    "i lost my french passport",
    "how do i change the address on my car registration",
    "my residence card expires soon",
    "where do i buy a tax stamp",
    "i want to vote in the next election",
    "how do i declare an association",
    "can i speak to a person",
    "what are your opening hours",
    "my licence was suspended",
    "how do i renew my identity card",
    "i want to become a french citizen",
)


def english_engine(folder: Path) -> Listener:
    """pocketsphinx with the English model of its package, and the phrases of the English line."""
    (folder / "en").mkdir()
    (folder / "en" / "phrases.txt").write_text("\n".join((*ENGLISH, *_phrases_of_the_fiches(40))), "utf-8")
    return loaded("pocketsphinx", folder)


def american(text: str) -> Pcm:
    """Said as those who taught the model of the package speak."""
    return say(text, "en-us")


def _phrases_of_the_fiches(count: int) -> list[str]:
    """English phrasings of fiches: neighbours that a caller's sentence must not be mistaken for."""
    found: list[str] = []
    for path in sorted(CONTENT.glob("fiches/*/*.md"))[:: 480 // count]:
        found += yaml.safe_load(path.read_text("utf-8").split("---")[1])["questions"].get("en", [])[:1]
    return found
