"""Our understanding inside Rasa: an intent classifier and a guarded REST channel. The only file that imports rasa.

It runs in Rasa's own process (Python 3.10, `deploy/rasa/setup.sh`), from the `lib` folder of the generated project.
"""

from __future__ import annotations

import enum
import hmac
import logging
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

if not hasattr(enum, "StrEnum"):  # of Python 3.11, which the modules shared with the product are written for

    class _StrEnum(str, enum.Enum):  # noqa: UP042 - this is it
        __str__ = str.__str__

        @staticmethod
        def _generate_next_value_(name: str, *_: Any) -> str:
            return name.lower()

    enum.StrEnum = _StrEnum  # type: ignore[misc, assignment]

from rasa.core.channels.channel import CollectingOutputChannel, UserMessage
from rasa.core.channels.rest import Blueprint, RestInput, response
from rasa.core.tracker_store import InMemoryTrackerStore
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.engines.embedded import EmbeddedEngine
from bot.engines.state import MODELS, fingerprint, intents, open_engine, told

log = logging.getLogger(__name__)

MOST_CHARACTERS = 4000
"""Longest message that the channel lets in: beyond, Rasa would spend its time on one person."""


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class AccueilClassifier(GraphComponent, IntentClassifier):  # type: ignore[misc]
    """The embedded engine as a component of Rasa's graph: intents are fiches."""

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {"state": "state", "digest": ""}

    def __init__(self, storage: ModelStorage, resource: Resource, state: Path, engine: EmbeddedEngine | None = None) -> None:
        self._storage = storage
        self._resource = resource
        self._state = state
        self._engine = engine
        self._digest = fingerprint(engine.catalogue.index.digest, state / MODELS) if engine else ""

    @classmethod
    def create(
        cls, config: dict[str, Any], model_storage: ModelStorage, resource: Resource, execution_context: ExecutionContext
    ) -> AccueilClassifier:
        """Before training: the state is the folder of that name in the project, which is the working folder."""
        return cls(model_storage, resource, Path(config["state"]))

    def train(self, training_data: TrainingData) -> Resource:
        """Put the state in the model. The learning was done by `python -m bot train`; Rasa's examples are not read."""
        open_engine(self._state)  # a damaged state must not become a model
        with self._storage.write_to(self._resource) as folder:
            shutil.copytree(self._state, folder / "state")
        return self._resource

    @classmethod
    def load(
        cls, config: dict[str, Any], model_storage: ModelStorage, resource: Resource, execution_context: ExecutionContext, **_: Any
    ) -> AccueilClassifier:
        with model_storage.read_from(resource) as folder:
            return cls(model_storage, resource, folder / "state", open_engine(folder / "state"))

    def process(self, messages: list[Message]) -> list[Message]:
        """Add intent, intent_ranking, nature, language and confidence to each message, and all that was understood."""
        for message in messages:
            self._understand(message)
        return messages

    def _understand(self, message: Message) -> None:
        if self._engine is None:
            return
        understood = self._engine.interpret(message.get("text") or "")
        ranked = intents(understood)
        message.set("intent", ranked[0] if ranked else {"name": None, "confidence": 0.0}, add_to_output=True)
        message.set("intent_ranking", ranked, add_to_output=True)
        message.set("nature", understood.nature.value, add_to_output=True)
        message.set("language", understood.language, add_to_output=True)
        message.set("confidence", understood.confidence, add_to_output=True)
        message.set("accueil", told(understood, self._digest), add_to_output=True)


class ForgetfulTrackers(InMemoryTrackerStore):  # type: ignore[misc]
    """Rasa's conversations in memory, forgotten when they are left alone (T28). The journal of Accueil is the only one that lasts."""

    def __init__(self, domain: Any, event_broker: Any = None, minutes: float = 120, **_: Any) -> None:
        super().__init__(domain, event_broker)
        self._seconds = float(minutes) * 60
        self._kept: dict[str, float] = {}

    async def save(self, tracker: Any) -> None:
        now = time.monotonic()
        self._kept.pop(tracker.sender_id, None)
        self._kept[tracker.sender_id] = now
        for sender, last in list(self._kept.items()):  # oldest first
            if now - last < self._seconds:
                break
            del self._kept[sender]
            self.store.pop(sender, None)
        await super().save(tracker)


class GuardedRest(RestInput):  # type: ignore[misc]
    """Rasa's REST channel, which it leaves open to all, behind a token.

    `POST /webhooks/rest/webhook` with `{"sender", "message"}` and `Authorization: Bearer TOKEN`. An empty list is never sent: what failed
    is said by the status, 502.
    """

    def __init__(self, token: str) -> None:
        self._token = token

    @classmethod
    def from_credentials(cls, credentials: dict[str, Any] | None) -> GuardedRest:
        """
        Raises:
            ValueError: no token, or one that can be guessed: the server does not start.
        """
        token = os.path.expandvars(str((credentials or {}).get("token") or ""))
        if len(token) < 16 or token.startswith("$"):
            raise ValueError("BOT_RASA_TOKEN : écrivez un secret de 16 caractères au moins, tiré au hasard.")
        return cls(token)

    def blueprint(self, on_new_message: Any) -> Blueprint:
        channel = Blueprint("accueil_rest")

        async def health(_: Any) -> Any:
            return response.json({"status": "ok"})

        async def receive(request: Any) -> Any:
            shown = request.headers.get("authorization", "")
            if not hmac.compare_digest(shown.encode(), f"Bearer {self._token}".encode()):
                return response.json({"error": "token"}, 401)
            body = request.json if isinstance(request.json, dict) else {}
            sender, text = str(body.get("sender") or ""), str(body.get("message") or "")
            if not 16 <= len(sender) <= 80 or not text.strip() or len(text) > MOST_CHARACTERS:
                return response.json({"error": "request"}, 422)
            collected = CollectingOutputChannel()
            plain = text.lstrip("/ \t\n") or "?"  # "/restart" and the like are orders to Rasa
            try:
                await on_new_message(UserMessage(plain, collected, sender, input_channel=self.name()))
            except Exception as error:  # whatever failed, the words of the person stay out of the logs
                log.error("message failed: %s", type(error).__name__)
                return response.json({"error": "failure"}, 502)
            return response.json(collected.messages, 200 if collected.messages else 502)

        channel.add_route(health, "/", methods=["GET"])
        channel.add_route(receive, "/webhook", methods=["POST"])
        return channel


def serve() -> None:
    """`rasa run` with the arguments of the command line, and the token of BOT_RASA_TOKEN: a list of processes must not show it.

    In one argument with its option: a secret that begins with a dash would be taken for another one.
    """
    from rasa.__main__ import main

    sys.argv = ["rasa", "run", *sys.argv[1:], "--enable-api", f"--auth-token={os.environ['BOT_RASA_TOKEN']}"]
    main()
