"""The words of the telephone tests: a caller, desks that answer or not, a dialplan in service, a sentence said by espeak-ng.

async def story() -> None:
    async with caller(asterisk) as phone, desks(asterisk, {"1040": BUSY}):
        call = await (await phone.call(NUMBER)).answered()
        call.press("2")
        await call.ended(10)

asyncio.run(story())
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import subprocess
import wave
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

import numpy as np

from telephony.asterisk.instance import Instance
from telephony.sip.agent import Policy, UserAgent
from telephony.sip.message import Credentials
from telephony.speech.sound import RATE, Pcm

NUMBER = "0353011000"
"""The number of the line, as the operator presents it."""

ANSWER = Policy(after=0.2)
BUSY = Policy(status=486, after=0.1)
DECLINE = Policy(status=603, after=0.1)
IGNORE = Policy(status=0)


@asynccontextmanager
async def caller(asterisk: Instance, *, host: str = "127.0.0.1", recording: bool = True, idle: int = 1) -> AsyncIterator[UserAgent]:
    """A telephone whose calls reach the line as the operator's do."""
    phone = await UserAgent.open(("127.0.0.1", asterisk.sip_port), host=host, recording=recording, idle=idle)
    try:
        yield phone
    finally:
        await phone.close()


@asynccontextmanager
async def desks(
    asterisk: Instance, policies: Mapping[str, Policy] | None = None, *, others: Policy = ANSWER, recording: bool = True
) -> AsyncIterator[UserAgent]:
    """The switchboard of the préfecture: what each internal number does when it rings. `received` tells who was called."""
    host, _, port = asterisk.place.desks.partition(":")
    board = await UserAgent.open(
        ("127.0.0.1", asterisk.sip_port),
        host=host,
        port=int(port),
        policy=lambda invite: (policies or {}).get(invite.number, others),
        recording=recording,
    )
    try:
        yield board
    finally:
        await board.close()


def own_line(asterisk: Instance) -> Credentials:
    """The account with which the line calls itself."""
    return Credentials("proof", asterisk.secrets["proof"])


def serve(asterisk: Instance, dialplan: str, version: int = 1) -> None:
    """Put a hand-written dialplan in service, in the layout of LINE, and reload. Calls start in its context `a<version>_entry`."""
    folder = asterisk.line / "versions" / str(version)
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(dialplan.encode()).hexdigest()
    (folder / "dialplan.conf").write_text(f"{dialplan}\n[a{version}_end]\nexten = digest,1,NoOp({digest})\n", "utf-8")
    hashes = dict.fromkeys(re.findall(r"accueil/([0-9a-f]{32})", dialplan))
    complete = f"${{DIALPLAN_EXISTS(a{version}_end,digest,1)}}"
    put_live(
        asterisk,
        f"[accueil_live]\nexten = s,1,GotoIf({complete}?a{version}_entry,s,1:accueil_fallback,s,1)\nexten = version,1,NoOp({version})\n"
        "[accueil_proof]\nexten = start,1,Set(ACCUEIL_PROOF=1)\n same = n,Goto(accueil_arrival,s,1)\n"
        + "".join(f"exten = {name},1,Goto(a{version}_proof,{name},1)\n" for name in hashes)
        + f'#include "{folder}/dialplan.conf"\n',
    )


def put_live(asterisk: Instance, text: str) -> None:
    """Replace LINE/live.conf in one move, and reload."""
    draft = asterisk.line / "live.conf.draft"
    draft.write_text(text, "utf-8")
    draft.replace(asterisk.line / "live.conf")
    asterisk.console("dialplan reload")


def withdraw(asterisk: Instance) -> None:
    """No script in service any more."""
    (asterisk.line / "live.conf").unlink(missing_ok=True)
    asterisk.console("dialplan reload")


def put_sound(asterisk: Instance, name: str, pcm: Pcm) -> str:
    """Write LINE/sounds/<name>.wav; what the dialplan plays: accueil/<name>."""
    write_wav(asterisk.line / "sounds" / f"{name}.wav", pcm)
    return f"accueil/{name}"


COLUMNS = "eventenum userdeftype eventtime eventextra uniqueid linkedid channame peer appname context exten".split()
"""Of the file of call events, as deploy/asterisk/cel_custom.conf orders them."""


def events(asterisk: Instance) -> list[dict[str, str]]:
    """The events that Asterisk wrote so far, by name of column."""
    if not asterisk.cel.is_file():
        return []
    with asterisk.cel.open(encoding="utf-8", newline="") as file:
        return [dict(zip(COLUMNS, row, strict=True)) for row in csv.reader(file)]


def told(asterisk: Instance, name: str, since: int = 0) -> list[list[str]]:
    """The fields of our own events called `name` (ACCUEIL_KEY…), after the first `since` events."""
    return [json.loads(event["eventextra"])["extra"].split("|") for event in events(asterisk)[since:] if event["userdeftype"] == name]


def read_wav(path: Path) -> Pcm:
    """The samples of a file of the line: 8 kHz, mono, 16 bits."""
    with wave.open(str(path)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (RATE, 1, 2), path
        return np.frombuffer(sound.readframes(sound.getnframes()), "<i2").astype(np.int16)


def write_wav(path: Path, pcm: Pcm) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        sound.writeframes(pcm.astype("<i2").tobytes())


@cache
def say(sentence: str, language: str = "fr") -> Pcm:
    """A sentence said by espeak-ng, brought to 8 kHz by sox; about as loud as a prompt of the line."""
    spoken = subprocess.run(["espeak-ng", "-v", language, "-s", "150", "--stdout", sentence], capture_output=True, check=True).stdout
    brought = subprocess.run(
        ["sox", "-q", "-D", "-t", "wav", "-", "-t", "raw", "-r", str(RATE), "-c", "1", "-b", "16", "-e", "signed", "-", "norm", "-6"],
        input=spoken,
        capture_output=True,
        check=True,
    ).stdout
    return np.frombuffer(brought, "<i2").astype(np.int16)
