"""What the person who answers hears of a spoken question: by the titles of approved fiches, never in the words of the caller.

The sentence is made a sound file first; only then is the name of the file given to Asterisk's own database, under the identifier of the
question, where the whisper of the dialplan reads it. The dialplan needs nobody for this: without a value, or without the file, it plays
nothing more than before.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Protocol

from bot.messages import Answer, Clarify, Handover, Interpretation, Nature, Reply
from knowledge.parsing import parsed
from telephony.errors import AmiRefused, PromptRefused
from telephony.speech.prompts import Prompt, Prompts

FAMILY = "accueil_said"
"""Of Asterisk's database: `<sound>|<second since 1970>` by identifier of the question."""
LONGEST = 8.0
"""Seconds: the caller waits meanwhile."""
LIKELY = 0.5
"""Under this likeness, a fiche is not named for a request about the caller's own file."""
MEMORY = 2000
"""Sentences whose sound file is remembered: those of every fiche."""
EXPIRES = 4 * 3600
"""Seconds after which no call can need it any more (`telephony.records.tail.LOST_AFTER`)."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """What was understood of a question."""

    sentence: str
    """Key of the fixed sentence."""
    titles: tuple[str, ...] = ()
    """Of fiches, two at most, the most likely first."""


Told = tuple[str, ...]
"""The same thing said in several ways, the fullest first: the first one that is short enough is said. Empty: nothing to say."""
Tell = Callable[[str, Told], None]
"""Lets the one who answers hear one of these under the identifier of a question; raises a TelephonyError. Called in a thread."""


def asked_in(answer: Answer) -> Asked | None:
    """What the assistant understood, None when it says nothing of a subject."""
    understood = answer.interpretation
    match answer:
        case _ if understood.emergency:
            return Asked("emergency")
        case Reply():
            title = replied(answer)
            return Asked("asked", (title,)) if title else None
        case Clarify():
            return _among("either", _titles(understood, [choice.fiche for choice in answer.choices]))
        case Handover() if understood.nature in (Nature.PERSONAL_FILE, Nature.MIXED):
            first = understood.candidates[0].title if understood.candidates and understood.likeness >= LIKELY else ""
            return Asked("file", (first,)) if first else Asked("file_only")
        case Handover() if understood.nature is Nature.COMPLAINT:
            return Asked("complaint")
        case Handover() if understood.nature is Nature.GENERAL:
            return _among("perhaps_either", _titles(understood, [choice.fiche for choice in answer.suggestions]))
    return None


def replied(answer: Answer) -> str | None:
    """The title of the fiche, or of the official sheet, that an answer gave."""
    if isinstance(answer, Reply) and (answer.fiche is not None or answer.reason == "quotation"):
        return answer.title or None
    return None


def told(asked: Asked | None, heard: str | None) -> Told:
    """What may be said of a question and of the last answer heard to its end, by title."""
    if asked is None:
        return (_filled("heard", heard),) if heard else ()
    if asked == Asked("asked", (heard or "",)):
        return _filled("answered", *asked.titles), _filled("heard", *asked.titles)
    said = [_filled(asked.sentence, *asked.titles)]
    if len(asked.titles) > 1:
        said.append(_filled("perhaps", asked.titles[0]))
    return (f"{said[0]} {_filled('also_heard', heard)}", *said) if heard else tuple(said)


def _among(several: str, titles: Sequence[str]) -> Asked | None:
    """Two readings, or one that is not sure."""
    if len(titles) > 1:
        return Asked(several, (titles[0], titles[1]))
    return Asked("perhaps", (titles[0],)) if titles else None


def _titles(understood: Interpretation, fiches: Collection[str]) -> list[str]:
    """In French, whatever the language of the answer."""
    return [candidate.title for candidate in understood.candidates if candidate.fiche in fiches and candidate.title]


def _filled(key: str, title: str | None = None, other: str | None = None) -> str:
    return _sentences()[key].format(title=_bare(title), other=_bare(other))


def _bare(title: str | None) -> str:
    return (title or "").rstrip(" \u00a0\u202f?!.…")


@lru_cache
def _sentences() -> Mapping[str, str]:
    stored: dict[str, str] = parsed(files("telephony").joinpath("templates/whisper.yml").read_text("utf-8"))
    return stored


# --- Where the dialplan reads it -----------------------------------------------------------------------------------------


class Shelf(Protocol):
    """Asterisk's own database, as its door offers it (`telephony.asterisk.ami.Asterisk`)."""

    def put(self, family: str, key: str, value: str) -> None: ...
    def family(self, name: str) -> Mapping[str, str]: ...
    def delete(self, family: str, key: str) -> bool: ...


def teller(prompts: Prompts, shelf: Shelf, seconds: Callable[[], float] = time.time) -> Tell:
    """Says with the voice of the line; a question that is told twice has the last one."""
    made = lru_cache(maxsize=MEMORY)(lambda told: _short_enough(prompts, told))

    def tell(question: str, told: Told) -> None:
        shelf.put(FAMILY, question, f"{made(told)}|{int(seconds())}")

    return tell


def _short_enough(prompts: Prompts, told: Told) -> str:
    """The sound of the first of these that lasts `LONGEST` at most. Raises PromptRefused: none does."""
    for text in told:
        prompt = Prompt(text, "fr")
        sound = prompts.ensure((prompt,))[prompt]
        if prompts.duration(sound) <= LONGEST:
            return sound
    raise PromptRefused(f"Ce qui est dit à l'agent dure plus de {LONGEST:g} s : raccourcissez le titre de la fiche.")


def forget(shelf: Shelf, seconds: Callable[[], float] = time.time) -> int:
    """Remove what no call can need any more, and what is not ours; how many there were.

    Raises:
        AmiUnavailable: Asterisk's database cannot be reached; the rest is removed at the next turn.
    """
    gone = 0
    for question, value in shelf.family(FAMILY).items():
        written = value.rpartition("|")[2]
        if written.isdecimal() and seconds() - int(written) < EXPIRES:
            continue
        try:
            gone += shelf.delete(FAMILY, question)
        except AmiRefused as refused:  # a key that was never ours and cannot be named: the others are removed all the same
            _log.warning("%s", refused)
    return gone
