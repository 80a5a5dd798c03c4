"""A version is put on the line, read back and heard; or the previous one keeps its place. On a real Asterisk."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from knowledge import facts
from knowledge.clock import today
from knowledge.database import reading, session
from knowledge.facts import Fact
from knowledge.scripts import versions
from knowledge.scripts.telling import fixed_sentences
from knowledge.scripts.versions import State
from telephony.asterisk.ami import Account, Asterisk
from telephony.asterisk.instance import Instance
from telephony.errors import AmiUnavailable, PublicationRefused
from telephony.publication import publisher as publication
from telephony.publication.candidate import read_back
from telephony.publication.publisher import Published, Publisher
from telephony.sip.hearing import match
from telephony.speech.prompts import Prompt
from telephony.speech.sound import Pcm
from telephony.speech.voices import Rate
from tests.telephony.calls import NUMBER, caller, desks
from tests.telephony.conftest import CONFIGURATION, StartAsterisk
from tests.telephony.publishing import a_publisher, approved, hand_out, sounds_of_the_line, stock
from tests.telephony.small_script import SMALL, TINY

pytestmark = pytest.mark.asterisk
GREETING = "Bonjour, ici la préfecture."


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sounds_of_the_line(tmp_path_factory.mktemp("sounds"))


@pytest.fixture
def on_line(engine: Engine, asterisk_root: str, start_asterisk: StartAsterisk, sounds: Path) -> Iterator[tuple[Publisher, Instance]]:
    """A publisher and its own Asterisk, with nothing published yet."""
    stock(engine)
    instance = start_asterisk()
    hand_out(sounds, instance.line)
    with a_publisher(engine, instance, asterisk_root, CONFIGURATION) as publisher:
        yield publisher, instance


def state(engine: Engine, number: int) -> State:
    with reading(engine) as opened:
        return versions.state_of(opened, number)


def heard(publisher: Publisher, instance: Instance, text: str, seconds: float = 4.0) -> float:
    """How well a caller hears `text` in his first seconds."""

    async def story() -> float:
        async with caller(instance) as phone:
            call = await (await phone.call(NUMBER)).answered(5)
            await asyncio.sleep(seconds)
            call.hang_up()
            return match(call.heard(), _sound(publisher, text)).score

    return asyncio.run(story())


def _sound(publisher: Publisher, text: str) -> Pcm:
    prompts = publisher.builder.prompts
    prompt = Prompt(text, "fr")
    return prompts.load(prompts.ensure([prompt])[prompt])


@pytest.mark.slow
def test_an_approved_version_is_heard_by_the_next_caller_and_certified(on_line: tuple[Publisher, Instance], engine: Engine) -> None:
    publisher, instance = on_line
    first = approved(engine, TINY)

    live = publisher.step()
    assert live is not None and live.state is State.LIVE
    assert heard(publisher, instance, GREETING) > 0.9

    assert publisher.step() == Published(first, State.PROVEN)
    with reading(engine) as opened:
        certificate = versions.story(opened, first).certificate
    assert certificate is not None
    assert [one["text"] for one in certificate["greeting"]] == [GREETING]
    assert {one["text"] for one in certificate["sentences"]} >= {GREETING, "Au revoir.", "Touche inconnue."}
    assert min(one["score"] for one in certificate["sentences"]) >= 0.8

    changed = "Bonjour, la préfecture vous écoute."
    second = approved(engine, TINY.replace(GREETING, changed))
    publisher.step()
    assert heard(publisher, instance, changed) > 0.9
    assert publisher.step() == Published(second, State.PROVEN)
    with reading(engine) as opened:
        certificate = versions.story(opened, second).certificate
    assert certificate is not None
    assert {one["text"] for one in certificate["sentences"]} == {changed}, "only what changed is heard again"
    assert publisher.step() is None


@pytest.mark.slow
def test_a_call_ends_on_the_version_on_which_it_began(on_line: tuple[Publisher, Instance], engine: Engine) -> None:
    publisher, instance = on_line
    approved(engine, TINY)
    publisher.step()
    without = TINY.replace("to: vers_permis", "to: ferme").replace(
        '  vers_permis: {type: transfer, service: permis, subject: {fr: "permis"}, seconds: 10, unanswered: ferme}\n', ""
    )

    async def story() -> list[str]:
        async with caller(instance) as phone, desks(instance) as board:
            old = await (await phone.call(NUMBER)).answered(5)
            await asyncio.sleep(1)
            approved(engine, without)
            await asyncio.to_thread(publisher.step)
            new = await (await phone.call(NUMBER)).answered(5)
            await asyncio.sleep(4)
            old.press("1")
            new.press("1")
            await new.ended(10)
            for _ in range(100):
                if board.received:
                    break
                await asyncio.sleep(0.1)
            return [call.number for call in board.received]

    assert asyncio.run(story()) == ["1040"], "the old call still finds its transfer; the new one was told goodbye"


@pytest.mark.slow
def test_a_version_that_asterisk_says_otherwise_is_rolled_back_with_the_reason(on_line: tuple[Publisher, Instance], engine: Engine) -> None:
    """Asterisk reads another copy of the sounds, where one sentence holds the words of another."""
    publisher, instance = on_line
    approved(engine, TINY)
    publisher.step()
    publisher.step()
    mistaken = approved(engine, TINY.replace("Touche inconnue.", "Cette touche n'existe pas."))
    publisher.step()
    names = {prompt.text: name for prompt, name in _sounds_of(publisher, engine, mistaken).items() if prompt.rate is Rate.NORMAL}
    other = instance.state / "other-sounds"
    shutil.copytree(publisher.folder.sounds, other)
    said, right = names["Je n'entends rien."], names["Cette touche n'existe pas."]
    shutil.copy(other / f"{said}.wav", other / f"{right}.wav")
    seen = instance.state / "data" / "sounds" / "accueil"
    seen.unlink()
    seen.symlink_to(other)

    outcome = publisher.step()

    assert outcome is not None and outcome.state is State.ROLLED_BACK
    assert "« Cette touche n'existe pas. » n'a pas été entendue" in outcome.reason
    assert state(engine, mistaken) is State.ROLLED_BACK
    live = publisher.folder.live()
    assert live is not None and live.number == 1
    assert heard(publisher, instance, GREETING) > 0.9


def _sounds_of(publisher: Publisher, engine: Engine, number: int) -> Mapping[Prompt, str]:
    with reading(engine) as opened:
        told = publisher.builder.told(opened, versions.version(opened, number), today())
    return publisher.builder.build(told, number).sounds


@pytest.mark.parametrize("kind", ["missing", "empty", "truncated"])
def test_a_version_with_a_damaged_sound_is_never_live(on_line: tuple[Publisher, Instance], engine: Engine, kind: str) -> None:
    publisher, _ = on_line
    approved(engine, TINY)
    publisher.step()
    damaged = approved(engine, TINY.replace("Touche inconnue.", "Une autre phrase."))
    name = next(name for prompt, name in _sounds_of(publisher, engine, damaged).items() if prompt.text == "Au revoir.")
    path = publisher.folder.sounds / f"{name}.wav"
    whole = path.read_bytes()
    path.unlink()
    if kind != "missing":
        path.write_bytes(whole[: 0 if kind == "empty" else len(whole) // 2])

    outcome = publisher.step()

    assert outcome is not None
    if kind == "missing":  # made again, the same
        assert outcome.state is State.LIVE
        assert path.read_bytes() == whole
        return
    assert outcome.state is State.FAILED and "son" in outcome.reason
    live = publisher.folder.live()
    assert live is not None and live.number == 1


def test_a_dialplan_that_asterisk_does_not_read_whole_never_reaches_a_caller(on_line: tuple[Publisher, Instance], engine: Engine) -> None:
    publisher, instance = on_line
    approved(engine, TINY)
    publisher.step()
    with reading(engine) as opened:
        row = versions.version(opened, 1)
        built = publisher.builder.build(publisher.builder.told(opened, row, row.created_at.date()), 7)
    written = publisher.folder.write(built.dialplan, built.queues, {})
    path = instance.line / "versions" / written.name / "dialplan.conf"
    whole = path.read_text("utf-8")
    for damage in (whole[: len(whole) // 2], "", whole.replace("Playback", "NoOp", 1), whole + "exten = extra,1,NoOp(x)\n"):
        path.write_text(damage, "utf-8")
        publisher.folder.switch(written)
        publisher.door.reload_dialplan()
        with pytest.raises(PublicationRefused, match="Relecture"):
            read_back(publisher.door, built.dialplan)


def test_while_asterisk_is_away_the_version_waits_and_is_published_when_it_returns(
    on_line: tuple[Publisher, Instance], engine: Engine
) -> None:
    publisher, instance = on_line
    number = approved(engine, TINY)
    instance.kill()

    with pytest.raises(AmiUnavailable):
        publisher.step()
    assert state(engine, number) is State.PUBLISHING
    assert publisher.folder.live() is None

    instance.start()
    assert publisher.door.wait(10)
    outcome = publisher.step()
    assert outcome is not None and outcome.state is State.LIVE


def test_after_a_restart_of_everything_the_version_in_service_is_put_back(on_line: tuple[Publisher, Instance], engine: Engine) -> None:
    publisher, instance = on_line
    approved(engine, TINY)
    publisher.step()
    publisher.folder.clear()
    instance.stop()
    instance.start()
    assert publisher.door.wait(10)

    publisher.restore()

    assert heard(publisher, instance, GREETING) > 0.9


@pytest.mark.slow
def test_a_publisher_killed_at_any_instant_leaves_exactly_one_whole_version(
    on_line: tuple[Publisher, Instance], engine: Engine, asterisk_root: str
) -> None:
    publisher, instance = on_line
    approved(engine, TINY)
    publisher.step()
    account = Account("accueil_view", instance.secrets["accueil_view"])
    with Asterisk("127.0.0.1", instance.ami_port, account) as view:
        assert view.wait(10)
        for kill in range(8):
            number = approved(engine, TINY.replace("Touche inconnue.", f"Touche inconnue, essai {'abcdefgh'[kill]}."))
            child = _publishing_process(engine, instance, asterisk_root)
            assert child.stdout is not None and child.stdout.readline()
            time.sleep(0.02 + 0.06 * kill)
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            served = view.dialplan("accueil_live")
            version = next(line.data for line in served if line.extension == "version").split("-")[0]
            assert int(version) in (number - 1, number)
            entry = view.dialplan(f"a{version}_entry")
            assert entry and view.dialplan(f"a{version}_end"), "the version in service is whole"
            outcome = publisher.step()
            assert outcome is not None and (outcome.number, outcome.state) in ((number, State.LIVE), (number, State.PROVEN))
            if outcome.state is State.LIVE:
                publisher.folder.keep(())


def _publishing_process(engine: Engine, instance: Instance, root: str) -> subprocess.Popen[bytes]:
    url = engine.url.render_as_string(hide_password=False)
    secrets = (instance.secrets["accueil_publish"], instance.secrets["proof"])
    arguments = (url, root, str(instance.line), str(instance.ami_port), str(instance.sip_port), *secrets)
    return subprocess.Popen(
        [sys.executable, "-m", "tests.telephony.publishing_process", *arguments], stdout=subprocess.PIPE, start_new_session=True
    )


@pytest.mark.slow
def test_every_sentence_of_the_small_script_compiles_to_what_asterisk_runs(on_line: tuple[Publisher, Instance], engine: Engine) -> None:
    publisher, _ = on_line
    number = approved(engine, SMALL)

    outcome = publisher.step()

    assert outcome is not None and outcome.state is State.LIVE
    assert state(engine, number) is State.LIVE


def test_what_a_fact_no_longer_allows_to_say_leads_to_a_person_without_anybody_at_work(
    engine: Engine, asterisk_root: str, start_asterisk: StartAsterisk, sounds: Path
) -> None:
    """A delay quoted by the script expires overnight: the same version goes on, without it."""
    evening, morning = datetime(2026, 11, 24, 20, 0, tzinfo=UTC), datetime(2026, 11, 25, 6, 0, tzinfo=UTC)
    clock = [evening]
    stock(engine)
    with session(engine) as opened:
        facts.store(opened, (_a_delay("attente", "trois jours", evening.date()),))
    quoting = TINY.replace("    next: principal\n", "    next: delais\n", 1) + (
        '  delais: {type: message, say: {fr: "Il faut attendre {{ delai(\\"attente\\") }}."}, next: principal}\n'
    )
    instance = start_asterisk()
    hand_out(sounds, instance.line)
    with a_publisher(engine, instance, asterisk_root, CONFIGURATION, lambda: clock[0]) as publisher:
        number = approved(engine, quoting, clock=lambda: clock[0])
        publisher.step()
        assert _says(publisher, "Il faut attendre trois jours.")
        assert publisher.step() == Published(number, State.PROVEN)
        assert publisher.step() is None

        clock[0] = morning
        assert publisher.step() == Published(number, State.PROVEN)

        assert not _says(publisher, "Il faut attendre trois jours.")
        assert _says(publisher, fixed_sentences("fr")["outdated"].split(". ")[0] + ".")
        assert publisher.step() is None


def test_a_renewal_that_was_not_heard_is_listened_to_again_a_few_times_then_left_to_a_person(
    engine: Engine, asterisk_root: str, start_asterisk: StartAsterisk, sounds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The self-call is refused while the renewed version is in service: nothing goes back, and it is proven once it is heard."""
    monkeypatch.setattr(publication, "RENEWAL_TRIES", 3)
    days = [datetime(2026, 11, day, 6, 0, tzinfo=UTC) for day in (24, 25, 26)]
    clock = [days[0]]
    stock(engine)
    with session(engine) as opened:
        facts.store(opened, tuple(_a_delay(key, "trois jours", day.date()) for key, day in zip(("un", "deux"), days, strict=False)))
    quoting = TINY.replace("    next: principal\n", "    next: delais\n", 1) + (
        '  delais: {type: message, say: {fr: "Il faut {{ delai(\\"un\\") }}."}, next: encore}\n'
        '  encore: {type: message, say: {fr: "Puis {{ delai(\\"deux\\") }}."}, next: principal}\n'
    )
    instance = start_asterisk()
    hand_out(sounds, instance.line)
    with a_publisher(engine, instance, asterisk_root, CONFIGURATION, lambda: clock[0]) as publisher:
        number = approved(engine, quoting, clock=lambda: clock[0])
        publisher.step()
        assert publisher.step() == Published(number, State.PROVEN)
        allowed, refused = publisher.self_call, replace(publisher.self_call, secret="another")

        publisher.self_call, clock[0] = refused, days[1]
        with pytest.raises(PublicationRefused):
            publisher.step()
        publisher.self_call = allowed
        assert publisher.step() == Published(number, State.PROVEN)
        assert publisher.step() is None

        publisher.self_call, clock[0] = refused, days[2]
        for _ in range(2):
            with pytest.raises(PublicationRefused):
                publisher.step()
        with pytest.raises(PublicationRefused, match="Essayé 3 fois"):
            publisher.step()
        assert publisher.step() is None
        assert not _says(publisher, "Puis trois jours.")


def _says(publisher: Publisher, text: str) -> bool:
    """Whether the version in service, as Asterisk runs it, plays this sentence."""
    prompt = Prompt(text, "fr")
    sound = publisher.builder.prompts.ensure([prompt])[prompt]
    return any(f"accueil/{sound}" in line.data for line in publisher.door.dialplan())


def _a_delay(key: str, value: str, last_day: date) -> Fact:
    source = (("label", "essai"), ("url", "https://www.val-dambre.gouv.fr"))
    return Fact("delai", key, "Un délai", (("fr", value),), None, last_day, source, last_day, "B", False, "essai.yml")


@pytest.mark.slow
def test_a_publication_is_proven_while_a_crisis_message_is_heard_and_the_line_is_closed(
    on_line: tuple[Publisher, Instance], engine: Engine
) -> None:
    publisher, instance = on_line
    number = approved(engine, TINY)
    later = str(int(time.time()) + 600)
    crisis = publisher.builder.prompts.ensure([Prompt("Alerte aux inondations.", "fr")])[Prompt("Alerte aux inondations.", "fr")]
    for key, value in (("crisis_sound", crisis), ("crisis_until", later), ("closed_until", later)):
        publisher.door.put("accueil", key, value)
    publisher.step()

    assert publisher.step() == Published(number, State.PROVEN)
    assert heard(publisher, instance, "Alerte aux inondations.") > 0.9
