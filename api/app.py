"""The written line as one ASGI application."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Engine
from starlette.middleware.cors import CORSMiddleware
from starlette.staticfiles import StaticFiles

from api import action_server, chat, editor, embedding, health, line_orders, line_state, pages, reference, widget
from api.commits import Commits
from api.dependencies import Line
from api.gate import Gate
from api.problems import Problems
from api.rates import Addresses
from api.settings import ApiSettings
from api.settings import settings as default_settings
from api.staff import Doorkeeper
from api.templating import Templates
from api.tokens import Tokens, signing_secret
from bot.assistant import Assistant
from knowledge.clock import Clock, now
from knowledge.database import default_engine, reading

log = logging.getLogger("api")


def create_app(
    assistant: Assistant | None = None, engine: Engine | None = None, settings: ApiSettings | None = None, clock: Clock = now
) -> FastAPI:
    """The application, ready to serve.

    Raises:
        SecretMissing: the instance has no secret of its own.
        KnowledgeError, BotError: the database, the content or the index is not there.
    """
    settings = settings or default_settings()
    secret = signing_secret(settings)
    assistant = assistant or Assistant.from_settings()
    templates = Templates(settings, assistant, clock)
    problems = Problems(settings, assistant, templates)
    tokens = Tokens(secret, settings.token_minutes)
    engine = engine or default_engine()
    doorkeeper = Doorkeeper(engine, Addresses(settings.trusted_proxies))
    line = Line(settings, engine, Commits(engine), assistant, tokens, templates, problems, doorkeeper, clock)

    app = FastAPI(
        title="Accueil",
        summary="First-level answers of a préfecture, from approved replies only.",
        version="0.3.0",
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.state.line = line
    problems.handle(app)
    app.include_router(chat.router)
    if action_server.is_open():
        app.include_router(action_server.router)
    app.include_router(editor.router)
    app.include_router(line_orders.router)
    app.include_router(line_state.router)
    app.include_router(health.router)
    app.include_router(pages.router)
    app.include_router(embedding.router)
    app.include_router(reference.router)
    app.include_router(widget.router)
    app.mount("/static", StaticFiles(packages=[("api", "static")]))
    if settings.embed_origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=settings.embed_origins, allow_methods=["GET", "POST"], allow_headers=["content-type"], max_age=600
        )
    app.add_middleware(Gate, settings=settings, problems=problems)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    watching = asyncio.create_task(_watch_releases(app.state.line))
    yield
    watching.cancel()


async def _watch_releases(line: Line) -> None:
    """Swap the assistant's knowledge soon after a release is announced. A database that is away is asked again."""
    while True:
        await asyncio.sleep(line.settings.refresh_seconds)
        try:
            if await run_in_threadpool(_refresh, line):
                log.info('{"event": "knowledge swapped"}')
        except Exception as error:  # whatever failed, the present knowledge goes on answering
            log.warning('{"event": "refresh failed", "kind": "%s"}', type(error).__name__)


def _refresh(line: Line) -> bool:
    with reading(line.engine) as opened:
        return line.assistant.refresh(opened)
