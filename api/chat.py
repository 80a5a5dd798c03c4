"""The chat: a message in, an approved answer out, with the way to a person."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any

from fastapi import APIRouter, Query, status
from pydantic import BaseModel, Field, model_validator
from sqlalchemy.orm import Session
from starlette.responses import Response

from api.answers import PublicAnswer, public_answer
from api.dependencies import FromLine, Line
from api.errors import BodyTooLarge, MessageEmpty, Problem
from api.person import Person, how_to_reach
from api.tokens import LONGEST_TOKEN
from bot.journal import give_feedback, open_conversation
from bot.messages import Answer, Channel, Question

router = APIRouter(tags=["chat"])

_LANGUAGE = Field(
    default="fr",
    pattern="^[a-z]{2}$",
    description="Language of the interface, fr or en: hours are told in it. Problems are told in that of the address (`?lang=en`).",
    examples=["fr"],
)


class ChatMessage(BaseModel):
    message: str = Field(
        description="What the person wrote, or the label of the choice made. 4,000 characters at most.",
        examples=["g perdu ma carte d identité c combien pour refaire"],
    )
    choice: str | None = Field(default=None, max_length=80, description="`id` of the choice made.", examples=["cni-perte"])
    token: str | None = Field(default=None, description="Token of the conversation; none for the first message.")
    language: str = _LANGUAGE


class Opinion(BaseModel):
    token: str = Field(max_length=LONGEST_TOKEN, description="Token of the conversation.")
    exchange: int = Field(ge=1, description="Number of the answer, as it was received.")
    clear: bool | None = Field(default=None, description="Was the answer clear?")
    helped: bool | None = Field(default=None, description="Did you get what you needed?")

    @model_validator(mode="after")
    def _says_something(self) -> Opinion:
        if self.clear is None and self.helped is None:
            raise ValueError("at least one of the two questions is answered")
        return self


def problems(*statuses: int, page: bool = False) -> dict[int | str, dict[str, Any]]:
    """The refusals of a route, for its documentation: JSON for programs, or a page for people."""
    told = {
        status.HTTP_400_BAD_REQUEST: "The host is not one of this service.",
        status.HTTP_401_UNAUTHORIZED: "The token is not ours, or the conversation was left too long.",
        status.HTTP_404_NOT_FOUND: "No such answer in this conversation.",
        status.HTTP_408_REQUEST_TIMEOUT: "The request did not arrive in time.",
        status.HTTP_413_CONTENT_TOO_LARGE: "The message or the request is too long.",
        status.HTTP_422_UNPROCESSABLE_CONTENT: "The message is empty, or the request does not have the expected form.",
        status.HTTP_429_TOO_MANY_REQUESTS: "Too many messages from this address; see `Retry-After`.",
        status.HTTP_500_INTERNAL_SERVER_ERROR: "Something failed here; the problem gives the number of the switchboard.",
        status.HTTP_503_SERVICE_UNAVAILABLE: "The assistant is unavailable; the problem gives the number of the switchboard.",
    }
    shape: dict[str, Any] = {"content": {"text/html": {}}} if page else {"model": Problem}
    return {code: {**shape, "description": told[code]} for code in statuses}


@router.post(
    "/chat",
    summary="Ask a question",
    response_description="The answer: every sentence with its provenance, and how to reach a person.",
    responses=problems(400, 401, 408, 413, 422, 429, 500, 503),
)
def chat(body: ChatMessage, line: FromLine) -> PublicAnswer:
    """One turn of a conversation. The answer is a reply, a question back, the way to a service, or a courteous refusal."""
    return converse(line, body.message, body.choice, body.token, body.language)


@router.post(
    "/chat/feedback",
    summary="Say whether an answer was clear, and whether it helped",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(400, 401, 404, 408, 413, 422, 429, 500, 503),
)
def feedback(body: Opinion, line: FromLine) -> Response:
    """Two separate questions; each may be answered alone, and the last opinion counts."""
    record_opinion(line, body)
    return Response(status_code=status.HTTP_204_NO_CONTENT)


@router.get("/chat/person", summary="How to reach a person", responses=problems(400, 422, 500))
async def person(
    line: FromLine,
    service: Annotated[str | None, Query(max_length=60, description="Identifier of a service; the switchboard by default.")] = None,
    language: Annotated[str, Query(pattern="^[a-z]{2}$", description="fr or en.")] = "fr",
) -> Person:
    """Line, hours, whether someone answers now, and the relay for deaf, hard of hearing, deafblind and aphasic callers."""
    return how_to_reach(line.assistant.directory, service, line.clock(), language)


def converse(line: Line, message: str, choice: str | None, token: str | None, language: str) -> PublicAnswer:
    """One turn, committed before the answer leaves.

    Raises:
        MessageEmpty: nothing readable in the message.
        BodyTooLarge: the message is longer than API_MESSAGE_CHARACTERS.
        TokenRefused, ConversationClosed: the token.
    """
    if len(message) > line.settings.message_characters:
        raise BodyTooLarge
    text = readable(message)
    if not text:
        raise MessageEmpty
    known = line.tokens.unwrap(token) if token else None

    def turn(opened: Session) -> Answer:
        conversation = known or open_conversation(opened, Channel.CHAT, line.clock)
        return line.assistant.converse(opened, Question(text, Channel.CHAT, conversation, choice or None))

    answer = line.commits.write(turn)
    return public_answer(answer, line.tokens.wrap(str(answer.conversation)), line.assistant.directory, line.clock(), language)


def record_opinion(line: Line, opinion: Opinion) -> None:
    """Keep an opinion on an answer of the conversation of its token.

    Raises:
        ConversationUnknown: the answer is not one of this conversation.
        TokenRefused, ConversationClosed: the token.
    """
    conversation = line.tokens.unwrap(opinion.token)
    line.commits.write(lambda opened: give_feedback(opened, conversation, opinion.exchange, opinion.clear, opinion.helped, line.clock))


def readable(message: str) -> str:
    """`message` without control characters (line ends and tabs stay) nor the marks that make a text read backwards."""
    kept = (character for character in message if character in "\n\t" or not _unreadable(character))
    return "".join(kept).strip()


def _unreadable(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs", "Co") or character in _REVERSING


_REVERSING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
