"""What a caller hears next and where he goes, whatever he does."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from knowledge.scripts import walk
from knowledge.scripts.call import (
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
    Step,
    Unanswered,
    Wait,
    situation,
)
from knowledge.scripts.told import Sentence, Told
from tests.knowledge.scripts.builders import DAY, a_script, everything, the_directory

OPEN = Situation(DAY, lambda _: Opening.OPEN)
EXIT = {"say": {"fr": "Je n'ai rien entendu."}}


def live(told: Told, *events: Event, found: Situation = OPEN) -> Step:
    """The step after these events, each one as soon as it may happen: what goes on by itself goes on."""
    step = walk.begin(told, found)
    for event in events:
        while step.action == Continue() and step.state.phase is Phase.SAYING:
            step = walk.step(told, step.state, Heard())
        step = walk.step(told, step.state, event)
    return step


def texts(step: Step) -> list[str]:
    return [sentence.text for sentence in step.said]


# --- The beginning -------------------------------------------------------------------------------------------------------


def test_a_call_begins_with_the_greeting() -> None:
    step = walk.begin(a_script().told(), OPEN)

    assert texts(step)[0] == "Bonjour, vous êtes à la préfecture."
    assert (step.state.node, step.state.language, step.state.rate, step.action) == ("bonjour", "fr", "normal", Continue())


def test_a_crisis_message_comes_before_the_greeting() -> None:
    alert = Sentence("Restez chez vous.", "fr")
    step = walk.begin(a_script().told(), Situation(DAY, lambda _: Opening.OPEN, crisis=(alert,)))

    assert texts(step)[:2] == ["Restez chez vous.", "Bonjour, vous êtes à la préfecture."]


def test_a_closed_line_says_the_crisis_then_that_it_is_closed() -> None:
    alert = Sentence("Restez chez vous.", "fr")
    step = walk.begin(a_script().told(), Situation(DAY, lambda _: Opening.OPEN, crisis=(alert,), closed=True))

    assert texts(step) == ["Restez chez vous.", "La préfecture est fermée."]
    assert step.state.node == "ferme"


@pytest.mark.parametrize(
    ("instant", "node"),
    [
        ("2026-11-24T10:00:00+01:00", "principal"),
        ("2026-11-24T12:45:00+01:00", "absents"),
        ("2026-11-29T10:00:00+01:00", "absents"),
        ("2026-11-11T10:00:00+01:00", "feries"),
    ],
)
def test_the_hours_decide_without_a_word(instant: str, node: str) -> None:
    script = everything().with_node("feries", type="message", say={"fr": "Jour férié.", "en": "Holiday."}, next="principal")
    told = script.changed("heures", holiday="feries").told()
    step = live(told, Silence(), found=situation(the_directory(), datetime.fromisoformat(instant)))

    assert step.state.node == node


@pytest.mark.parametrize(("offset", "heard"), [(-1, False), (0, True), (1, True)])
def test_a_temporary_message_is_heard_until_its_last_day(offset: int, heard: bool) -> None:
    note = {"type": "message", "say": {"fr": "Nous fermons plus tôt."}, "valid_to": DAY + timedelta(days=offset), "next": "principal"}
    told = a_script().with_node("note", **note).changed("bonjour", next="note").told()
    step = walk.step(told, walk.begin(told, OPEN).state, Heard())

    assert step.state.node == ("note" if heard else "principal")


# --- Menus ---------------------------------------------------------------------------------------------------------------


def test_a_menu_says_its_choices_then_waits_ten_seconds() -> None:
    told = a_script().told()
    step = walk.step(told, walk.begin(told, OPEN).state, Heard())

    assert texts(step)[:2] == ["Pour une carte d'identité, tapez 1.", "Pour parler au standard, tapez 2."]
    assert step.action == Await(10)


def test_a_key_leads_to_its_choice_and_a_fiche_leads_back_to_the_menu() -> None:
    told = a_script().told()
    fiche = live(told, Key("1"))
    after = walk.step(told, fiche.state, Heard())

    assert (fiche.state.node, fiche.action) == ("carte", Continue())
    assert after.state.node == "principal"


@pytest.mark.parametrize(("event", "said"), [(Silence(), "Je n'ai rien entendu."), (Key("7"), "Cette touche ne correspond à rien.")])
def test_a_caller_who_did_not_choose_is_told_so_and_hears_the_menu_again(event: Event, said: str) -> None:
    step = live(a_script().told(), event)

    assert texts(step)[:2] == [said, "Pour une carte d'identité, tapez 1."]
    assert (step.state.node, step.state.attempts) == ("principal", 1)


@pytest.mark.parametrize("events", [(Silence(), Silence()), (Key("7"), Silence()), (Silence(), Key("7"))])
def test_a_caller_silent_or_mistaken_twice_reaches_the_switchboard(events: tuple[Event, ...]) -> None:
    step = live(a_script().told(), *events)

    assert texts(step)[:2] == ["Je vous oriente vers le standard.", "Je transfère votre appel vers le standard de la préfecture."]
    assert step.action == Ring("standard", "1000", 25)


def test_a_menu_entered_again_forgets_earlier_silences() -> None:
    step = live(a_script().told(), Silence(), Key("1"), Silence())

    assert (step.state.node, step.state.attempts) == ("principal", 1)


def test_a_silence_may_lead_elsewhere_at_once() -> None:
    step = live(a_script().changed("principal", silence={**EXIT, "to": "carte"}).told(), Silence())

    assert texts(step)[0] == "Je n'ai rien entendu."
    assert step.state.node == "carte"


# --- The keys of the house -----------------------------------------------------------------------------------------------


def test_the_star_says_the_same_node_again_and_hash_goes_to_the_main_menu() -> None:
    told = everything().told()
    others = live(told, Silence(), Key("3"), Silence())
    again, back = walk.step(told, others.state, Key("*")), walk.step(told, others.state, Key("#"))

    assert (again.state.node, again.state.attempts) == ("autres", 0)
    assert back.state.node == "principal"


def test_nine_says_the_same_node_slowly_and_so_all_that_follows() -> None:
    told = everything().told()
    slow = live(told, Silence(), Key("9"))
    after = walk.step(told, slow.state, Key("3"))

    assert (slow.state.node, slow.state.rate) == ("principal", "slow")
    assert (after.state.node, after.state.rate) == ("autres", "slow")


@pytest.mark.parametrize(("keys", "node", "rate"), [("4", "principal", "normal"), ("34", "autres", "slow")])
def test_a_choice_may_repeat_or_slow_the_menu_it_belongs_to(keys: str, node: str, rate: str) -> None:
    step = live(everything().told(), Silence(), Silence(), *map(Key, keys))

    assert (step.state.node, step.state.rate, step.state.attempts) == (node, rate, 0)


def test_no_key_cuts_the_name_of_the_department_short() -> None:
    told = everything().told()
    ringing, queued = live(told, Silence(), Key("0")), live(told, Silence(), Key("3"), Key("2"))

    for step in (ringing, queued):
        for key in "0123456789*#":
            assert walk.step(told, step.state, Key(key)) == Step((), step.state, step.action)


# --- Languages -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("event", "language"), [(Key("2"), "en"), (Key("5"), "fr"), (Silence(), "fr")])
def test_each_language_proposes_itself_and_the_first_one_needs_no_key(event: Event, language: str) -> None:
    told = everything().told()
    proposed = walk.step(told, walk.begin(told, OPEN).state, Heard())
    chosen = walk.step(told, proposed.state, event)

    assert proposed.said == (Sentence("For English, press 2.", "en"),)
    assert proposed.action == Await(4)
    assert (chosen.state.language, {sentence.language for sentence in chosen.said}) == (language, {language})


# --- A person ------------------------------------------------------------------------------------------------------------


def test_a_transfer_is_announced_before_it_rings() -> None:
    step = live(a_script().told(), Key("2"))

    assert texts(step) == [
        "Je transfère votre appel vers le standard de la préfecture.",
        "Merci de votre appel.",
        "Ne raccrochez pas, nous appelons une personne.",
    ]
    assert step.action == Ring("standard", "1000", 25)


def test_a_transfer_that_nobody_answers_apologises_then_goes_on() -> None:
    step = live(a_script().told(), Key("2"), Unanswered("NOANSWER"))

    assert texts(step)[0] == "Le standard de la préfecture n'a pas pu prendre votre appel."
    assert (step.state.node, step.action) == ("fin", HangUp())


def test_the_line_is_hung_up_when_the_agent_has_finished() -> None:
    assert live(a_script().told(), Key("2"), Answered()).action == HangUp()


def test_a_queue_is_announced_then_joined() -> None:
    told = everything().told()
    announced = live(told, Silence(), Key("3"), Key("2"))
    joined = walk.step(told, announced.state, Heard())

    assert texts(announced) == ["Je transfère votre appel vers le service des titres de séjour."]
    assert joined.action == Wait("migrations", 300, 10)
    assert texts(joined)[0] == "Merci de votre patience."


def test_a_queue_is_joined_once_and_nobody_answers_before() -> None:
    told = everything().told()
    announced = live(told, Silence(), Key("3"), Key("2"))
    joined = walk.step(told, announced.state, Heard())

    assert walk.step(told, announced.state, Answered()) == Step((), announced.state, Continue())
    assert walk.step(told, joined.state, Heard()) == Step((), joined.state, joined.action)


@pytest.mark.parametrize("joined", [False, True])
def test_a_full_queue_says_so_and_offers_something_else(joined: bool) -> None:
    told = everything().told()
    events: tuple[Event, ...] = (Silence(), Key("3"), Key("2"), *((Heard(),) if joined else ()), QueueFull())
    step = live(told, *events)

    assert texts(step)[0] == "Beaucoup de personnes attendent déjà pour le service des titres de séjour."
    assert (step.state.node, step.action) == ("message", Record("migrations"))


# --- A spoken question, a call-back, a message ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("next_", "node"),
    [("menu", "principal"), ("agent", "agent"), ("migrations", "file"), ("permis", "agent")],
)
def test_a_spoken_question_ends_where_the_assistant_says(next_: str, node: str) -> None:
    told = everything().told()
    question = live(told, Silence(), Key("3"), Key("1"))

    assert question.action == Listen()
    assert walk.step(told, question.state, SpeechEnded(next_)).state.node == node


def test_a_spoken_question_that_fails_says_so_and_comes_back_to_the_menu() -> None:
    step = live(everything().told(), Silence(), Key("3"), Key("1"), Failed())

    assert texts(step)[0] == "La question parlée n'est pas disponible."
    assert step.state.node == "principal"


@pytest.mark.parametrize(
    ("event", "said"), [(Heard(), "C'est noté."), (Failed(), "Votre numéro est masqué : nous ne pouvons pas le noter.")]
)
def test_a_call_back_is_noted_unless_the_number_is_hidden(event: Event, said: str) -> None:
    told = everything().told()
    asked = live(told, Silence(), Key("3"), Key("3"))
    step = walk.step(told, asked.state, event)

    assert asked.action == NoteNumber("standard")
    assert (texts(step)[0], step.state.node) == (said, "fin")


def test_a_caller_who_hangs_up_hears_nothing_more() -> None:
    told = a_script().told()
    over = live(told, HungUp())

    assert (over.said, over.action) == ((), HangUp())
    assert walk.step(told, over.state, Key("1")) == over
