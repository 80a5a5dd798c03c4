"""What a site copies to offer the assistant: a script tag, a frame, a link, a code to print."""

from __future__ import annotations

import io

import segno
from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from api.chat import problems
from api.dependencies import FromLine
from api.pages import Lang
from api.person import switchboard
from api.texts import interface_language, texts

router = APIRouter(tags=["pages"])


@router.get("/integrer", summary="How to embed the assistant", response_class=HTMLResponse, responses=problems(400, 422, 500, page=True))
async def embed(request: Request, line: FromLine, lang: Lang = "fr") -> str:
    """Lines to copy, with the address of this instance."""
    language = interface_language(lang)
    words = texts(language)["widget"]
    address = str(request.base_url)
    phone = switchboard(line.assistant.directory).phone
    script = f'<script src="{address}static/widget.js" data-lang="{language}" defer></script>'
    fallback = f'<a href="{address}?lang={language}">{words["launch"]}</a> · {phone}'
    return line.templates.render(
        "embed.html",
        language,
        address=f"{address}?lang={language}" if language != "fr" else address,
        script_tag=script,
        element_tag=f'<accueil-assistant lang="{language}">{fallback}</accueil-assistant>\n{script}',
        frame_tag=f'<iframe src="{address}?lang={language}" title="{words["title"]}" width="100%" height="720"></iframe>',
    )


@router.get(
    "/code.svg",
    summary="The code to print",
    response_class=Response,
    responses={
        200: {"content": {"image/svg+xml": {}}, "description": "A QR code that opens the conversation page."},
        **problems(400, 500, page=True),
    },
)
async def code(request: Request) -> Response:
    """A QR code of the address of the conversation page, readable when a quarter of it is damaged."""
    drawing = io.BytesIO()
    segno.make(str(request.base_url), error="q").save(drawing, kind="svg", scale=8, border=2, dark="#0e4a59")
    return Response(drawing.getvalue(), media_type="image/svg+xml")
