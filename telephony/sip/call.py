"""One telephone call, as SIP makes it: invitation, ringing, answer, end; each message said again until it is heard.

A call is made or received by a `Telephone` (`sip.UserAgent`), which owns the port. Messages are written and read in `sip_message`.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from telephony.errors import CallFailed
from telephony.sip.message import Credentials, Message, authorization, offer, sound, target, write
from telephony.sip.rtp import Pacer, Stream
from telephony.speech.sound import Pcm

T1, T2 = 0.5, 4.0
"""Seconds before a first retransmission, and the longest between two (RFC 3261)."""
PATIENCE = 32.0
"""Seconds after which an unanswered message is given up."""


class Side(StrEnum):
    US = "us"
    THEM = "them"


@dataclass(frozen=True)
class Policy:
    """What a telephone does when it rings."""

    status: int = 200
    """200: answer; 486: busy; 603: decline; 0: let it ring for ever."""
    after: float = 0.2
    """Seconds of ringing before that."""
    lasts: float | None = None
    """Seconds after the answer at which it hangs up; None: it does not."""
    says: Pcm | None = None
    """What it says once answered."""


class _Resend:
    """Sends a message again and again, ever more slowly, until stopped or out of patience."""

    def __init__(self, send: Callable[[], None], given_up: Callable[[], None], longest: float = T2) -> None:
        self._send, self._given_up, self._longest = send, given_up, longest
        self._end = time.monotonic() + PATIENCE
        self._wait = T1
        send()
        self._timer = asyncio.get_running_loop().call_later(T1, self._again)

    def _again(self) -> None:
        if time.monotonic() >= self._end:
            self._given_up()
            return
        self._send()
        self._wait = min(2 * self._wait, self._longest)
        self._timer = asyncio.get_running_loop().call_later(self._wait, self._again)

    def stop(self) -> None:
        self._timer.cancel()


class Telephone(Protocol):
    """What a call needs from the set that holds it."""

    host: str
    port: int
    address: tuple[str, int]
    """Where the calls that we make go."""
    pacer: Pacer

    def send(self, message: bytes, peer: tuple[str, int]) -> None: ...
    def response(self, request: Message, status: int, to: str = "", body: str = "") -> bytes: ...
    def forget_later(self, call: Call) -> None: ...


class Call:
    """One call, made or received. Its times are seconds on the monotonic clock, or None."""

    def __init__(self, agent: Telephone, identifier: str, number: str, stream: Stream, *, made: bool) -> None:
        self.agent, self.identifier, self.number, self.stream, self.made = agent, identifier, number, stream, made
        self.invite: Message | None = None
        """The request received, when the call was."""
        self.status: int | None = None
        """Final answer to the call: 200, 486, 487…"""
        self.ended_by: Side | None = None
        self.began = time.monotonic()
        self.rung_at: float | None = None
        self.answered_at: float | None = None
        self.ended_at: float | None = None
        self._answered, self._ended = asyncio.Event(), asyncio.Event()
        self._tag, self._branch, self._sequence = secrets.token_hex(4), "", 1
        self._ours = self._theirs = self._remote = ""
        self._peer = agent.address
        self._resend: _Resend | None = None
        self._bye: _Resend | None = None
        self._credentials: Credentials | None = None
        self._provisional = self._leaving = False
        self._last_response = b""
        self._timers: list[asyncio.TimerHandle] = []

    # --- What a person does with a telephone ---

    async def answered(self, timeout: float = PATIENCE) -> Call:
        """Wait until the call is picked up.

        Raises:
            CallFailed: refused, ended before, or not in time.
        """
        ended = asyncio.create_task(self._ended.wait())
        picked = asyncio.create_task(self._answered.wait())
        try:
            await asyncio.wait((picked, ended), timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
            picked.cancel()
        if not self._answered.is_set():
            told = f"code {self.status}" if self.status else f"pas de réponse en {timeout:.0f} s"
            raise CallFailed(f"L'appel vers {self.number} n'a pas abouti : {told}.", self.status)
        return self

    async def ended(self, timeout: float) -> Side:
        """Wait until the call is over; who ended it.

        Raises:
            CallFailed: it is not over in time.
        """
        try:
            await asyncio.wait_for(self._ended.wait(), timeout)
        except TimeoutError:
            raise CallFailed(f"L'appel vers {self.number} n'est pas terminé après {timeout:.0f} s.", self.status) from None
        assert self.ended_by is not None
        return self.ended_by

    @property
    def in_progress(self) -> bool:
        return self._answered.is_set() and not self._ended.is_set()

    def press(self, keys: str) -> None:
        self.stream.press(keys)

    def say(self, pcm: Pcm) -> None:
        self.stream.say(pcm)

    def heard(self) -> Pcm:
        """The recording so far, from the first sound received."""
        return self.stream.heard()

    def hang_up(self) -> None:
        """End the call whatever its state: BYE, CANCEL while it rings, 603 if it rings here. Nothing when it is over."""
        if self._ended.is_set():
            return
        self.ended_by = Side.US
        if self._answered.is_set():
            self._sequence += 1
            self._branch = _new_branch()
            message = self._request("BYE", self._remote, self._sequence)
            self._bye = _Resend(lambda: self.agent.send(message, self._peer), lambda: None)
            self._finish(Side.US)
        elif not self.made:
            self._respond_finally(603)
        elif not self._leaving:
            self._leaving = True
            if self._provisional:
                self._cancel()

    # --- A call that we make ---

    def dial(self, caller: str, name: str, credentials: Credentials | None) -> None:
        host, port = self.agent.host, self.agent.port
        self._remote = f"sip:{self.number}@{self._peer[0]}:{self._peer[1]}"
        self._ours = f"{name and chr(34) + name + chr(34) + ' '}<sip:{caller}@{host}:{port}>;tag={self._tag}"
        self._theirs = f"<{self._remote}>"
        self._credentials = credentials
        self._invite()

    def _invite(self, proof: tuple[tuple[str, str], ...] = ()) -> None:
        self._branch, self._provisional = _new_branch(), False
        message = self._request("INVITE", self._remote, self._sequence, proof, offer(self.agent.host, self.stream.port))
        self._resend = _Resend(lambda: self.agent.send(message, self._peer), lambda: self._give_up(408), PATIENCE)

    def _give_up(self, status: int) -> None:
        self.status = self.status or status
        self._finish(self.ended_by or Side.THEM)

    def _cancel(self) -> None:
        message = self._request("CANCEL", self._remote, self._sequence)
        self._bye = _Resend(lambda: self.agent.send(message, self._peer), lambda: self._give_up(408))

    def response(self, message: Message) -> None:
        if message.method != "INVITE":
            if self._bye and message.status >= 200:
                self._bye.stop()
            return
        if message.sequence != self._sequence and not (message.status == 200 and self._answered.is_set()):
            return
        if self._resend:
            self._resend.stop()
        if message.status < 200:
            self._provisional = True
            if message.status in (180, 183):
                self.rung_at = self.rung_at or time.monotonic()
            if self._leaving and self._bye is None:
                self._cancel()
            return
        self._theirs = message.header("to")
        if message.status < 300:
            self._picked_up(message)
            return
        self._acknowledge(self._request("ACK", self._remote, self._sequence))
        if message.status in (401, 407) and self._sequence == 1 and self._prove(message):
            return
        self.status = message.status
        self._finish(self.ended_by or Side.THEM)

    def _picked_up(self, message: Message) -> None:
        self._remote = target(message.header("contact")) or self._remote
        branch, self._branch = self._branch, _new_branch()
        self._acknowledge(self._request("ACK", self._remote, message.sequence))
        self._branch = branch
        if self._answered.is_set() or self._ended.is_set():
            return  # a 200 sent again: our ACK was lost
        self.status = message.status
        self._start_sound(message.body)
        if self._leaving:  # picked up at the very moment we gave up
            if self._bye:
                self._bye.stop()
            self.hang_up()

    def _prove(self, message: Message) -> bool:
        """Answer a digest challenge, once."""
        asked = "www-authenticate" if message.status == 401 else "proxy-authenticate"
        if self._credentials is None:
            return False
        proofs = (authorization(challenge, self._credentials, "INVITE", self._remote) for challenge in message.every(asked))
        proof = next((proof for proof in proofs if proof), None)
        if proof is None:
            return False
        self._sequence += 1
        self._theirs = f"<{self._remote}>"
        self._invite((("Authorization" if message.status == 401 else "Proxy-Authorization", proof),))
        return True

    def _acknowledge(self, message: bytes) -> None:
        self.agent.send(message, self._peer)

    def _request(self, method: str, uri: str, sequence: int, more: tuple[tuple[str, str], ...] = (), body: str = "") -> bytes:
        host, port = self.agent.host, self.agent.port
        headers = [
            ("Via", f"SIP/2.0/UDP {host}:{port};rport;branch={self._branch}"),
            ("Max-Forwards", "70"),
            ("From", self._ours),
            ("To", self._theirs),
            ("Call-ID", self.identifier),
            ("CSeq", f"{sequence} {method}"),
            ("Contact", f"<sip:accueil@{host}:{port}>"),
            *more,
        ]
        return write(f"{method} {uri} SIP/2.0", headers, body)

    # --- A call that we receive ---

    def ring(self, invite: Message, peer: tuple[str, int], policy: Policy) -> None:
        self.invite, self._peer = invite, peer
        self._ours = f"{invite.header('to')};tag={self._tag}"
        self._theirs = invite.header("from")
        self._remote = target(invite.header("contact"))
        self.rung_at = time.monotonic()
        if sound(invite.body) is None:
            self._respond_finally(488)
            return
        self._respond(180)
        if policy.status:
            self._later(policy.after, lambda: self._act(policy))

    def _act(self, policy: Policy) -> None:
        if self._ended.is_set() or self.status is not None:
            return
        self._respond_finally(policy.status)
        if policy.status == 200:
            assert self.invite is not None
            self._start_sound(self.invite.body)
            if policy.says is not None:
                self.say(policy.says)
            if policy.lasts is not None:
                self._later(policy.lasts, self.hang_up)

    def _later(self, delay: float, action: Callable[[], None]) -> None:
        self._timers.append(asyncio.get_running_loop().call_later(delay, action))

    def _respond(self, status: int) -> None:
        assert self.invite is not None
        body = offer(self.agent.host, self.stream.port) if status == 200 else ""
        self._last_response = self.agent.response(self.invite, status, self._ours, body)
        self.agent.send(self._last_response, self._peer)

    def _respond_finally(self, status: int) -> None:
        """A final answer, said again until it is acknowledged."""
        self.status = status
        self._respond(status)
        self._resend = _Resend(lambda: self.agent.send(self._last_response, self._peer), lambda: self._give_up(408))
        if status >= 300:
            self._finish(self.ended_by or Side.US)

    def request(self, message: Message, peer: tuple[str, int]) -> None:
        match message.method:
            case "INVITE" if self.invite is not None and message.sequence == self.invite.sequence:
                self.agent.send(self._last_response, self._peer)  # sent again: our answer was lost
            case "INVITE" | "UPDATE":
                self._renegotiate(message, peer)
            case "ACK":
                if self._resend:
                    self._resend.stop()
            case "CANCEL":
                self.agent.send(self.agent.response(message, 200, self._ours), peer)
                if self.status is None:
                    self.ended_by = Side.THEM
                    self._respond_finally(487)
            case "BYE":
                self.agent.send(self.agent.response(message, 200), peer)
                self._finish(Side.THEM)
            case "OPTIONS" | "INFO" | "NOTIFY":
                self.agent.send(self.agent.response(message, 200), peer)
            case _:
                self.agent.send(self.agent.response(message, 405), peer)

    def _renegotiate(self, message: Message, peer: tuple[str, int]) -> None:
        wanted = sound(message.body)
        if wanted:
            self.stream.start((wanted.host, wanted.port), wanted.events)
        body = offer(self.agent.host, self.stream.port) if message.body or message.method == "INVITE" else ""
        self.agent.send(self.agent.response(message, 200, "", body), peer)

    # --- Both ---

    def _start_sound(self, description: str) -> None:
        self.answered_at = time.monotonic()
        wanted = sound(description)
        if wanted:
            self.stream.start((wanted.host, wanted.port), wanted.events)
            self.agent.pacer.add(self.stream)
        self._answered.set()

    def _finish(self, by: Side) -> None:
        if self._ended.is_set():
            return
        self.ended_by, self.ended_at = self.ended_by or by, time.monotonic()
        if self._resend and (self.made or self.status == 200):  # a refusal is said until it is acknowledged
            self._resend.stop()
        for timer in self._timers:
            timer.cancel()
        self.agent.pacer.remove(self.stream)
        self.stream.close()
        self._ended.set()
        self.agent.forget_later(self)

    def silence(self) -> None:
        """Send nothing more, not even what is waiting to be sent again."""
        for resend in (self._resend, self._bye):
            if resend:
                resend.stop()
        self._finish(Side.US)


def _new_branch() -> str:
    return f"z9hG4bK{secrets.token_hex(8)}"
