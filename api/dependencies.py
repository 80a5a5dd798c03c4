"""What the routes receive: the assistant, the database, the tokens, the clock. Built once, in `create_app`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import Engine

from api.commits import Commits
from api.problems import Problems
from api.settings import ApiSettings
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
    clock: Clock


async def _line(request: Request) -> Line:
    line: Line = request.app.state.line
    return line


FromLine = Annotated[Line, Depends(_line)]
