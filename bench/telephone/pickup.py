"""How soon a call is picked up when a hundred arrive at once."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bench.telephone.results import Row, print_rows, spread
from bench.telephone.stage import NUMBER, SHORT, Stage, stage, step
from telephony.errors import CallFailed
from telephony.sip.agent import Call, UserAgent

ROUNDS = 5
LIMIT = 1.0
"""Seconds in which every call must be picked up."""
_LISTENING = 2.0
"""Seconds that each call lasts once all are picked up; one that the line drops meanwhile was not picked up."""
_PATIENCE = 20.0


def run(calls: int = 100) -> None:
    """Print the table of simultaneous arrivals: `calls` at once, several times."""
    with stage() as line:
        step("mise en service d'un script court…")
        line.put_in_service(SHORT)
        alone = asyncio.run(_alone(line))
        rounds = [asyncio.run(_arrivals(line, calls, number)) for number in range(1, ROUNDS + 1)]
        missed = _missed(line.asterisk.sip_port)
    taken = [seconds for one, _ in rounds for seconds in one if seconds is not None]
    ours = sum(lost for _, lost in rounds)
    arrived = calls * ROUNDS
    soon = sum(seconds <= LIMIT for seconds in taken)
    lost = f"{arrived - len(taken)} sans réponse ou perdus"
    share = f"{soon / arrived:.1%} en {LIMIT:g} s · {spread([seconds * 1000 for seconds in taken], 'ms', 0)} · {lost}"
    print_rows(
        f"Décroché, {calls} arrivées simultanées, {ROUNDS} fois (de l'INVITE au 200 OK, vu de l'appelant)",
        [
            Row(f"{calls} appels au même instant", f"100 % en {LIMIT:g} s", share, arrived, soon == arrived),
            Row("   messages SIP perdus par un tampon plein, redits 0,5 s après", "", f"Asterisk {missed}, appelant {ours}", arrived),
            Row("un appel après l'autre (référence)", "", spread([seconds * 1000 for seconds in alone], "ms", 0), len(alone)),
        ],
    )


async def _alone(line: Stage) -> list[float]:
    async with line.telephone(recording=False) as phone:
        return [seconds for _ in range(20) if (seconds := await _picked_up(phone)) is not None]


async def _picked_up(phone: UserAgent) -> float | None:
    call = await phone.call(NUMBER)
    seconds = await _wait(call)
    call.hang_up()
    return seconds


async def _arrivals(line: Stage, calls: int, number: int) -> tuple[list[float | None], int]:
    """Seconds before each call was picked up, None for one that was not or was dropped; and the datagrams that the caller itself lost."""
    async with line.telephone(recording=False, idle=50) as phone:
        arriving = await asyncio.gather(*(phone.call(NUMBER) for _ in range(calls)))
        taken = await asyncio.gather(*(_wait(call) for call in arriving))
        await asyncio.sleep(_LISTENING)
        kept = [seconds if call.in_progress else None for call, seconds in zip(arriving, taken, strict=True)]
        for call in arriving:
            call.hang_up()
        step(f"passage {number}/{ROUNDS} : {spread([one * 1000 for one in kept if one is not None], 'ms', 0)}")
        return kept, _missed(phone.port)


async def _wait(call: Call) -> float | None:
    """Seconds from the invitation to the answer; None when nobody answered."""
    try:
        await call.answered(_PATIENCE)
    except CallFailed:
        return None
    assert call.answered_at is not None
    return call.answered_at - call.began


def _missed(port: int) -> int:
    """Datagrams that a socket of this machine lost because its buffer was full (Linux: /proc)."""
    rows = [row.split() for row in Path("/proc/net/udp").read_text().splitlines()[1:]]
    return sum(int(columns[-1]) for columns in rows if int(columns[1].rpartition(":")[2], 16) == port)
