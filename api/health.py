"""Whether the process is alive, and whether it can answer: for the container platform and the proxy."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import text

from api.chat import problems
from api.dependencies import FromLine
from knowledge.database import reading

router = APIRouter(tags=["operation"])


class Health(BaseModel):
    status: Literal["ok"] = "ok"


@router.get("/health", summary="Is the process alive?", responses=problems(400, 500))
async def health() -> Health:
    """Answers as long as the process runs; touches nothing else."""
    return Health()


@router.get("/ready", summary="Can it answer a question?", responses=problems(400, 500, 503))
def ready(line: FromLine) -> Health:
    """Asks the database; the assistant's index is in memory since the start."""
    with reading(line.engine) as opened:
        opened.execute(text("SELECT 1"))
    return Health()
