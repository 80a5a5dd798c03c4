"""Whatever a caller does: he goes on or it ends, a person is announced, 0 works everywhere, silence leads somewhere."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.scripts import walk
from knowledge.scripts.call import (
    Answered,
    Await,
    Event,
    Failed,
    HangUp,
    Heard,
    HungUp,
    Key,
    Listen,
    Opening,
    Phase,
    QueueFull,
    Ring,
    Silence,
    Situation,
    SpeechEnded,
    Step,
    Unanswered,
    Wait,
)
from knowledge.scripts.model import Menu, Queue, Transfer, edges
from knowledge.scripts.told import Sentence, Told
from tests.knowledge.scripts.builders import DAY, ScriptBuilder, a_script, in_english, in_french

KEYS = [Key(key) for key in "0123456789*#"]
OUTCOMES: list[Event] = [Heard(), Answered(), Unanswered("BUSY"), QueueFull(), Failed(), HungUp()]
SPEECH = [SpeechEnded(next_) for next_ in ("menu", "agent", "migrations", "permis")]
EVENTS = st.lists(st.sampled_from([*KEYS, *KEYS, Silence(), Silence(), *OUTCOMES, *SPEECH]), max_size=40)


PLACES = st.sampled_from(["carte", "agent", "question", "file", "rappel", "message", "encore", "lent", "principal", "autres"])


@lru_cache(maxsize=512)
def a_drawn_script(first: str, second: str, attempts: int, languages_again: bool) -> ScriptBuilder:
    choices = {"Pour une question": "question", "Pour le premier": first, "Pour le second": second, "Pour un séjour": "file"}
    script = in_french().with_menu("autres", choices, attempts=attempts)
    return in_english(script.with_choice("5", "Pour une autre langue", "langues") if languages_again else script)


@lru_cache(maxsize=512)
def a_drawn_told(*drawn: Any) -> Told:
    return a_drawn_script(*drawn).told()


DRAWN = (PLACES, PLACES, st.sampled_from([1, 3]), st.booleans())
TOLD = st.builds(a_drawn_told, *DRAWN)


SITUATIONS = st.builds(
    lambda opening, day, crisis, closed: Situation(day, lambda _: opening, crisis, closed),
    st.sampled_from(Opening),
    st.dates(date(2026, 1, 1), date(2028, 1, 1)),
    st.sampled_from([(), (Sentence("Restez chez vous.", "fr"),)]),
    st.booleans(),
)


@settings(max_examples=15, deadline=None)
@given(drawn=st.tuples(*DRAWN))
def test_the_scripts_drawn_below_are_those_that_the_checks_accept(drawn: Any) -> None:
    refused = {remark.rule for remark in a_drawn_script(*drawn).refusals()}

    assert refused <= {"nœud isolé"}  # not every draw leads everywhere


def calls(told: Told, found: Situation, events: list[Event]) -> list[Step]:
    steps = [walk.begin(told, found)]
    for event in events:
        steps.append(walk.step(told, steps[-1].state, event))
    return steps


@settings(max_examples=100, deadline=None)
@given(told=TOLD, found=SITUATIONS, events=EVENTS)
def test_whatever_happens_a_call_goes_on_or_ends_and_never_tries_a_menu_too_often(
    told: Told, found: Situation, events: list[Event]
) -> None:
    for step in calls(told, found, events):
        node = told.script.nodes[step.state.node]
        assert step.state.attempts < (node.attempts if isinstance(node, Menu) else 1)
        assert (step.state.phase is Phase.OVER) == isinstance(step.action, HangUp)
        assert step.state.language in told.script.languages


@settings(max_examples=100, deadline=None)
@given(told=TOLD, found=SITUATIONS, events=EVENTS)
def test_a_person_is_never_rung_nor_queued_for_without_being_announced(told: Told, found: Situation, events: list[Event]) -> None:
    announced: tuple[str, str] | None = None
    for step in calls(told, found, events):
        where = step.state.node, step.state.language
        if announce := told.said(*where, "announce"):
            announced = where if set(announce) <= set(step.said) else announced
        if isinstance(step.action, Ring | Wait):
            assert announced == where


@settings(max_examples=100, deadline=None)
@given(told=TOLD, found=SITUATIONS, events=EVENTS)
def test_0_leads_to_a_person_from_wherever_something_is_said(told: Told, found: Situation, events: list[Event]) -> None:
    for step in calls(told, found, events):
        node = told.script.nodes[step.state.node]
        if isinstance(step.action, HangUp) or isinstance(node, Transfer | Queue):
            continue
        asked = walk.step(told, step.state, Key("0"))
        assert isinstance(asked.action, Ring)
        assert asked.said[:1] == told.said("agent", step.state.language, "announce")


@settings(max_examples=100, deadline=None)
@given(told=TOLD, found=SITUATIONS, events=EVENTS)
def test_a_caller_who_presses_nothing_more_reaches_a_person_or_the_end(told: Told, found: Situation, events: list[Event]) -> None:
    assert comes_to_something(told, calls(told, found, events)[-1])


def comes_to_something(told: Told, step: Step) -> bool:
    """Whether a caller who presses nothing more, and whom nobody answers, reaches the end of the script."""
    for _ in range(60):
        match step.action:
            case HangUp():
                return True
            case Await():
                event: Event = Silence()
            case Listen():
                event = SpeechEnded("menu")
            case Ring() | Wait():
                event = Unanswered("NOANSWER")
            case _:
                event = Heard()
        step = walk.step(told, step.state, event)
    return False


MAZE = [f"m{number}" for number in range(5)]
TURNS = st.sampled_from([*MAZE, "agent", "fin", "encore"])


@st.composite
def mazes(draw: st.DrawFn) -> ScriptBuilder:
    """Five nodes that lead anywhere, the first one after the greeting."""
    script = a_script().changed("bonjour", next="m0").with_node("encore", type="repeat")
    for name in MAZE:
        first, second, third = draw(TURNS), draw(TURNS), draw(TURNS)
        match draw(st.sampled_from(["message", "menu", "schedule"])):
            case "message":
                script = script.with_node(name, type="message", say={"fr": "Une note."}, next=first)
            case "schedule":
                script = script.with_node(name, type="schedule", service="standard", open=first, closed=second, holiday=third)
            case _:
                lost = {"say": {"fr": "Rien."}, "to": draw(st.sampled_from([None, second]))}
                out = {"say": {"fr": "Tant pis."}, "to": third}
                script = script.with_menu(name, {"Un choix": first}, silence=lost, exhausted=out, attempts=draw(st.integers(1, 3)))
    return script


@settings(max_examples=150, deadline=None)
@given(script=mazes(), opening=st.sampled_from(Opening))
def test_where_the_checks_see_no_circle_nobody_turns_in_one(script: ScriptBuilder, opening: Opening) -> None:
    circles = [remark for remark in script.refusals() if remark.rule in ("boucle", "cul-de-sac")]
    told, found = script.told(), Situation(DAY, lambda _: opening)
    try:
        ended = comes_to_something(told, walk.begin(told, found))
    except ValueError:  # silent nodes in a circle
        ended = False

    assert ended or circles


@settings(max_examples=150, deadline=None)
@given(script=mazes())
def test_a_circle_that_the_checks_see_is_really_turned_in(script: ScriptBuilder) -> None:
    """Whatever the hours at each moment: a circle through several hours is one as well."""
    file = script.file()
    circles = [remark for remark in script.refusals() if remark.rule == "boucle"]
    for remark in circles:
        around = remark.message.partition("en rond : ")[2].split(" → ")
        for name, following in pairwise(around):
            node = file.script.nodes[name]
            own = {edge.to for edge in edges(node) if not edge.kind.startswith("key")}
            assert following in own or (following == name and "encore" in own)
