"""Real calls along the paths of a script, on a real Asterisk that plays tones instead of speech."""

from __future__ import annotations

import asyncio
import csv
import json
import re
import struct
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from knowledge.scripts.call import (
    Answered,
    Event,
    Failed,
    HangUp,
    Heard,
    Key,
    Listen,
    NoteNumber,
    Record,
    Ring,
    SpeechEnded,
    Step,
    Wait,
)
from knowledge.scripts.model import Queue, Transfer, service_symbol
from knowledge.scripts.told import Sentence, Told
from telephony.asterisk.instance import Instance
from telephony.dialplan import SLOW, compiled
from telephony.dialplan.queues import ANNOUNCEMENTS, queues
from telephony.publication.folder import LineFolder
from telephony.sip.agent import Call, Policy, Side, UserAgent
from telephony.sip.message import Message
from telephony.sip.rtp import FRAME
from tests.telephony import tones
from tests.telephony.calls import BUSY, COLUMNS, IGNORE, caller, put_sound
from tests.telephony.paths import Path, cuts, log

TAKES_THE_CALL = Policy(after=0.1, lasts=1.0)
READY = 0
"""The tone with which the spoken question says that it listens."""
_PLACE = tones.MOST - 1
"""What a queue says of one's place: the script does not say it, and it depends on the other callers."""
_LONG = 60
"""Frames of the first sentence of a message: 1.2 s, so that a caller has the time to interrupt it."""
_PATIENCE = 20.0
_QUIET = 25
"""Frames without sound after which nothing more is said."""


class Sounds:
    """A tone for each sentence at each speed."""

    def __init__(self, told: Told, crisis: Iterable[Sentence] = ()) -> None:
        keys = [(sentence, rate) for sentence in (*told.sentences(), *crisis) for rate in ("normal", "slow")]
        self.number = {key: number for number, key in enumerate(keys, READY + 1)}
        first = {said[0] for (node, _, part), said in told.parts.items() if part == "say"}
        self.lengths = {READY: tones.SHORT}
        self.lengths |= {number: _LONG if key[0] in first else tones.SHORT for key, number in self.number.items()}
        self.sentences = {number: f"{key[0].text} ({key[0].language}, {key[1]})" for key, number in self.number.items()}

    def letter(self) -> Mapping[tuple[Sentence, str], str]:
        return {key: letter_of(number) for key, number in self.number.items()}

    def files(self) -> Mapping[tuple[Sentence, str], str]:
        return {key: f"{number:032x}" for key, number in self.number.items()}

    def frames(self, step: Step) -> int:
        return sum(self.lengths[self.number[sentence, step.state.rate]] for sentence in step.said)

    def heard(self, call: Call) -> str:
        return "".join(letter_of(number) for number in tones.heard(call.stream.packets, self.lengths))

    def told(self, letters: str) -> list[str]:
        return [self.sentences.get(ord(letter) - _FIRST, "(prêt)") for letter in letters]


_FIRST = 0x4E00


def letter_of(number: int) -> str:
    return chr(_FIRST + number)


def put_in_service(asterisk: Instance, told: Told, sounds: Sounds, version: int) -> None:
    """Compile with the tones, and serve."""
    for number, frames in sounds.lengths.items():
        put_sound(asterisk, f"{number:032x}", tones.tone(number, frames))
    folder = LineFolder(asterisk.line)
    plan = compiled(told, version, sounds.files(), "Europe/Paris")
    put_sound(asterisk, f"{_PLACE:032x}", tones.tone(_PLACE))
    folder.switch(folder.write(plan, queues(told, dict.fromkeys(ANNOUNCEMENTS.values(), f"accueil/{_PLACE:032x}")), {}))
    asterisk.console("dialplan reload")
    asterisk.console("queue reload all")


@dataclass(frozen=True)
class Lived:
    heard: str
    """One letter for each sentence heard to its end."""
    logged: list[str]
    rung: list[str]
    whispered: list[str]
    """What each person who answered heard."""
    hung_up_by_the_line: bool


class Follower:
    """Reads the events of Asterisk as they come: where each call is. Calls are known by the number that they dialled."""

    def __init__(self, asterisk: Instance, told: Told) -> None:
        self._asterisk, self._script = asterisk, told.script
        self._offset = asterisk.cel.stat().st_size if asterisk.cel.is_file() else 0
        self._numbers: dict[str, str] = {}
        self.lines: dict[str, list[str]] = defaultdict(list)

    def has(self, number: str, lines: int) -> bool:
        return len(self.lines[number]) >= lines

    async def follow(self) -> None:
        while True:
            self._read()
            await asyncio.sleep(0.02)

    def _read(self) -> None:
        if not self._asterisk.cel.is_file():
            return
        with self._asterisk.cel.open("rb") as file:
            file.seek(self._offset)
            whole, found, _ = file.read().rpartition(b"\n")
        self._offset += len(whole) + len(found)
        for row in csv.reader(whole.decode().splitlines()):
            event = dict(zip(COLUMNS, row, strict=True))
            if event["eventenum"] == "CHAN_START" and event["channame"].startswith("PJSIP/trunk"):
                self._numbers[event["linkedid"]] = event["exten"]
            elif event["eventenum"] == "USER_DEFINED":
                self._note(self._numbers.get(event["linkedid"], ""), event)

    def _note(self, number: str, event: Mapping[str, str]) -> None:
        _, view, symbol = json.loads(event["eventextra"])["extra"].split("|")[:3]
        match event["userdeftype"]:
            case "ACCUEIL_NODE":
                node = self._script.node_at(int(symbol[1:]))
                if self._script.nodes[node].type != "schedule":
                    self.lines[number].append(f"{node} {view}")
            case "ACCUEIL_SILENCE" | "ACCUEIL_WRONG" as kind:
                self.lines[number].append(kind.removeprefix("ACCUEIL_").lower())


class Lives:
    """Lives paths, several at once, in the state that the line is in."""

    def __init__(self, told: Told, sounds: Sounds, phone: UserAgent, board: UserAgent, follower: Follower) -> None:
        self._outcomes: dict[str, list[Policy]] = {}
        self._told, self._sounds, self._phone, self._board, self._follower = told, sounds, phone, board, follower

    async def live(self, path: Path, index: int) -> Lived:
        """One call along `path`, to its end. `index` gives it numbers of its own."""
        call = await self.stay(path, index)
        call.hang_up()
        side = await call.ended(_PATIENCE)
        await asyncio.sleep(0.3)
        rang = self._rang(index)
        return Lived(
            self._sounds.heard(call),
            self._follower.lines[call.number],
            [one.number for one in rang],
            [self._sounds.heard(one) for one in rang if one.answered_at],
            side is Side.THEM,
        )

    async def stay(self, path: Path, index: int) -> Call:
        """One call to the last step of `path`, heard whole: the line has hung up, or the caller has still to."""
        ours = _number_of(index)
        self._outcomes[ours] = [policy for event in path.events if (policy := _policy(event))]
        call = await self._phone.call(f"03{index:08d}", caller="anonymous" if _hidden(path) else ours)
        await call.answered(_PATIENCE)
        reached = 0
        for number, (step, lines) in enumerate(zip(path.steps, log(self._told, path), strict=True)):
            reached += len(lines)
            await _until(partial(self._follower.has, call.number, reached), call)
            if number < len(path.events):
                await self._act(call, step, path.events[number], number == len(path.events) - 1)
            elif isinstance(step.action, Ring | Wait):
                await _until(lambda: bool(self._rang(index)), call)
            elif isinstance(step.action, HangUp):
                await call.ended(_PATIENCE)
            else:
                await self._hear(call, step)
        return call

    async def _act(self, call: Call, step: Step, event: Event, last: bool) -> None:
        """What the caller does so that `event` happens."""
        match event:
            case Key(key):
                if not cuts(step, event, last):
                    await self._hear(call, step)
                    await asyncio.sleep(0.3 if isinstance(step.action, Record) else 0)
                call.press(key)
            case SpeechEnded(way, slow):
                await self._hear(call, step)
                call.press(("9" if slow else "") + spoken_ways(self._told)[way if way in ("menu", "agent") else service_symbol(way)])
            case Failed() if isinstance(step.action, Listen):
                await self._hear(call, step)
                call.press("D")
            case Heard() if isinstance(step.action, Record):
                await self._hear(call, step)
                await asyncio.sleep(0.3)
                call.press("5")

    async def _hear(self, call: Call, step: Step) -> None:
        """Wait until all of a step has been said."""
        wanted = len(call.stream.packets) + self._sounds.frames(step) + (tones.SHORT if isinstance(step.action, Listen) else 0)
        quiet = 0
        while (before := len(call.stream.packets)) < wanted and quiet < _QUIET and call.in_progress:
            await asyncio.sleep(0.02)
            quiet = quiet + 1 if len(call.stream.packets) == before else 0

    def _rang(self, index: int) -> list[Call]:
        return [one for one in self._board.received if one.invite is not None and caller_of(one.invite) == _number_of(index)]

    def policy(self, invite: Message) -> Policy:
        """What the desks do with each caller, call after call; then they let it ring."""
        left = self._outcomes.get(caller_of(invite), [])
        return left.pop(0) if left else IGNORE


def spoken_ways(told: Told) -> dict[str, str]:
    """The key by which a caller tells how his spoken question ends, by way out; D: it fails."""
    services = dict.fromkeys(service_symbol(node.service) for node in told.script.nodes.values() if isinstance(node, Transfer | Queue))
    return {"menu": "A", "agent": "B"} | dict(zip(services, "12345678C", strict=False))


def _number_of(index: int) -> str:
    return f"06{index:08d}"


def caller_of(invite: Message) -> str:
    found = re.search(r"sip:([^@>]*)@", invite.header("from"))
    return found[1] if found else ""


def _hidden(path: Path) -> bool:
    passed = zip(path.steps, path.events, strict=False)
    return any(isinstance(event, Failed) and isinstance(step.action, NoteNumber) for step, event in passed)


def _policy(event: Event) -> Policy | None:
    if isinstance(event, Answered):
        return TAKES_THE_CALL
    return BUSY if getattr(event, "status", "") == "BUSY" else None


async def _until(done: Callable[[], bool], call: Call) -> None:
    for _ in range(int(_PATIENCE / 0.02)):
        if done() or not call.in_progress:
            return
        await asyncio.sleep(0.02)


@asynccontextmanager
async def lives(asterisk: Instance, told: Told, sounds: Sounds) -> AsyncIterator[Lives]:
    """A caller, the desks, and the spoken question, around this Asterisk."""
    host, _, port = asterisk.place.audio.partition(":")
    follower = Follower(asterisk, told)
    async with AsyncExitStack() as stack:
        phone = await stack.enter_async_context(caller(asterisk, idle=10))
        own, _, desks = asterisk.place.desks.partition(":")
        board = await UserAgent.open(phone.address, host=own, port=int(desks), policy=lambda invite: callers.policy(invite))
        stack.push_async_callback(board.close)
        callers = Lives(told, sounds, phone, board, follower)
        ways = {key: way for way, key in spoken_ways(told).items()}
        ears = await asyncio.start_server(lambda reader, writer: _listen(asterisk, ways, reader, writer), host, int(port))
        following = asyncio.create_task(follower.follow())
        try:
            yield callers
        finally:
            following.cancel()
            ears.close()


async def _listen(asterisk: Instance, ways: Mapping[str, str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A spoken question whose caller says by a key how it ends."""
    try:
        _, content = await _frame(reader)
        question = str(uuid.UUID(bytes=content))
        ready = tones.tone(READY).astype("<i2").tobytes()
        for at in range(0, len(ready), 2 * FRAME):
            writer.write(struct.pack("!BH", 0x10, 2 * FRAME) + ready[at : at + 2 * FRAME])
            await asyncio.sleep(0.02)
        speed = ""
        while True:
            kind, content = await _frame(reader)
            if kind == 0x03 and content == b"9":
                speed = SLOW
            elif kind == 0x03:
                way = ways.get(content.decode())
                if way:
                    await asyncio.to_thread(asterisk.console, f"database put accueil_next {question} {way}{speed}")
                return
    except (asyncio.IncompleteReadError, ConnectionError):
        return
    finally:
        writer.close()


async def _frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    kind, size = struct.unpack("!BH", await reader.readexactly(3))
    return kind, await reader.readexactly(size)
