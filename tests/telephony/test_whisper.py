"""What the person who answers hears of a spoken question: titles of fiches, never the caller's words, never a false « already heard »."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.messages import Answer, Candidate, Channel, Choice, Clarify, Decline, Handover, Interpretation, Nature, Provenance, Reply, Source
from bot.messages import Sentence as Words
from telephony.errors import AmiRefused, AmiUnavailable, PromptRefused
from telephony.questions import conversation, whisper
from telephony.questions.conversation import Talk
from telephony.questions.whisper import FAMILY, LONGEST, Asked, asked_in, told
from telephony.settings import TelephonySettings
from telephony.speech.prompts import Prompt, Prompts
from tests.telephony.calls import say
from tests.telephony.recognition import GIBBERISH, LOST_CARD, MY_FILE, Known
from tests.telephony.small_script import CONTENT
from tests.telephony.spoken_line import NOTICE, OpenLine, ended, hears, live

CARD, PASSPORT = "Carte nationale d'identité perdue", "Passeport d'adulte perdu"
ASKED_CARD = f"La personne a demandé : {CARD}."
HEARD_CARD = f"La personne a demandé : {CARD}. Elle a déjà entendu la réponse."
SECRET = "je m'appelle Jean Dupont et j'ai perdu ma carte"


def understood(nature: Nature = Nature.GENERAL, likeness: float = 0.9, emergency: str | None = None) -> Interpretation:
    candidates = (Candidate("cni-perte", (), "", 0.9, CARD), Candidate("passeport-perte", (), "", 0.4, PASSPORT))
    return Interpretation(SECRET, "fr", nature, 0.9, candidates, likeness=likeness, emergency=emergency)


def words(*texts: str) -> tuple[Words, ...]:
    return tuple(Words(text, Provenance(Source.FIXED, "court")) for text in texts)


def reply(**more: object) -> Reply:
    given = {"fiche": "cni-perte", "title": CARD, **more}
    return Reply(understood(), words("Un.", "Deux."), "sure", "permis", Channel.PHONE, "c1", **given)  # type: ignore[arg-type]


def handover(nature: Nature, likeness: float = 0.9, suggestions: tuple[Choice, ...] = ()) -> Handover:
    return Handover(understood(nature, likeness), words("Je vous oriente."), nature.value, "permis", suggestions=suggestions)


CHOICES = (Choice("cni-perte", "Pour la carte"), Choice("passeport-perte", "Pour le passeport"))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (reply(), ASKED_CARD),
        (Reply(understood(), (), "quotation", None, title="Carte d'électeur"), "La personne a demandé : Carte d'électeur."),
        (Reply(understood(), (), "other_administration", None, title="Mairie"), None),
        (Reply(understood(Nature.EMERGENCY, emergency="15"), (), "emergency", None), "La personne a parlé d'une urgence."),
        (
            Clarify(understood(Nature.EMERGENCY, emergency="17"), (), "unsure_reading", None, choices=CHOICES),
            "La personne a parlé d'une urgence.",
        ),
        (Clarify(understood(), (), "two_readings", None, choices=CHOICES), f"La personne a demandé : {CARD}, ou {PASSPORT}."),
        (Clarify(understood(), (), "unsure_reading", None, choices=CHOICES[1:]), f"La personne a peut-être demandé : {PASSPORT}."),
        (handover(Nature.PERSONAL_FILE), f"La personne parle de son propre dossier : {CARD}."),
        (handover(Nature.PERSONAL_FILE, likeness=0.3), "La personne parle de son propre dossier."),
        (handover(Nature.COMPLAINT), "La personne fait une réclamation."),
        (handover(Nature.GENERAL, suggestions=CHOICES), f"La personne a peut-être demandé : {CARD}, ou {PASSPORT}."),
        (handover(Nature.GENERAL), None),
        (handover(Nature.WANTS_PERSON), None),
        (Decline(understood(Nature.OUT_OF_SCOPE), (), "out_of_scope", None), None),
    ],
)
def test_each_answer_is_told_in_one_approved_sentence_without_a_word_of_the_caller(answer: Answer, said: str | None) -> None:
    forms = told(asked_in(answer), None)

    assert (forms[0] if forms else None) == said
    assert not any("Dupont" in form for form in forms)


def after(talk: Talk, sentences: int) -> Talk:
    for _ in range(sentences):
        talk = conversation.spoken(talk)
    return talk


def test_an_answer_counts_as_heard_with_its_last_sentence_and_not_before() -> None:
    talk = conversation.answered(Talk("fr"), reply(), frozenset())

    assert [after(talk, count).heard for count in range(4)] == [None, None, CARD, CARD]
    assert told(talk.asked, after(talk, 1).heard)[0] == ASKED_CARD
    assert told(talk.asked, after(talk, 2).heard)[0] == HEARD_CARD
    assert conversation.interrupted(after(talk, 1)).heard is None


def test_an_answer_said_again_after_an_interruption_is_heard() -> None:
    talk = conversation.interrupted(after(conversation.answered(Talk("fr"), reply(), frozenset()), 1))

    assert after(conversation.repeated(talk), 2).heard == CARD


def test_what_was_asked_before_is_kept_by_a_caller_who_then_wants_a_person() -> None:
    talk = after(conversation.answered(Talk("fr"), reply(), frozenset()), 3)
    talk = conversation.answered(talk, handover(Nature.WANTS_PERSON), frozenset())

    assert told(talk.asked, talk.heard)[0] == HEARD_CARD


def test_another_question_is_told_with_the_answer_that_was_heard_before() -> None:
    talk = after(conversation.answered(Talk("fr"), reply(), frozenset()), 3)
    talk = conversation.answered(talk, reply(fiche="passeport-perte", title=PASSPORT), frozenset())

    assert told(talk.asked, talk.heard) == (
        f"La personne a demandé : {PASSPORT}. Elle a déjà entendu la réponse : {CARD}.",
        f"La personne a demandé : {PASSPORT}.",
    )


# --- The sound, and where it is named ------------------------------------------------------------------------------------


@dataclass
class Database:
    """Asterisk's own, and what was there at each writing."""

    folder: Path
    values: dict[str, str] = field(default_factory=dict)
    away: bool = False

    def put(self, family: str, key: str, value: str) -> None:
        assert family == FAMILY
        if self.away:
            raise AmiUnavailable("Asterisk ne répond pas.")
        assert (self.folder / f"{value[:32]}.wav").is_file(), "the sound is there before anything names it"
        self.values[key] = value

    def family(self, name: str) -> dict[str, str]:
        return dict(self.values) if name == FAMILY else {}

    def delete(self, family: str, key: str) -> bool:
        if not key.isascii():
            raise AmiRefused("Clé refusée.")
        return family == FAMILY and self.values.pop(key, None) is not None


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> Prompts:
    return Prompts.from_settings(TelephonySettings(_env_file=None, line=tmp_path_factory.mktemp("line")), CONTENT)


@pytest.fixture
def database(prompts: Prompts) -> Iterator[Database]:
    yield Database(prompts.folder)


def sound_of(prompts: Prompts, text: str) -> str:
    return prompts.ensure([Prompt(text, "fr")])[Prompt(text, "fr")]


def test_the_sound_is_made_whole_before_it_is_named(prompts: Prompts, database: Database) -> None:
    whisper.teller(prompts, database, lambda: 1795869000.7)("u-1", told(Asked("asked", (CARD,)), None))

    assert database.values == {"u-1": f"{sound_of(prompts, ASKED_CARD)}|1795869000"}


def test_the_fullest_way_that_lasts_eight_seconds_at_most_is_said(prompts: Prompts, database: Database) -> None:
    long = "Attestations en ligne pendant la demande, le dépôt, la prolongation et la décision favorable de la préfecture"
    forms = told(Asked("either", (CARD, long)), long)

    whisper.teller(prompts, database)("u-1", forms)

    assert len(forms) == 3
    assert database.values["u-1"][:32] == sound_of(prompts, f"La personne a peut-être demandé : {CARD}.")
    assert prompts.duration(database.values["u-1"][:32]) <= LONGEST


def test_what_cannot_be_said_in_eight_seconds_is_not_told_at_all(prompts: Prompts, database: Database) -> None:
    with pytest.raises(PromptRefused, match="raccourcissez"):
        whisper.teller(prompts, database)("u-1", (" ".join([CARD] * 6),))
    assert database.values == {}


def test_only_what_no_call_can_need_any_more_is_removed(database: Database) -> None:
    at = 1795869000
    database.values = {"old": f"{'a' * 32}|{at - 5 * 3600}", "young": f"{'a' * 32}|{at - 3600}", "strange": "x", "étrange": "x"}

    assert whisper.forget(database, lambda: at) == 2
    assert set(database.values) == {"young", "étrange"}


# --- During a turn -------------------------------------------------------------------------------------------------------


@dataclass
class Heard:
    """What was told, in order, by question; fails when asked to."""

    told: list[tuple[str, str]] = field(default_factory=list)
    failing: bool = False

    def __call__(self, question: str, forms: whisper.Told) -> None:
        if self.failing:
            raise AmiUnavailable("Asterisk ne répond pas.")
        self.told.append((question, forms[0]))


@pytest.mark.paced
def test_a_caller_who_presses_zero_during_the_answer_is_said_to_have_asked_and_not_to_have_heard(open_line: OpenLine) -> None:
    async def story() -> None:
        heard = Heard()
        async with open_line(Known(), tell=heard) as line, line.turn() as caller:
            caller.say(say(LOST_CARD))
            await hears(caller, NOTICE)
            caller.press("0")
            await ended(caller)
            assert line.shelf.destinations == ["agent"]
            assert heard.told == [(line.shelf.written[0][1], ASKED_CARD)]

    live(story)


@pytest.mark.paced
def test_who_heard_the_answer_to_its_end_is_said_to_have_heard_it_in_the_next_turn_too(open_line: OpenLine) -> None:
    async def story() -> None:
        heard = Heard()
        async with open_line(Known(), tell=heard) as line:
            async with line.turn() as caller:
                caller.say(say(LOST_CARD))
                await ended(caller)
            assert [text for _, text in heard.told] == [ASKED_CARD, HEARD_CARD]
            async with line.turn() as caller:
                caller.press("0")
                await ended(caller)
            assert line.shelf.destinations == ["again", "agent"]
            assert len(heard.told) == 2, "nothing new: what is written stays"

    live(story)


@pytest.mark.paced
@pytest.mark.parametrize(
    ("question", "said"),
    [(MY_FILE, "La personne parle de son propre dossier : Où en est ma demande de titre de séjour."), (GIBBERISH, None)],
)
def test_a_question_that_only_a_person_answers_is_told_before_he_is_called(open_line: OpenLine, question: str, said: str | None) -> None:
    async def story() -> None:
        heard = Heard()
        async with open_line(Known(), tell=heard) as line, line.turn() as caller:
            caller.say(say(question))
            await ended(caller)
            assert [text for _, text in heard.told] == ([said] if said else [])

    live(story)


@pytest.mark.paced
def test_when_nothing_can_be_told_the_caller_goes_where_he_goes_all_the_same(open_line: OpenLine) -> None:
    async def story() -> None:
        heard = Heard(failing=True)
        async with open_line(Known(), tell=heard) as line, line.turn() as caller:
            caller.say(say(MY_FILE))
            await ended(caller)
            assert line.shelf.destinations == ["migrations"]

    live(story)


@pytest.mark.paced
def test_a_speed_chosen_while_speaking_is_written_with_the_destination(open_line: OpenLine) -> None:
    async def story() -> None:
        async with open_line(Known()) as line:
            for key in ("9", "#"):
                async with line.turn() as caller:
                    caller.press(key)
                    await ended(caller)
            assert line.shelf.destinations == ["again", "menu.slow"]

    live(story)
