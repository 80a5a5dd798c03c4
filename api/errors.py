"""Errors of the written line, and how every error of the product becomes an HTTP answer.

ApiError
├── SecretMissing         the instance has no secret of its own: it does not start
├── PortTaken             another program listens on the port: it does not start
├── NotReady              the database or the content is not there: it does not start
├── MessageEmpty          nothing to answer                                    422
├── TokenRefused          a token that this instance did not sign              401
├── ConversationClosed    a token that is too old                              401
├── BodyTooLarge          a request larger than API_BODY_BYTES                 413
├── BodyTooSlow           a request that never ends                            408
├── HostUnknown           a name that is not in API_TRUSTED_HOSTS              400
├── TooManyMessages       one address writes too fast                          429
├── KeyRefused            no key of the staff, or nobody's                     401
├── NotAllowed            the role of this person does not do that             403
├── ConfirmationMissing   a crisis message or a closure, without its word      422
└── ServiceUnknown        no service has this identifier                       422

What a citizen reads is in `templates/texts.yml`, by the code of the problem; what the installer reads is in the error.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import ClassVar, Literal

from pydantic import BaseModel, Field


class ApiError(Exception):
    """Something the written line could not do. `code` finds its sentence in `templates/texts.yml`."""

    status: ClassVar[int] = HTTPStatus.INTERNAL_SERVER_ERROR
    code: ClassVar[str] = "failure"


class SecretMissing(ApiError):
    pass


class PortTaken(ApiError):
    pass


class NotReady(ApiError):
    pass


class MessageEmpty(ApiError):
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "message_empty"


class TokenRefused(ApiError):
    status = HTTPStatus.UNAUTHORIZED
    code = "token_refused"


class ConversationClosed(ApiError):
    status = HTTPStatus.UNAUTHORIZED
    code = "conversation_closed"


class BodyTooLarge(ApiError):
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = "too_long"


class BodyTooSlow(ApiError):
    status = HTTPStatus.REQUEST_TIMEOUT
    code = "too_slow"


class HostUnknown(ApiError):
    status = HTTPStatus.BAD_REQUEST
    code = "host_unknown"


class TooManyMessages(ApiError):
    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "too_many"


class KeyRefused(ApiError):
    status = HTTPStatus.UNAUTHORIZED
    code = "key_refused"


class NotAllowed(ApiError):
    status = HTTPStatus.FORBIDDEN
    code = "not_allowed"


class ConfirmationMissing(ApiError):
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "confirmation_missing"


class ServiceUnknown(ApiError):
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "service_unknown"


class Problem(BaseModel):
    """What every refusal looks like. Nothing of what was sent is repeated in it."""

    code: Literal[
        "message_empty", "request_invalid", "token_refused", "conversation_closed", "exchange_unknown", "too_long", "too_slow",
        "host_unknown", "too_many", "not_found", "method_refused", "unavailable", "failure",
        "key_refused", "not_allowed", "confirmation_missing", "service_unknown",
        "script_unknown", "script_refused", "script_outdated", "script_settled", "second_reader", "order_refused", "state_refused",
    ] = Field(description="Stable key of the problem.")  # fmt: skip
    message: str = Field(description="What happened and what to do, to be shown as it is.")
    phone: str | None = Field(default=None, description="Number of the switchboard, when a person can help.")


class RemarkView(BaseModel):
    """One refusal of a check: where, what is wrong, what to do."""

    file: str = Field(description="File, or version.")
    line: int = Field(description="Line of the text, from 1.")
    rule: str = Field(description="Rule that is not kept.")
    message: str = Field(description="What is wrong, in French.")
    remedy: str = Field(description="What to do, in French.")


class StaffProblem(Problem):
    """What every refusal of the routes of the staff looks like."""

    remarks: list[RemarkView] = Field(default_factory=list, description="Every refusal of the script, when it is one that was refused.")
