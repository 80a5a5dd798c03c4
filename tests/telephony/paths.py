"""The paths of a script: explored on paper with `walk`, then lived by a real caller on a real Asterisk, and compared.

A path is a beginning and the events that follow. Exploring takes every event at every place a call can be in, once.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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
from knowledge.scripts.model import HOUSE_KEYS, LanguageChoice, Menu, Queue, Script, Transfer
from knowledge.scripts.told import Sentence, Told

BUSY, NOBODY, TIMEOUT = Unanswered("BUSY"), Unanswered("NOANSWER"), Unanswered("TIMEOUT")
Place = tuple[str, str, str, int, Phase]
"""Where a call is: node, language, rate, attempts, phase."""
Happening = tuple[Event, ...]
"""What happens between two steps that are worth comparing."""


def hurried(script: Script, most: int = 99) -> Script:
    """The same script for callers in a hurry: waits that a test can afford, and queues of `most` callers."""
    shorter: dict[type, dict[str, int]] = {
        Menu: {"wait": 2},
        LanguageChoice: {"wait": 2},
        Transfer: {"seconds": 3},
        Queue: {"seconds": 4, "most": most},
    }
    nodes = {name: node.model_copy(update=shorter.get(type(node), {})) for name, node in script.nodes.items()}
    return script.model_copy(update={"nodes": nodes})


@dataclass(frozen=True)
class Path:
    situation: Situation
    events: tuple[Event, ...]
    steps: tuple[Step, ...]
    """One more than the events."""

    def __str__(self) -> str:
        return " · ".join(_word(event) for event in self.events) or "(rien)"

    @property
    def last(self) -> Step:
        return self.steps[-1]

    @property
    def ended_by_the_line(self) -> bool:
        return isinstance(self.last.action, HangUp)

    def then(self, told: Told, *events: Event) -> Path:
        path = self
        for event in events:
            step = walk.step(told, path.last.state, event)
            path = Path(path.situation, (*path.events, event), (*path.steps, step))
        return path

    def to_its_end(self, told: Told) -> Path:
        """Goes on while the line goes on by itself: a caller who only listens cannot stop it between two sentences."""
        path = self
        while isinstance(path.last.action, Continue | NoteNumber):
            path = path.then(told, Heard())
        return path


def explored(told: Told, situation: Situation, depth: int = 99, proved: set[object] | None = None) -> Iterator[Path]:
    """One path for each event at each place, the shortest. `proved`: what other explorations gave already, completed by this one."""
    proved = set() if proved is None else proved
    first = Path(situation, (), (walk.begin(told, situation),))
    yield first.to_its_end(told)
    waiting, seen = deque([first]), {place(first.last.state)}
    while waiting:
        path = waiting.popleft()
        for events in happenings(told, path.last):
            longer = path.then(told, *events)
            key = (place(path.last.state), events, place(longer.last.state), longer.last.said)
            if key not in proved:
                proved.add(key)
                yield longer.to_its_end(told)
            if place(longer.last.state) not in seen and len(longer.events) < depth:
                seen.add(place(longer.last.state))
                waiting.append(longer)


def place(state: State) -> Place:
    return (state.node, state.language, state.rate, state.attempts, state.phase)


def happenings(told: Told, step: Step) -> list[Happening]:
    """All that may happen after a step. A key that changes nothing is followed by what would have happened without it."""
    house: list[Happening] = [(Key(key),) for key in HOUSE_KEYS]
    node = told.script.nodes[step.state.node]
    match step.action:
        case Await():
            keys = [*node.keys.values(), "3"] if isinstance(node, LanguageChoice) else [*"1234567"]
            return [*((Key(key),) for key in keys), *house, (Silence(),)]
        case Continue() if isinstance(node, Queue):
            return [(Heard(),), (QueueFull(),), (Key("#"), Heard())]
        case Continue():
            return [*house, (Heard(),), (Key("7"), Heard())]
        case Listen():
            services = {desk.service: None for desk in told.script.nodes.values() if isinstance(desk, Transfer | Queue)}
            ways = [(SpeechEnded(way, slow),) for way in ("menu", "agent", *services) for slow in (False, True)]
            return [*ways, (Failed(),), *house]
        case Ring():
            return [(Answered(),), (BUSY,), (NOBODY,), (Key("#"), BUSY), (Key("0"), Answered())]
        case Wait():
            return [(Answered(),), (TIMEOUT,), (Key("*"), Answered())]
        case NoteNumber():
            return [*house, (Heard(),), (Failed(),)]
        case Record():
            return [*house, (Heard(),)]
        case HangUp():
            return []
    assert_never(step.action)


def effect(told: Told, before: Step, event: Event) -> bool:
    """Whether an event changes something: a key that means nothing there does not."""
    after = walk.step(told, before.state, event)
    return bool(after.said) or place(after.state) != place(before.state)


def cuts(step: Step, event: Event, last: bool) -> bool:
    """Whether the caller presses a key before he has heard all. The last menu of his path, and how to leave a message, he hears whole."""
    return isinstance(event, Key) and not (
        last and (isinstance(step.action, Await) or (isinstance(step.action, Record) and event.key == "0"))
    )


def log(told: Told, path: Path) -> list[list[str]]:
    """What Asterisk writes on the way, step by step: nodes that speak, silences and wrong keys."""
    written = [[_entered(path.steps[0].state)]]
    for before, event, after in zip(path.steps, path.events, path.steps[1:], strict=False):
        node, lines = told.script.nodes[before.state.node], []
        if isinstance(node, Menu) and isinstance(event, Silence):
            lines.append("silence")
        elif isinstance(node, Menu) and isinstance(event, Key) and event.key not in {*HOUSE_KEYS, *(choice.key for choice in node.choices)}:
            lines.append("wrong")
        stays = bool(lines) and after.state.node == before.state.node and after.state.attempts > 0
        waits = before.state.phase is not after.state.phase and after.state.node == before.state.node
        if effect(told, before, event) and not stays and not waits:
            lines.append(_entered(after.state))
        written.append(lines)
    return written


def expected(told: Told, path: Path, letter: Mapping[tuple[Sentence, str], str], ready: str) -> re.Pattern[str]:
    """What the recording of this path holds, one letter a sentence; `ready`: what the spoken question plays when it listens."""
    pattern = ""
    for number, step in enumerate(path.steps):
        said = [letter[sentence, step.state.rate] for sentence in step.said]
        event = path.events[number] if number < len(path.events) else None
        changed = event is not None and effect(told, step, event)
        if event is not None and changed and cuts(step, event, number == len(path.events) - 1):
            pattern += _beginning(said if isinstance(step.action, Await) else said[:-1])
        else:
            pattern += "".join(said)
            if isinstance(step.action, Listen):
                pattern += ready
    return re.compile(pattern)


def rung(told: Told, path: Path) -> list[str]:
    """The internal numbers that ring, in order."""
    found: list[str] = []
    before: Action | None = None
    for step in path.steps:
        if isinstance(step.action, Ring) and step.said:
            found.append(step.action.extension)
        elif isinstance(step.action, Wait) and not isinstance(before, Wait):
            found.append(told.directory[step.action.service].extension or "")
        before = step.action
    return found


def whispers(told: Told, path: Path) -> list[list[tuple[Sentence, str]]]:
    """What each person who answers hears first: sentences with their speed."""
    answered = (step for step, event in zip(path.steps, path.events, strict=False) if isinstance(event, Answered))
    return [[(sentence, step.state.rate) for sentence in told.said(step.state.node, step.state.language, "whisper")] for step in answered]


def _beginning(letters: list[str]) -> str:
    return "".join(f"(?:{letter}" for letter in letters) + ")?" * len(letters)


def _entered(state: State) -> str:
    return f"{state.node} {state.language}{state.rate[0]}"


def _word(event: Event) -> str:
    match event:
        case Key(key):
            return key
        case SpeechEnded(way, slow):
            return f"parole→{way}{' lentement' if slow else ''}"
        case Unanswered(status):
            return status
        case _:
            return type(event).__name__
