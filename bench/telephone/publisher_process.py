"""A publisher in a process of its own, to be killed: it says that it is warm, waits for the order, then publishes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from bench.figures import refuse
from knowledge.database import open_engine
from knowledge.settings import settings as knowledge_settings
from telephony.asterisk.ami import Account, Asterisk
from telephony.publication.building import Builder
from telephony.publication.candidate import Candidate
from telephony.publication.folder import LineFolder
from telephony.publication.proof import SelfCall
from telephony.publication.publisher import Publisher
from telephony.settings import TelephonySettings, settings
from telephony.speech.prompts import Prompts

_READY_SECONDS = 30.0


@dataclass(frozen=True)
class Where:
    """The line that it publishes on."""

    database: str
    asterisk: str
    line: Path
    temporary: Path
    """Folder of its temporary files: a process that is killed removes none."""
    ami_port: int
    self_call: SelfCall
    publish_secret: str


class PublisherProcess:
    """Started at once by a server that has imported everything already; killed, never stopped."""

    def __init__(self, where: Where) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])
        self._orders, theirs = context.Pipe()
        self._process = context.Process(target=_publish, args=(where, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def ready(self) -> None:
        """Wait until it is warm. Ends the bench when it does not start."""
        try:
            if self._orders.poll(_READY_SECONDS):
                self._orders.recv()
                return
        except EOFError:
            pass
        refuse("Le publicateur à arrêter n'a pas démarré : son erreur est ci-dessus.")

    def publish(self) -> None:
        self._orders.send("go")

    def kill(self) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.join()
        self._orders.close()


def _publish(where: Where, orders: Connection) -> None:
    tempfile.tempdir = str(where.temporary)
    prompts = Prompts.from_settings(TelephonySettings(_env_file=None, line=where.line), knowledge_settings().content)
    candidate = Candidate(where.asterisk, settings().configuration)
    candidate.warm()
    builder = Builder(LineFolder(where.line), prompts, knowledge_settings().timezone)
    with Asterisk("127.0.0.1", where.ami_port, Account("accueil_publish", where.publish_secret)) as door:
        door.wait(_READY_SECONDS)
        publisher = Publisher(open_engine(where.database), builder.folder, builder, door, candidate, where.self_call)
        orders.send("ready")
        orders.recv()
        while publisher.step() is not None:
            pass
