"""`/static/widget.js`: the files of `static/widget/` put together with their sentences and the number to call.

No build step: they are joined when the server starts. The result is one classic script, which stores nothing and asks nothing of
the server before the visitor opens the conversation.
"""

from __future__ import annotations

import gzip
import hashlib
from functools import lru_cache
from importlib.resources import files

import orjson
from fastapi import APIRouter, Request, Response

from api.dependencies import FromLine, Line
from api.person import how_to_reach
from api.texts import languages, texts

router = APIRouter(include_in_schema=False)

_PARTS = ("requests.js", "drawing.js", "feedback.js", "element.js")


def widget_script(line: Line) -> bytes:
    """The script, as it is served."""
    directory = line.assistant.directory
    people = {language: how_to_reach(directory, None, line.clock(), language) for language in languages()}
    # Whether someone answers now is asked when the visitor wants a person; a script may stay in a cache.
    site = {
        "limit": line.settings.message_characters,
        "demo": directory.prefecture.fictional,
        "phone": people["fr"].phone,
        "person": {language: {**person.model_dump(), "open": False, "status": ""} for language, person in people.items()},
    }
    head = (
        '"use strict";\n'
        "const SCRIPT = document.currentScript;\n"
        "const SERVER = new URL(SCRIPT.src).origin;\n"
        f"const SITE = {orjson.dumps(site).decode()};\n"
        f"const TEXTS = {orjson.dumps({language: texts(language)['widget'] for language in languages()}).decode()};\n"
        f"const STYLE = {orjson.dumps(_file('widget.css')).decode()};\n"
    )
    body = "\n".join(_file(part) for part in _PARTS)
    return f"(() => {{\n{head}\n{body}\n}})();\n".encode()


@router.get("/static/widget.js")
async def widget(request: Request, line: FromLine) -> Response:
    script = widget_script(line)
    tag = f'"{hashlib.sha256(script).hexdigest()[:20]}"'
    headers = {"cache-control": "public, max-age=300", "etag": tag, "vary": "accept-encoding"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(_compressed(script), headers={**headers, "content-encoding": "gzip"}, media_type="text/javascript; charset=utf-8")
    return Response(script, headers=headers, media_type="text/javascript; charset=utf-8")


@lru_cache
def _file(name: str) -> str:
    return (files("api") / "static" / "widget" / name).read_text("utf-8")


@lru_cache(maxsize=2)
def _compressed(script: bytes) -> bytes:
    return gzip.compress(script, 9)
