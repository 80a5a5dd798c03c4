"""What is judged in one fiche: its dates, its facts, its references, its translations, and each of its texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from knowledge.directory import Directory
from knowledge.errors import ContentRefused, Remark
from knowledge.facts import CERTAINTIES, Fact, Facts, Kind
from knowledge.fiche_files import DETAIL, FRENCH_SECTIONS, HELP, SHORT, STEPS, FicheFile
from knowledge.proofreading import wording
from knowledge.proofreading.vocabulary import TOPICS, Vocabulary
from knowledge.proofreading.wording import Passage
from knowledge.rendering import FactCall, Text, compiled

if TYPE_CHECKING:
    from knowledge.proofreading import Previous

FEWEST_QUESTIONS: Mapping[str, int] = {"fr": 20}
FEWEST_QUESTIONS_ELSEWHERE = 5
_BLANK = "▢"
_TYPEWRITTEN = str.maketrans("’\u00a0\u202f", "'  ")
"""Rules are written with the plain apostrophe and space; one character for one, so that lines stay where they are."""


def overdue(file: FicheFile, day: date) -> Iterator[Remark]:
    """Told apart from the refusals: the calendar alone must not stop a load."""
    if file.front.status == "published" and file.front.review_by < day:
        yield file.remark(
            ("review_by",),
            "relecture",
            f"à relire avant le {file.front.review_by:%d/%m/%Y} : la date est passée",
            "vérifiez la fiche, puis changez checked_on et review_by",
        )


@dataclass(frozen=True)
class Reader:
    """Reads fiches on a day, knowing everything they may refer to."""

    facts: Facts
    services: Directory
    vocabulary: Vocabulary
    fiches: frozenset[str]
    """Identifiers of all the fiches, drafts included."""
    day: date

    def refusals(self, file: FicheFile, previous: Previous | None) -> Iterator[Remark]:
        yield from self._dates(file)
        yield from self._references(file)
        yield from self._questions(file)
        if previous is not None:
            yield from _stale_translations(file, previous)
        texts: dict[str, Text] = {}
        for section, source in file.sections.items():
            try:
                texts[section] = compiled(source)
            except ContentRefused as refused:
                first = file.section_lines[section] - 1
                yield from (replace(remark, file=file.name, line=remark.line + first) for remark in refused.remarks)
        for section, text in texts.items():
            yield from self._facts(file, section, text)
        yield from self._certainty(file, texts)
        passages = {section: self._passage(file, section, text) for section, text in texts.items()}
        for passage in passages.values():
            yield from wording.refusals(passage, self.vocabulary)
        for reading in ((SHORT,), (DETAIL, STEPS)):
            yield from wording.acronyms([passages[section] for section in reading if section in passages], self.vocabulary)

    def short_form(self, file: FicheFile) -> str:
        """The short form as it reads that day; a fact that is missing is left blank."""
        try:
            return compiled(file.sections[SHORT]).filled(lambda call: self._wording(call, "fr"))
        except ContentRefused:
            return file.sections[SHORT]

    def _passage(self, file: FicheFile, section: str, text: Text) -> Passage:
        language = "fr" if section in FRENCH_SECTIONS else section
        addresses = [source.url for source in file.front.sources]
        if file.front.procedure and file.front.procedure.url:
            addresses.append(file.front.procedure.url)
        return Passage(
            file=file.name,
            section=section,
            line=file.section_lines[section],
            text=text.filled(lambda call: self._wording(call, language)).translate(_TYPEWRITTEN),
            bare=text.filled(lambda _: _BLANK).translate(_TYPEWRITTEN),
            sites=frozenset((urlsplit(address).hostname or "").lower() for address in addresses),
        )

    def _wording(self, call: FactCall, language: str) -> str:
        periods = self.facts.periods(call.kind, call.key)
        current = [fact for fact in periods if fact.on(self.day)] or periods
        return current[-1].text(language) if current else _BLANK

    def _dates(self, file: FicheFile) -> Iterator[Remark]:
        front = file.front
        if front.checked_on > self.day:
            yield file.remark(("checked_on",), "dates", "la date de vérification est dans le futur", "mettez le jour de la vérification")
        if front.review_by <= front.checked_on:
            yield file.remark(("review_by",), "dates", "la relecture est prévue avant la vérification", "donnez une date plus tardive")
        if front.valid_from and front.valid_to and front.valid_to < front.valid_from:
            yield file.remark(("valid_to",), "dates", "la validité finit avant de commencer", "corrigez les dates")
        for language, day in front.translated_on.items():
            if day > self.day:
                yield file.remark(
                    ("translated_on", language), "dates", "la date de traduction est dans le futur", "mettez le jour de la relecture"
                )

    def _references(self, file: FicheFile) -> Iterator[Remark]:
        front = file.front
        if front.service not in self.services:
            yield file.remark(("service",), "service", f"le service « {front.service} » n'existe pas", "choisissez un id de services.yml")
        for index, topic in enumerate(front.topics):
            if int(topic[1:]) not in TOPICS:
                yield file.remark(("topics", index), "sujet", f"le sujet {topic} n'existe pas", "les sujets vont de T01 à T140")
        for index, name in enumerate(front.help):
            if name not in HELP:
                yield file.remark(("help", index), "aide", f"l'aide « {name} » n'existe pas", f"choisissez parmi {', '.join(HELP)}")
        for index, name in enumerate(front.related):
            if name not in self.fiches or name == file.id:
                yield file.remark(
                    ("related", index), "fiche voisine", f"la fiche voisine « {name} » n'existe pas", "corrigez ou retirez-la"
                )
        addresses = [(("sources", index, "url"), source.url) for index, source in enumerate(front.sources)]
        places: list[tuple[tuple[str | int, ...], str]] = [*addresses]
        if front.procedure and front.procedure.url:
            places.append((("procedure", "url"), front.procedure.url))
        for place, address in places:
            if not self.vocabulary.is_official_address(address):
                yield file.remark(place, "domaine", f"« {address} » n'est pas un site officiel", "citez un site de official_domains.yml")

    def _questions(self, file: FicheFile) -> Iterator[Remark]:
        for language in sorted({"fr", "en", *file.languages}):
            fewest = FEWEST_QUESTIONS.get(language, FEWEST_QUESTIONS_ELSEWHERE)
            count = len(file.front.questions.get(language, ()))
            if count < fewest:
                yield file.remark(
                    ("questions", language),
                    "questions",
                    f"{count} question(s) en « {language} », {fewest} au moins",
                    "ajoutez des questions telles que de vraies personnes les posent",
                )
        if "en" not in file.sections:
            yield file.remark(("questions", "en"), "traduction", "la traduction « # en » manque", "ajoutez la section « # en »")

    def _facts(self, file: FicheFile, section: str, text: Text) -> Iterator[Remark]:
        language = "fr" if section in FRENCH_SECTIONS else section
        for call in text.calls:
            line = file.section_lines[section] + call.line - 1
            refused = self.refused_fact(call, language)
            if refused:
                name = f'{call.kind}("{call.key}")'
                yield Remark(file.name, line, refused[0], f"{name} {refused[1]} (section {section})", refused[2])

    def refused_fact(self, call: FactCall, language: str) -> tuple[str, str, str] | None:
        """Why a text in `language` may not quote this fact: rule, message and remedy; None when it may."""
        periods = self.facts.periods(call.kind, call.key)
        if not periods:
            return "fait inconnu", "n'est déclaré nulle part", "déclarez-le dans content/facts/ ou corrigez la clé"
        current = [fact for fact in periods if fact.on(self.day)]
        if not current:
            ends = [fact.valid_to for fact in periods if fact.valid_to and fact.valid_to < self.day]
            if ends:
                return "fait périmé", f"a expiré le {max(ends):%d/%m/%Y}", "ajoutez sa nouvelle période, avec sa source"
            return "fait futur", f"n'est pas en vigueur le {self.day:%d/%m/%Y}", "ajoutez la période d'aujourd'hui"
        fact = current[-1]
        where = "retirez l'appel et dites où vérifier : site et rubrique"
        if fact.certainty == "K":
            return "fait non vérifié", "n'a été vérifié par personne (certitude K)", where
        if fact.to_check:
            return "fait à vérifier", "est marqué « à vérifier »", where
        if language not in dict(fact.values) and _is_in_words(fact):
            return (
                "fait sans traduction",
                f"n'est écrit qu'en français (« {fact.text()} »)",
                f"ajoutez « value_{language}: … » dans facts/{fact.file}",
            )
        return None

    def _certainty(self, file: FicheFile, texts: Mapping[str, Text]) -> Iterator[Remark]:
        used = [
            fact for text in texts.values() for call in text.calls for fact in self.facts.periods(call.kind, call.key) if fact.on(self.day)
        ]
        weakest = max(used, key=lambda fact: CERTAINTIES.index(fact.certainty), default=None)
        if weakest and CERTAINTIES.index(file.front.certainty) < CERTAINTIES.index(weakest.certainty):
            yield file.remark(
                ("certainty",),
                "certitude",
                f'certitude {file.front.certainty} alors que {weakest.kind}("{weakest.key}") est {weakest.certainty}',
                f"écrivez certainty: {weakest.certainty}",
            )


def _is_in_words(fact: Fact) -> bool:
    """Whether its French wording means nothing to a foreign reader: amounts and numbers do, "2 mois" does not."""
    if fact.kind in (Kind.NUMBER, Kind.ADDRESS):
        return False
    return any(len(word) > 1 and word.isalpha() for word in fact.text().split())


def _stale_translations(file: FicheFile, previous: Previous) -> Iterator[Remark]:
    """A short form that changed while its translation did not: someone must look at the translation, and say so.

    Either the translation changes too, or `translated_on: {en: …}` gets a later date: read again, still right.
    """
    if file.sections[SHORT].split() == previous.sections.get(SHORT, "").split():
        return
    read_again = previous.front.get("translated_on", {})
    for language in file.languages:
        if file.sections[language].split() != previous.sections.get(language, "").split():
            continue
        day = file.front.translated_on.get(language)
        before = date.fromisoformat(read_again.get(language, previous.front["checked_on"]))
        if day is None or day < before or (language in read_again and day == before):
            yield Remark(
                file.name,
                file.section_lines[language],
                "traduction ancienne",
                f"« # court » a changé mais pas sa traduction « # {language} »",
                f"corrigez-la, ou si elle reste juste ajoutez « translated_on: {{{language}: AAAA-MM-JJ}} » dans l'en-tête",
            )
