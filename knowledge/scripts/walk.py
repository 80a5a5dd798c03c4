"""What a caller hears next and where he goes: the phone script as one call lives it (pure).

`telephony.dialplan` tells Asterisk the same; a test walks both. A step enters at most one node that speaks: silent nodes (hours, a message
past its last day, repeat, slower) are crossed in passing. Sentences said on leaving a node are followed by those of the next one, and a key
pressed then is judged by the next one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import assert_never

from knowledge.scripts.call import (
    Action,
    Answered,
    Await,
    Continue,
    Event,
    Failed,
    HangUp,
    Heard,
    HungUp,
    Key,
    Listen,
    NoteNumber,
    Opening,
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
from knowledge.scripts.model import (
    Callback,
    End,
    FicheAnswer,
    LanguageChoice,
    Menu,
    Message,
    Node,
    Question,
    Queue,
    Repeat,
    Schedule,
    Slower,
    Transfer,
    Voicemail,
)
from knowledge.scripts.told import Sentence, Told


def begin(told: Told, situation: Situation) -> Step:
    """The first step of a call. `told` is a script that `checks` accepts, here and in `step`."""
    start = told.script.forced_closure if situation.closed else told.script.start
    return _enter(told, State(start, told.script.languages[0], situation), situation.crisis)


def step(told: Told, state: State, event: Event) -> Step:
    """What follows `event`. One that has no meaning there changes nothing: nothing is said, and the line does as before.

    Raises:
        ValueError: the script was not checked: silent nodes turn in circles, or a service that rings has no internal number.
    """
    if isinstance(event, HungUp) or state.phase is Phase.OVER:
        return Step((), replace(state, phase=Phase.OVER), HangUp())
    node = told.script.nodes[state.node]
    if isinstance(node, Transfer | Queue):
        return _transferring(told, state, node, event)
    if isinstance(event, Key) and event.key in _HOUSE:
        return _HOUSE[event.key](told, state)
    match node, event:
        case Menu(), Key() | Silence():
            return _chosen(told, state, node, event)
        case LanguageChoice(), Key() | Silence():
            return _language_chosen(told, state, node, event)
        case ((Message() | FicheAnswer()), Heard()):
            return _go(told, state, node.next)
        case Question(), SpeechEnded():
            kept = replace(state, rate="slow") if event.slow else state
            return _go(told, kept, _after_speech(told, node, event.next))
        case Question(), Failed():
            return _go(told, state, node.next, _said(told, state, "fallback"))
        case ((Callback() | Voicemail()), Heard()):
            return _go(told, state, node.next, _said(told, state, "done"))
        case ((Callback() | Voicemail()), Failed()):
            return _go(told, state, node.next, _said(told, state, "withheld"))
        case _:
            return Step((), state, _action(told, state, node))


# --- Leaving a node ------------------------------------------------------------------------------------------------------


def _again(told: Told, state: State) -> Step:
    return _go(told, state, state.node)


def _slower(told: Told, state: State) -> Step:
    return _go(told, replace(state, rate="slow"), state.node)


_HOUSE: dict[str, Callable[[Told, State], Step]] = {
    "0": lambda told, state: _go(told, state, told.script.agent),
    "*": _again,
    "9": _slower,
    "#": lambda told, state: _go(told, state, told.script.menu),
}
"""The keys of the house, at every node that speaks."""


def _chosen(told: Told, state: State, menu: Menu, event: Key | Silence) -> Step:
    if isinstance(event, Key):
        for choice in menu.choices:
            if choice.key == event.key:
                return _go(told, state, choice.to)
    attempts = state.attempts + 1
    if attempts >= menu.attempts:
        return _go(told, state, menu.exhausted.to or state.node, _said(told, state, "exhausted"))
    part, way = ("wrong", menu.wrong) if isinstance(event, Key) else ("silence", menu.silence)
    said = _said(told, state, part)
    if way.to is not None:
        return _go(told, state, way.to, said)
    return _enter(told, replace(state, attempts=attempts), said)


def _language_chosen(told: Told, state: State, node: LanguageChoice, event: Key | Silence) -> Step:
    pressed = event.key if isinstance(event, Key) else None
    language = next((language for language, key in node.keys.items() if key == pressed), told.script.languages[0])
    return _go(told, replace(state, language=language), node.next)


def _after_speech(told: Told, node: Question, next_: str) -> str:
    match next_:
        case "menu":
            return node.next
        case "agent":
            return told.script.agent
        case service:
            return told.script.desks.get(service, told.script.agent)


def _transferring(told: Told, state: State, node: Transfer | Queue, event: Event) -> Step:
    """No key interrupts: who is called must be heard whole."""
    match node, event:
        case _, Answered() if state.phase is Phase.RINGING:
            return Step((), replace(state, phase=Phase.OVER), HangUp())
        case _, Unanswered() if state.phase is Phase.RINGING:
            return _go(told, state, node.unanswered, _said(told, state, "unanswered"))
        case Queue(), QueueFull():
            return _go(told, state, node.full, _said(told, state, "full"))
        case Queue(), Heard() if state.phase is Phase.ANNOUNCED:
            waiting = replace(state, phase=Phase.RINGING)
            return Step(_said(told, waiting, "leave"), waiting, _action(told, waiting, node))
        case _:
            return Step((), state, _action(told, state, node))


# --- Entering a node -----------------------------------------------------------------------------------------------------


def _go(told: Told, state: State, to: str, said: tuple[Sentence, ...] = ()) -> Step:
    """Leaves `state.node` for `to`; `said` on the way. Repeat and slower lead back to the node that led to them."""
    rate = state.rate
    match told.script.nodes[to]:
        case Repeat():
            to = state.node
        case Slower():
            to, rate = state.node, "slow"
    return _enter(told, replace(state, node=to, rate=rate, attempts=0, phase=Phase.SAYING), said)


def _enter(told: Told, state: State, said: tuple[Sentence, ...]) -> Step:
    """Says the node of `state`, after `said`; silent nodes lead on at once."""
    crossed: set[str] = set()
    while (onward := _silent(told, state)) is not None:
        if state.node in crossed:
            raise ValueError(f"the silent nodes of {told.script.id} turn in circles at {state.node}: it was not checked")
        crossed.add(state.node)
        state = replace(state, node=onward)
    node = told.script.nodes[state.node]
    match node:
        case Menu():
            said += _said(told, state, "say") + _said(told, state, "choices")
        case Transfer():
            state = replace(state, phase=Phase.RINGING)
            said += _said(told, state, "announce") + _said(told, state, "leave")
        case Queue():
            state = replace(state, phase=Phase.ANNOUNCED)
            said += _said(told, state, "announce")
        case End():
            state = replace(state, phase=Phase.OVER)
            said += _said(told, state, "say")
        case _:
            said += _said(told, state, "say")
    return Step(said, state, _action(told, state, node))


def _silent(told: Told, state: State) -> str | None:
    """Where a node that says nothing leads."""
    node = told.script.nodes[state.node]
    match node:
        case Schedule():
            ways = {Opening.OPEN: node.open, Opening.CLOSED: node.closed, Opening.HOLIDAY: node.holiday}
            return ways[state.situation.opening(node.service)]
        case Message(valid_to=last) if last is not None and last < state.situation.day:
            return node.next
        case Repeat() | Slower():
            return state.node
        case _:
            return None


def _action(told: Told, state: State, node: Node) -> Action:
    match node:
        case Menu():
            return Await(node.wait)
        case LanguageChoice():
            return Await(node.wait)
        case Question():
            return Listen()
        case Transfer():
            return Ring(node.service, _extension(told, node.service), node.seconds)
        case Queue():
            return Continue() if state.phase is Phase.ANNOUNCED else Wait(node.service, node.seconds, node.most)
        case Callback():
            return NoteNumber(node.service)
        case Voicemail():
            return Record(node.service)
        case End():
            return HangUp()
        case Message() | FicheAnswer() | Schedule() | Repeat() | Slower():
            return Continue()
    assert_never(node)


def _extension(told: Told, service: str) -> str:
    extension = told.directory[service].extension
    if extension is None:
        raise ValueError(f"{service} has no internal number: {told.script.id} was not checked")
    return extension


def _said(told: Told, state: State, part: str) -> tuple[Sentence, ...]:
    return told.said(state.node, state.language, part)
