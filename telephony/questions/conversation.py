"""What a spoken question becomes: what is said next, and where the caller then goes. Pure: `voice` listens, speaks and obeys.

A caller speaks in turns; each turn is a connection of its own, and a `Talk` is all that is remembered from one to the next.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from typing import assert_never

from bot.messages import Answer, Clarify, Decline, Handover, Nature, Reply, Role, Sentence
from knowledge.parsing import parsed
from knowledge.scripts.model import service_symbol
from knowledge.wordforms import folded_words
from telephony.questions.whisper import Asked, asked_in, replied

MENU = "menu"
AGENT = "agent"
AGAIN = "again"
"""The dialplan opens another spoken turn at once."""

SILENCES = 2
MISUNDERSTANDINGS = 2
MORE_QUESTIONS = 2
"""How many times a caller is asked for another question."""
SURE_TO_HAVE_HEARD = 0.3
"""Under this confidence of the recogniser, words are not answered: nothing is said at random."""
STANDARD = "standard"


@dataclass(frozen=True)
class Said:
    """One sentence, and the language of its words."""

    text: str
    language: str


@dataclass(frozen=True)
class Talk:
    """One caller's spoken question, from one turn to the next."""

    language: str
    slow: bool = False
    conversation: str | None = None
    """Of the journal."""
    silences: int = 0
    """In a row."""
    misunderstandings: int = 0
    """In a row."""
    declined: bool = False
    clarified: bool = False
    more: int = 0
    """Times the caller was asked for another question."""
    last: tuple[Said, ...] = ()
    """The last answer, for the key *."""
    to_say: tuple[Said, ...] = ()
    """What is still to be said."""
    then: str | None = None
    """Where the caller goes once all is said; None: he is listened to."""
    asked: Asked | None = None
    """What was understood last: told to the person who answers."""
    replied: str | None = None
    """Title of what the last answer gives."""
    heard: str | None = None
    """Title of the last answer that was heard to its end."""


def silent(talk: Talk) -> Talk:
    """Nothing was said for ten seconds."""
    count = talk.silences + 1
    return _say(replace(talk, silences=count), "silent_menu" if count >= SILENCES else "silent", MENU if count >= SILENCES else AGAIN)


def noisy(talk: Talk) -> Talk:
    """The line is so loud that nobody could be heard."""
    return _say(talk, "noise", MENU)


def misunderstood(talk: Talk) -> Talk:
    """Something was said, no word was recognised."""
    count = talk.misunderstandings + 1
    over = count >= MISUNDERSTANDINGS
    return _say(replace(talk, silences=0, misunderstandings=count), "unheard_menu" if over else "unheard", MENU if over else AGAIN)


def refused_more(talk: Talk, text: str) -> Talk | None:
    """The talk of a caller who was asked for another question and has none; None when `text` says something else."""
    if not talk.more or tuple(folded_words(text)) not in _refusals(talk.language):
        return None
    return _say(talk, "menu", MENU)


def answered(talk: Talk, answer: Answer, services: Collection[str]) -> Talk:
    """The assistant answered.

    Args:
        services: symbols of those that the script can transfer to; any other one is the script's own person.
    """
    talk = replace(talk, conversation=answer.conversation, silences=0)
    if answer.interpretation.nature is Nature.NONSENSE:
        return misunderstood(talk)
    said = tuple(Said(sentence.text, sentence.language) for sentence in answer.sentences)
    talk = replace(talk, misunderstandings=0, last=said, to_say=said, asked=asked_in(answer) or talk.asked, replied=replied(answer))
    match answer:
        case Reply() if answer.interpretation.emergency:
            return _then(talk, "person", AGAIN)
        case Reply() if answer.handed_over_to:
            return replace(talk, then=_transfer(answer.handed_over_to, services))
        case Reply():
            return _more(talk)
        case Clarify() if talk.clarified and not answer.interpretation.emergency:
            return replace(talk, to_say=(), then=_transfer(answer.service or STANDARD, services))
        case Clarify():
            return replace(talk, clarified=True, then=AGAIN)
        case Handover():
            place = _transfer(answer.service or STANDARD, services)
            spoken = tuple(Said(one.text, one.language) for one in answer.sentences if not _needless(one, place))
            return replace(talk, last=spoken, to_say=spoken, then=place)
        case Decline() if talk.declined:
            return _then(talk, "menu", MENU)
        case Decline():
            return _then(replace(talk, declined=True), "ask", AGAIN)
    assert_never(answer)


def spoken(talk: Talk) -> Talk:
    """The first sentence to say was heard to its end; with the last one of an answer, the answer was."""
    said, left = talk.to_say[0], talk.to_say[1:]
    whole = talk.replied is not None and said in talk.last and not any(other in talk.last for other in left)
    return replace(talk, to_say=left, heard=talk.replied if whole else talk.heard)


def repeated(talk: Talk) -> Talk:
    """The key *: the last answer again, then what was to follow; the question again when nothing was answered yet."""
    if not talk.last:
        return _say(talk, "ask", AGAIN)
    following = talk.to_say[-1:] if talk.to_say and talk.to_say[-1] not in talk.last else ()
    return replace(talk, to_say=(*talk.last, *following), then=talk.then or AGAIN)


def slower(talk: Talk) -> Talk:
    """The key 9: slowly from now on, beginning with the sentence that was interrupted, else with the last answer."""
    talk = replace(talk, slow=True)
    return talk if talk.to_say else repeated(talk)


def interrupted(talk: Talk) -> Talk:
    """The caller speaks while we do: we listen."""
    return replace(talk, to_say=(), then=None)


def sentences(language: str) -> Mapping[str, str]:
    """The fixed sentences in `language`; those of French when it has none."""
    stored = _stored()
    return {**stored["fr"], **stored.get(language, {})}


def fixed(languages: Iterable[str]) -> tuple[Said, ...]:
    """Every fixed sentence of some languages, to be ready before the first caller."""
    return tuple(Said(text, language) for language in languages for key, text in sentences(language).items() if key != "refusals")


@lru_cache
def _stored() -> Mapping[str, Mapping[str, str]]:
    stored: dict[str, dict[str, str]] = parsed(files("telephony").joinpath("templates/voice.yml").read_text("utf-8"))
    return stored


@lru_cache
def _refusals(language: str) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(folded_words(text)) for text in sentences(language)["refusals"].split("|"))


def _more(talk: Talk) -> Talk:
    if talk.more >= MORE_QUESTIONS:
        return _then(talk, "menu", MENU)
    return _then(replace(talk, more=talk.more + 1, clarified=False, declined=False), "another", AGAIN)


def _say(talk: Talk, key: str, then: str) -> Talk:
    return replace(talk, to_say=(_fixed(talk, key),), then=then)


def _then(talk: Talk, key: str, then: str) -> Talk:
    return replace(talk, to_say=(*talk.to_say, _fixed(talk, key)), then=then)


def _fixed(talk: Talk, key: str) -> Said:
    return Said(sentences(talk.language)[key], talk.language)


def _needless(sentence: Sentence, place: str) -> bool:
    """Ways to reach a person, for a caller who is about to be put through: his own service's number only if it cannot be.

    That nobody here can send help is always said.
    """
    key = sentence.provenance.reference
    return (sentence.role is Role.HELP and key != "emergency_after") or (key == "contact_phone" and place != AGENT)


def _transfer(service: str, services: Collection[str]) -> str:
    symbol = service_symbol(service)
    return symbol if symbol in services else AGENT
