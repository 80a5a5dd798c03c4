"""The door to Asterisk: its manager interface, in our words, behind a connection that repairs itself.

    with Asterisk.publisher(settings()) as asterisk:
        asterisk.reload_dialplan()
        lines = asterisk.dialplan("a12_entry")

Every request raises AmiUnavailable (not connected, or no answer in time) or AmiRefused (Asterisk said no, or a value may not be sent).
Any thread may ask. `telephony.asterisk.connection` keeps the connection, `telephony.asterisk.events` holds what a listener receives.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

from telephony.asterisk.client import Answer
from telephony.asterisk.connection import Account, Connection, Pace, granted
from telephony.asterisk.events import (
    CallArrived,
    CallBridged,
    CallEnded,
    Channel,
    Connected,
    Disconnected,
    Snapshot,
    StateChange,
    channel_of,
)
from telephony.asterisk.packets import Packet
from telephony.errors import AmiRefused
from telephony.settings import TelephonySettings

__all__ = [
    "Account",
    "Asterisk",
    "CallArrived",
    "CallBridged",
    "CallEnded",
    "Channel",
    "Connected",
    "Disconnected",
    "Line",
    "Pace",
    "Snapshot",
    "StateChange",
    "Tally",
]

_HINT = -1
"""Priority of a line that is a hint, not a step."""
_INTERNAL = re.compile(r"[A-Za-z0-9_-]{1,79}|[*#]")
"""A context, an extension or a variable of ours."""
_KEY = re.compile(r"[A-Za-z0-9_.:-]{1,120}")
_CHANNEL = re.compile(r"[A-Za-z0-9]+/[A-Za-z0-9_.@+/-]+-[0-9a-f]{8}(;[12])?")
"""A channel in full: between slashes, Asterisk would read a regular expression and hang up every call that matches."""


@dataclass(frozen=True)
class Line:
    """One line of the dialplan that Asterisk runs."""

    context: str
    extension: str
    """Empty for what belongs to the whole context (`include`)."""
    priority: int
    """From 1; -1 for a hint; 0 for what belongs to the whole context."""
    label: str
    application: str
    data: str


@dataclass(frozen=True)
class Tally:
    """What Asterisk counts since it started."""

    processed: int
    current: int
    started: str
    """Date and hour, as Asterisk's clock gives them; another value means that the counts began again."""


class Asterisk(Connection):
    """What the line asks of Asterisk."""

    @classmethod
    def publisher(cls, chosen: TelephonySettings) -> Self:
        """The door, closed, of the account that puts a version live: it changes things and listens to nothing."""
        return cls(chosen.ami_host, chosen.ami_port, Account("accueil_publish", chosen.ami_publish_secret))

    @classmethod
    def watcher(cls, chosen: TelephonySettings, listener: Callable[[StateChange], None]) -> Self:
        """The door, closed, of the account that sees calls as they go, and changes nothing."""
        return cls(chosen.ami_host, chosen.ami_port, Account("accueil_view", chosen.ami_view_secret), listener)

    # --- Dialplan --------------------------------------------------------------------------------------------------------

    def reload_dialplan(self) -> None:
        """Make Asterisk read its dialplan again. It says yes even to a broken file: read it back with `dialplan`."""
        self._ask("Reload", {"Module": "pbx_config"}, self._pace.listing)

    def reload_queues(self) -> None:
        self._ask("QueueReload", {}, self._pace.listing)

    def dialplan(self, context: str | None = None) -> tuple[Line, ...]:
        """The lines that Asterisk runs, of one context or of all, in its order; none when the context does not exist.

        Raises:
            AmiUnavailable: no answer in time, or the list is not whole by its own count.
        """
        headers = {} if context is None else {"Context": _internal(context)}
        answer = self._answer("ShowDialPlan", headers, "ShowDialPlanComplete", self._pace.listing)
        if _no_context(answer):
            return ()
        granted("ShowDialPlan", answer)
        self._whole(answer)
        lines = tuple(_line(item) for item in answer.items if item.name == "ListDialplan")
        if answer.complete is None or str(sum(line.priority != 0 for line in lines)) != answer.complete["ListPriorities"]:
            raise self._unavailable("le plan de numérotation lu n'est pas entier")
        return lines

    # --- Database --------------------------------------------------------------------------------------------------------

    def put(self, family: str, key: str, value: str) -> None:
        """Write one value in Asterisk's own database."""
        self._ask("DBPut", {"Family": _key(family), "Key": _key(key), "Val": value})

    def get(self, family: str, key: str) -> str | None:
        """The value of `key`, None when there is none."""
        answer = self._answer("DBGet", {"Family": _key(family), "Key": _key(key)}, "DBGetComplete")
        if _absent(answer):
            return None
        granted("DBGet", answer)
        self._whole(answer)
        return answer.items[0]["Val"]

    def delete(self, family: str, key: str) -> bool:
        """Remove `key`; whether it was there."""
        answer = self._answer("DBDel", {"Family": _key(family), "Key": _key(key)})
        if not answer.granted and self.get(family, key) is None:  # Asterisk says the same of an absent key and of a failure
            return False
        granted("DBDel", answer)
        return True

    def family(self, name: str) -> dict[str, str]:
        """All the values of a family, by key."""
        prefix = f"/{_key(name)}/"
        items = self._list("DBGetTree", {"Family": name}, "DBGetTreeComplete").items
        # Asterisk reads "_" as any character: accueil_next would also bring the keys of a family accueilXnext
        return {item["Key"].removeprefix(prefix): item["Val"] for item in items if item["Key"].startswith(prefix)}

    # --- Calls -----------------------------------------------------------------------------------------------------------

    def channels(self) -> tuple[Channel, ...]:
        """The legs of the calls in progress."""
        return tuple(map(channel_of, self._list("CoreShowChannels", {}, "CoreShowChannelsComplete").items))

    def redirect(self, channel: str, context: str, extension: str, priority: int = 1) -> bool:
        """Send a leg elsewhere in the dialplan; False when it hung up before."""
        headers = {"Channel": _full(channel), "Context": _internal(context), "Exten": _internal(extension), "Priority": str(priority)}
        return self._on_channel("Redirect", headers)

    def hangup(self, channel: str) -> bool:
        """End a leg; False when it hung up before."""
        return self._on_channel("Hangup", {"Channel": _full(channel)})

    def variable(self, channel: str, name: str) -> str | None:
        """A variable of a leg, empty when it was never set; None when the leg hung up."""
        answer = self._answer("Getvar", {"Channel": _full(channel), "Variable": _internal(name)})
        if _gone(answer):
            return None
        return granted("Getvar", answer)["Value"]

    def calls_processed(self) -> Tally:
        """What Asterisk counted since it started, to be compared with the records."""
        status = self._ask("CoreStatus", {})
        started = f"{status['CoreStartupDate']} {status['CoreStartupTime']}"
        return Tally(int(status["CoreProcessedCalls"]), int(status["CoreCurrentCalls"]), started)

    def ping(self) -> float:
        """Seconds that Asterisk took to answer."""
        start = time.monotonic()
        self._ask("Ping", {})
        return time.monotonic() - start

    def _on_channel(self, action: str, headers: Mapping[str, str]) -> bool:
        answer = self._answer(action, headers)
        if _gone(answer):
            return False
        granted(action, answer)
        return True


# --- What may be asked ---------------------------------------------------------------------------------------------------


def _internal(name: str) -> str:
    """Raises AmiRefused unless `name` can be a context, an extension or a variable of ours."""
    if _INTERNAL.fullmatch(name) is None:
        raise AmiRefused(f"« {ascii(name)[1:-1]} » n'est pas un nom du plan de numérotation. Rien n'a été envoyé.")
    return name


def _key(name: str) -> str:
    if _KEY.fullmatch(name) is None:
        raise AmiRefused(f"« {ascii(name)[1:-1]} » n'est pas une clé de la base d'Asterisk. Rien n'a été envoyé.")
    return name


def _full(channel: str) -> str:
    if _CHANNEL.fullmatch(channel) is None:
        raise AmiRefused(f"« {ascii(channel)[1:-1]} » n'est pas un canal d'Asterisk. Rien n'a été envoyé.")
    return channel


# --- What is answered ----------------------------------------------------------------------------------------------------


def _absent(answer: Answer) -> bool:
    return not answer.granted and answer.response["Message"] == "Database entry not found"


def _no_context(answer: Answer) -> bool:
    return not answer.granted and answer.response["Message"].startswith("Did not find context")


def _gone(answer: Answer) -> bool:
    message = answer.response["Message"]
    return not answer.granted and (message == "No such channel" or message.startswith("Channel does not exist"))


def _line(item: Packet) -> Line:
    written = item["Priority"]
    priority = int(written) if written.isdecimal() else _HINT if written else 0
    application, data = item["Application"], item["AppData"]
    if not written and item["IncludeContext"]:
        application, data = "include", item["IncludeContext"]
    return Line(item["Context"], item["Extension"], priority, item["ExtensionLabel"], application, data)
