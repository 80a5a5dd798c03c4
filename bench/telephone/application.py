"""The telephone process killed (kill -9) while callers are in the menu, then while they are in a spoken question: what they hear of it."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec

from bench.figures import refuse
from bench.telephone.probe import INTACT, Judged, heard_within, judge, sound, together
from bench.telephone.results import Row, print_rows, spread
from bench.telephone.stage import NUMBER, SHORT, Stage, stage, step
from knowledge.database import reading
from knowledge.scripts import versions
from knowledge.scripts.telling import Sentence, Told
from knowledge.scripts.versions import State
from telephony.asterisk.instance import free_port
from telephony.settings import settings
from telephony.sip.agent import Call, UserAgent
from telephony.sip.hearing import THRESHOLD, match
from telephony.speech.sound import RATE, Pcm

LIMIT = 5.0
"""Seconds after the kill in which every caller must be back in the menu."""
LISTENING = 22.0
"""Seconds of the calls that stay in the menu; the kill comes at a third of them."""
QUESTION = "I have lost my identity card."
PHRASES = "i have lost my identity card\nlost identity card\ni want to speak to a person\n"
"""What the recogniser of the English line knows."""
_START_SECONDS = 150.0
_IN_SPEECH_SECONDS = 20.0
_AFTER = 15.0
"""Seconds of recording kept after the kill."""


def run(calls: int = 20) -> None:
    """Print the table of the application killed with `calls` callers in the menu, then in a spoken question."""
    if find_spec("pocketsphinx") is None:
        refuse("Un moteur de reconnaissance est nécessaire pour tenir les appels dans la question parlée : pip install pocketsphinx")
    audio = f"127.0.0.1:{free_port(socket.SOCK_STREAM)}"
    with stage(fiches=True, audio=audio) as line:
        number = line.approved(SHORT)
        told = line.told(number)
        with _application(line, audio) as application:
            step("démarrage de l'application, publication et preuve du script court…")
            _until(application, lambda: _proven(line, number), "prouver le script")
            step(f"{calls} appels dans le menu…")
            judged, kept = asyncio.run(_in_the_menu(line, told, calls, application))
        with _application(line, audio) as application:
            step("nouveau démarrage de l'application…")
            _until(application, lambda: _listens(audio), "écouter les questions")
            step(f"{calls} appels dans la question parlée…")
            returned, menus = asyncio.run(_in_speech(line, told, calls, application))
    disturbed = sum(not one.in_order or one.lowest < INTACT for one in judged) + (calls - kept)
    in_time = sum(seconds <= LIMIT for seconds in menus)
    print_rows(
        "Application arrêtée net (kill -9) pendant des appels",
        [
            Row("dans le menu : appels dérangés", "0", f"{disturbed} · {together(judged).words()}", calls, disturbed == 0),
            Row("en question parlée : première phrase du menu", f"tous ≤ {LIMIT:g} s", spread(menus), len(menus), in_time == calls),
            Row("   phrase de retour (les touches répondent déjà)", "", spread(returned), len(returned)),
        ],
    )


# --- The application -----------------------------------------------------------------------------------------------------


@contextmanager
def _application(line: Stage, audio: str) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m telephony serve` for this line; killed at the end, if it was not before."""
    models = line.folder / "models"
    (models / "en").mkdir(parents=True, exist_ok=True)
    (models / "en" / "phrases.txt").write_text(PHRASES, "utf-8")
    asterisk = line.asterisk
    environment = {
        **os.environ,
        "TMPDIR": str(line.folder),  # a process that is killed removes nothing
        "KNOWLEDGE_DATABASE": line.engine.url.render_as_string(hide_password=False),
        "KNOWLEDGE_INDEX": str(line.folder / "index"),
        "TELEPHONY_LINE": str(line.line.path),
        "TELEPHONY_CONFIGURATION": str(settings().configuration.resolve()),
        "TELEPHONY_ASTERISK": line.root,
        "TELEPHONY_AMI_HOST": "127.0.0.1",
        "TELEPHONY_AMI_PORT": str(asterisk.ami_port),
        "TELEPHONY_AMI_VIEW_SECRET": asterisk.secrets["accueil_view"],
        "TELEPHONY_AMI_PUBLISH_SECRET": asterisk.secrets["accueil_publish"],
        "TELEPHONY_PROOF_SECRET": asterisk.secrets["proof"],
        "TELEPHONY_SIP_ADDRESS": f"127.0.0.1:{asterisk.sip_port}",
        "TELEPHONY_AUDIO_ADDRESS": audio,
        "TELEPHONY_LOGS": str(asterisk.state / "log"),
        "TELEPHONY_LISTENER": "pocketsphinx",
        "TELEPHONY_MODELS": str(models),
    }
    process = subprocess.Popen([sys.executable, "-m", "telephony", "serve"], env=environment, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _until(application: subprocess.Popen[bytes], true: Callable[[], bool], what: str) -> None:
    limit = time.monotonic() + _START_SECONDS
    while not true():
        if application.poll() is not None or time.monotonic() > limit:
            refuse(f"L'application n'a pas pu {what} : son erreur est ci-dessus, ou la machine est trop chargée.")
        time.sleep(0.2)


def _proven(line: Stage, number: int) -> bool:
    with reading(line.engine) as opened:
        return versions.state_of(opened, number) is State.PROVEN


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with closing(socket.socket()) as tried:
        return tried.connect_ex((host, int(port))) == 0


# --- The calls -----------------------------------------------------------------------------------------------------------


async def _in_the_menu(line: Stage, told: Told, calls: int, application: subprocess.Popen[bytes]) -> tuple[list[Judged], int]:
    """What the callers heard around the kill, and how many were still there at the end."""
    expected = heard_within(line, told, LISTENING)
    async with line.telephone() as phone:
        present = await _arrived(phone, calls)
        await asyncio.sleep(LISTENING / 3)
        application.kill()
        await asyncio.sleep(LISTENING * 2 / 3)
        kept = sum(call.in_progress for call in present)
        for call in present:
            call.hang_up()
        return [await judge(call, expected) for call in present], kept


async def _in_speech(line: Stage, told: Told, calls: int, application: subprocess.Popen[bytes]) -> tuple[list[float], list[float]]:
    """Seconds from the kill to the sentence that leads back, and to the first sentence of the menu, for each caller who heard them."""
    line.open_offices(told)
    back, first = told.said("question", "en", "fallback")[0], told.said(told.script.menu, "en", "choices")[0]
    spoken = sound(line, Sentence(QUESTION, "en"))
    greeting = sum(len(sound(line, sentence)) for sentence in told.said(told.script.start, "fr")) / RATE
    async with line.telephone() as phone:
        present = await _arrived(phone, calls)
        await asyncio.sleep(greeting + 1.0)
        for key in "82":  # English, then the question
            for call in present:
                call.press(key)
            await asyncio.sleep(1.5)
        await _all_in_speech(line, calls)
        for call in present[::2]:  # half of the callers speak, and the answer to some of them is cut
            call.say(spoken)
        await asyncio.sleep(len(spoken) / RATE + 1.5)
        await _all_in_speech(line, calls)
        application.kill()
        killed = time.monotonic()
        await asyncio.sleep(_AFTER)
        for call in present:
            call.hang_up()
    step(f"attendu : « {back.text} », puis « {first.text} »")
    found = [(_after(call, killed, sound(line, back)), _after(call, killed, sound(line, first))) for call in present]
    return [one for one, _ in found if one is not None], [one for _, one in found if one is not None]


async def _arrived(phone: UserAgent, calls: int) -> list[Call]:
    """Calls picked up, a twentieth of a second apart."""
    arriving = []
    for _ in range(calls):
        arriving.append(await phone.call(NUMBER))
        await asyncio.sleep(0.05)
    return [await call.answered(10) for call in arriving]


async def _all_in_speech(line: Stage, calls: int) -> None:
    """Wait until every call is in AudioSocket. Ends the bench when they never are all there."""
    limit = time.monotonic() + _IN_SPEECH_SECONDS
    while (there := (await asyncio.to_thread(line.asterisk.console, "core show channels concise")).count("!AudioSocket!")) < calls:
        if time.monotonic() > limit:
            refuse(f"{there} appels sur {calls} sont dans la question parlée : la mesure n'a pas eu lieu. Recommencez au repos.")
        await asyncio.sleep(0.2)


def _after(call: Call, instant: float, said: Pcm) -> float | None:
    """Seconds from `instant` to the first sound of `said`; None when it was not heard after it."""
    recording = call.heard()[max(0, round((instant - call.stream.packets[0].arrived) * RATE)) :]
    found = match(recording, said)
    return found.at if found.score >= THRESHOLD else None
