"""The whole line, as it is installed: the shipped script and contents, a real Asterisk, a real recogniser, a caller and a desk."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from bot.messages import Channel, Question, Reply, Role
from knowledge.database import reading, session
from knowledge.line_models import Call, LineEffect
from knowledge.scripts import state, versions
from knowledge.scripts.told import Sentence
from telephony.asterisk.instance import Instance, Place, free_port
from telephony.line import Line, opened, wait_and_restore
from telephony.records.asked import asked_during
from telephony.settings import TelephonySettings
from telephony.sip.hearing import match
from telephony.speech.prompts import Prompt
from telephony.speech.sound import Pcm
from tests.stock import real_assistant, stocked_database, tuesday_morning
from tests.telephony.calls import ANSWER, NUMBER, caller, desks, say
from tests.telephony.conftest import CONFIGURATION
from tests.telephony.small_script import CONTENT

pytestmark = [pytest.mark.asterisk, pytest.mark.slow]
ASKED = "I lost my French ID card what should I do"


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with stocked_database(tmp_path_factory.mktemp("stock")) as engine:
        with session(engine) as opened_session:
            versions.load_file(opened_session, CONTENT)
        yield engine


@pytest.fixture(scope="module")
def line(stocked: Engine, asterisk_root: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Line, Instance]]:
    """The line at work, its first version live. On its wall it is Tuesday morning, and the services are open."""
    folder, models = tmp_path_factory.mktemp("line"), tmp_path_factory.mktemp("models")
    (models / "en").mkdir()
    (models / "en" / "phrases.txt").write_text(f"{ASKED}\nwhat are your opening hours\nhow do I become French\n", "utf-8")
    audio = f"127.0.0.1:{free_port(socket.SOCK_STREAM)}"
    with Instance.throwaway(asterisk_root, folder, CONFIGURATION, Place(desks=f"127.0.0.1:{free_port()}", audio=audio)) as asterisk:
        asterisk.console(f"dialplan set global ACCUEIL_AT {int(tuesday_morning().timestamp())}")
        settings = TelephonySettings(
            _env_file=None,
            line=folder,
            configuration=CONFIGURATION,
            asterisk=asterisk_root,
            ami_port=asterisk.ami_port,
            ami_publish_secret=asterisk.secrets["accueil_publish"],
            sip_address=f"127.0.0.1:{asterisk.sip_port}",
            proof_secret=asterisk.secrets["proof"],
            audio_address=audio,
            logs=asterisk.state / "log",
            listener="pocketsphinx",
            models=models,
        )
        stopping = threading.Event()
        with opened(settings, stocked, real_assistant(stocked)) as at_work:
            assert wait_and_restore(at_work, 10)
            running = threading.Thread(target=at_work.run, args=(stopping,))
            running.start()
            try:
                assert soon(lambda: at_work.publisher.folder.live() is not None, 180), "the shipped script is put in service"
                yield at_work, asterisk
            finally:
                stopping.set()
                running.join(30)


def soon(true: Callable[[], bool], seconds: float) -> bool:
    """Whether it becomes true in time."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if true():
            return True
        time.sleep(0.2)
    return true()


def sound_of(line: Line, sentence: Sentence) -> Pcm:
    prompts = line.publisher.builder.prompts
    prompt = Prompt(sentence.text, sentence.language)
    return prompts.load(prompts.ensure([prompt])[prompt])


def told_by(line: Line, node: str, language: str, part: str = "say") -> tuple[Sentence, ...]:
    with reading(line.engine) as opened_session:
        version = versions.live(opened_session)
        assert version is not None
        return line.publisher.builder.told(opened_session, version, datetime.now(UTC).date()).said(node, language, part)


def test_a_question_spoken_in_english_is_answered_from_an_approved_translation_and_a_person_is_announced(
    line: tuple[Line, Instance], stocked: Engine
) -> None:
    at_work, asterisk = line
    expected = at_work.assistant.answer(Question(ASKED.lower(), Channel.PHONE))
    assert isinstance(expected, Reply) and expected.fiche == "cni-perte"
    answer = next(sentence for sentence in expected.sentences if sentence.role is Role.ANSWER)
    forms = [f"La personne a demandé : {expected.title}.", f"La personne a demandé : {expected.title}. Elle a déjà entendu la réponse."]

    async def story() -> tuple[float, float, float, float, float]:
        async with caller(asterisk) as phone, desks(asterisk, others=ANSWER) as board:
            call = await (await phone.call(NUMBER)).answered(5)
            await asyncio.sleep(5)
            call.press("2")
            await asyncio.sleep(14)
            call.press("5")
            await asyncio.sleep(13)
            call.say(say(ASKED, "en"))
            await asyncio.sleep(16)
            call.press("0")
            for _ in range(300):
                if board.received and board.received[-1].in_progress:
                    break
                await asyncio.sleep(0.1)
            await asyncio.sleep(17)  # the whisper and what was asked, then the two persons speak
            heard, whispered = call.heard(), board.received[-1].heard()
            board.received[-1].hang_up()
            await call.ended(10)
            greeting = told_by(at_work, "bonjour", "fr")[0]
            announced = told_by(at_work, "transfert_standard", "en", "announce")[0]
            return (
                match(heard, sound_of(at_work, greeting)).score,
                match(heard, sound_of(at_work, Sentence(answer.text, answer.language))).score,
                match(heard, sound_of(at_work, announced)).score,
                max(match(whispered, sound_of(at_work, Sentence(form, "fr"))).score for form in forms),
                float(board.received[-1].number),
            )

    greeted, answered, announced, asked, desk = asyncio.run(story())

    assert greeted > 0.9, "the greeting is heard"
    assert answered > 0.8, f"the approved answer is heard: {answer.text}"
    assert announced > 0.9, "the department is named before it rings"
    assert asked > 0.8, "who answers hears what was asked, by its title"
    assert desk == 1000

    def journal() -> list[Call]:
        with reading(stocked) as opened_session:
            return list(opened_session.scalars(select(Call).where(Call.proof.is_(False))))

    assert soon(lambda: len(journal()) == 1, 20)
    (call,) = journal()
    assert (call.language, call.answered, call.announced, call.welcomed) == ("en", True, True, True)
    assert [transfer["service"] for transfer in call.transfers] == ["standard"]
    assert len(call.questions) >= 1
    with reading(stocked) as opened_session:
        assert asked_during(opened_session, call)[0].titles == (expected.title,)
    assert call.caller and "0612345678" not in str(call.path)


def test_a_crisis_message_is_the_first_thing_heard_ten_seconds_after_the_order(line: tuple[Line, Instance], stocked: Engine) -> None:
    at_work, asterisk = line
    text = "Alerte aux inondations. Restez chez vous."
    with session(stocked) as opened_session:
        state.switch_on(
            opened_session,
            state.Kind.CRISIS,
            text,
            datetime.now(UTC) + timedelta(hours=1),
            "Claire Test",
            "essai",
            exercise=True,
        )

    def in_force() -> bool:
        with reading(stocked) as opened_session:
            return opened_session.scalar(select(LineEffect.id)) is not None

    assert soon(in_force, 10), "the line says that it obeys within ten seconds"

    async def story() -> float:
        async with caller(asterisk) as phone:
            call = await (await phone.call(NUMBER)).answered(5)
            await asyncio.sleep(5)
            call.hang_up()
            return match(call.heard(), sound_of(at_work, Sentence(text, "fr"))).score

    assert asyncio.run(story()) > 0.8
    with session(stocked) as opened_session:
        state.switch_off(opened_session, state.Kind.CRISIS, "Claire Test", "fin de l'essai")


def test_the_records_and_the_folder_of_the_line_hold_no_number_of_a_caller(line: tuple[Line, Instance]) -> None:
    at_work, asterisk = line
    asyncio.run(a_call(asterisk))
    written = [*_files(asterisk.state / "log"), *_files(at_work.settings.line)]

    assert any(path.name == "cel.csv" for path in written)
    for path in written:
        assert b"0612345678" not in path.read_bytes(), path


async def a_call(asterisk: Instance) -> None:
    async with caller(asterisk) as phone:
        call = await (await phone.call(NUMBER)).answered(5)
        call.hang_up()
        await call.ended(5)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".wav"]
