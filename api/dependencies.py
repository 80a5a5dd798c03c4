"""What the routes receive: the assistant, the database, the tokens, the clock. Built once, in `create_app`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import Engine

from api.commits import Commits
from api.errors import NotAllowed
from api.problems import Problems
from api.settings import ApiSettings
from api.staff import Action, Doorkeeper, Person
from api.templating import Templates
from api.tokens import Tokens
from bot.assistant import Assistant
from knowledge.clock import Clock


@dataclass(frozen=True)
class Line:
    """The written line of one process."""

    settings: ApiSettings
    engine: Engine
    commits: Commits
    assistant: Assistant
    tokens: Tokens
    templates: Templates
    problems: Problems
    doorkeeper: Doorkeeper
    clock: Clock


async def _line(request: Request) -> Line:
    line: Line = request.app.state.line
    return line


FromLine = Annotated[Line, Depends(_line)]

_bearer = HTTPBearer(auto_error=False, scheme_name="Staff key", description="A key made by `python -m api staff add`.")
_Shown = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


def may(action: Action) -> Callable[..., Person]:
    """What a route of the staff depends on: the person who asks, who may do `action`.

    Raises:
        KeyRefused, TooManyMessages: no key, or nobody's.
        NotAllowed: this role does not do that.
    """

    def person(request: Request, line: FromLine, shown: _Shown) -> Person:
        forwarded = ",".join(request.headers.getlist("x-forwarded-for"))
        found = line.doorkeeper.person(shown.credentials if shown else None, request.client.host if request.client else None, forwarded)
        if not found.may(action):
            raise NotAllowed
        return found

    return person
