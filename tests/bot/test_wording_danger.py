"""What somebody in danger reads: the number before anything else, in a language he reads."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from bot.messages import Answer, Channel, Decision, Nature
from bot.policy import Verdict
from bot.settings import settings
from knowledge.wordforms import default_lexicon
from tests.bot.approved import fixed_sentences, in_danger
from tests.bot.builders import CARD

Word = Callable[..., Answer]


@pytest.mark.parametrize("number", ["15", "17", "18", "112", "114", "119", "3114", "3919"])
@pytest.mark.parametrize("language", ["fr", "en", "th"])
def test_an_emergency_says_the_number_first_in_each_language(word: Word, number: str, language: str) -> None:
    for channel in Channel:
        answer = word(
            Verdict(Decision.REPLY, "emergency"), channel, first=True, nature=Nature.EMERGENCY, emergency=number, language=language
        )

        assert answer.sentences[0].provenance.reference == f"emergency_{number}"
        assert number in answer.text.split("\n")[0].replace(" ", "")


def test_what_is_said_of_a_danger_names_the_same_numbers_in_every_language() -> None:
    french = {key: text for key, text in fixed_sentences("fr").items() if key.startswith("emergency_")}
    assert set(in_danger()) == set(default_lexicon().glossaries.languages) - {"en"}

    for language, sentences in in_danger().items():
        assert set(sentences) == set(french), language
        for key, text in sentences.items():
            own, expected = (re.findall(r"\d+(?:\s\d+)?", one) for one in (text, french[key]))
            assert [number.replace("\u00a0", " ") for number in own] == expected, (language, key)
            spaces = {space for number in own for space in re.findall(r"\s", number)}
            assert not (spaces and language == "ar") or spaces == {"\u00a0"}, (
                "between two numbers, another space is read from right to left"
            )


@pytest.mark.parametrize("language", sorted(in_danger()))
def test_who_is_in_danger_reads_the_number_in_his_language_then_in_french(word: Word, language: str) -> None:
    for channel in Channel:
        told = word(Verdict(Decision.REPLY, "emergency"), channel, nature=Nature.EMERGENCY, emergency="15", language=language).sentences
        own = [] if channel is Channel.PHONE else [("emergency_15", language), ("emergency_after", language)]

        assert [(one.provenance.reference, one.language) for one in told] == [*own, ("emergency_15", "fr"), ("emergency_after", "fr")]
        assert all(one.text == in_danger()[language][one.provenance.reference] for one in told[: len(own)])


def test_an_installation_may_keep_to_french_until_somebody_has_read_the_other_languages(
    word: Word, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOT_DANGER_TRANSLATED", "false")
    settings.cache_clear()
    try:
        told = word(Verdict(Decision.REPLY, "emergency"), nature=Nature.EMERGENCY, emergency="15", language="ar").sentences
    finally:
        settings.cache_clear()

    assert [(one.provenance.reference, one.language) for one in told] == [("emergency_15", "fr"), ("emergency_after", "fr")]


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("channel", list(Channel))
@pytest.mark.parametrize(
    ("verdict", "otherwise"),
    [
        (Verdict(Decision.REPLY, "sure", candidate=CARD), Nature.GENERAL),
        (Verdict(Decision.CLARIFY, "two_readings", choices=(CARD,)), Nature.GENERAL),
        (Verdict(Decision.HANDOVER, "personal_file", "migrations"), Nature.PERSONAL_FILE),
        (Verdict(Decision.DECLINE, "out_of_scope"), Nature.OUT_OF_SCOPE),
        (Verdict(Decision.DECLINE, "false_papers"), Nature.FALSE_PAPERS),
    ],
)
def test_where_the_danger_is_doubtful_what_is_given_otherwise_follows_the_number(
    word: Word, verdict: Verdict, otherwise: Nature, channel: Channel, language: str
) -> None:
    answer = word(verdict, channel, first=True, nature=Nature.EMERGENCY, emergency="17", otherwise=otherwise, language=language)

    keys = [sentence.provenance.reference for sentence in answer.sentences]
    assert answer.decision is verdict.decision
    assert keys[:2] == ["emergency_17", "emergency_after"]
    assert keys.index("not_in_danger") < len(keys) - 1
    assert not {"out_of_scope", "false_papers"} & set(keys), "nobody who may be in danger reads that nothing can be done"


def test_a_refusal_that_says_who_can_help_is_kept_after_the_number(word: Word) -> None:
    verdict = Verdict(Decision.DECLINE, "other_administration")
    answer = word(verdict, nature=Nature.EMERGENCY, emergency="17", otherwise=Nature.OTHER_ADMINISTRATION)

    assert [one.provenance.reference for one in answer.sentences][:4] == [
        "emergency_17",
        "emergency_after",
        "not_in_danger",
        "other_administration",
    ]
