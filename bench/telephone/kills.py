"""A publisher killed (kill -9) at random instants: after each one, Asterisk serves exactly one whole version, and the next one goes on."""

from __future__ import annotations

import hashlib
import random
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.figures import refuse
from bench.telephone.publisher_process import PublisherProcess, Where
from bench.telephone.results import Row, print_rows
from bench.telephone.stage import SHORT, Stage, stage, step
from knowledge.database import reading
from knowledge.scripts import versions
from knowledge.scripts.versions import State
from telephony.asterisk.ami import Asterisk
from telephony.errors import PublicationRefused
from telephony.publication.candidate import read_back
from telephony.publication.publisher import Publisher

SENTENCE = "Je n'ai rien entendu."
_CHANGED = "Je n'ai rien entendu, essai {}."
_BEYOND = 1.15
"""Instants are drawn from the whole length of a publication, and a little of the proof that follows."""
_LONGEST = 30.0
_MARKER = re.compile(r"(\d+)-([0-9a-f]{16})")

STEPS = (
    "approuvée, pas encore commencée",
    "sons, compilation, essai sur le candidat",
    "écrite dans le dossier de la ligne",
    "nommée par live.conf, pas encore relue par Asterisk",
    "relue par Asterisk, pas encore notée en service",
    "en service, preuve commencée",
)


@dataclass
class Tally:
    """What the kills found."""

    reached: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    """Broken promises, one line each."""
    unfinished: int = 0
    """Versions that the next publisher did not put in service."""


@dataclass(frozen=True)
class _Draw:
    """When to kill: `delay` seconds after the publication began, or after the version was written in the folder."""

    number: int
    once_written: bool
    delay: float


def run(kills: int = 200) -> None:
    """Print the table of `kills` kills, by the step that each one reached: half of them in the whole publication, half in its switch."""
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    tally = Tally()
    with stage() as line, line.publisher() as publisher, line.door() as door:
        step("première version, puis durée d'une publication…")
        line.approved(SHORT)
        publisher.step()
        lengths = [_lengths(line, number) for number in range(1, 4)]
        whole, switching = max(one.whole for one in lengths), max(one.switching for one in lengths)
        told = f"graine {seed} ; une publication dure {whole * 1000:.0f} ms, dont {switching * 1000:.0f} une fois écrite"
        step(told)
        following = PublisherProcess(_where(line))
        try:
            for number in range(1, kills + 1):
                child, following = following, PublisherProcess(_where(line))  # one gets warm while the other is killed
                once_written = number % 2 == 0
                delay = chance.uniform(0, _BEYOND * (switching if once_written else whole))
                _kill(line, publisher, door, child, _Draw(number, once_written, delay), tally)
                if number % 20 == 0:
                    step(f"{number}/{kills} arrêts, {len(tally.broken)} manquement(s)")
        finally:
            following.kill()
    rows = [Row(f"   arrêts pendant : {name}", "", "", tally.reached[name]) for name in STEPS]
    rows += [
        Row("une version entière servie, et une seule", "toujours", f"{len(tally.broken)} manquement(s)", kills, not tally.broken),
        Row("le publicateur suivant la met en service", "toujours", f"{tally.unfinished} échec(s)", kills, not tally.unfinished),
    ]
    print_rows(f"Publicateur arrêté net (kill -9) {kills} fois ({told})", rows)
    for broken in tally.broken:
        step(broken)


@dataclass(frozen=True)
class _Lengths:
    """Seconds that a publication takes."""

    whole: float
    switching: float
    """From the version being written in the folder to its being in service."""


def _where(line: Stage) -> Where:
    asterisk = line.asterisk
    database = line.engine.url.render_as_string(hide_password=False)
    return Where(database, line.root, line.line.path, line.folder, asterisk.ami_port, line.self_call, asterisk.secrets["accueil_publish"])


def _lengths(line: Stage, number: int) -> _Lengths:
    """How long a publisher of its own takes."""
    version = line.approved(SHORT.replace(SENTENCE, _CHANGED.format(f"de durée {number}")))
    child = PublisherProcess(_where(line))
    try:
        child.ready()
        began = time.monotonic()
        child.publish()
        _until(lambda: _written(line, version))
        written = time.monotonic()
        _until(lambda: _state(line, version) is not State.PUBLISHING)
        return _Lengths(time.monotonic() - began, time.monotonic() - written)
    finally:
        child.kill()


def _until(true: Callable[[], bool]) -> None:
    limit = time.monotonic() + _LONGEST
    while not true():
        if time.monotonic() > limit:
            refuse(f"Une publication dure plus de {_LONGEST:.0f} s : recommencez sur une machine au repos.")
        time.sleep(0.002)


def _written(line: Stage, number: int) -> bool:
    return any(written.number == number for written in line.line.versions())


def _kill(line: Stage, publisher: Publisher, door: Asterisk, child: PublisherProcess, draw: _Draw, tally: Tally) -> None:
    """One publication, killed at an instant drawn by chance; what is served then, and what the next publisher makes of it."""
    number = line.approved(SHORT.replace(SENTENCE, _CHANGED.format(f"arrêt {draw.number}")))
    child.ready()
    child.publish()
    if draw.once_written:
        _until(lambda: _written(line, number))
    time.sleep(draw.delay)
    child.kill()
    reached = _reached(line, door, number)
    tally.reached[reached] += 1
    broken = _broken(line, door, number)
    door.reload_dialplan()  # as Asterisk does when it starts again before the next publisher
    broken += [f"après relecture, {one}" for one in _broken(line, door, number)]
    tally.broken += [f"arrêt {draw.number} ({reached}) : {one}" for one in broken]
    if _state(line, number) not in versions.SERVING:
        outcome = publisher.step()
        if outcome is None or (outcome.number, outcome.state) != (number, State.LIVE):
            tally.unfinished += 1
    line.line.keep(())  # no call runs on the versions before: two hundred of them would only be read again and again


def _state(line: Stage, number: int) -> State:
    with reading(line.engine) as opened:
        return versions.state_of(opened, number)


def _served(door: Asterisk) -> int | None:
    """The version that Asterisk says it serves."""
    marked = [_MARKER.fullmatch(one.data) for one in door.dialplan("accueil_live") if one.extension == "version"]
    return int(marked[0][1]) if len(marked) == 1 and marked[0] else None


def _reached(line: Stage, door: Asterisk, number: int) -> str:
    """Where the publication of `number` was when it was killed."""
    state = _state(line, number)
    if state is State.APPROVED:
        return STEPS[0]
    if state is not State.PUBLISHING:
        return STEPS[5]
    if _served(door) == number:
        return STEPS[4]
    live = line.line.live()
    if live is not None and live.number == number:
        return STEPS[3]
    return STEPS[2] if _written(line, number) else STEPS[1]


def _broken(line: Stage, door: Asterisk, number: int) -> list[str]:
    """What Asterisk or the folder does not hold as it should: nothing, when exactly one whole version is served."""
    lines = door.dialplan()
    found = []
    served = _served(door)
    if served not in (number, number - 1):
        return [f"Asterisk sert la version {served} au lieu de {number - 1} ou {number}"]
    starts = [one.data for one in lines if (one.context, one.extension) == ("accueil_live", "s")]
    if {start for data in starts for start in re.findall(r"\ba\d+_entry,s,1", data)} != {f"a{served}_entry,s,1"}:
        found.append(f"les appels de la version {served} commencent à {starts}")
    proofs = {one.data.split(",")[0] for one in lines if one.context == "accueil_proof" and one.extension != "start"}
    if proofs != {f"a{served}_proof"}:
        found.append(f"les preuves de la version {served} mènent à {sorted(proofs)}")
    try:
        read_back(door, line.builder.build(line.told(served), served).dialplan)  # every line, and the digest of all of them
    except PublicationRefused as refused:
        found.append(str(refused))
    present = {one.context.partition("_")[0] for one in lines if re.match(r"a\d+_", one.context)}
    cut = present - {one.context.removesuffix("_end") for one in lines if re.fullmatch(r"a\d+_end", one.context)}
    if cut:
        found.append(f"sans fin dans Asterisk : {sorted(cut)}")
    return found + _broken_on_disk(line, number)


def _broken_on_disk(line: Stage, number: int) -> list[str]:
    """What an Asterisk that starts now would read."""
    named = line.line.live()
    if named is None or named.number not in (number, number - 1):
        return [f"live.conf nomme {named}"]
    before, end, _ = line.line.dialplan(named).partition(f"[a{named.number}_end]")
    if not end or hashlib.sha256(before.encode()).hexdigest()[:16] != named.digest:
        return [f"le dialplan de la version {named.number} n'est pas entier dans le dossier"]
    return []
