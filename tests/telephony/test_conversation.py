"""What a spoken question becomes, decision by decision: what is said next, and where the caller then goes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.messages import Answer, Channel, Clarify, Decline, Handover, Interpretation, Nature, Provenance, Reply, Role, Sentence, Source
from telephony.questions.conversation import (
    AGAIN,
    AGENT,
    MENU,
    MORE_QUESTIONS,
    Said,
    Talk,
    answered,
    interrupted,
    misunderstood,
    noisy,
    refused_more,
    repeated,
    sentences,
    silent,
    slower,
)

SERVICES = frozenset({"permis", "standard", "pan_etrangers"})
FIRST = Talk("fr")


def sentence(text: str, role: Role = Role.ANSWER, key: str = "court") -> Sentence:
    return Sentence(text, Provenance(Source.FIXED, key), role)


def understood(nature: Nature = Nature.GENERAL, emergency: str | None = None) -> Interpretation:
    return Interpretation("texte", "fr", nature, 0.9, emergency=emergency)


def reply(handed_over_to: str | None = None, nature: Nature = Nature.GENERAL, emergency: str | None = None) -> Reply:
    said = (sentence("Un."), sentence("Deux."))
    return Reply(understood(nature, emergency), said, "sure", "permis", Channel.PHONE, "c1", handed_over_to=handed_over_to)


def handover(service: str | None) -> Handover:
    said = (
        sentence("Je vous oriente.", Role.HANDOVER, "wants_person"),
        sentence("Le service répond au 03.", Role.HANDOVER, "contact_phone"),
        sentence("Relais.", Role.HELP, "relay"),
    )
    return Handover(understood(Nature.WANTS_PERSON), said, "wants_person", service, Channel.PHONE, "c1")


CLARIFY = Clarify(understood(), (sentence("Est-ce A ou B ?", Role.QUESTION),), "two_readings", "permis", Channel.PHONE, "c1")
DECLINE = Decline(understood(Nature.OUT_OF_SCOPE), (sentence("Je ne peux pas."),), "out_of_scope", None, Channel.PHONE, "c1")
NONSENSE = Decline(understood(Nature.NONSENSE), (sentence("Écrivez votre question."),), "nonsense", None, Channel.PHONE, "c1")


def texts(talk: Talk) -> list[str]:
    return [said.text for said in talk.to_say]


def fixed(key: str) -> str:
    return sentences("fr")[key]


def said_all(talk: Talk) -> Talk:
    """Once all was said, when the next turn begins."""
    return replace(talk, to_say=(), then=None)


def test_after_a_reply_another_question_is_asked_for_twice_at_most() -> None:
    talk = FIRST
    for _ in range(MORE_QUESTIONS):
        talk = answered(said_all(talk), reply(), SERVICES)
        assert texts(talk) == ["Un.", "Deux.", fixed("another")]
        assert talk.then == AGAIN
    talk = answered(said_all(talk), reply(), SERVICES)

    assert texts(talk) == ["Un.", "Deux.", fixed("menu")]
    assert talk.then == MENU


def test_the_personal_part_of_a_request_goes_on_to_its_service_after_the_general_answer() -> None:
    talk = answered(FIRST, reply("permis", Nature.MIXED), SERVICES)

    assert texts(talk) == ["Un.", "Deux."]
    assert talk.then == "permis"


def test_after_an_emergency_a_person_is_offered() -> None:
    talk = answered(FIRST, reply(nature=Nature.EMERGENCY, emergency="15"), SERVICES)

    assert texts(talk) == ["Un.", "Deux.", fixed("person")]
    assert talk.then == AGAIN


def test_a_doubtful_emergency_is_said_even_after_a_clarification_and_before_a_transfer() -> None:
    danger = (sentence("Appelez le 17.", key="emergency_17"), sentence("Je ne peux pas envoyer de secours.", Role.HELP, "emergency_after"))
    doubtful = understood(Nature.EMERGENCY, "17")
    asked = replace(CLARIFY, interpretation=doubtful, sentences=(*danger, *CLARIFY.sentences))
    person = handover("permis")
    through = replace(person, interpretation=doubtful, sentences=(*danger, *person.sentences))

    again = answered(replace(FIRST, clarified=True), asked, SERVICES)
    assert (texts(again), again.then) == (["Appelez le 17.", "Je ne peux pas envoyer de secours.", "Est-ce A ou B ?"], AGAIN)
    passed = answered(FIRST, through, SERVICES)
    assert (texts(passed), passed.then) == (["Appelez le 17.", "Je ne peux pas envoyer de secours.", "Je vous oriente."], "permis")


def test_one_clarification_then_a_person() -> None:
    once = answered(FIRST, CLARIFY, SERVICES)
    twice = answered(said_all(once), CLARIFY, SERVICES)

    assert (texts(once), once.then) == (["Est-ce A ou B ?"], AGAIN)
    assert (texts(twice), twice.then) == ([], "permis")


def test_another_question_may_be_clarified_in_its_turn() -> None:
    talk = answered(said_all(answered(FIRST, CLARIFY, SERVICES)), reply(), SERVICES)

    assert answered(said_all(talk), CLARIFY, SERVICES).then == AGAIN


@pytest.mark.parametrize(
    ("service", "destination"), [("permis", "permis"), ("pan-etrangers", "pan_etrangers"), ("armes", AGENT), (None, "standard")]
)
def test_a_handover_leads_to_its_service_or_to_the_person_of_the_script(service: str | None, destination: str) -> None:
    assert answered(FIRST, handover(service), SERVICES).then == destination


def test_before_a_transfer_nobody_is_told_how_to_call_back() -> None:
    assert texts(answered(FIRST, handover("permis"), SERVICES)) == ["Je vous oriente."]
    assert texts(answered(FIRST, handover("armes"), SERVICES)) == ["Je vous oriente.", "Le service répond au 03."]


def test_a_refusal_lets_one_more_question_be_asked_then_leads_to_the_menu() -> None:
    once = answered(FIRST, DECLINE, SERVICES)
    twice = answered(said_all(once), DECLINE, SERVICES)

    assert (texts(once), once.then) == (["Je ne peux pas.", fixed("ask")], AGAIN)
    assert (texts(twice), twice.then) == (["Je ne peux pas.", fixed("menu")], MENU)


def test_nobody_is_told_to_write_on_the_telephone() -> None:
    assert texts(answered(FIRST, NONSENSE, SERVICES)) == [fixed("unheard")]


def test_two_silences_in_a_row_lead_to_the_menu_and_an_answer_counts_again_from_zero() -> None:
    once = silent(FIRST)
    assert (texts(once), once.then) == ([fixed("silent")], AGAIN)
    assert silent(said_all(once)).then == MENU
    answered_between = answered(said_all(once), reply(), SERVICES)
    assert silent(said_all(answered_between)).then == AGAIN


def test_two_misunderstandings_in_a_row_lead_to_the_menu() -> None:
    once = misunderstood(FIRST)
    assert (texts(once), once.then) == ([fixed("unheard")], AGAIN)
    twice = misunderstood(said_all(once))
    assert (texts(twice), twice.then) == ([fixed("unheard_menu")], MENU)


def test_a_noisy_line_leads_to_the_menu() -> None:
    assert (texts(noisy(FIRST)), noisy(FIRST).then) == ([fixed("noise")], MENU)


@pytest.mark.parametrize("text", ["Non merci.", "non", "C'est tout", "Non, c'est bon !"])
def test_no_other_question_leads_to_the_menu(text: str) -> None:
    asked = said_all(answered(FIRST, reply(), SERVICES))
    refused = refused_more(asked, text)

    assert refused is not None
    assert refused.then == MENU


def test_no_is_an_answer_like_another_when_nothing_was_offered() -> None:
    assert refused_more(FIRST, "non") is None
    assert refused_more(said_all(answered(FIRST, reply(), SERVICES)), "non, mon permis est perdu") is None


def test_the_last_answer_is_said_again_with_what_was_to_follow() -> None:
    talk = answered(FIRST, reply(), SERVICES)
    midway = replace(talk, to_say=talk.to_say[1:])

    assert texts(repeated(midway)) == ["Un.", "Deux.", fixed("another")]
    assert repeated(midway).then == AGAIN
    assert texts(repeated(said_all(talk))) == ["Un.", "Deux."]
    assert texts(repeated(FIRST)) == [fixed("ask")]


def test_a_transfer_said_again_is_still_a_transfer() -> None:
    assert repeated(answered(FIRST, handover("permis"), SERVICES)).then == "permis"


def test_slower_goes_on_from_the_sentence_that_was_interrupted() -> None:
    talk = answered(FIRST, reply(), SERVICES)
    midway = replace(talk, to_say=talk.to_say[1:])

    assert texts(slower(midway)) == ["Deux.", fixed("another")]
    assert slower(midway).slow
    assert texts(slower(said_all(talk))) == ["Un.", "Deux."]


def test_who_interrupts_is_listened_to() -> None:
    talk = interrupted(answered(FIRST, handover("permis"), SERVICES))

    assert (texts(talk), talk.then) == ([], None)


def test_every_fixed_sentence_exists_in_both_languages_and_follows_the_rules() -> None:
    assert sentences("fr").keys() == sentences("en").keys()
    assert sentences("de") == sentences("fr")
    for language in ("fr", "en"):
        for key, text in sentences(language).items():
            assert len(text.split()) <= 20 or key == "refusals"


ANSWERS = [reply(), reply("permis", Nature.MIXED), reply(emergency="15"), CLARIFY, DECLINE, NONSENSE, handover("permis"), handover(None)]
STEPS = [
    silent,
    noisy,
    misunderstood,
    repeated,
    slower,
    interrupted,
    *(lambda talk, one=one: answered(talk, one, SERVICES) for one in ANSWERS),
]


@given(chosen=st.lists(st.sampled_from(STEPS), max_size=30))
def test_whatever_happens_something_is_said_or_the_caller_goes_somewhere(chosen: list[object]) -> None:
    talk = FIRST
    for step in chosen:
        talk = step(talk)  # type: ignore[operator]
        assert talk.to_say or talk.then or step is interrupted
        assert talk.then in (None, MENU, AGENT, AGAIN, *SERVICES)
        if talk.then != AGAIN and talk.then is not None:
            return  # he left
        talk = said_all(talk)


@given(chosen=st.lists(st.sampled_from(ANSWERS), min_size=12, max_size=12))
def test_a_caller_never_asks_for_ever(chosen: list[Answer]) -> None:
    talk, turns = FIRST, 0
    for one in chosen:
        talk = answered(said_all(talk), one, SERVICES)
        turns += 1
        if talk.then != AGAIN:
            break
    assert turns <= 12


def test_said_is_what_the_assistant_wrote() -> None:
    assert answered(FIRST, reply(), SERVICES).last == (Said("Un.", "fr"), Said("Deux.", "fr"))
