"""How soon an approved sentence is heard, and certified: the whole demonstration script, its first sentence changed again and again."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass

from bench.figures import refuse
from bench.telephone.results import Row, p95, print_rows, spread
from bench.telephone.stage import NUMBER, Stage, demonstration, stage, step
from knowledge.clock import now
from knowledge.database import reading, session
from knowledge.scripts import versions
from knowledge.scripts.versions import State
from telephony.line import LOOKS
from telephony.publication.publisher import Publisher
from telephony.sip.hearing import THRESHOLD, match
from telephony.speech.prompts import Prompt

GREETING = "Bonjour, vous êtes à la préfecture du Val-d'Ambre."
CHANGED = "Bonjour, la préfecture du Val-d'Ambre vous écoute, essai {}."
CERTIFIED = 5
"""Changes whose certificate is waited for; the proof of the others gives way to the next change."""
_LONGEST = 90.0
"""Seconds after which a change is given up."""


@dataclass(frozen=True)
class Change:
    live: float
    """Seconds from the commit of the approval to the version being read back in Asterisk, and noted live."""
    heard: float
    """Score of the new sentence in the recording of the next caller."""
    certified: float | None
    """Seconds from the commit to the certificate, when it was waited for."""


class _NotInService(Exception):
    """A change could not be put in service. The message says why, in French."""


class _Line(threading.Thread):
    """The publication part of the telephone process, with its own rhythm; `proving` says whether it also hears what is live."""

    def __init__(self, publisher: Publisher) -> None:
        super().__init__(name="publication", daemon=True)
        self.publisher = publisher
        self.proving, self.stopping = threading.Event(), threading.Event()
        self.trouble = ""
        """The last failure: as in the telephone process, it is tried again."""

    def run(self) -> None:
        while not self.stopping.wait(LOOKS):
            try:
                if self.proving.is_set() or self._approved():
                    self.publisher.step()
            except Exception as error:  # whatever failed, the line goes on
                self.trouble = f"{type(error).__name__} : {error}"

    def _approved(self) -> bool:
        with reading(self.publisher.engine) as opened:
            return versions.due(opened, now()) is not None


def run(changes: int = 30) -> None:
    """Print the table of publication: `changes` sentences, one after the other."""
    text = demonstration()
    if GREETING not in text:
        refuse(f"Le script de démonstration ne dit plus « {GREETING} » : la mesure est à revoir.")
    with stage(fiches=True) as line, line.publisher() as publisher:
        step("première publication du script entier…")
        first = _first(line, publisher, text)
        done = _changes(line, publisher, text, changes)
    certified = [one.certified for one in done if one.certified is not None]
    live = [one.live for one in done]
    heard = sum(one.heard >= THRESHOLD for one in done)
    lowest = min((one.heard for one in done), default=0.0)
    soon = bool(certified) and max(certified) <= 30.0
    rows = [
        Row("changements mis en service", "tous", f"{len(done)} sur {changes}", changes, len(done) == changes),
        Row("approbation → entendu, une phrase changée", "p95 ≤ 2 s", spread(live), len(live), p95(live) <= 2.0),
        Row("l'appel suivant entend la nouvelle phrase", "tous", f"{heard} · ressemblance ≥ {lowest:.2f}", len(done), heard == len(done)),
        Row("approbation → certificat d'une phrase changée", "≤ 30 s", spread(certified, digits=1), len(certified), soon),
        Row("référence : première publication, tous les sons à faire", "", f"{first:.1f} s", 1),
    ]
    print_rows("Publication du script de démonstration (cette machine, ce passage)", rows)


def _first(line: Stage, publisher: Publisher, text: str) -> float:
    """Seconds from the commit of the first approval to live. Hearing its thousand sentences is not measured: it is taken as proven."""
    number = line.approved(text)
    committed = time.monotonic()
    outcome = publisher.step()
    seconds = time.monotonic() - committed
    if outcome is None or outcome.state is not State.LIVE:
        refuse(f"La première version n'a pas été mise en service : {outcome.reason if outcome else 'rien à publier'}")
    laid = line.line.live()
    assert laid is not None
    with session(line.engine) as opened:
        versions.note(opened, number, State.PROVEN, {"sounds": line.line.manifest(laid)["sounds"]})
    return seconds


def _changes(line: Stage, publisher: Publisher, text: str, changes: int) -> list[Change]:
    """The changes put in service, one after the other; it stops at the first one that is not."""
    looking = _Line(publisher)
    looking.start()
    done: list[Change] = []
    try:
        for number in range(1, changes + 1):
            done.append(asyncio.run(_change(line, looking, text, number, number > changes - CERTIFIED)))
            step(f"changement {number}/{changes} : {done[-1].live:.2f} s, entendu à {done[-1].heard:.2f}")
    except _NotInService as failed:
        step(str(failed))
    finally:
        looking.stopping.set()
        looking.join(_LONGEST)
    return done


async def _change(line: Stage, looking: _Line, text: str, number: int, certify: bool) -> Change:
    changed = CHANGED.format(number)
    async with line.telephone() as phone:
        await asyncio.sleep(LOOKS * (number % 7) / 7)  # approvals come at any moment between two looks
        version = await asyncio.to_thread(line.approved, text.replace(GREETING, changed))
        committed = time.monotonic()
        if certify:
            looking.proving.set()
        live = await _reached(line, looking, version, (State.LIVE, State.PROVEN), committed)
        call = await (await phone.call(NUMBER)).answered(5)
        prompt = Prompt(changed, "fr")
        sound = line.prompts.load(line.prompts.ensure([prompt])[prompt])
        await asyncio.sleep(len(sound) / 8000 + 1.0)
        call.hang_up()
        heard = await asyncio.to_thread(match, call.heard(), sound)
        certified = await _reached(line, looking, version, (State.PROVEN,), committed) if certify else None
        looking.proving.clear()
    return Change(live, heard.score, certified)


async def _reached(line: Stage, looking: _Line, version: int, states: tuple[State, ...], since: float) -> float:
    """Seconds from `since` to the version being in one of `states`. Raises _NotInService when it fails, or takes too long."""

    def state() -> State:
        with reading(line.engine) as opened:
            return versions.state_of(opened, version)

    while (found := await asyncio.to_thread(state)) not in states:
        if found in (State.FAILED, State.ROLLED_BACK) or time.monotonic() - since > _LONGEST:
            with reading(line.engine) as opened:
                reason = versions.story(opened, version).events[-1].detail.get("reason", looking.trouble or "trop long")
            raise _NotInService(f"La version {version} est « {versions.FRENCH[found]} » : {reason}")
        await asyncio.sleep(0.02)
    return time.monotonic() - since
