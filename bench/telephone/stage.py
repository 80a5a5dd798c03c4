"""Where a bench plays: a database, an Asterisk, a publisher and telephones, all of its own, in a temporary folder."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from socket import SOCK_STREAM

from sqlalchemy import Engine

from bench.figures import refuse
from knowledge import directory
from knowledge.clock import now, today
from knowledge.database import migrate, open_engine, reading, session
from knowledge.loading import load
from knowledge.scripts import versions
from knowledge.scripts.call import Opening, situation
from knowledge.scripts.telling import Told
from knowledge.settings import settings as knowledge_settings
from telephony.asterisk.ami import Account, Asterisk
from telephony.asterisk.instance import Instance, Place, free_port, program
from telephony.errors import AsteriskAbsent
from telephony.publication.building import Builder
from telephony.publication.candidate import Candidate
from telephony.publication.folder import LineFolder
from telephony.publication.proof import SelfCall
from telephony.publication.publisher import Publisher
from telephony.settings import TelephonySettings, settings
from telephony.sip.agent import UserAgent
from telephony.speech.prompts import Prompts

NUMBER = "0353011000"
"""The number of the line, as the operator presents it."""
SHORT = (Path(__file__).parent / "short.yml").read_text("utf-8")
"""A script of few sentences, ready in seconds."""


def asterisk_root() -> str:
    """The Asterisk of this machine: ACCUEIL_ASTERISK, TELEPHONY_ASTERISK, else the system's program. Ends the bench when there is none."""
    named = os.environ.get("ACCUEIL_ASTERISK") or settings().asterisk
    try:
        program(named)
    except AsteriskAbsent as absent:
        refuse(f"{absent} Pour les mesures, ACCUEIL_ASTERISK convient aussi ; deploy/asterisk/build-rootfs.sh en construit un.")
    return named


def demonstration() -> str:
    """The whole script of the demonstration préfecture."""
    return (knowledge_settings().content / "scripts" / "accueil.yml").read_text("utf-8")


def step(text: str) -> None:
    """Say what the bench is doing, on stderr: the tables alone go to stdout."""
    sys.stderr.write(f"  {text}\n")
    sys.stderr.flush()


@dataclass(frozen=True)
class Stage:
    """One line, with nothing published yet."""

    folder: Path
    engine: Engine
    asterisk: Instance
    root: str

    @property
    def line(self) -> LineFolder:
        return LineFolder(self.folder / "line")

    @cached_property
    def prompts(self) -> Prompts:
        return Prompts.from_settings(TelephonySettings(_env_file=None, line=self.line.path), knowledge_settings().content)

    @cached_property
    def builder(self) -> Builder:
        return Builder(self.line, self.prompts, knowledge_settings().timezone)

    @property
    def self_call(self) -> SelfCall:
        return SelfCall(("127.0.0.1", self.asterisk.sip_port), self.asterisk.secrets["proof"])

    @contextmanager
    def publisher(self) -> Iterator[Publisher]:
        """The publisher of this line, its candidate warm."""
        candidate = Candidate(self.root, settings().configuration)
        try:
            candidate.warm()
            with self.door() as door:
                yield Publisher(self.engine, self.line, self.builder, door, candidate, self.self_call)
        finally:
            candidate.close()

    @contextmanager
    def door(self) -> Iterator[Asterisk]:
        """The manager interface of this Asterisk, with the account that publishes."""
        account = Account("accueil_publish", self.asterisk.secrets["accueil_publish"])
        with Asterisk("127.0.0.1", self.asterisk.ami_port, account) as door:
            if not door.wait(10):
                refuse("L'Asterisk de la mesure ne répond pas : recommencez.")
            yield door

    @asynccontextmanager
    async def telephone(self, *, recording: bool = True, idle: int = 1) -> AsyncIterator[UserAgent]:
        """A telephone whose calls reach the line as the operator's do."""
        phone = await UserAgent.open(("127.0.0.1", self.asterisk.sip_port), recording=recording, idle=idle)
        try:
            yield phone
        finally:
            await phone.close()

    def approved(self, text: str) -> int:
        """A new version with this text, checked by nobody, approved; its number. Committed on return."""
        with session(self.engine) as opened:
            newest = versions.tip(opened, "accueil")
            row = versions.save_draft(opened, text, "banc", "mesure", newest.number if newest else None)
            versions.approve(opened, row.number, "banc", check=lambda *_: ())
            return row.number

    def told(self, number: int) -> Told:
        with reading(self.engine) as opened:
            return self.builder.told(opened, versions.version(opened, number), today())

    def put_in_service(self, text: str) -> Told:
        """Publish `text` at once; its sentences. Ends the bench when it is refused."""
        number = self.approved(text)
        with self.publisher() as publisher:
            outcome = publisher.step()
        if outcome is None or outcome.state is not versions.State.LIVE:
            refuse(f"Le script de la mesure n'a pas été mis en service : {outcome.reason if outcome else 'rien à publier'}")
        return self.told(number)

    def open_offices(self, told: Told) -> datetime:
        """Make every call find open offices, whatever the time of the bench; the instant that calls find."""
        at = now()
        while situation(told.directory, at).opening("standard") is not Opening.OPEN:
            at += timedelta(hours=1)
        self.asterisk.console(f"dialplan set global ACCUEIL_AT {int(at.timestamp())}")
        return at


@contextmanager
def stage(*, fiches: bool = False, audio: str = "") -> Iterator[Stage]:
    """A line of its own. `fiches`: load all the content, not the services only; `audio`: where spoken questions are served."""
    root = asterisk_root()
    with tempfile.TemporaryDirectory(prefix="accueil-banc-") as name:
        folder = Path(name)
        engine = open_engine(f"sqlite:///{folder / 'accueil.db'}")
        migrate(engine)
        step("contenus…" if fiches else "services…")
        with session(engine) as opened:
            if fiches:
                load(opened, knowledge_settings().content)
            else:
                directory.store(opened, directory.read(knowledge_settings().content))
        place = Place(desks=f"127.0.0.1:{free_port()}", audio=audio or f"127.0.0.1:{free_port(SOCK_STREAM)}")
        (folder / "line").mkdir()
        with Instance.throwaway(root, folder / "line", settings().configuration, place) as asterisk:
            try:
                yield Stage(folder, engine, asterisk, root)
            finally:
                engine.dispose()
