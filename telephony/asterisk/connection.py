"""A connection to Asterisk's manager interface that repairs itself (T10).

One thread keeps it: it signs in, pings, gives up a connection that is silent, and opens another, for ever. Requests may come from any
thread, the listener's included; each has a deadline, is sent once and never repeated. A request made while there is no connection waits
for one, as long as its deadline allows.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from telephony.asterisk.client import Answer, Client
from telephony.asterisk.events import Connected, Delivery, Disconnected, LiveCalls, StateChange
from telephony.asterisk.packets import Packet
from telephony.errors import AmiRefused, AmiUnavailable

_log = logging.getLogger(__name__)
_DENIED = "Permission denied"
"""What Asterisk says of an action that the account may not do."""


@dataclass(frozen=True)
class Account:
    """An account of deploy/asterisk/manager.conf."""

    name: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class Pace:
    """How long the door waits, in seconds."""

    ping_every: float = 2.0
    silence: float = 5.0
    """Without a byte, or without an answer to a ping: the connection is dead. Also the time to connect."""
    retry_first: float = 0.2
    retry_most: float = 5.0
    answer: float = 3.0
    """Deadline of a request."""
    listing: float = 15.0
    """Deadline of a request whose answer may be long: the dialplan, a reload."""


class Connection:
    """Open it, ask, close it; it stays usable through any fault of the network or of Asterisk.

    Args:
        listener: receives what changes, one event at a time, in a thread of its own; without it nothing is listened to.
    """

    def __init__(
        self, host: str, port: int, account: Account, listener: Callable[[StateChange], None] | None = None, pace: Pace = Pace()
    ) -> None:
        self.address = f"{host}:{port}"
        self._host, self._port, self._account, self._pace = host, port, account, pace
        self._listener = listener
        self._delivery: Delivery | None = None
        self._calls = LiveCalls(self._deliver)
        self._closing = threading.Event()
        self._closing.set()
        self._keeper: threading.Thread | None = None
        self._changed = threading.Condition()
        self._client: Client | None = None
        """The connection that is signed in."""
        self._newest: Client | None = None
        """The last one made, signed in or not."""
        self._failures = 0
        self._reason = "la connexion n'est pas ouverte"

    # --- Opening and closing ---------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Start to connect, and return at once; `wait` says when it is done."""
        if self._keeper is not None:
            return
        self._closing.clear()
        if self._listener is not None:
            self._delivery = Delivery(self._listener)
        self._keeper = threading.Thread(target=self._keep, name="ami-keeper", daemon=True)
        self._keeper.start()

    def close(self) -> None:
        """End the connection and every thread of it; requests that wait get AmiUnavailable. The listener may still hear the last events."""
        self._closing.set()
        with self._changed:
            newest = self._newest
            self._changed.notify_all()
        if newest is not None:
            newest.disconnect()
        if self._keeper is not None:
            self._keeper.join(self._pace.silence * 2)
            self._keeper = None
        if self._delivery is not None:
            self._delivery.close(self._pace.silence)
            self._delivery = None

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def connected(self) -> bool:
        client = self._client
        return client is not None and not client.ended.is_set()

    @property
    def lost(self) -> int:
        """Events lost since the opening, because the listener was too slow."""
        return self._calls.total_lost

    @property
    def waiting(self) -> int:
        """Requests on their way."""
        client = self._client
        return 0 if client is None else client.waiting

    def wait(self, timeout: float) -> bool:
        """Whether it is connected, within `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self.connected, timeout)

    # --- Asking ----------------------------------------------------------------------------------------------------------

    def _ask(self, action: str, headers: Mapping[str, str], deadline: float | None = None) -> Packet:
        """The response of Asterisk, when it said yes. Raises as `_answer`, and AmiRefused when it said no."""
        return granted(action, self._answer(action, headers, deadline=deadline))

    def _list(self, action: str, headers: Mapping[str, str], complete: str) -> Answer:
        """A whole list. Raises as `_ask`, and AmiUnavailable when it does not hold as many items as it says."""
        answer = self._answer(action, headers, complete, self._pace.listing)
        granted(action, answer)
        self._whole(answer)
        return answer

    def _whole(self, answer: Answer) -> None:
        if not answer.whole:
            raise self._unavailable("la liste reçue n'est pas entière")

    def _answer(self, action: str, headers: Mapping[str, str], complete: str = "", deadline: float | None = None) -> Answer:
        """What Asterisk answers, yes or no.

        Args:
            complete: the event that completes the list asked for.
            deadline: in seconds, the wait for a connection included.

        Raises:
            AmiUnavailable: not connected, or no answer, before the deadline.
            AmiRefused: a value may not be sent.
        """
        until = time.monotonic() + (self._pace.answer if deadline is None else deadline)
        with self._changed:
            self._changed.wait_for(lambda: self.connected or self._closing.is_set(), until - time.monotonic())
            client = self._client
        if client is None:
            raise self._unavailable(self._reason)
        try:
            return _answered(client, action, headers, complete, until)
        except AmiUnavailable as error:
            raise self._unavailable(str(error)) from None

    def _unavailable(self, reason: str) -> AmiUnavailable:
        return AmiUnavailable(
            f"Asterisk ne répond pas à {self.address} ({reason}). La reconnexion est automatique ; si cela dure, vérifiez qu'Asterisk"
            " tourne, TELEPHONY_AMI_HOST et TELEPHONY_AMI_PORT."
        )

    # --- Keeping ---------------------------------------------------------------------------------------------------------

    def _keep(self) -> None:
        """Connect, watch, and connect again, until it is closed."""
        self._failures = 0
        while not self._closing.is_set():
            client = Client(self._host, self._port, self._pace.silence, self._calls.hear)
            with self._changed:
                self._newest = client
            try:
                self._enter(client)
                self._watch(client)
                reason = client.reason
            except (AmiUnavailable, AmiRefused) as error:
                reason = str(error)
            except Exception:
                _log.exception("The connection to Asterisk failed in an unforeseen way: another is opened.")
                reason = "erreur imprévue, voir le journal"
            self._leave(client, reason)
            delay = min(self._pace.retry_most, self._pace.retry_first * 2.0 ** min(self._failures, 20))
            self._failures += 1
            self._closing.wait(delay * random.uniform(0.5, 1.0))  # jitter: several doors do not knock together

    def _enter(self, client: Client) -> None:
        """Connect and sign in: from here requests are served."""
        client.connect()
        if not client.greeted.wait(self._pace.silence) or self._closing.is_set():
            raise AmiUnavailable("Asterisk n'a pas salué")
        headers = {"Username": self._account.name, "Secret": self._account.secret, "Events": "off" if self._listener is None else "call"}
        answer = _answered(client, "Login", headers, "", time.monotonic() + self._pace.silence, self._signed_in)
        if not answer.granted:
            raise AmiRefused(f"le compte {self._account.name} est refusé : vérifiez son secret et les adresses admises")
        with self._changed:
            self._client = client
            self._changed.notify_all()
        self._reason = ""
        _log.info("Connected to Asterisk at %s as %s.", self.address, self._account.name)

    def _signed_in(self, future: Future[Answer]) -> None:
        """In the thread that reads: told before any event that follows."""
        if future.exception() is None and future.result().granted:
            self._calls.note(Connected())

    def _watch(self, client: Client) -> None:
        """Return when the connection has ended; the failures are forgotten once it has proven itself.

        Raises:
            AmiUnavailable: it answers no more.
            AmiRefused: this account may not list the channels.
        """
        self._read_state(client)
        while not client.ended.wait(self._pace.ping_every):
            _answered(client, "Ping", {}, "", time.monotonic() + self._pace.silence)
            self._failures = 0
            if self._calls.incomplete and self._delivery is not None and self._delivery.roomy:
                self._read_state(client)

    def _read_state(self, client: Client) -> None:
        """Read all the channels again: what was missed is made good."""
        if self._listener is not None:
            until = time.monotonic() + self._pace.listing
            answer = _answered(client, "CoreShowChannels", {}, "CoreShowChannelsComplete", until, self._listed)
            granted("CoreShowChannels", answer)
            if not answer.whole:
                raise AmiUnavailable("la liste des appels reçue n'est pas entière")

    def _listed(self, future: Future[Answer]) -> None:
        """In the thread that reads: what is received after the list is told after it."""
        if future.exception() is None and future.result().whole:
            self._calls.take_stock(future.result().items)

    def _leave(self, client: Client, reason: str) -> None:
        """Throw the connection away; nothing of it remains."""
        with self._changed:
            self._client = self._newest = None
        client.disconnect()
        self._calls.note(Disconnected(reason))
        if reason != self._reason and not self._closing.is_set():
            _log.warning("No connection to Asterisk at %s: %s.", self.address, reason)
        self._reason = reason

    def _deliver(self, event: StateChange) -> bool:
        return self._delivery is None or self._delivery.put(event)


def granted(action: str, answer: Answer) -> Packet:
    """The response of Asterisk to `action`.

    Raises:
        AmiRefused: it said no.
    """
    if not answer.granted:
        said = answer.response["Message"]
        remedy = "Ce compte n'en a pas le droit (deploy/asterisk/manager.conf)." if said == _DENIED else "Lisez le journal d'Asterisk."
        raise AmiRefused(f"Asterisk a refusé l'action {action} : {said}. {remedy}")
    return answer.response


def _answered(
    client: Client,
    action: str,
    headers: Mapping[str, str],
    complete: str,
    until: float,
    then: Callable[[Future[Answer]], None] | None = None,
) -> Answer:
    future = client.begin(action, headers, complete, then)
    try:
        return future.result(max(0.0, until - time.monotonic()))
    except TimeoutError:
        raise AmiUnavailable(f"pas de réponse à {action} à temps") from None
    finally:
        client.forget(future)
