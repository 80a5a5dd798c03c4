"""A call lived on paper: what a caller hears and does, line by line, without Asterisk (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import assert_never

from knowledge.scripts import walk
from knowledge.scripts.call import (
    Action,
    Answered,
    Await,
    Continue,
    Event,
    Failed,
    HangUp,
    Heard,
    Key,
    Listen,
    NoteNumber,
    Phase,
    QueueFull,
    Record,
    Ring,
    Silence,
    Situation,
    SpeechEnded,
    State,
    Step,
    Unanswered,
    Wait,
)
from knowledge.scripts.model import HOUSE_KEYS, LanguageChoice
from knowledge.scripts.told import Told

NOBODY, FULL, HIDDEN, SILENCE = "n", "p", "m", ""
"""What may happen besides keys: nobody answers, the queue is full, the caller's number is hidden, no key is pressed."""
DEEDS = frozenset({*"12345678", *HOUSE_KEYS, NOBODY, FULL, HIDDEN, SILENCE})

Caller = Callable[[], str | None]
"""The next of `DEEDS`; None when the caller does nothing more."""


class Rehearsal:
    """One call through `told`. `language`: chosen as soon as languages are proposed, without any deed of the caller."""

    def __init__(self, told: Told, caller: Caller, language: str | None = None) -> None:
        self._told, self._caller, self._language = told, caller, language
        self._kept: str | None = None
        """A deed that was not for this moment."""
        self._heading = ""

    def lines(self, situation: Situation) -> Iterator[str]:
        """What happens, in order, until the line is hung up or the caller does nothing more."""
        step = walk.begin(self._told, situation)
        yield from self._said(step)
        while not isinstance(step.action, HangUp):
            yield from _doing(step.action)
            event = self._event(step)
            if event is None:
                yield "… l'appelant ne fait plus rien"
                return
            yield from _happened(event)
            step = walk.step(self._told, step.state, event)
            yield from self._said(step)
        yield "■ fin de l'appel"

    def _said(self, step: Step) -> Iterator[str]:
        slow = " · lentement" if step.state.rate == "slow" else ""
        heading = f"[{step.state.node} · {step.state.language}{slow}]"
        if step.said and heading != self._heading:
            yield heading
            self._heading = heading
        for sentence in step.said:
            yield f"  {sentence.text}"

    def _event(self, step: Step) -> Event | None:
        match step.action:
            case Continue():
                return self._passing(step.state)
            case Await():
                return self._chosen(step.state)
            case Listen():
                return self._spoken()
            case Ring() | Wait():
                return self._called()
            case Record() | NoteNumber():
                return self._noted()
            case HangUp():
                return None
        assert_never(step.action)

    def _passing(self, state: State) -> Event:
        """Only a queue just announced may be found full; the rest is heard."""
        if state.phase is Phase.ANNOUNCED:
            deed = self._next()
            if deed == FULL:
                return QueueFull()
            self._kept = deed
        return Heard()

    def _chosen(self, state: State) -> Event | None:
        node = self._told.script.nodes[state.node]
        if isinstance(node, LanguageChoice) and self._language is not None:
            key = node.keys.get(self._language)
            return Silence() if key is None else Key(key)
        deed = self._next()
        return None if deed is None else Key(deed) if _is_key(deed) else Silence()

    def _spoken(self) -> Event | None:
        """What is said aloud is not played here: a silent caller comes back to the menu."""
        match self._next():
            case None:
                return None
            case "n":
                return Failed()
            case deed:
                return Key(deed) if _is_key(deed) else SpeechEnded("menu")

    def _called(self) -> Event:
        match self._next():
            case None | "" | "m":
                return Answered()
            case "n":
                return Unanswered("NOANSWER")
            case "p":
                return QueueFull()
            case key:
                return Key(key)

    def _noted(self) -> Event:
        deed = self._next()
        if deed == HIDDEN:
            return Failed()
        if deed in HOUSE_KEYS:
            return Key(deed)
        if deed != SILENCE:
            self._kept = deed
        return Heard()

    def _next(self) -> str | None:
        kept, self._kept = self._kept, None
        return self._caller() if kept is None else kept


def _is_key(deed: str) -> bool:
    return deed not in (NOBODY, FULL, HIDDEN, SILENCE)


def _doing(action: Action) -> Iterator[str]:
    match action:
        case Await(seconds):
            yield f"… attend une touche, {seconds} s"
        case Listen():
            yield "… écoute la question"
        case Ring(service, extension, seconds):
            yield f"→ sonne : {service}, poste {extension}, {seconds} s"
        case Wait(service, seconds, most):
            yield f"→ attend : file de {service}, {seconds} s, {most} personnes au plus"
        case Record(service):
            yield f"● enregistre un message pour {service}"
        case NoteNumber(service):
            yield f"● note le numéro pour {service}"


def _happened(event: Event) -> Iterator[str]:
    match event:
        case Key(key):
            yield f"> touche {key}"
        case Silence():
            yield "> silence"
        case Answered():
            yield "> une personne répond"
        case Unanswered():
            yield "> personne ne répond"
        case QueueFull():
            yield "> la file est pleine"
        case Failed():
            yield "> impossible"
