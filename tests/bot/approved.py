"""What may be said: every sentence of an answer, checked against the text that was approved."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from importlib.resources import files

from bot.assistant import Assistant
from bot.catalogue import Catalogue
from bot.messages import Answer, Sentence, Source
from knowledge.directory import hours_text
from knowledge.parsing import parsed

_BRACES = re.compile(r"\\{(\w+)\\}")
_DATE = r"(?:1er|\d{1,2}) [A-Za-zéûô]+ \d{4}"
_OPENING = r"(?:[a-z]+ à \d{1,2} h(?: \d{2})?|on [A-Z][a-z]+ at \d{2}:\d{2})"


def refused(assistant: Assistant, answer: Answer) -> list[str]:
    """The sentences of `answer` that nobody approved; empty when all were."""
    return [sentence.text for sentence in answer.sentences if not _approved(assistant.catalogue, sentence)]


def _approved(catalogue: Catalogue, sentence: Sentence) -> bool:
    origin = sentence.provenance
    match origin.source:
        case Source.FICHE:
            fiche = catalogue.fiches[origin.reference]
            sections = {"court": fiche.court, "detail": fiche.detail, "étapes": "\n".join(fiche.steps), **fiche.translations}
            return origin.version == fiche.number and _plain(sentence.text) in _plain(sections[origin.section])
        case Source.PASSAGE:
            sheets = (sheet for sheet in catalogue.sheets.values() if sheet.url == origin.reference)
            texts = (text for sheet in sheets for text in (sheet.title, sheet.introduction, *(body for _, body in sheet.sections)))
            return any(_plain(sentence.text) in _plain(text) for text in texts)
        case Source.FIXED:
            said = in_danger().get(sentence.language, {}).get(origin.reference)
            return said == sentence.text or any(_is_fixed(catalogue, origin.reference, code, sentence.text) for code in ("fr", "en"))


def _plain(text: str) -> str:
    return " ".join(re.sub(r"\*\*|__|`", "", text).split())


@lru_cache
def fixed_sentences(language: str) -> dict[str, str]:
    """The fixed sentences of a language, as they are written in the package."""
    stored: dict[str, str] = parsed(files("bot").joinpath(f"templates/{language}.yml").read_text("utf-8"))
    return stored


@lru_cache
def in_danger() -> dict[str, dict[str, str]]:
    """What somebody in danger reads, by language and key."""
    stored: dict[str, dict[str, str]] = parsed(files("bot").joinpath("templates/emergencies.yml").read_text("utf-8"))
    return stored


def _is_fixed(catalogue: Catalogue, key: str, language: str, text: str) -> bool:
    template = fixed_sentences(language).get(key)
    if template is None:
        return False
    pattern = _BRACES.sub(lambda brace: f"(?P<{brace[1]}>.+?)", re.escape(template))
    found = re.fullmatch(pattern, text, re.DOTALL)
    return found is not None and all(_ALLOWED[name](catalogue, value) for name, value in found.groupdict().items())


def _one_of(values: Callable[[Catalogue], Iterable[str]]) -> Callable[[Catalogue, str], bool]:
    return lambda catalogue, value: value in set(values(catalogue))


def _choices(catalogue: Catalogue, value: str) -> bool:
    named = [f"« {fiche.title} »" for fiche in catalogue.fiches.values()] + [fiche.contrast for fiche in catalogue.fiches.values()]
    rest = value
    for name in sorted((name for name in named if name), key=len, reverse=True):
        rest = rest.replace(name, "")
    return not re.sub(r"\bou\b|\bor\b|,", "", rest).strip()


def _sites(catalogue: Catalogue) -> set[str]:
    addresses = [source.url for fiche in catalogue.fiches.values() for source in fiche.sources]
    addresses += [body.url for body, _ in catalogue.competence.bodies] + [sheet.url for sheet in catalogue.sheets.values()]
    addresses.append(fixed_sentences("fr")["directory_url"])
    return {address.split("//")[-1].split("/")[0].removeprefix("www.") for address in addresses}


def _rubrics(catalogue: Catalogue) -> Iterable[str]:
    yield from (source.rubric for fiche in catalogue.fiches.values() for source in fiche.sources)
    yield from (body.rubric for body, _ in catalogue.competence.bodies)
    yield from (sheet.breadcrumb for sheet in catalogue.sheets.values())
    yield fixed_sentences("fr")["directory_rubric"]


def _to_a_service(catalogue: Catalogue, value: str) -> bool:
    name = re.sub(r"^au ", "le ", re.sub(r"^aux ", "les ", re.sub(r"^(à|to) ", "", value)))
    return name in {service.short for service in catalogue.directory}


def _relay(catalogue: Catalogue, value: str) -> bool:
    relay = catalogue.directory.prefecture.relay
    return relay is not None and (value == relay.name or value.startswith(f"{relay.name} ("))


_ALLOWED: dict[str, Callable[[Catalogue, str], bool]] = {
    "service": _one_of(lambda catalogue: (service.short for service in catalogue.directory)),
    "to_service": _to_a_service,
    "name": _one_of(lambda catalogue: (service.spoken.capitalize() for service in catalogue.directory)),
    "phone": _one_of(lambda catalogue: (service.phone for service in catalogue.directory)),
    "standard": _one_of(lambda catalogue: (service.phone for service in catalogue.directory)),
    "email": _one_of(lambda catalogue: (service.email for service in catalogue.directory)),
    "hours": _one_of(lambda catalogue: (hours_text(service, code) for service in catalogue.directory for code in ("fr", "en"))),
    "relay": _relay,
    "choices": _choices,
    "site": _one_of(_sites),
    "rubric": _one_of(_rubrics),
    "date": lambda _, value: re.fullmatch(_DATE, value) is not None,
    "opening": lambda _, value: re.fullmatch(_OPENING, value) is not None,
    "title": _one_of(lambda catalogue: (sheet.title for sheet in catalogue.sheets.values())),
    "body": _one_of(
        lambda catalogue: [
            *(body.name for body, _ in catalogue.competence.bodies),
            *(fiche.competent for fiche in catalogue.fiches.values() if fiche.competent),
        ]
    ),
}
"""What may fill the braces of a fixed sentence, by name: values of the directory and of the contents, never words of a person."""
