"""The server-rendered pages: Jinja2 with autoescape, one environment, the same frame for every page."""

from __future__ import annotations

from datetime import date, datetime
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from api.person import how_to_reach, switchboard
from api.settings import ApiSettings
from api.texts import date_text, direction, texts
from bot.assistant import Assistant
from knowledge.clock import Clock


class Templates:
    """Renders a page in one of the languages of the interface."""

    def __init__(self, settings: ApiSettings, assistant: Assistant, clock: Clock) -> None:
        self._settings = settings
        self._assistant = assistant
        self._clock = clock
        self._environment = Environment(
            loader=PackageLoader("api", "templates"),
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters["phone_link"] = phone_link
        self._environment.filters["urgent_link"] = urgent_link
        self._environment.filters["site"] = site
        self._environment.filters["direction"] = direction

    def render(self, name: str, language: str, **context: object) -> str:
        """The page `name`. What comes from people arrives in `context` and is escaped."""
        directory = self._assistant.directory
        words = texts(language)
        now = self._clock()
        return self._environment.get_template(name).render(
            {
                "language": language,
                "words": words,
                "page": words["page"],
                "chat": words["widget"],
                "prefecture": directory.prefecture,
                "prefecture_name": _capitalised(directory.prefecture.name),
                "switchboard": switchboard(directory),
                "reach": how_to_reach(directory, None, now, language),
                "settings": self._settings,
                "today": date_text(now.astimezone(ZoneInfo(directory.prefecture.zone)).date(), language),
                "dated": lambda day: date_text(day, language) if isinstance(day, date | datetime) else "",
                **context,
            }
        )


def phone_link(phone: str) -> str:
    """The address that dials `phone`: "tel:0353011000"."""
    return "tel:" + "".join(character for character in phone if character.isdigit() or character == "+")


def urgent_link(number: str) -> str:
    """The address that reaches an emergency number: 114 is for those who cannot hear or speak, and is written to."""
    return "sms:114" if number == "114" else phone_link(number)


def site(url: str) -> str:
    """The host of an address, as people recognise it: "service-public.gouv.fr"."""
    return (urlsplit(url).hostname or url).removeprefix("www.")


def _capitalised(name: str) -> str:
    return name[:1].upper() + name[1:]
