"""A SIP telephone in software: calls, answers, presses keys, speaks, records what it hears.

The line calls itself with it to prove a publication, and the tests and benches are its callers and desks: one process holds hundreds of
calls. Only UDP and A-law, which is what our Asterisk speaks. A call is in `sip_call`, its sound in `rtp`.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

from telephony.sip.call import PATIENCE, Call, Policy, Side
from telephony.sip.message import Credentials, Message, parse, tag, write
from telephony.sip.rtp import Pacer, Stream

__all__ = ["Call", "Credentials", "Policy", "Side", "UserAgent"]

_REASONS = {100: "Trying", 180: "Ringing", 200: "OK", 405: "Method Not Allowed", 480: "Temporarily Unavailable", 481: "No Such Call"}
_REASONS |= {486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here", 603: "Decline"}


class UserAgent(asyncio.DatagramProtocol):
    """A telephone set with as many lines as wanted, on one UDP port; made by `open`, for the running loop only."""

    def __init__(self, host: str, address: tuple[str, int], policy: Callable[[Message], Policy], *, recording: bool, idle: int) -> None:
        self.host, self.port, self.address = host, 0, address
        self.pacer = Pacer()
        self.received: list[Call] = []
        """The calls that rang here, in order."""
        self._policy, self._recording, self._idle = policy, recording, idle
        self._calls: dict[str, Call] = {}
        self._opening: set[asyncio.Task[None]] = set()
        self._transport: asyncio.DatagramTransport | None = None

    @classmethod
    async def open(
        cls,
        address: tuple[str, int],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        policy: Callable[[Message], Policy] = lambda invite: Policy(),
        recording: bool = True,
        idle: int = 1,
    ) -> UserAgent:
        """A telephone on `host:port` (0: any free port) whose calls go to `address`. `policy` says what to do with each call received.

        `recording` False keeps no sound, and `idle` above 1 sends silence more rarely: for loads of hundreds of calls.

        Raises:
            OSError: the port is taken.
        """
        transport, agent = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: cls(host, address, policy, recording=recording, idle=idle), local_addr=(host, port)
        )
        agent._transport, agent.port = transport, transport.get_extra_info("sockname")[1]
        return agent

    async def call(self, number: str, *, caller: str = "0612345678", name: str = "", credentials: Credentials | None = None) -> Call:
        """Begin a call to `number` and return at once; `credentials` answer a digest challenge.

        Raises:
            ValueError: the number, the caller or the name holds a control character.
        """
        stream = await self._stream()
        call = Call(self, f"{secrets.token_hex(12)}@{self.host}", number, stream, made=True)
        try:
            call.dial(caller, name, credentials)
        except ValueError:
            stream.close()
            raise
        self._calls[call.identifier] = call
        return call

    async def _stream(self) -> Stream:
        return await Stream.open(self.host, recording=self._recording, idle=self._idle)

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls not over, and those that ended in the last half minute."""
        return tuple(self._calls.values())

    async def close(self) -> None:
        """Hang up everything, leave the other side a moment to hear it, and close the port."""
        for call in self.calls:
            call.hang_up()
        if self._calls:
            await asyncio.sleep(0.1)
        for call in self.calls:
            call.silence()
        self._calls.clear()
        if self._transport is not None:
            self._transport.close()

    def send(self, message: bytes, peer: tuple[str, int]) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(message, peer)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        message = parse(data)
        if message is None:
            return
        call = self._calls.get(message.header("call-id"))
        if message.status:
            if call:
                call.response(message)
        elif call:
            call.request(message, addr)
        elif message.method == "INVITE" and not tag(message.header("to")):
            task = asyncio.get_running_loop().create_task(self._receive(message, addr))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)
        elif message.method == "OPTIONS":
            self.send(self.response(message, 200), addr)
        elif message.method != "ACK":
            self.send(self.response(message, 481), addr)

    async def _receive(self, invite: Message, peer: tuple[str, int]) -> None:
        stream = await self._stream()
        if invite.header("call-id") in self._calls:  # sent again while the stream opened
            stream.close()
            return
        call = Call(self, invite.header("call-id"), invite.number, stream, made=False)
        self._calls[call.identifier] = call
        self.received.append(call)
        call.ring(invite, peer, self._policy(invite))

    def response(self, request: Message, status: int, to: str = "", body: str = "") -> bytes:
        """A response to `request`; `to`: our side with its tag, when the call is new."""
        headers = [("Via", via) for via in request.every("via")]
        headers += [("From", request.header("from")), ("To", to or request.header("to"))]
        headers += [("Call-ID", request.header("call-id")), ("CSeq", request.header("cseq"))]
        headers += [("Contact", f"<sip:accueil@{self.host}:{self.port}>")] if status < 300 else []
        return write(f"SIP/2.0 {status} {_REASONS.get(status, 'Refused')}", headers, body)

    def forget_later(self, call: Call) -> None:
        """Keep an ended call while the other side may still repeat itself."""
        asyncio.get_running_loop().call_later(PATIENCE, self._calls.pop, call.identifier, None)
