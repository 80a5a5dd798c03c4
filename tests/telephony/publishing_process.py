"""A publisher in a process of its own, to be killed: prints a line when it begins to publish, then publishes once."""

from __future__ import annotations

import sys
from pathlib import Path

from knowledge.database import open_engine
from telephony.asterisk.ami import Account, Asterisk
from telephony.publication.building import Builder
from telephony.publication.candidate import Candidate
from telephony.publication.folder import LineFolder
from telephony.publication.proof import SelfCall
from telephony.publication.publisher import Publisher
from telephony.settings import TelephonySettings
from telephony.speech.prompts import Prompts
from tests.telephony.conftest import CONFIGURATION
from tests.telephony.small_script import CONTENT


def main() -> None:
    url, root, line, ami, sip, secret, proof = sys.argv[1:]
    prompts = Prompts.from_settings(TelephonySettings(_env_file=None, line=Path(line)), CONTENT)
    candidate = Candidate(root, CONFIGURATION)
    candidate.warm()
    folder = LineFolder(Path(line))
    with Asterisk("127.0.0.1", int(ami), Account("accueil_publish", secret)) as door:
        door.wait(10)
        publisher = Publisher(
            open_engine(url), folder, Builder(folder, prompts, "Europe/Paris"), door, candidate, SelfCall(("127.0.0.1", int(sip)), proof)
        )
        print("publishing", flush=True)
        publisher.step()


main()
