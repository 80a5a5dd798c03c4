"""The hosted page: the same conversation as the widget, and it works without JavaScript and without any cookie.

The token travels in a hidden field of the form; earlier turns are read back from the journal.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query
from pydantic import ValidationError
from starlette.responses import HTMLResponse

from api.answers import paragraphs
from api.chat import Opinion, converse, problems, record_opinion
from api.dependencies import FromLine, Line
from api.errors import ApiError, ConversationClosed, TokenRefused
from api.texts import interface_language, texts
from bot.errors import ConversationUnknown
from bot.journal import Spoken, transcript
from bot.settings import settings as bot_settings
from knowledge.database import reading

router = APIRouter(tags=["pages"], default_response_class=HTMLResponse)

Lang = Annotated[str, Query(description="Language of the interface: fr or en.")]
Text = Annotated[str, Form()]


@router.get("/", summary="The conversation page", responses=problems(400, 422, 500, page=True))
async def page(line: FromLine, lang: Lang = "fr") -> str:
    """Works without JavaScript; becomes the widget when there is some."""
    return _conversation(line, interface_language(lang))


@router.post("/", summary="Ask a question without JavaScript", responses=problems(400, 401, 404, 408, 413, 422, 429, 500, 503, page=True))
def ask(line: FromLine, message: Text = "", choice: Text = "", token: Text = "", lang: Lang = "fr") -> HTMLResponse:
    """The form of the page. The conversation comes back whole; a problem comes back with what was written."""
    language = interface_language(lang)
    try:
        spoken = _spoken(line, token)
        answer = converse(line, message, choice, token, language)
    except (ConversationClosed, TokenRefused) as error:
        return _refused(line, error, language, draft=message)
    except ApiError as error:
        return _refused(line, error, language, draft=message, token=token, spoken=spoken)
    return HTMLResponse(
        _conversation(line, language, spoken=spoken, answer=answer, paragraphs=paragraphs(answer), message=message, token=answer.token)
    )


@router.post(
    "/avis", summary="Give an opinion without JavaScript", responses=problems(400, 401, 404, 408, 413, 422, 429, 500, 503, page=True)
)
def opinion(line: FromLine, token: Text = "", exchange: Text = "", clear: Text = "", helped: Text = "", lang: Lang = "fr") -> HTMLResponse:
    """The two questions under an answer of the page."""
    language = interface_language(lang)
    try:
        record_opinion(
            line, Opinion.model_validate({"token": token, "exchange": exchange, "clear": clear or None, "helped": helped or None})
        )
        said = texts(language)["widget"]["sorry" if helped == "false" else "thanks"]
    except ValidationError:
        said = texts(language)["page"]["feedback_none"]
    except (ApiError, ConversationUnknown) as error:
        return _refused(line, error, language)
    return HTMLResponse(_conversation(line, language, spoken=_spoken(line, token), token=token, said=said))


@router.get("/assistant", summary="A site that embeds the widget", responses=problems(400, 422, 500, page=True))
async def embedding_site(line: FromLine, lang: Lang = "fr") -> str:
    """A made-up site of a préfecture with one script tag, to see the widget at work."""
    return line.templates.render("site.html", interface_language(lang))


@router.get("/donnees-personnelles", summary="What becomes of what is written", responses=problems(400, 422, 500, page=True))
async def personal_data(line: FromLine, lang: Lang = "fr") -> str:
    """The long form of the notice on personal data (RGPD, articles 12 to 14)."""
    quality = line.assistant.directory.get("qualite")
    contact = line.settings.privacy_contact or (quality.email if quality else "")
    return line.templates.render("privacy.html", interface_language(lang), contact=contact, retention=bot_settings().retention_days)


@router.get("/accessibilite", summary="Accessibility statement", responses=problems(400, 422, 500, page=True))
async def accessibility(line: FromLine, lang: Lang = "fr") -> str:
    """State of conformity with the RGAA, from the settings, and whom to write to."""
    return line.templates.render("accessibility.html", interface_language(lang))


def _spoken(line: Line, token: str) -> tuple[Spoken, ...]:
    if not token:
        return ()
    conversation = line.tokens.unwrap(token)
    with reading(line.engine) as opened:
        return transcript(opened, conversation)


def _conversation(line: Line, language: str, **shown: object) -> str:
    empty = {"spoken": (), "answer": None, "problem": None, "said": "", "token": "", "draft": "", "message": "", "paragraphs": ()}
    return line.templates.render("chat.html", language, **{**empty, **shown})


def _refused(line: Line, error: Exception, language: str, **shown: object) -> HTMLResponse:
    status, problem = line.problems.told(error, language)
    return HTMLResponse(_conversation(line, language, problem=problem, **shown), status_code=status)
