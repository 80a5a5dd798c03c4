"""Rasa, the engine of another process: the only door to it, and an engine that never lets a citizen wait for it or notice its absence.

The embedded engine always understands too. Emergencies, personal files and every other nature are its judgement alone; of a general
request, Rasa may change which fiche is meant. A Rasa that is away, slow, or says nonsense costs a fraction of a second, once in a while.
Traps of Rasa 3.6: a failure may look like `200 []`; a text that starts with "/" is an order to it; nothing limits the length of a text.
"""

from __future__ import annotations

import json
import logging
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

import httpcore
from pydantic import BaseModel, Field, ValidationError

from bot.engines.breaker import Breaker
from bot.engines.embedded import EmbeddedEngine
from bot.errors import EngineUnavailable
from bot.messages import NO_CONTEXT, Candidate, Context, Interpretation, Nature

log = logging.getLogger(__name__)

MOST_ASKED = 1000
"""Characters of a question that Rasa receives: its time grows with them."""
MOST_BYTES = 1 << 20
"""Largest answer that is read."""
UNDER_SURE = 0.01
"""How far under the threshold of a reply the confidence is kept when Rasa and the embedded engine name different fiches."""
ASKED = frozenset({Nature.GENERAL})
"""Natures of which Rasa is asked the fiche. The general part of a mixed message is cut out by the embedded engine."""


class Intent(BaseModel):
    name: str | None = Field(default=None, max_length=200)
    confidence: float = Field(default=0.0, ge=0.0, le=1.0, allow_inf_nan=False)


class Understood(BaseModel):
    """What our component adds."""

    digest: str = Field(max_length=64)
    confidence: Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
    likeness: Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
    candidates: list[Named] = Field(max_length=20)


class Named(BaseModel):
    fiche: str | None
    service_public: list[str] = Field(max_length=20)
    url: str
    score: float = Field(ge=0.0, le=1.0, allow_inf_nan=False)
    title: str


class Heard(BaseModel):
    """The answer of `/model/parse`."""

    intent: Intent
    intent_ranking: list[Intent] = Field(max_length=2000)
    accueil: Understood | None = None


class RasaDoor:
    """Rasa's HTTP interface, each call within `seconds` from its first byte to its last."""

    def __init__(self, url: str, token: str, seconds: float) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._seconds = seconds
        self._network = _Timed()
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl.create_default_context() if urlsplit(url).scheme == "https" else None,
            max_connections=16,
            max_keepalive_connections=4,
            keepalive_expiry=15,
            network_backend=self._network,
        )

    def parse(self, text: str) -> Heard:
        """What Rasa understands of `text`.

        Raises:
            EngineUnavailable: it does not answer in time, refuses, or its answer does not have the expected form.
        """
        body = json.dumps({"text": text[:MOST_ASKED].lstrip("/ ") or "?"}).encode()
        answer = self._call("POST", "/model/parse", body, self._seconds)
        try:
            return Heard.model_validate_json(answer)
        except ValidationError as error:
            raise EngineUnavailable("Rasa a donné une réponse qui n'a pas la forme attendue.") from error

    def model(self) -> str:
        """Name of the model in service; empty when there is none.

        Raises:
            EngineUnavailable: as `parse`.
        """
        answer = self._call("GET", "/status", b"", self._seconds)
        try:
            return str(json.loads(answer).get("model_file") or "")
        except (ValueError, AttributeError) as error:
            raise EngineUnavailable("Rasa a donné une réponse qui n'a pas la forme attendue.") from error

    def swap(self, model: str, seconds: float) -> None:
        """Put another model in service; the one in service stays until the new one is loaded.

        Args:
            model: path of the model, as Rasa's process sees it.
            seconds: most time for the loading.

        Raises:
            EngineUnavailable: the model was not taken.
        """
        self._call("PUT", "/model", json.dumps({"model_file": model}).encode(), seconds)

    def _call(self, method: str, path: str, body: bytes, seconds: float) -> bytes:
        target = f"{self._url}{path}?token={quote(self._token, safe='')}"  # Rasa takes its token nowhere else: never log this
        headers = [("Accept", "application/json"), *([("Content-Type", "application/json")] if body else [])]
        try:
            with self._network.within(seconds), self._pool.stream(method, target, headers=headers, content=body or None) as response:
                received = bytearray()
                for piece in response.iter_stream():
                    received += piece
                    if len(received) > MOST_BYTES:
                        raise EngineUnavailable("Rasa a donné une réponse trop longue.")
                status = response.status
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, httpcore.UnsupportedProtocol, OSError) as error:
            raise EngineUnavailable(f"Rasa ne répond pas ({type(error).__name__}).") from error
        if status not in (200, 204):
            raise EngineUnavailable(f"Rasa a refusé la demande ({status}).")
        return bytes(received)


@dataclass(frozen=True)
class RasaEngine:
    """`Engine` (see `contract`): the embedded engine, and Rasa's word on the fiche that is meant."""

    own: EmbeddedEngine
    door: RasaDoor
    breaker: Breaker
    sure: float
    """Threshold of a reply: what only Rasa believes stays under it, and is asked back."""
    digest: str
    """`fingerprint` of what the embedded engine understands with; a component of the same digest has its confidence believed."""
    name: str = "rasa"

    def interpret(self, text: str, context: Context = NO_CONTEXT) -> Interpretation:
        """Understand `text`; never raises. What previous turns complete is understood here: `/model/parse` has no memory."""
        own = self.own.interpret(text, context)
        if own.nature not in ASKED or own.carried_over or not own.text:
            return own
        heard = self._heard(text)
        return own if heard is None else self._merged(own, heard)

    def about(self, fiche_id: str, language: str) -> Interpretation:
        return self.own.about(fiche_id, language)

    def _heard(self, text: str) -> Heard | None:
        if not self.breaker.allows():
            return None
        try:
            heard = self.door.parse(text)
        except EngineUnavailable as error:
            if self.breaker.failed():
                log.warning("%s Le moteur embarqué répond seul.", error)
            return None
        if self.breaker.succeeded():
            log.warning("Rasa répond de nouveau.")
        return heard

    def _merged(self, own: Interpretation, heard: Heard) -> Interpretation:
        told = heard.accueil
        if told is not None and told.digest == self.digest:
            candidates = tuple(
                Candidate(one.fiche, tuple(one.service_public), one.url, one.score, one.title)
                for one in told.candidates
                if one.fiche is None or one.fiche in self.own.catalogue.fiches
            )
            return self._with(own, candidates, told.confidence, told.likeness) if candidates else own
        known = self.own.catalogue.fiches
        first = next((one.name for one in (heard.intent, *heard.intent_ranking) if one.name in known), None)
        ours = own.candidates[0].fiche if own.candidates else None
        if first is None or first == ours:
            return own
        confidence = min(own.confidence, max(self.sure - UNDER_SURE, 0.0))
        both = (self.own.candidate(first, confidence), *(one for one in own.candidates if one.fiche != first))
        capped = tuple(replace(one, score=round(min(one.score, confidence), 4)) for one in both)
        return self._with(own, capped, confidence, own.likeness)

    def _with(self, own: Interpretation, candidates: tuple[Candidate, ...], confidence: float, likeness: float) -> Interpretation:
        said = (*own.explanation, "fiche proposée par Rasa")
        found = replace(own, candidates=candidates, confidence=confidence, likeness=likeness, explanation=said)
        first = self.own.catalogue.fiches.get(candidates[0].fiche or "")
        if first is None or (own.candidates and own.candidates[0].fiche == first.id):
            return found
        return replace(found, competent=first.competent, service=first.service)


class _Timed(httpcore.NetworkBackend):
    """Connections none of whose operations outlives the deadline of the call, however slowly the other side drips."""

    def __init__(self) -> None:
        self._network = httpcore.SyncBackend()
        self._call = threading.local()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        self._call.deadline = time.monotonic() + seconds
        yield

    def remaining(self, timeout: float | None) -> float:
        left: float = self._call.deadline - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("deadline")
        return left if timeout is None else min(left, timeout)

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None, socket_options: Any = None
    ) -> httpcore.NetworkStream:
        return _TimedStream(self._network.connect_tcp(host, port, self.remaining(timeout), local_address, socket_options), self)

    def connect_unix_socket(self, path: str, timeout: float | None = None, socket_options: Any = None) -> httpcore.NetworkStream:
        raise httpcore.UnsupportedProtocol("unix")

    def sleep(self, seconds: float) -> None:
        self._network.sleep(min(seconds, self.remaining(None)))


class _TimedStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, network: _Timed) -> None:
        self._stream = stream
        self._network = network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._network.remaining(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._network.remaining(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _TimedStream(self._stream.start_tls(ssl_context, server_hostname, self._network.remaining(timeout)), self._network)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
