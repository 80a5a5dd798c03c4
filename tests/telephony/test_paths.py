"""What a script says on paper and what a caller hears on a real Asterisk are the same, for every event at every place a call can be in.

The sentences are short tones and the waits are short; everything else is what callers reach. A path that differs is lived a second time,
nearly alone: a machine that stops for a second is not a difference, a wrong sentence is one every time.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import count
from zoneinfo import ZoneInfo

import pytest

from knowledge.scripts import contents
from knowledge.scripts.call import QueueFull, Situation, Wait, situation
from knowledge.scripts.told import Sentence, Told
from telephony.asterisk.instance import Instance, Place, free_port
from tests.telephony.conftest import CONFIGURATION
from tests.telephony.lives import READY, Lived, Sounds, letter_of, lives, put_in_service
from tests.telephony.paths import Path, expected, explored, hurried, log, rung, whispers
from tests.telephony.small_script import CONTENT, DAY, small, the_directory, told

pytestmark = [pytest.mark.asterisk, pytest.mark.slow]
AT_ONCE = 24
OPEN, CLOSED, HOLIDAY = (
    datetime(*moment, tzinfo=ZoneInfo("Europe/Paris")) for moment in ((2026, 11, 24, 10), (2026, 11, 24, 20), (2026, 12, 25, 10))
)
CRISIS = (Sentence("Une crue est annoncée : ne prenez pas la route.", "fr"),)
MORE = {
    "rappel}\n    silence": "rappel}\n      - {key: \"6\", label: {fr: Pour la suite, en: For more}, to: autre}\n    silence",
    "  ferme:\n    type: message": """  autre:
    type: menu
    choices:
      - {key: "1", label: {fr: "Pour réécouter", en: "To hear again"}, to: encore}
      - {key: "2", label: {fr: "Pour aller moins vite", en: "To go slower"}, to: lentement}
      - {key: "3", label: {fr: "Pour changer de langue", en: "To change language"}, to: langue}
      - {key: "4", label: {fr: "Pour laisser un message", en: "To leave a message"}, to: message}
    silence: {say: {fr: "Rien n'a été choisi.", en: "Nothing was chosen."}, to: perime}
    wrong: {say: {fr: "Cette touche ne mène nulle part.", en: "That key leads nowhere."}, to: encore}
    exhausted: {say: {fr: "Vous y êtes encore.", en: "You are still here."}, to: vers_standard}
  encore: {type: repeat}
  lentement: {type: slower}
  perime: {type: message, say: {fr: "C'était hier.", en: "It was yesterday."}, valid_to: 2026-01-01, next: principal}
  message: {type: voicemail, service: permis, say: {fr: "Parlez.", en: "Speak."}, next: au_revoir}
  ferme:
    type: message""",
}  # fmt: skip
"""What the small script has not: repeat, slower, the language again, exits that lead elsewhere, a message out of date, a voice message."""
numbers = count(1)


def the_script(most: int = 99) -> Told:
    return told(hurried(small(**MORE), most))


@pytest.fixture(scope="module")
def line(asterisk_root: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    place = Place(desks=f"127.0.0.1:{free_port()}", audio=f"127.0.0.1:{free_port(socket.SOCK_STREAM)}")
    with Instance.throwaway(asterisk_root, tmp_path_factory.mktemp("line"), CONFIGURATION, place) as started:
        yield started


def found(moment: datetime, crisis: tuple[Sentence, ...] = (), closed: bool = False) -> Situation:
    return situation(the_directory(), moment, crisis, closed)


def put_in(line: Instance, sounds: Sounds, moment: datetime, crisis: tuple[Sentence, ...] = (), closed: bool = False) -> None:
    """Bring the line to this moment and this state."""
    later = str(int(moment.timestamp()) + 86_400)
    line.console(f"dialplan set global ACCUEIL_AT {int(moment.timestamp())}")
    line.console("database deltree accueil")
    if crisis:
        line.console(f"database put accueil crisis_sound {sounds.files()[crisis[0], 'normal']}")
        line.console(f"database put accueil crisis_until {later}")
    if closed:
        line.console(f"database put accueil closed_until {later}")


async def lived(line: Instance, script: Told, sounds: Sounds, paths: Sequence[Path], at_once: int = AT_ONCE) -> list[Lived]:
    async with lives(line, script, sounds) as callers:
        turn = asyncio.Semaphore(at_once)

        async def one(path: Path) -> Lived:
            async with turn:
                return await callers.live(path, next(numbers))

        return await asyncio.gather(*(one(path) for path in paths))


def differences(script: Told, sounds: Sounds, paths: Sequence[Path], calls: Sequence[Lived]) -> dict[Path, str]:
    different = {}
    for path, call in zip(paths, calls, strict=True):
        on_paper = [line for lines in log(script, path) for line in lines]
        whispered = ["".join(sounds.letter()[said] for said in one) for one in whispers(script, path)]
        remarks = {
            f"on entend {sounds.told(call.heard)}": bool(expected(script, path, sounds.letter(), letter_of(READY)).fullmatch(call.heard)),
            f"passe par {call.logged}, et non {on_paper}": call.logged == on_paper,
            f"sonne {call.rung}, et non {rung(script, path)}": call.rung == rung(script, path),
            f"dit aux agents {[sounds.told(said) for said in call.whispered]}": call.whispered == whispered,
            f"raccroché par la ligne : {call.hung_up_by_the_line}": call.hung_up_by_the_line == path.ended_by_the_line,
        }
        wrong = [remark for remark, right in remarks.items() if not right]
        if wrong:
            different[path] = f"{path} : " + " ; ".join(wrong)
    return different


def compare(line: Instance, script: Told, sounds: Sounds, paths: Sequence[Path]) -> None:
    first = differences(script, sounds, paths, asyncio.run(lived(line, script, sounds, paths)))
    again = list(first)
    second = differences(script, sounds, again, asyncio.run(lived(line, script, sounds, again, 3))) if again else {}
    print(f"{len(paths)} chemins, {len(first)} vécus deux fois, {len(second)} différences")
    assert not second, "\n".join(second.values())


def already_proved() -> set[object]:
    """What a call during opening hours has shown."""
    proved: set[object] = set()
    list(explored(the_script(), found(OPEN), proved=proved))
    return proved


def no_full_queue(paths: Iterable[Path]) -> list[Path]:
    return [path for path in paths if not any(isinstance(event, QueueFull) for event in path.events)]


def test_every_path_of_a_script_is_heard_as_it_is_told(line: Instance) -> None:
    script = the_script()
    sounds = Sounds(script)
    paths = no_full_queue(explored(script, found(OPEN)))
    assert len({path.events for path in paths}) > 150
    put_in_service(line, script, sounds, 1)
    put_in(line, sounds, OPEN)

    compare(line, script, sounds, paths)


@pytest.mark.parametrize(
    ("moment", "crisis", "closed"),
    [(CLOSED, (), False), (HOLIDAY, (), False), (OPEN, (), True), (OPEN, CRISIS, False), (HOLIDAY, CRISIS, True)],
    ids=["closed", "holiday", "closed by command", "crisis", "crisis and closed by command"],
)
def test_hours_holidays_crises_and_closures_are_heard_as_they_are_told(
    line: Instance, moment: datetime, crisis: tuple[Sentence, ...], closed: bool
) -> None:
    script = the_script()
    sounds = Sounds(script, crisis)
    paths = no_full_queue(explored(script, found(moment, crisis, closed), proved=already_proved()))
    put_in_service(line, script, sounds, 2)
    put_in(line, sounds, moment, crisis, closed)

    compare(line, script, sounds, paths)


def test_a_full_queue_is_heard_as_it_is_told(line: Instance) -> None:
    script = the_script(most=1)
    sounds = Sounds(script)
    paths = list(explored(script, found(OPEN)))
    waiting = next(path for path in paths if isinstance(path.last.action, Wait))
    refused = [path for path in paths if any(isinstance(event, QueueFull) for event in path.events)]
    assert refused
    put_in_service(line, script, sounds, 3)
    put_in(line, sounds, OPEN)

    async def story(tried: Sequence[Path]) -> list[Lived]:
        async with lives(line, script, sounds) as callers:
            first = await callers.stay(waiting, next(numbers))
            try:
                return list(await asyncio.gather(*(callers.live(path, next(numbers)) for path in tried)))
            finally:
                first.hang_up()

    assert not differences(script, sounds, refused, asyncio.run(story(refused)))


def test_the_demonstration_script_is_heard_as_it_is_told(line: Instance) -> None:
    script = contents.read(CONTENT, "accueil", DAY).told()
    script = replace(script, script=hurried(script.script))
    sounds = Sounds(script)
    paths = no_full_queue(explored(script, found(OPEN), depth=2))
    put_in_service(line, script, sounds, 4)
    put_in(line, sounds, OPEN)

    compare(line, script, sounds, paths)
