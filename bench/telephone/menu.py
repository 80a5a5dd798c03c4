"""How many callers may be in the menu at once: hundreds of calls by SIPp, and five telephones that judge what they hear."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Sequence

from bench.telephone.load import RAMP, load
from bench.telephone.probe import INTACT, LATE, Judged, heard_within, judge, together
from bench.telephone.results import Row, print_rows
from bench.telephone.stage import NUMBER, Stage, demonstration, stage, step
from telephony.speech.sound import Pcm

STEPS = (100, 200, 300, 400)
TARGET = 300
PROBES = 5
LISTENING = 20.0
"""Seconds during which the probes listen."""
MENU = "#"
"""The key that leads the probes straight to the main menu."""
_SETTLING = 20.0
"""Seconds after which the callers of the load, who press nothing, are past the choice of a language: there they would hear silence."""
_GREETED = 1.0
"""Seconds of greeting heard before that key."""
_MARGIN = 4.0
"""Seconds that a call of the load outlives the probes."""


def run(calls: int = STEPS[-1]) -> None:
    """Print the table of simultaneous calls: by steps up to `calls`, until the prompts are no longer intact."""
    with stage(fiches=True) as line:
        step("mise en service du script de démonstration…")
        told = line.put_in_service(demonstration())
        expected = heard_within(line, told, LISTENING - PROBES / 2, MENU)
        step(f"{len(expected)} phrases attendues ; un appel seul…")
        rows = [Row("un seul appel (référence)", "", asyncio.run(_probes(line, expected, 1)).words(), 1)]
        for wanted in [*(one for one in STEPS if one < calls), calls]:
            step(f"{wanted} appels dans le menu…")
            good, found = _under(line, expected, wanted)
            rows += found
            if not good:
                break
    print_rows(f"Appels simultanés dans le menu ({os.cpu_count()} cœurs, générateur de charge compris)", rows)


def _under(line: Stage, expected: Sequence[Pcm], calls: int) -> tuple[bool, list[Row]]:
    """Whether everything was intact with `calls` calls in the menu, and what was measured."""
    ramp = calls / RAMP
    with load(line, calls, ramp + _SETTLING + LISTENING + _MARGIN) as running:
        time.sleep(ramp + _SETTLING)
        before, began = running.processor(), time.monotonic()
        judged, present = asyncio.run(_hold(line, expected))
        lasted = time.monotonic() - began
        asterisk, generator = ((after - first) / lasted for after, first in zip(running.processor(), before, strict=True))
        held, failed = running.finished(ramp + _MARGIN + 30)
    good = judged.intact and present >= calls and held == calls and not failed
    target = f"{TARGET} appels : ressemblance ≥ {INTACT}, p99 < {LATE * 1000:.0f} ms" if calls == TARGET else ""
    kept = f"{present} ensemble, {held} jusqu'au bout, {failed} en échec"
    used = f"Asterisk {asterisk:.0%}, générateur {generator:.0%} d'un cœur"
    return good, [
        Row(f"{calls} appels, {PROBES} sondes", target, judged.words(), calls, _verdict(good, calls)),
        Row("   appels tenus · processeur", "tous" if calls == TARGET else "", f"{kept} · {used}", calls),
    ]


def _verdict(good: bool, calls: int) -> bool | None:
    """The target is judged at its own number of calls; under it only a failure tells something, and over it only a success."""
    if calls == TARGET:
        return good
    if calls < TARGET:
        return None if good else False
    return True if good else None


async def _hold(line: Stage, expected: Sequence[Pcm]) -> tuple[Judged, int]:
    """With every call of the load in progress: what the probes hear, and how many calls of the load are present meanwhile."""

    async def present() -> int:
        await asyncio.sleep(LISTENING / 2)
        counted = re.search(r"(\d+) active call", await asyncio.to_thread(line.asterisk.console, "core show channels count"))
        return int(counted[1]) - PROBES if counted else 0

    return await asyncio.gather(_probes(line, expected, PROBES), present())


async def _probes(line: Stage, expected: Sequence[Pcm], count: int) -> Judged:
    """Call `count` times, half a second apart, and judge what was heard."""

    async def listen(delay: float) -> Judged:
        await asyncio.sleep(delay)
        call = await (await phone.call(NUMBER)).answered(10)
        await asyncio.sleep(_GREETED)
        call.press(MENU)
        await asyncio.sleep(LISTENING - delay)
        call.hang_up()
        return await judge(call, expected)

    async with line.telephone() as phone:
        return together(await asyncio.gather(*(listen(number / 2) for number in range(count))))
