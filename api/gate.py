"""What every request passes before and after its route: host, size, pace, headers, one line of log.

One plain ASGI application around FastAPI: cheap, and it also covers refusals and failures. Logs name the route, never the address
asked, what was sent or who sent it (T28).
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
import traceback
from collections.abc import Iterable
from math import ceil
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.action_server import WEBHOOK, shows_token
from api.errors import ApiError, BodyTooLarge, BodyTooSlow, HostUnknown, TooManyMessages
from api.problems import Problems
from api.rates import Addresses, Rates
from api.settings import ApiSettings

log = logging.getLogger("api")

EMBEDDABLE = frozenset({"/static/widget.js"})
"""What another site may load from here by a script tag."""
SCRIPTS = "/line/scripts"
SCRIPT_BYTES = 1024 * 1024
"""Largest request at this address, for who shows a key: a phone script is larger than a message."""
FRAMED = frozenset({"/", "/avis"})
"""Pages that an allowed site may show in a frame."""


class Gate:
    """Refuses early, protects every answer, logs one line a request."""

    def __init__(self, app: ASGIApp, settings: ApiSettings, problems: Problems) -> None:
        self._app = app
        self._settings = settings
        self._problems = problems
        self._hosts = tuple(host.lower() for host in settings.trusted_hosts)
        self._rates = Rates(settings.rate_per_minute, settings.rate_burst)
        self._addresses = Addresses(settings.trusted_proxies)
        self._page_policy = _page_policy(settings.embed_origins)
        self._frame_policy = _page_policy(settings.embed_origins, framed=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._protect(scope["path"], MutableHeaders(scope=message))
            await send(message)

        headers = Headers(scope=scope)
        try:
            self._check_host(headers)
            most = self._most(scope, headers)
            self._check_size(headers, most)
            if scope["method"] in ("POST", "DELETE") and not self._is_rasa(scope, headers):
                self._check_pace(scope, headers)
            await self._app(scope, self._measured(receive, most), answer)
        except ApiError as error:
            await self._refuse(error, scope, receive, answer, status)
        except Exception as error:
            log.error(json.dumps({"event": "failure", "route": _route(scope), "error": _where(error)}))
            await self._refuse(ApiError(), scope, receive, answer, status)
        milliseconds = round((time.perf_counter() - started) * 1000, 1)
        log.info(json.dumps({"event": "request", "method": scope["method"], "route": _route(scope), "status": status, "ms": milliseconds}))

    async def _refuse(self, error: ApiError, scope: Scope, receive: Receive, send: Send, status: int) -> None:
        if status:
            return  # the answer has begun: the connection is cut by the server, nothing can be added
        await self._problems.response(scope, error)(scope, receive, send)

    def _check_host(self, headers: Headers) -> None:
        host = headers.get("host", "").lower()
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if not any(name == known or (known.startswith("*.") and name.endswith(known[1:])) for known in self._hosts):
            raise HostUnknown

    def _most(self, scope: Scope, headers: Headers) -> int:
        """Bytes that the body of this request may have."""
        of_staff = scope["path"] == SCRIPTS and headers.get("authorization", "").startswith("Bearer ")
        larger = of_staff or self._is_rasa(scope, headers)
        return max(SCRIPT_BYTES, self._settings.body_bytes) if larger else self._settings.body_bytes

    def _is_rasa(self, scope: Scope, headers: Headers) -> bool:
        """Whether our own Rasa asks: it brings whole conversations, and those of everybody from one address."""
        return scope["path"] == WEBHOOK and shows_token(headers.get("authorization", ""))

    def _check_size(self, headers: Headers, most: int) -> None:
        declared = headers.get("content-length", "0")
        if not declared.isdigit() or int(declared) > most:
            raise BodyTooLarge

    def _check_pace(self, scope: Scope, headers: Headers) -> None:
        peer = scope["client"][0] if scope.get("client") else None
        wait = self._rates.take(self._addresses.visitor(peer, ",".join(headers.getlist("x-forwarded-for"))))
        if wait:
            raise TooManyMessages(ceil(wait))

    def _measured(self, receive: Receive, most: int) -> Receive:
        """`receive` within `most` bytes and the limit of time, whatever the client declared."""
        left = most
        deadline = time.monotonic() + self._settings.request_seconds
        finished = False

        async def limited() -> Message:
            nonlocal left, finished
            if finished:
                return await receive()  # only waits for the client to leave
            try:
                async with asyncio.timeout(max(deadline - time.monotonic(), 0.01)):
                    message = await receive()
            except TimeoutError:
                raise BodyTooSlow from None
            left -= len(message.get("body", b""))
            finished = not message.get("more_body", False)
            if left < 0:
                raise BodyTooLarge
            return message

        return limited

    def _protect(self, path: str, headers: MutableHeaders) -> None:
        headers["x-content-type-options"] = "nosniff"
        headers["referrer-policy"] = "same-origin"
        headers["permissions-policy"] = "camera=(), microphone=(), geolocation=(), payment=()"
        headers["cross-origin-resource-policy"] = "cross-origin" if path in EMBEDDABLE else "same-origin"
        if headers.get("content-type", "").startswith("text/html"):
            headers["content-security-policy"] = self._frame_policy if path in FRAMED else self._page_policy
        else:
            headers["content-security-policy"] = "default-src 'none'; frame-ancestors 'none'"
        headers.setdefault("cache-control", "no-store")


def _page_policy(origins: Iterable[str], framed: bool = False) -> str:
    ancestors = " ".join(["'self'", *origins]) if framed else "'none'"
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        f"form-action 'self'; base-uri 'none'; frame-ancestors {ancestors}"
    )


def _route(scope: Scope) -> str:
    """The template of the route, never the address asked for: a citizen may have typed anything in it."""
    return getattr(scope.get("route"), "path", "-")


def _where(error: BaseException) -> dict[str, Any]:
    """The kind of an error and where it happened, without its message: a database quotes its parameters there."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    return {"kind": type(error).__name__, "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]}
