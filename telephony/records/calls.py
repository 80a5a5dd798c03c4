"""One call, told from the events that Asterisk wrote of it (pure).

Answered by an agent means that an agent's leg entered a bridge: the disposition of the records says ANSWERED as soon as the menu speaks.
Announced means that the whole sentence naming the service was played before anything rang.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from knowledge.line_models import Call
from telephony.dialplan import SLOW

CALLER_ENDPOINTS = ("trunk", "proof")
"""Whose legs are callers."""
DESKS = "desks"
"""Whose legs are people who answer."""
CLOSING = "LINKEDID_END"
"""The event after which nothing more is written of a call."""
SECONDS_A_RING = 5
NodeName = Callable[[int, str], str]
"""The name of a node by version and symbol (`n7`), or the symbol itself when the version is unknown."""


@dataclass(frozen=True)
class Event:
    """One line of the file of events."""

    at: datetime
    kind: str
    """Asterisk's (`CHAN_START`…), or ours (`ACCUEIL_NODE`…)."""
    leg: str
    channel: str
    extra: str = ""
    app: str = ""

    @property
    def endpoint(self) -> str:
        """`trunk`, `proof` or `desks`."""
        return self.channel.partition("/")[2].rpartition("-")[0]

    @property
    def noted(self) -> dict[str, Any]:
        """What Asterisk adds to its events, by name; empty when it adds nothing readable."""
        try:
            value = json.loads(self.extra)
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of an event of ours: `version|language and rate|symbol|…`."""
        text = str(self.noted.get("extra", self.extra))
        return tuple(text.encode("utf-8", "backslashreplace").decode().replace("\0", "").split("|"))  # what every database keeps


@dataclass(frozen=True)
class Place:
    """Where in the script something happened."""

    version: int
    language: str
    rate: str
    """n (normal) or s (slow)."""
    symbol: str


def place_of(event: Event) -> Place | None:
    """The place that an event of ours tells, None when it tells none."""
    if not event.kind.startswith("ACCUEIL_") or len(event.fields) < 3:
        return None
    version, spoken, symbol = event.fields[:3]
    if not version.isdecimal() or len(version) > 9 or len(spoken) < 2:
        return None
    return Place(int(version), spoken[:-1], spoken[-1], symbol)


def summarise(call: str, events: Sequence[Event], name: NodeName, lost: bool = False) -> Call | None:
    """The call told by `events`, in any order; None when no caller is in it (a desk that dialled by itself).

    Args:
        call: Asterisk's linkedid, that of the caller's leg.
        lost: the end of the call was never written.
    """
    ordered = sorted(events, key=lambda event: event.at)
    if not any(event.endpoint in CALLER_ENDPOINTS for event in ordered):
        return None
    telling = _Telling(call, name)
    for event in ordered:
        telling.hear(event)
    return telling.told(ordered[0].at, ordered[-1].at, lost)


@dataclass
class _Transfer:
    """One attempt to reach a person."""

    service: str
    announced: bool
    started_at: datetime | None = None
    """When Asterisk began to dial or to queue."""
    offered_at: datetime | None = None
    answered_at: datetime | None = None
    by: str | None = None
    status: str = ""
    rung: dict[str, list[datetime]] = field(default_factory=dict)
    """By leg: when it began to ring, and when it stopped."""

    @property
    def ring_seconds(self) -> float:
        return sum((times[-1] - times[0]).total_seconds() for times in self.rung.values())

    def told(self) -> dict[str, Any]:
        inferred = "ANSWER" if self.answered_at else "CANCEL" if self.started_at else "HANGUP" if self.announced else "FAILED"
        return {
            "service": self.service,
            "announced": self.announced,
            "status": self.status or inferred,
            "offered_at": _instant(self.offered_at),
            "answered_at": _instant(self.answered_at),
            "by": self.by,
        }


class _Telling:
    """What is known of a call so far; events come in order."""

    def __init__(self, call: str, name: NodeName) -> None:
        self._call, self._name = call, name
        self._place: Place | None = None
        self._caller: str | None = None
        self._proof = self._welcomed = False
        self._state: str | None = None
        self._ended_in: str | None = None
        self._end: str | None = None
        self._path: list[dict[str, Any]] = []
        self._heard: list[str] = []
        self._questions: list[dict[str, Any]] = []
        self._transfers: list[_Transfer] = []
        self._open: _Transfer | None = None

    def hear(self, event: Event) -> None:
        """One more event; those that say nothing of the call are passed over."""
        self._proof = self._proof or event.endpoint == "proof"
        place = place_of(event)
        if place is not None:
            self._place = place
            self._hear_ours(event, self._node(place), event.fields[3:])
        elif event.leg == self._call:
            self._hear_caller(event)
        elif event.endpoint == DESKS:
            self._hear_desk(event)

    def _hear_ours(self, event: Event, node: str, more: tuple[str, ...]) -> None:
        match event.kind, more:
            case "ACCUEIL_CALL", (proof, caller, *_):
                self._proof, self._caller = self._proof or proof == "1", caller[:64] or None
            case "ACCUEIL_NODE", _:
                self._ended_in = node
                self._step(event, "node", node)
            case "ACCUEIL_KEY", (key, *_):
                self._step(event, "key", node, key)
            case "ACCUEIL_WRONG", (key, *_):
                self._step(event, "wrong", node, key)
            case "ACCUEIL_SILENCE", _:
                self._step(event, "silence", node)
            case (("ACCUEIL_CALLBACK" | "ACCUEIL_VOICEMAIL"), (service, *_)):
                self._step(event, event.kind.removeprefix("ACCUEIL_").lower(), node, service=service)
            case "ACCUEIL_WELCOMED", _:
                self._welcomed = True
            case "ACCUEIL_HEARD", _:
                self._heard.append(node)
            case "ACCUEIL_STATE", (state, *_):
                self._state = self._state or state[:10]
            case "ACCUEIL_SPEECH", (uuid, status, following, *_):
                told = {"conversation": uuid.replace("-", "")[:20], "status": status, "next": following.removesuffix(SLOW)}
                self._questions.append({"at": _instant(event.at), "node": node, **told})
            case "ACCUEIL_ANNOUNCED", (service, status, *_):
                self._begin(_Transfer(service, status == "SUCCESS"))
            case "ACCUEIL_TRANSFER", (service, status, *_):
                transfer = self._open or self._begin(_Transfer(service, False))
                transfer.status, self._open = status, None
            case "ACCUEIL_END", (reason, *_):
                self._end = reason[:20]

    def _hear_caller(self, event: Event) -> None:
        if event.kind == "APP_START" and event.app in ("Dial", "Queue"):
            transfer = self._open
            if transfer is None or transfer.started_at:  # a person is called, and no service was named before
                transfer = self._begin(_Transfer("", False))
            transfer.started_at = event.at
            if event.app == "Queue":
                transfer.offered_at = event.at
        elif event.kind == "HANGUP":
            source = str(event.noted.get("hangupsource", ""))
            by_agent = source.startswith(f"PJSIP/{DESKS}-")
            self._end = self._end or ("caller" if source == event.channel else "agent" if by_agent else "line")

    def _hear_desk(self, event: Event) -> None:
        """A leg belongs to the transfer during which it came; it may end a moment after."""
        rung = next((transfer for transfer in self._transfers if event.leg in transfer.rung), None)
        transfer = rung or self._open
        if transfer is None:
            return
        match event.kind:
            case "CHAN_START" if rung is None:
                transfer.offered_at = transfer.offered_at or event.at
                transfer.rung[event.leg] = [event.at]
            case "ANSWER" | "HANGUP" if rung and len(rung.rung[event.leg]) == 1:
                rung.rung[event.leg].append(event.at)
            case "BRIDGE_ENTER" if transfer.answered_at is None:
                transfer.answered_at, transfer.by = event.at, event.channel

    def _begin(self, transfer: _Transfer) -> _Transfer:
        self._transfers.append(transfer)
        self._open = transfer
        return transfer

    def _step(self, event: Event, kind: str, node: str, key: str | None = None, **more: str) -> None:
        self._path.append({"at": _instant(event.at), "kind": kind, "node": node, "key": key, **more})

    def _node(self, place: Place) -> str:
        return self._name(place.version, place.symbol)[:40]

    def told(self, started_at: datetime, ended_at: datetime, lost: bool) -> Call:
        attempted = [transfer for transfer in self._transfers if transfer.started_at or transfer.status]
        offers = [transfer.offered_at for transfer in self._transfers if transfer.offered_at]
        answers = [transfer.answered_at for transfer in self._transfers if transfer.answered_at]
        rung = [transfer for transfer in self._transfers if transfer.rung]
        return Call(
            id=self._call,
            started_at=started_at,
            ended_at=ended_at,
            version=(self._place.version or None) if self._place else None,
            language=self._place.language[:8] if self._place else "",
            caller=self._caller,
            proof=self._proof,
            welcomed=self._welcomed,
            state=self._state,
            path=self._path,
            heard=self._heard,
            questions=self._questions,
            transfers=[transfer.told() for transfer in self._transfers],
            offered=bool(offers),
            announced=all(transfer.announced for transfer in attempted) if attempted else None,
            answered=bool(answers),
            wait_seconds=(answers[0] - offers[0]).total_seconds() if answers else None,
            rings=round(sum(transfer.ring_seconds for transfer in rung) / SECONDS_A_RING) if rung else None,
            ended_in=self._ended_in,
            end="lost" if lost else self._end or "line",
        )


def _instant(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
