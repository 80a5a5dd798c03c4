"""Every refusal and failure, told in the visitor's language: JSON for programs, a page for people."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import parse_qs

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response
from starlette.types import Scope

from api.errors import ApiError, KeyRefused, Problem, RemarkView, StaffProblem, TooManyMessages
from api.person import switchboard
from api.settings import ApiSettings
from api.templating import Templates
from api.texts import interface_language, texts
from bot.assistant import Assistant
from bot.errors import BotError, ConversationUnknown
from knowledge.errors import (
    ContentRefused,
    DraftOutdated,
    KnowledgeError,
    OrderRefused,
    ScriptUnknown,
    SecondReaderNeeded,
    StateRefused,
    VersionSettled,
)

log = logging.getLogger("api")

PHONE_CODES = frozenset({"unavailable", "failure", "too_many"})
"""Problems after which only a person can help now."""
PAGES = frozenset({"/", "/avis", "/assistant", "/donnees-personnelles", "/accessibilite", "/integrer", "/code.svg", "/docs"})
"""Addresses that people open: their problems are pages too."""

STAFF = "/line/"
"""Addresses of the staff: what refuses there is told as it is, in French, with every remark."""
_STAFF_ERRORS: Mapping[type[Exception], tuple[HTTPStatus, str]] = {
    ScriptUnknown: (HTTPStatus.NOT_FOUND, "script_unknown"),
    ContentRefused: (HTTPStatus.UNPROCESSABLE_ENTITY, "script_refused"),
    DraftOutdated: (HTTPStatus.CONFLICT, "script_outdated"),
    VersionSettled: (HTTPStatus.CONFLICT, "script_settled"),
    SecondReaderNeeded: (HTTPStatus.FORBIDDEN, "second_reader"),
    OrderRefused: (HTTPStatus.CONFLICT, "order_refused"),
    StateRefused: (HTTPStatus.UNPROCESSABLE_ENTITY, "state_refused"),
}


class Problems:
    """Words each problem. Knows the number of the switchboard, so that a failure still leads to a person."""

    def __init__(self, settings: ApiSettings, assistant: Assistant, templates: Templates) -> None:
        self._settings = settings
        self._assistant = assistant
        self._templates = templates

    def worded(self, code: str, language: str) -> Problem:
        phone = switchboard(self._assistant.directory).phone
        message = texts(language)["problems"][code].format(phone=phone, characters=self._settings.message_characters)
        return Problem.model_validate({"code": code, "message": message, "phone": phone if code in PHONE_CODES else None})

    def told(self, error: Exception, language: str) -> tuple[int, Problem]:
        """The status and the sentence of an error."""
        status, code = _status_and_code(error)
        return status, self.worded(code, language)

    def told_to_staff(self, error: Exception, language: str) -> tuple[int, StaffProblem]:
        """The same for the staff: what the knowledge base refuses is told with its own words."""
        if type(error) in _STAFF_ERRORS:
            status, code = _STAFF_ERRORS[type(error)]
            remarks = (
                [RemarkView.model_validate(remark, from_attributes=True) for remark in error.remarks]
                if isinstance(error, ContentRefused)
                else []
            )
            message = "Le script est refusé. Corrigez les lignes dites." if remarks else str(error)
            return status, StaffProblem.model_validate({"code": code, "message": message, "remarks": remarks})
        status_code, problem = self.told(error, language)
        return status_code, StaffProblem(**problem.model_dump())

    def response(self, scope: Scope, error: Exception) -> Response:
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        language = interface_language(query.get("lang", query.get("language", [""]))[0])
        status, problem = self.told_to_staff(error, language) if scope["path"].startswith(STAFF) else self.told(error, language)
        headers = _headers(error)
        if scope["path"] in PAGES or (scope["method"] == "GET" and problem.code == "not_found" and _wants_page(scope)):
            page = self._templates.render("problem.html", language, problem=problem)
            return HTMLResponse(page, status_code=status, headers=headers)
        return Response(problem.model_dump_json(), status_code=status, headers=headers, media_type="application/json")

    def handle(self, app: FastAPI) -> None:
        """Answer for every error of the product raised by a route of `app`."""

        async def handler(request: Request, error: Exception) -> Response:
            return self.response(request.scope, error)

        for kind in (ApiError, BotError, KnowledgeError, DBAPIError, PoolTimeout, RequestValidationError, HTTPException):
            app.add_exception_handler(kind, handler)


def _status_and_code(error: Exception) -> tuple[int, str]:
    if isinstance(error, HTTPException) and isinstance(error.__cause__, ApiError):
        error = error.__cause__  # raised while FastAPI was reading the body
    match error:
        case ApiError():
            return error.status, error.code
        case ConversationUnknown():
            return HTTPStatus.NOT_FOUND, "exchange_unknown"
        case RequestValidationError():
            return HTTPStatus.UNPROCESSABLE_ENTITY, "request_invalid"
        case HTTPException(status_code=HTTPStatus.NOT_FOUND):
            return HTTPStatus.NOT_FOUND, "not_found"
        case HTTPException(status_code=HTTPStatus.METHOD_NOT_ALLOWED):
            return HTTPStatus.METHOD_NOT_ALLOWED, "method_refused"
        case HTTPException():
            return error.status_code, "request_invalid"
        case BotError() | KnowledgeError() | DBAPIError() | PoolTimeout():
            log.error('{"event": "unavailable", "kind": "%s"}', type(error).__name__)
            return HTTPStatus.SERVICE_UNAVAILABLE, "unavailable"
        case _:
            return HTTPStatus.INTERNAL_SERVER_ERROR, "failure"


def _headers(error: Exception) -> dict[str, str] | None:
    if isinstance(error, TooManyMessages) and error.args:
        return {"Retry-After": str(error.args[0])}
    return {"WWW-Authenticate": "Bearer"} if isinstance(error, KeyRefused) else None


def _wants_page(scope: Scope) -> bool:
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])
