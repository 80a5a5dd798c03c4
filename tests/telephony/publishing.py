"""A line that publishes for real, for the tests: a database with the services, a real Asterisk, and the small script."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine

from knowledge import directory
from knowledge.clock import Clock, now
from knowledge.database import session
from knowledge.scripts import versions
from knowledge.scripts.model import parse
from telephony.asterisk.ami import Account, Asterisk
from telephony.asterisk.instance import Instance
from telephony.publication.building import Builder
from telephony.publication.candidate import Candidate
from telephony.publication.folder import LineFolder
from telephony.publication.proof import SelfCall
from telephony.publication.publisher import Publisher
from telephony.settings import TelephonySettings
from telephony.speech.prompts import Prompts
from tests.telephony.small_script import CONTENT, SMALL, TINY, small, the_directory, told


def stock(engine: Engine) -> None:
    """The services of the demonstration, and nothing else."""
    with session(engine) as opened:
        directory.store(opened, the_directory())


def approved(engine: Engine, text: str = SMALL, clock: Clock = now) -> int:
    """A new version with this text, approved; its number."""
    with session(engine) as opened:
        newest = versions.tip(opened, "accueil")
        row = versions.save_draft(opened, text, "Claire Test", "essai", newest.number if newest else None, clock=clock)
        versions.approve(opened, row.number, "Paul Test", check=lambda *_: (), clock=clock)
        return row.number


def sounds_of_the_line(folder: Path) -> Path:
    """Every sound of the two small scripts, made once for all the tests: `hand_out` gives each line its own."""
    line = LineFolder(folder)
    builder = Builder(line, Prompts.from_settings(TelephonySettings(_env_file=None, line=folder), CONTENT), "Europe/Paris")
    for script in (small(), parse(TINY, "tiny").script):
        builder.build(told(script), 1)
    return line.sounds


def hand_out(sounds: Path, line: Path) -> None:
    """The same files in the folder of another line: what a test does to one of them is not seen by the others."""
    shutil.copytree(sounds, line / "sounds", copy_function=os.link, dirs_exist_ok=True)


@contextmanager
def a_publisher(engine: Engine, asterisk: Instance, root: str, configuration: Path, clock: Clock = now) -> Iterator[Publisher]:
    """The publisher of this Asterisk, with its door open and its candidate warm."""
    folder = LineFolder(asterisk.line)
    prompts = Prompts.from_settings(TelephonySettings(_env_file=None, line=asterisk.line), CONTENT)
    candidate = Candidate(root, configuration)
    account = Account("accueil_publish", asterisk.secrets["accueil_publish"])
    place = SelfCall(("127.0.0.1", asterisk.sip_port), asterisk.secrets["proof"])
    try:
        with Asterisk("127.0.0.1", asterisk.ami_port, account) as door:
            assert door.wait(10)
            yield Publisher(engine, folder, Builder(folder, prompts, "Europe/Paris"), door, candidate, place, clock)
    finally:
        candidate.close()
