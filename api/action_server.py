"""The actions that Rasa calls: a conversation on any of its channels gets the answers of the assistant, word for word.

Protocol of Rasa's action server (https://legacy-docs-oss.rasa.com/docs/action-server/pages/http-api-spec): `POST …/webhook` with the
action, the conversation and its slots; events and responses come back. Nothing of Rasa is needed here. Closed unless
`BOT_RASA_ACTION_TOKEN` is set.
"""

from __future__ import annotations

import hmac
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session
from starlette import status
from starlette.responses import JSONResponse

from api.chat import problems, readable
from api.dependencies import FromLine, Line
from api.errors import ConversationClosed, KeyRefused, TokenRefused
from bot.errors import ConversationUnknown
from bot.journal import open_conversation
from bot.messages import Answer, Channel, Clarify, Handover, Question, Reply
from bot.settings import settings
from bot.training.rasa.project import ANSWER, ASK, CHOICE, CHOSEN, CONVERSATION, FORM

WEBHOOK = "/rasa/webhook"
ACTIONS = (ANSWER, ASK)


class LatestMessage(BaseModel):
    text: str | None = None


class Tracker(BaseModel):
    """What we read of a conversation of Rasa."""

    slots: dict[str, Any] = Field(default_factory=dict)
    latest_message: LatestMessage | None = None


class ActionCall(BaseModel):
    next_action: str = Field(description="Name of the action.", max_length=200)
    tracker: Tracker = Field(default_factory=Tracker)


class Button(BaseModel):
    title: str
    payload: str = Field(description="To be sent back as a message.", examples=["choix:cni-perte"])


class Said(BaseModel):
    text: str
    buttons: list[Button] = Field(default_factory=list)


class ActionDone(BaseModel):
    events: list[dict[str, Any]]
    responses: list[Said]


def is_open() -> bool:
    """Whether this installation answers Rasa at all."""
    return bool(settings().rasa_action_token)


def shows_token(authorization: str) -> bool:
    """Whether an `Authorization` header shows the secret of Rasa."""
    return is_open() and hmac.compare_digest(authorization.encode(), f"Bearer {settings().rasa_action_token}".encode())


def _from_rasa(authorization: Annotated[str, Header()] = "") -> None:
    if not shows_token(authorization):
        raise KeyRefused


router = APIRouter(prefix="/rasa", tags=["rasa"], dependencies=[Depends(_from_rasa)])


@router.get("/health", summary="Do the actions answer?", responses=problems(400, 401, 500))
async def health() -> dict[str, str]:
    return {"status": "ok"}


@router.get("/actions", summary="Which actions are there?", responses=problems(400, 401, 500))
async def actions() -> list[dict[str, str]]:
    return [{"name": name} for name in ACTIONS]


@router.post("/webhook", summary="Run an action", response_model=ActionDone, responses=problems(400, 401, 408, 413, 422, 500, 503))
def webhook(body: ActionCall, line: FromLine) -> ActionDone | JSONResponse:
    """Answer the latest message of a conversation; a clarification opens the form, whose only slot is the next message."""
    match body.next_action:
        case name if name == ANSWER:
            return _answered(line, body.tracker)
        case name if name == ASK:
            return ActionDone(events=[], responses=[])  # the question was asked in the words of the assistant, just before
        case _:
            unknown = {"error": "No registered action found.", "action_name": body.next_action}
            return JSONResponse(unknown, status.HTTP_404_NOT_FOUND)


def _answered(line: Line, tracker: Tracker) -> ActionDone:
    text = readable(tracker.latest_message.text or "") if tracker.latest_message else ""
    named = text.removeprefix(CHOICE)
    choice = named if named != text and named in line.assistant.catalogue.fiches else None
    conversation = _conversation(line, tracker.slots.get(CONVERSATION))

    def turn(opened: Session) -> Answer:
        def asked(of: str) -> Answer:
            return line.assistant.converse(opened, Question("" if choice else text, Channel.CHAT, of, choice))

        if conversation:
            try:
                return asked(conversation)
            except ConversationUnknown:  # erased since
                pass
        return asked(open_conversation(opened, Channel.CHAT, line.clock))

    answer = line.commits.write(turn)
    following = FORM if isinstance(answer, Clarify) and answer.choices else "action_listen"
    events = [
        _slot(CONVERSATION, line.tokens.wrap(str(answer.conversation))),
        _slot(CHOSEN, None),
        {"event": "followup", "timestamp": None, "name": following},
    ]
    return ActionDone(events=events, responses=[Said(text=answer.text, buttons=_buttons(answer))])


def _conversation(line: Line, token: object) -> str | None:
    """The conversation of a slot that we filled; None for a new one, or one left too long."""
    if not isinstance(token, str):
        return None
    try:
        return line.tokens.unwrap(token)
    except (TokenRefused, ConversationClosed):
        return None


def _buttons(answer: Answer) -> list[Button]:
    match answer:
        case Clarify():
            offered = answer.choices
        case Handover():
            offered = answer.suggestions
        case Reply():
            offered = answer.related
        case _:
            offered = ()
    return [Button(title=one.label, payload=CHOICE + one.fiche) for one in offered]


def _slot(name: str, value: object) -> dict[str, Any]:
    return {"event": "slot", "timestamp": None, "name": name, "value": value}
