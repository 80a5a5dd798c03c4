"""Spoken questions: a hundred callers at once in one process, and how long each waits between his last word and the first sound."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import psutil

from bench.figures import show
from bot.assistant import Assistant
from bot.evaluation.questions import OWN, read
from bot.messages import Answer, Question
from knowledge import database
from knowledge.scripts.model import parse
from knowledge.settings import settings as knowledge_settings
from telephony.questions.audiosocket import AudioServer
from telephony.questions.listening import Ears, Heard
from telephony.questions.sayings import Sayings, by_prompts
from telephony.questions.voice import Voice
from telephony.settings import TelephonySettings
from telephony.speech.prompts import Prompts
from telephony.speech.sound import Pcm, finished
from telephony.speech.voices import Espeak, Rate

LEGS = 100
SECONDS = 60.0
QUESTIONS = 40
SCRIPT = """
id: bench
title: Une question parlée
languages: [fr]
start: question
menu: question
agent: question
forced_closure: question
nodes:
  question: {type: question, say: {fr: "Posez votre question."}, next: question}
"""


class Instant:
    """A recogniser that takes no time: what is measured is everything else."""

    name = "instant"

    def __init__(self, texts: list[str]) -> None:
        self._texts = texts
        self._number = 0

    def open(self, language: str) -> Instant:
        return self

    def feed(self, pcm: Pcm) -> None:
        pass

    def finish(self) -> Heard:
        self._number += 1
        return Heard(self._texts[self._number % len(self._texts)], 1.0)


def run(assistant: Assistant, legs: int = LEGS, seconds: float = SECONDS) -> None:
    """Print the table of the spoken question."""
    texts = [one.text for one in read(OWN / "citizens.jsonl")][:QUESTIONS]
    with tempfile.TemporaryDirectory() as folder:
        spoken = Path(folder) / "questions.npz"
        np.savez(spoken, *(finished(Espeak().say(text, "fr", Rate.NORMAL)) for text in texts))
        told, load, late, sent = asyncio.run(_measure(assistant, texts, Path(folder), spoken, legs, seconds))
    conditions = f"{legs} callers, {seconds:g} s"
    share = f"{told['late'] / max(1, told['frames']):.4%}"
    rows = [
        ["frames more than 40 ms after the previous one, as sent", f"{conditions}, {sent} frames", str(late), "0"],
        [
            "the same, as received by the callers",
            f"{told['frames']} frames",
            f"{told['late']} ({share}), worst {told['worst'] * 1000:.0f} ms",
            "0",
        ],
        ["end of question → first sound, recogniser excluded", f"n = {len(told['waits'])}", _milliseconds(told["waits"]), "p95 ≤ 700 ms"],
        ["legs ended without an answer", conditions, str(told["cut"]), "0"],
        ["processor of the line", conditions, f"{load:.0%} of one core", "≤ 100 %"],
    ]
    show("Spoken question (this machine, this run)", ["what", "conditions", "measured", "target"], rows)


async def _measure(
    assistant: Assistant, texts: list[str], folder: Path, spoken: Path, legs: int, seconds: float
) -> tuple[dict[str, object], float, int, int]:
    """What the callers saw, the processor time of this process by second, frames sent late and frames sent."""
    engine = database.open_engine(f"sqlite:///{folder / 'bench.db'}")
    database.migrate(engine)

    def converse(question: Question, _talk: str) -> Answer:
        with database.session(engine) as opened:
            return assistant.converse(opened, question)

    prompts = Prompts.from_settings(TelephonySettings(line=folder / "line"), knowledge_settings().content)
    script = parse(SCRIPT, "bench.yml").script
    voice = Voice(converse, Ears(Instant(texts)), Sayings(by_prompts(prompts)), lambda _: script, lambda *_: None)
    voice.prepare(script)
    server = AudioServer(voice.answer)
    port = await server.start("127.0.0.1", 0)
    arguments = ["-m", "bench.speech_callers", str(port), str(legs), str(seconds), str(spoken)]
    started = psutil.Process().cpu_times()
    callers = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    output, _ = await callers.communicate()
    spent = psutil.Process().cpu_times()
    await server.close()
    await voice.close()
    engine.dispose()
    load = (spent.user + spent.system - started.user - started.system) / seconds
    return json.loads(output), load, server.late, server.sent


def _milliseconds(waits: object) -> str:
    assert isinstance(waits, list)
    p50, p95, p99 = np.percentile(waits, (50, 95, 99)) * 1000
    return f"p50 {p50:.0f} · p95 {p95:.0f} · p99 {p99:.0f} ms"
