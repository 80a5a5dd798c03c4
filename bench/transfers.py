"""Bridges, by hundreds, on a real Asterisk: was the whole announcement heard before each of them?

Callers press at random, desks answer, are busy, decline or let it ring, and callers hang up at any instant. The recording of each call is
then read: the announcement of the department that rang, to its last quarter of a second, and only afterwards the first word of the agent.
What Asterisk writes of its own work is not asked.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from bench.figures import refuse, show
from bot.indicators import wilson
from knowledge import directory
from knowledge.clock import today
from knowledge.facts import Facts
from knowledge.scripts.model import Menu, Queue, Script, Transfer, parse
from knowledge.scripts.telling import tell
from knowledge.scripts.told import Sentence, Told
from knowledge.settings import KnowledgeSettings
from telephony.asterisk.instance import Instance, Place, free_port
from telephony.errors import CallFailed, TelephonyError
from telephony.publication.building import Builder
from telephony.publication.folder import LineFolder
from telephony.settings import TelephonySettings
from telephony.sip.agent import Call, Policy, Side, UserAgent
from telephony.sip.hearing import match
from telephony.sip.message import Message
from telephony.sip.rtp import FRAME, Packet, decode
from telephony.speech.prompts import Prompt, Prompts
from telephony.speech.sound import RATE, Pcm
from telephony.speech.voices import Rate

BRIDGES = 1000
AT_ONCE = 24
NUMBER = "0353011000"
WHOLE = 0.95
"""Likeness from which an announcement is whole: nothing is lost on a loopback, and a missing tenth would be under it."""
_END = RATE // 4
_AGENT = 3000
"""Hertz of what an agent says: no prompt sounds like it."""
_PATIENCE = 20.0
"""Seconds within which a call is picked up, on a busy machine too."""
_STAYS = 15.0
"""The longest that a caller stays."""

SCRIPT = """
id: banc
title: Un banc de transferts
languages: [fr]
start: bonjour
menu: choix
agent: standard
forced_closure: fin
nodes:
  bonjour: {type: message, say: {fr: "Bonjour."}, next: choix}
  choix:
    type: menu
    choices:
      - {key: "1", label: {fr: "Permis"}, to: permis}
      - {key: "2", label: {fr: "Séjour"}, to: sejour}
      - {key: "3", label: {fr: "Armes"}, to: armes}
    silence: {say: {fr: "Rien."}}
    wrong: {say: {fr: "Non."}}
    exhausted: {say: {fr: "Une personne."}, to: standard}
  permis: {type: transfer, service: permis, subject: {fr: "permis"}, unanswered: fin}
  sejour: {type: queue, service: migrations, subject: {fr: "séjour"}, full: fin, unanswered: fin}
  armes: {type: transfer, service: armes, subject: {fr: "armes"}, unanswered: fin}
  standard: {type: transfer, service: standard, subject: {fr: "autre"}, unanswered: fin}
  fin: {type: end, say: {fr: "Au revoir."}}
"""
_SHORT = {"choices": "Un, deux, trois.", "leave": "Merci.", "whisper": "Appel.", "unanswered": "Personne.", "full": "Complet."}
"""Fixed sentences, so short that a thousand bridges take minutes. The announcement is the name of the department."""


Announcements = dict[str, tuple[Pcm, ...]]
"""What may announce an internal number: its department, at each speed."""


@dataclass
class Tally:
    """What was found, call by call."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Bench:
    phone: UserAgent
    board: UserAgent
    announcements: Announcements
    chance: random.Random
    tally: Tally = field(default_factory=Tally)


def run(bridges: int = BRIDGES, seed: int | None = None, at_once: int = AT_ONCE) -> None:
    """Record `bridges` bridges and print the table. Stops with status 2 when an announcement was not whole before one of them."""
    seed = random.SystemRandom().randrange(1 << 32) if seed is None else seed
    began = time.monotonic()
    try:
        with tempfile.TemporaryDirectory() as folder, _line(Path(folder)) as (asterisk, announcements):
            tally = asyncio.run(_record(asterisk, announcements, bridges, random.Random(seed), at_once))
    except TelephonyError as error:
        refuse(str(error))
    _show(tally, seed, at_once, time.monotonic() - began)
    if tally.faults:
        refuse("\n".join(tally.faults[:20]))


def _show(tally: Tally, seed: int, at_once: int, seconds: float) -> None:
    counts = tally.counts
    bridged, silent = counts["bridged"], counts["bridged without"]
    low, high = wilson(silent, bridged)
    rows = [
        ["bridges", str(bridged), ""],
        ["announcement whole before the agent's first word", str(bridged - silent), "all"],
        ["bridged without the whole announcement", f"{silent} [{abs(low):.4f}–{high:.4f}]", "0"],
        ["desks that rang", str(counts["rung"]), ""],
        ["rang before the whole announcement", str(counts["rung before"]), "0"],
        *([f"ended earlier: {name}", str(counts[name]), ""] for name in sorted(counts) if name.startswith("the ")),
        ["calls", str(counts["calls"]), f"seed {seed}, {at_once} at once"],
        ["wall time", f"{seconds:.0f} s", ""],
    ]
    show("Announced transfers (real Asterisk, recordings of both sides)", ["what", "measured", "expected"], rows)


# --- The line ------------------------------------------------------------------------------------------------------------


@contextmanager
def _line(folder: Path) -> Iterator[tuple[Instance, Announcements]]:
    """A real Asterisk that serves SCRIPT, and the announcement of each internal number, at both speeds."""
    settings = TelephonySettings(line=folder)
    content = KnowledgeSettings().content
    prompts = Prompts.from_settings(settings, content)
    told = _short(tell(_hurried(parse(SCRIPT, "banc.yml").script), directory.read(content), Facts(()), {}, today()))
    line = LineFolder(folder)
    built = Builder(line, prompts, "Europe/Paris").build(told, 1)
    line.switch(line.write(built.dialplan, built.queues, {}))
    announcements: Announcements = {}
    for name, node in told.script.nodes.items():
        if isinstance(node, Transfer | Queue):
            (said,) = told.said(name, "fr", "announce")
            names = (built.sounds[Prompt(said.text, "fr", rate)] for rate in Rate)
            announcements[told.directory[node.service].extension or ""] = tuple(prompts.load(name) for name in names)
    program = settings.asterisk or os.environ.get("ACCUEIL_ASTERISK", "")
    place = Place(desks=f"127.0.0.1:{free_port()}")
    with Instance.throwaway(program, folder, settings.configuration, place) as asterisk:
        yield asterisk, announcements


def _hurried(script: Script) -> Script:
    """Lines that ring for three seconds, and menus that wait for two: a script that people use may not be so short."""
    shorter: dict[type, dict[str, int]] = {Transfer: {"seconds": 3}, Queue: {"seconds": 8, "most": 50}, Menu: {"wait": 2, "attempts": 2}}
    nodes = {name: node.model_copy(update=shorter.get(type(node), {})) for name, node in script.nodes.items()}
    return script.model_copy(update={"nodes": nodes})


def _short(told: Told) -> Told:
    parts = {}
    for (node, language, part), said in told.parts.items():
        desk = told.script.nodes[node]
        named = told.directory[desk.service].spoken if part == "announce" and isinstance(desk, Transfer | Queue) else ""
        short = f"{named.capitalize()}." if named else _SHORT.get(part)
        parts[node, language, part] = (Sentence(short, language),) if short else said
    return replace(told, parts=parts)


# --- Callers and desks ---------------------------------------------------------------------------------------------------


async def _record(asterisk: Instance, announcements: Announcements, bridges: int, chance: random.Random, at_once: int) -> Tally:
    phone = await UserAgent.open(("127.0.0.1", asterisk.sip_port), idle=10)
    host, _, port = asterisk.place.desks.partition(":")
    board = await UserAgent.open(phone.address, host=host, port=int(port), policy=lambda invite: _desk(invite, chance))
    bench = Bench(phone, board, announcements, chance)
    try:
        await asyncio.gather(*(_calls(bench, bridges, line, at_once) for line in range(at_once)))
    finally:
        await phone.close()
        await board.close()
    return bench.tally


def _desk(invite: Message, chance: random.Random) -> Policy:
    """A desk on an ordinary day; that of a queue picks up sooner, for others wait behind."""
    after, kind = chance.uniform(0.05, 0.5), chance.random()
    if kind < 0.70:
        return Policy(after=after, lasts=chance.uniform(1.4, 2.0), says=_voice())
    if kind < 0.82 or invite.number == "1010":
        return Policy(status=486, after=after)
    return Policy(status=603, after=after) if kind < 0.9 else Policy(status=0)


def _voice() -> Pcm:
    voice: Pcm = (8000 * np.sin(2 * np.pi * _AGENT / RATE * np.arange(3 * RATE))).astype(np.int16)
    return voice


async def _calls(bench: Bench, bridges: int, line: int, lines: int) -> None:
    """One caller after another until there are enough bridges."""
    number = line
    while bench.tally.counts["bridged"] < bridges:
        caller = f"06{number:08d}"
        number += lines
        heard_before = len(bench.board.received)
        try:
            call = await _one(bench, caller)
        except CallFailed as failed:
            bench.tally.faults.append(str(failed))
            return
        await asyncio.sleep(0.2)  # the desk hears of the end
        rang = [one for one in bench.board.received[heard_before:] if one.invite and _caller_of(one.invite) == caller]
        await asyncio.to_thread(_judge, bench, call, rang)


async def _one(bench: Bench, caller: str) -> Call:
    """One call, whatever its caller does."""
    chance = bench.chance
    call = await (await bench.phone.call(NUMBER, caller=caller)).answered(_PATIENCE)
    if chance.random() < 0.12:
        asyncio.get_running_loop().call_later(chance.uniform(0, 4), call.hang_up)
    await asyncio.sleep(chance.uniform(0.3, 2))
    call.press(chance.choice("1111222333300004569*#78A"))
    if chance.random() < 0.6:  # impatient: more keys, whatever is being said
        await asyncio.sleep(chance.uniform(0, 2))
        call.press("".join(chance.choices("0123456789*#ABCD", k=chance.randrange(1, 5))))
    try:
        await call.ended(_STAYS)
    except CallFailed:  # still in the menu, or waiting in the queue
        call.hang_up()
    return call


def _caller_of(invite: Message) -> str:
    found = re.search(r"sip:(\d+)@", invite.header("from"))
    return found[1] if found else ""


# --- What was heard ------------------------------------------------------------------------------------------------------


def _judge(bench: Bench, call: Call, rang: Sequence[Call]) -> None:
    """Read the recording of one call against the desks that it made ring."""
    counts, packets = bench.tally.counts, tuple(call.stream.packets)
    counts["calls"] += 1
    spoke = _agent_spoke(packets)
    for desk in rang:
        counts["rung"] += 1
        if not _announced(packets, bench.announcements[desk.number], desk.rung_at or 0.0):
            counts["rung before"] += 1
            bench.tally.faults.append(f"{desk.number} rang before its announcement was heard whole")
    if spoke is not None:
        counts["bridged"] += 1
        answered = [desk for desk in rang if desk.answered_at]
        if not answered or not _announced(packets, bench.announcements[answered[-1].number], spoke):
            counts["bridged without"] += 1
            bench.tally.faults.append(f"a caller spoke to {[desk.number for desk in answered]} without its whole announcement")
    else:
        counts[_ended_earlier(call, rang)] += 1


def _ended_earlier(call: Call, rang: Sequence[Call]) -> str:
    if call.ended_by is Side.US:
        if not rang:
            return "the caller hung up before anything rang"
        return "the caller hung up during the whisper" if rang[-1].answered_at else "the caller hung up while it rang or waited"
    return "the desks did not take the call" if rang else "the line said goodbye"


def _agent_spoke(packets: Sequence[Packet]) -> float | None:
    """When the caller first heard an agent, on the clock of the calls; None: never."""
    for packet in packets:
        spectrum = np.abs(np.fft.rfft(decode(packet.payload).astype(np.float64))) ** 2
        if len(packet.payload) == FRAME and spectrum[_AGENT * FRAME // RATE] > 0.9 * spectrum.sum() + 1:
            return packet.arrived
    return None


def _announced(packets: Sequence[Packet], announcements: Sequence[Pcm], before: float) -> bool:
    """Whether one of these was heard whole, its end included, in what arrived before an instant."""
    earlier = [decode(packet.payload) for packet in packets if packet.arrived <= before + 0.02]
    if not earlier:
        return False
    recording = np.concatenate(earlier)
    return any(_whole(recording, announcement) for announcement in announcements)


def _whole(recording: Pcm, announcement: Pcm) -> bool:
    found = match(recording, announcement)
    start = round(found.at * RATE) + len(announcement) - 2 * _END
    end = recording[max(0, start) : start + 3 * _END]
    return found.score >= WHOLE and match(end, announcement[-_END:]).score >= WHOLE
