"""A whole line on one machine: an Asterisk of its own, with secrets drawn for the occasion, to be called from a softphone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from telephony.asterisk.instance import Instance, Place
from telephony.settings import TelephonySettings

_STATE = Path("var/asterisk")


@contextmanager
def demonstration(settings: TelephonySettings, wanted: bool) -> Iterator[TelephonySettings]:
    """The settings as they are; or, when `wanted`, those of an Asterisk started here and stopped at the end.

    Raises:
        AsteriskAbsent, AsteriskUnstarted: see `telephony.asterisk.instance`.
    """
    if not wanted:
        yield settings
        return
    _, _, port = settings.sip_address.rpartition(":")
    place = Place(sip_port=int(port), ami_port=settings.ami_port, audio=settings.audio_address, desks=settings.desks)
    settings.line.mkdir(parents=True, exist_ok=True)
    instance = Instance(settings.asterisk, _STATE, settings.line, settings.configuration, place)
    instance.start()
    try:
        yield settings.model_copy(
            update={
                "ami_host": "127.0.0.1",
                "ami_view_secret": instance.secrets["accueil_view"],
                "ami_publish_secret": instance.secrets["accueil_publish"],
                "proof_secret": instance.secrets["proof"],
                "sip_address": f"127.0.0.1:{port}",
                "logs": _STATE / "log",
            }
        )
    finally:
        instance.stop()
