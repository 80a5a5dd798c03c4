"""An answer, worded for its channel: each says what it must, from approved sentences."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from bot.assistant import Assistant
from bot.messages import (
    Answer,
    Candidate,
    Channel,
    Clarify,
    Decision,
    Decline,
    Handover,
    Interpretation,
    Nature,
    Reply,
    Role,
    Source,
)
from bot.phrases import INTERFACE_LANGUAGES, phrases
from bot.policy import DECLINED, Verdict
from bot.wording import QUOTED_CHARACTERS, Wording
from knowledge.search import Sheet
from tests.bot.approved import fixed_sentences, refused
from tests.bot.builders import CARD
from tests.stock import tuesday_morning

SHEET = Sheet(
    id="F99999",
    title="Élevage de lamas en montagne",
    breadcrumb="Loisirs > Lamas",
    introduction="L'élevage de lamas est déclaré. Le troupeau est compté chaque année. " + "Chaque lama porte une boucle. " * 40,
    sections=(("Où déclarer", "En mairie."),),
    url="https://www.service-public.gouv.fr/particuliers/vosdroits/F99999",
    date="2026-01-02",
)
Word = Callable[..., Answer]
SURE = Verdict(Decision.REPLY, "sure", "citoyennete", CARD)


def _keys(answer: Answer) -> list[str]:
    return [sentence.provenance.reference for sentence in answer.sentences if sentence.provenance.source is Source.FIXED]


def _roles(answer: Answer) -> set[Role]:
    return {sentence.role for sentence in answer.sentences}


# --- Replies -------------------------------------------------------------------------------------------------------------


def test_the_chat_shows_the_short_form_and_folds_the_rest(assistant: Assistant, word: Word) -> None:
    answer = word(SURE)

    assert isinstance(answer, Reply)
    fiche = assistant.catalogue.fiches["cni-perte"]
    assert answer.text.replace("\n", " ").startswith(fiche.court)
    assert {Role.STEP, Role.DETAIL, Role.SOURCE} <= _roles(answer)
    assert not any(sentence.text in answer.text for sentence in answer.sentences if sentence.role is Role.STEP)
    assert (answer.version, answer.sources[0].checked_on) == (fiche.number, fiche.checked_on)


def test_the_phone_says_the_short_form_only_and_no_address_of_the_web(assistant: Assistant, word: Word) -> None:
    answer = word(SURE, Channel.PHONE, first=True)

    assert _roles(answer) <= {Role.NOTICE, Role.ANSWER}
    assert _keys(answer) == ["notice_phone"]
    assert "http" not in answer.text


def test_a_mail_holds_everything_in_its_text(word: Word) -> None:
    answer = word(SURE, Channel.MAIL, first=True)

    assert {Role.ANSWER, Role.STEP, Role.DETAIL, Role.SOURCE, Role.HELP} <= _roles(answer)
    assert all(sentence.text in answer.text for sentence in answer.sentences)
    assert _keys(answer)[0] == "notice_mail"


def test_a_reply_says_its_source_with_the_section_and_the_date(assistant: Assistant, word: Word) -> None:
    answer = word(SURE)
    source = assistant.catalogue.fiches["cni-perte"].sources[0]

    said = next(sentence.text for sentence in answer.sentences if sentence.role is Role.SOURCE)
    assert source.rubric in said
    assert "service-public.gouv.fr" in said
    assert re.search(r"contrôlée le \d", said)


def test_a_language_with_a_translation_is_answered_in_it_and_another_in_plain_french(assistant: Assistant, word: Word) -> None:
    english, georgian = word(SURE, language="en"), word(SURE, language="ka")

    assert "french_only" not in _keys(english)
    assert next(sentence for sentence in english.sentences if sentence.role is Role.ANSWER).language == "en"
    assert "french_only" in _keys(georgian)
    assert assistant.catalogue.fiches["cni-perte"].court in georgian.text.replace("\n", " ")


def test_a_mixed_reply_hands_the_personal_part_over(word: Word) -> None:
    answer = word(Verdict(Decision.REPLY, "mixed", "citoyennete", CARD, handed_over_to="citoyennete"))

    assert _keys(answer)[-2:] == ["personal_part", "contact"]


def test_an_official_sheet_is_quoted_word_for_word_with_its_date(assistant: Assistant) -> None:
    catalogue = assistant.catalogue.with_sheets([SHEET])
    over = Assistant.over(catalogue, assistant.clock)
    verdict = Verdict(Decision.REPLY, "sure", "standard", Candidate(None, (SHEET.id,), SHEET.url, 0.9))

    answer = Wording(catalogue, tuesday_morning()).word(verdict, Interpretation("lamas", "fr", Nature.GENERAL, 0.9), Channel.CHAT)

    assert isinstance(answer, Reply)
    assert refused(over, answer) == []
    quoted = [sentence.text for sentence in answer.sentences if sentence.provenance.source is Source.PASSAGE]
    assert quoted[0] == "L'élevage de lamas est déclaré."
    assert sum(map(len, quoted)) <= QUOTED_CHARACTERS
    assert "2 janvier 2026" in answer.text
    assert (answer.sources[0].url, answer.sources[0].checked_on) == (SHEET.url, date(2026, 1, 2))


def test_another_administration_is_named_even_without_a_fiche(word: Word) -> None:
    reply = Verdict(Decision.REPLY, "other_administration")
    known = word(reply, nature=Nature.OTHER_ADMINISTRATION, competent="la caisse d'allocations familiales")
    of_a_fiche = word(reply, nature=Nature.OTHER_ADMINISTRATION, competent="mairie du lieu de naissance")

    assert isinstance(known, Reply)
    assert isinstance(of_a_fiche, Reply)
    assert (known.title, known.sources[0].url) == ("la caisse d'allocations familiales", "https://www.caf.fr")
    assert "mairie du lieu de naissance" in of_a_fiche.text
    assert of_a_fiche.sources[0].url == "https://lannuaire.service-public.gouv.fr"


@pytest.mark.parametrize("language", ["fr", "en"])
def test_who_asks_an_administration_that_nobody_can_name_is_sent_to_the_official_directory(word: Word, language: str) -> None:
    answer = word(Verdict(Decision.DECLINE, "other_administration"), nature=Nature.OTHER_ADMINISTRATION, language=language)

    assert isinstance(answer, Decline)
    assert "lannuaire.service-public.gouv.fr" in answer.text


# --- The others ----------------------------------------------------------------------------------------------------------


def test_a_clarification_names_its_choices_and_the_way_out(word: Word) -> None:
    choices = (CARD, Candidate("passeport-perte", (), "", 0.8))
    answer = word(Verdict(Decision.CLARIFY, "two_readings", choices=choices))

    assert isinstance(answer, Clarify)
    assert [choice.fiche for choice in answer.choices] == ["cni-perte", "passeport-perte"]
    assert _keys(answer)[0] == "clarify"
    assert _keys(answer)[-1] == "clarify_other"
    assert " ou " in answer.text


def test_an_only_choice_is_a_question_that_yes_answers(assistant: Assistant, word: Word) -> None:
    answer = word(Verdict(Decision.CLARIFY, "unsure_reading", choices=(CARD,)))

    assert isinstance(answer, Clarify)
    assert _keys(answer) == ["clarify", "clarify_one", "clarify_one_other"]
    assert assistant.catalogue.fiches["cni-perte"].title in answer.text
    assert "oui" in answer.text


def test_near_twins_are_told_apart_by_one_question_made_of_their_contrasts(assistant: Assistant, word: Word) -> None:
    fiches, asked = assistant.catalogue.fiches, set()
    for first, others in assistant.catalogue.neighbours.items():
        for second in others:
            choices = tuple(Candidate(fiche, (), "", 0.8) for fiche in (first, second))
            answer = word(Verdict(Decision.CLARIFY, "two_readings", choices=choices))

            assert isinstance(answer, Clarify)
            assert _keys(answer) == ["clarify", "clarify_contrast", "clarify_other"]
            assert sum("?" in sentence.text for sentence in answer.sentences) == 1
            assert all((fiches[fiche].contrast or "?") in answer.text for fiche in (first, second))
            assert len({choice.label.casefold() for choice in answer.choices}) == 2
            asked.add(answer.text)

    assert len(asked) >= 100


def test_choices_without_a_common_axis_are_told_by_their_titles(assistant: Assistant, word: Word) -> None:
    choices = (CARD, Candidate("asso-creer", (), "", 0.8))
    answer = word(Verdict(Decision.CLARIFY, "unsure_reading", choices=choices))

    assert isinstance(answer, Clarify)
    assert "clarify_titles" in _keys(answer)
    assert [choice.label for choice in answer.choices] == [assistant.catalogue.fiches[choice.fiche].title for choice in answer.choices]


def test_who_speaks_the_language_is_offered_with_an_answer_in_french(assistant: Assistant, word: Word) -> None:
    spoken = {code for service in assistant.directory for code in service.languages}
    arabic, georgian = (
        word(Verdict(Decision.REPLY, "sure", "permis", Candidate("permis-rendre", (), "", 0.9)), language=code) for code in ("ar", "ka")
    )

    assert "ar" in spoken
    assert "ka" not in spoken
    assert {"french_only", "speaker"} <= set(_keys(arabic))
    assert {"french_only", "person"} <= set(_keys(georgian))


@pytest.mark.parametrize("reason", ["personal_file", "complaint", "wants_person", "unsure"])
def test_a_handover_says_to_whom_with_line_and_hours(assistant: Assistant, word: Word, reason: str) -> None:
    service = assistant.directory["qualite" if reason == "complaint" else "naturalisation"]
    answer = word(Verdict(Decision.HANDOVER, reason, service.id))

    assert isinstance(answer, Handover)
    assert answer.service == service.id
    assert service.short.removeprefix("le ").removeprefix("la ") in answer.text
    assert service.phone in answer.text
    assert service.email in answer.text
    assert "relay" in _keys(answer)
    assert ("complaint_how" in _keys(answer)) == (reason == "complaint")
    assert "carte perdue" in answer.context


def test_a_service_that_does_not_exist_is_replaced_by_the_switchboard(word: Word) -> None:
    assert word(Verdict(Decision.HANDOVER, "unsure", "supprime")).service == "standard"


@pytest.mark.parametrize(
    ("instant", "said"),
    [
        (datetime(2026, 11, 22, 12, 0, tzinfo=UTC), r"Il ouvre lundi à \d"),
        (datetime(2026, 11, 24, 21, 0, tzinfo=UTC), r"Il ouvre mercredi à \d"),
    ],
)
def test_a_closed_service_says_when_it_opens(word: Word, instant: datetime, said: str) -> None:
    assert re.search(said, word(Verdict(Decision.HANDOVER, "personal_file", "naturalisation"), at=instant).text)


def test_an_open_service_does_not_say_that_it_is_closed(word: Word) -> None:
    assert "closed_now" not in _keys(word(Verdict(Decision.HANDOVER, "personal_file", "naturalisation")))


@pytest.mark.parametrize("nature", sorted(DECLINED - {Nature.SMALL_TALK}))
@pytest.mark.parametrize("language", ["fr", "en", "th"])
def test_every_refusal_is_a_fixed_sentence_and_offers_a_person(word: Word, nature: Nature, language: str) -> None:
    answer = word(Verdict(Decision.DECLINE, nature.value), nature=nature, language=language)

    assert isinstance(answer, Decline)
    assert _keys(answer) == [nature.value, "person"]


@pytest.mark.parametrize(
    ("said", "key"),
    [("merci", "small_talk_thanks"), ("au revoir", "small_talk_bye"), ("es tu un robot", "small_talk_self"), ("bonjour", "small_talk")],
)
def test_courtesies_get_a_courteous_sentence(word: Word, said: str, key: str) -> None:
    assert _keys(word(Verdict(Decision.DECLINE, "small_talk"), nature=Nature.SMALL_TALK, text=said)) == [key]


@pytest.mark.parametrize("decision", [Verdict(Decision.DECLINE, "nonsense"), Verdict(Decision.HANDOVER, "unsure", "standard"), SURE])
def test_the_first_answer_of_each_channel_says_that_it_is_automatic_except_to_agents(word: Word, decision: Verdict) -> None:
    notices = {channel: _keys(word(decision, channel, first=True))[0] for channel in (Channel.CHAT, Channel.PHONE, Channel.MAIL)}

    assert notices == {Channel.CHAT: "notice", Channel.PHONE: "notice_phone", Channel.MAIL: "notice_mail"}
    for channel in Channel:
        assert not any(key.startswith("notice") for key in _keys(word(decision, channel)))
    assert not any(key.startswith("notice") for key in _keys(word(decision, Channel.DESK, first=True)))


def test_a_message_read_in_part_is_told_so(word: Word) -> None:
    assert _keys(word(Verdict(Decision.DECLINE, "nonsense"), cut_short=True))[0] == "too_long"


# --- Fixed sentences -----------------------------------------------------------------------------------------------------


def test_each_english_sentence_has_its_french_reference_with_the_same_braces() -> None:
    french, english = fixed_sentences("fr"), fixed_sentences("en")

    assert set(english) <= set(french)
    for key, sentence in english.items():
        assert set(re.findall(r"\{(\w+)\}", sentence)) <= set(re.findall(r"\{(\w+)\}", french[key])), key


def test_a_sentence_that_a_language_lacks_is_said_in_french() -> None:
    said = phrases("en").sentence("directory_url", Role.SOURCE)

    assert said.language == "fr"
    assert phrases("th").language == "fr"
    assert set(INTERFACE_LANGUAGES) == {"fr", "en"}
