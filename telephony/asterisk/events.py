"""The live view: Asterisk's events in our words, each told once, and delivered without ever holding up the reading.

Asterisk tells of channels while they live, and late when it is busy; the list of channels, read again at each connection, is ahead of its
events. `LiveCalls` puts both in one story: a call arrives once and ends once, even when the connection was lost in between. It is a view;
the records (CEL, CDR) are the truth.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from queue import SimpleQueue

from telephony.asterisk.packets import Packet

_log = logging.getLogger(__name__)
MOST_EVENTS = 10_000
"""Waiting to be delivered; more are lost, counted, and made good by the next list of channels."""
_REMEMBERED = 10_000
"""Calls that ended, so that a late event does not start them again."""


@dataclass(frozen=True)
class Channel:
    """One leg of a call."""

    name: str
    """Asterisk's name of it: `PJSIP/trunk-0000002a`."""
    id: str
    """Unique for ever on this Asterisk."""
    call: str
    """What the legs of one call share (`linkedid`)."""
    up: bool
    """Somebody answered."""
    context: str
    extension: str
    caller: str = field(repr=False)
    """Number announced by the caller: never to be written anywhere in clear."""
    bridge: str = ""
    """What the legs that hear each other share; empty when nobody hears. Only a list of channels tells it."""

    @property
    def endpoint(self) -> str:
        """`trunk`, `desks` or `proof`; empty for a leg inside Asterisk."""
        technology, _, rest = self.name.partition("/")
        return rest.rpartition("-")[0] if technology == "PJSIP" else ""


@dataclass(frozen=True)
class Connected:
    """The view is live; a Snapshot follows."""


@dataclass(frozen=True)
class Disconnected:
    """Nothing is seen until Connected. `reason` is in French."""

    reason: str


@dataclass(frozen=True)
class CallArrived:
    """One more leg."""

    channel: Channel


@dataclass(frozen=True)
class CallBridged:
    """This leg hears another, and is heard."""

    id: str
    call: str
    bridge: str


@dataclass(frozen=True)
class CallEnded:
    """This leg is no more."""

    id: str
    call: str
    cause: int | None
    """Q.850 cause of the hang-up, 0 when Asterisk gives none; None when it ended out of our sight."""


@dataclass(frozen=True)
class Snapshot:
    """All the legs, as Asterisk lists them. The arrivals and ends it reveals were told just before it."""

    channels: tuple[Channel, ...]
    lost: int
    """Events lost since the previous snapshot, because whoever listens was too slow."""


StateChange = Connected | Disconnected | CallArrived | CallBridged | CallEnded | Snapshot


def channel_of(packet: Packet) -> Channel:
    """The channel that an event tells of."""
    return Channel(
        name=packet["Channel"],
        id=packet["Uniqueid"],
        call=packet["Linkedid"],
        up=packet["ChannelState"] == "6",
        context=packet["Context"],
        extension=packet["Exten"],
        caller=packet["CallerIDNum"],
        bridge=packet["BridgeId"],
    )


class Delivery:
    """Hands events to a listener, in order, in a thread of its own. An error of the listener is logged, and the next event is delivered."""

    def __init__(self, listener: Callable[[StateChange], None], most: int = MOST_EVENTS) -> None:
        self._listener = listener
        self._most = most
        self._events: SimpleQueue[StateChange | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._deliver, name="ami-delivery", daemon=True)
        self._thread.start()

    def put(self, event: StateChange) -> bool:
        """Add an event, without waiting; whether there was room."""
        if self._events.qsize() >= self._most:
            return False
        self._events.put(event)
        return True

    @property
    def roomy(self) -> bool:
        """Half of the room is free: the listener follows again."""
        return self._events.qsize() <= self._most // 2

    def close(self, timeout: float) -> None:
        """Deliver what waits, then stop; a listener that never returns is left behind after `timeout` seconds."""
        self._events.put(None)
        if self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def _deliver(self) -> None:
        while (event := self._events.get()) is not None:
            try:
                self._listener(event)
            except Exception:
                _log.exception("A listener failed on %s: the next events are delivered.", type(event).__name__)


class LiveCalls:
    """What is known of the calls; turns packets into events, each told once. May be called by any thread."""

    def __init__(self, tell: Callable[[StateChange], bool]) -> None:
        """`tell` delivers one event and says whether it could; one that could not is made good by the next snapshot."""
        self._tell = tell
        self._lock = threading.Lock()
        self._present: dict[str, Channel] = {}
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._connected = False
        self._lost = 0
        self.total_lost = 0

    @property
    def incomplete(self) -> bool:
        """Whether events were lost since the last snapshot: the list of channels must be read again."""
        return self._lost > 0

    def note(self, event: Connected | Disconnected) -> None:
        """The connection changed; a connection that never was cannot be lost."""
        with self._lock:
            connected = isinstance(event, Connected)
            if connected is not self._connected:
                self._connected = connected
                self._told(event)

    def hear(self, packet: Packet) -> None:
        """One event of Asterisk; those that say nothing of a call are passed over."""
        with self._lock:
            match packet.name:
                case "Newchannel":
                    self._arrive(channel_of(packet))
                case "BridgeEnter":
                    known = self._present.get(packet["Uniqueid"])
                    if known is not None:
                        self._told(CallBridged(known.id, packet["Linkedid"], packet["BridgeUniqueid"]))
                case "Hangup":
                    cause = packet["Cause"]
                    self._end(packet["Uniqueid"], int(cause) if cause.isdecimal() else None)

    def take_stock(self, packets: Iterable[Packet]) -> None:
        """The whole list of channels, at the place where it came among the events."""
        channels = {channel.id: channel for channel in map(channel_of, packets)}
        with self._lock:
            for identifier in [identifier for identifier in self._present if identifier not in channels]:
                self._end(identifier, None)
            for channel in channels.values():
                self._arrive(channel)
            lost, self._lost = self._lost, 0
            if not self._told(Snapshot(tuple(channels.values()), lost)):
                self._lost += lost

    def _arrive(self, channel: Channel) -> None:
        new = channel.id not in self._present and channel.id not in self._ended
        if new and self._told(CallArrived(channel)):
            self._present[channel.id] = channel

    def _end(self, identifier: str, cause: int | None) -> None:
        known = self._present.get(identifier)
        if known is not None and self._told(CallEnded(identifier, known.call, cause)):
            del self._present[identifier]
            self._ended[identifier] = None
            if len(self._ended) > _REMEMBERED:
                self._ended.popitem(last=False)

    def _told(self, event: StateChange) -> bool:
        told = self._tell(event)
        if not told:
            self._lost += 1
            self.total_lost += 1
        return told
