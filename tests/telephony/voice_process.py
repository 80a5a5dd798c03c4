"""The spoken question in a process of its own, for the tests that kill or freeze it: `host:port`, AMI port and secret, database, ears."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from bot.messages import Answer, Question
from knowledge.database import open_engine, session
from telephony.asterisk.ami import Account, Asterisk
from telephony.questions.audiosocket import AudioServer
from telephony.questions.conversation import Said
from telephony.questions.listening import Ears, Listener
from telephony.questions.sayings import Sayings
from telephony.questions.voice import Voice
from telephony.speech.sound import Pcm
from tests.stock import real_assistant
from tests.telephony.calls import say
from tests.telephony.recognition import Failing, Hanging, Known, Slow, english_engine
from tests.telephony.small_script import small

EARS: dict[str, Listener | None] = {
    "known": Known(),
    "slow": Slow(20),
    "cannot open": Failing("open"),
    "cannot feed": Failing("feed"),
    "cannot finish": Failing("finish"),
    "hanging": Hanging(),
    "none": None,
}


def make(said: Said, slow: bool) -> Pcm:
    return say(said.text, said.language)


async def serve(address: str, ami_port: int, secret: str, database: str, ears: str) -> None:
    listener = english_engine(Path(tempfile.mkdtemp())) if ears == "english" else EARS[ears]
    script = small()
    host, _, port = address.partition(":")
    engine = open_engine(database)
    with Asterisk("127.0.0.1", ami_port, Account("accueil_publish", secret)) as door:
        assistant = real_assistant(engine)

        def converse(question: Question, _talk: str) -> Answer:
            with session(engine) as kept:
                return assistant.converse(kept, question)

        assert door.wait(10)
        voice = Voice(converse, Ears(listener) if listener else None, Sayings(make), lambda _: script, door.put)
        server = AudioServer(voice.answer)
        await server.start(host, int(port))
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5]))
