"""An answer, worded for its channel. Every sentence says where it comes from: a fiche version, an official passage, a fixed sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from bot.catalogue import Catalogue
from bot.messages import (
    Answer,
    Candidate,
    Channel,
    Choice,
    Clarify,
    Decision,
    Decline,
    Handover,
    Interpretation,
    Nature,
    Provenance,
    Reply,
    Role,
    Sentence,
    Source,
    SourceLink,
)
from bot.phrases import Phrases, phrases, urgent
from bot.policy import Verdict
from knowledge.directory import Service, hour_text, hours_text
from knowledge.fiches import PublishedFiche
from knowledge.wordforms import fold_word, folded_words

_MONTHS = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()
_DAYS = "lundi mardi mercredi jeudi vendredi samedi dimanche".split()
_ENGLISH_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+(?=[A-ZÀ-ÖØ-Þ«“\d])")
_MARKDOWN = re.compile(r"\*\*|__|`")
HELPFUL_REFUSALS = ("other_administration", "legal_opinion")
"""Reasons of a refusal that says who can help."""
QUOTED_CHARACTERS = 400
"""Of an official sheet, what is quoted; the rest is one click away."""


@dataclass(frozen=True)
class Wording:
    """Words verdicts with one state of the knowledge, at one instant."""

    catalogue: Catalogue
    instant: datetime

    def word(self, verdict: Verdict, interpretation: Interpretation, channel: Channel, first_turn: bool = True) -> Answer:
        """The answer of a verdict, worded for `channel`; the first one of a conversation says that it is automatic."""
        said = phrases(interpretation.language)
        opening = [said.sentence(_notice_key(channel), Role.NOTICE)] if first_turn and channel is not Channel.DESK else []
        if interpretation.cut_short:
            opening.append(said.sentence("too_long", Role.NOTICE))
        if number := interpretation.emergency:  # before anything else
            opening = [*_danger(number, interpretation.language, channel, said), *opening]
            opening += [said.sentence("not_in_danger", Role.ANSWER)] if interpretation.otherwise else []
        match verdict.decision:
            case Decision.REPLY:
                return self._reply(verdict, interpretation, channel, said, opening)
            case Decision.CLARIFY:
                return self._clarify(verdict, interpretation, channel, said, opening)
            case Decision.HANDOVER:
                return self._handover(verdict, interpretation, channel, said, opening)
            case Decision.DECLINE:
                return self._decline(verdict, interpretation, channel, said, opening)

    # --- Reply -----------------------------------------------------------------------------------------------------------

    def _reply(self, verdict: Verdict, interpretation: Interpretation, channel: Channel, said: Phrases, opening: list[Sentence]) -> Reply:
        if interpretation.emergency and not interpretation.otherwise:
            return Reply(interpretation, tuple(opening), verdict.reason, None, channel)
        fiche = self.catalogue.fiches.get(verdict.candidate.fiche or "") if verdict.candidate else None
        if fiche:
            return self._fiche(fiche, verdict, interpretation, channel, said, opening)
        if verdict.candidate and verdict.candidate.service_public[0] in self.catalogue.sheets:
            return self._quotation(verdict.candidate, verdict, interpretation, channel, said, opening)
        return self._other_body(verdict, interpretation, channel, said, opening)

    def _fiche(
        self,
        fiche: PublishedFiche,
        verdict: Verdict,
        interpretation: Interpretation,
        channel: Channel,
        said: Phrases,
        opening: list[Sentence],
    ) -> Reply:
        sentences = list(opening)
        translation = fiche.translations.get(interpretation.language) if interpretation.language != "fr" else None
        if translation:
            sentences += _cut(translation, fiche, interpretation.language, Role.ANSWER, interpretation.language)
        else:
            if interpretation.language != "fr":
                sentences += [said.sentence("french_only", Role.NOTICE), self._speaker(fiche.service, interpretation.language, said)]
            sentences += _cut(fiche.court, fiche, "court")
        sources = tuple(SourceLink(source.url, source.rubric, fiche.checked_on) for source in fiche.sources)
        if channel is not Channel.PHONE:
            sentences += _steps(fiche)
            sentences += _cut(fiche.detail, fiche, "detail", Role.DETAIL)
            sentences += [_source_sentence(said, source) for source in sources[:1]]
        second = self.catalogue.fiches.get(verdict.second.fiche or "") if verdict.second else None
        if second and channel is Channel.PHONE:
            sentences.append(said.sentence("second_later", Role.HELP))
        elif second:
            sentences += [*self._also(second, interpretation.language, said)]
            sources += tuple(SourceLink(source.url, source.rubric, second.checked_on) for source in second.sources)
        sentences += self._help(fiche, said, channel)
        if verdict.handed_over_to:
            service = self._service(verdict.handed_over_to)
            sentences.append(said.sentence("personal_part", Role.HANDOVER, service=service.short))
            sentences.append(self._contact(service, said, channel))
        return Reply(
            interpretation,
            tuple(sentences),
            verdict.reason,
            fiche.service,
            channel,
            fiche=fiche.id,
            version=fiche.number,
            title=fiche.title,
            sources=sources,
            related=self._choices([*([second.id] if second else []), *fiche.related])[:3],
            handed_over_to=verdict.handed_over_to,
        )

    def _also(self, fiche: PublishedFiche, language: str, said: Phrases) -> Iterator[Sentence]:
        """The short answer to the second question of a message, with its own source."""
        yield said.sentence("second_question", Role.ANSWER)
        translation = fiche.translations.get(language) if language != "fr" else None
        yield from _cut(translation, fiche, language, Role.ANSWER, language) if translation else _cut(fiche.court, fiche, "court")
        for source in fiche.sources[:1]:
            yield _source_sentence(said, SourceLink(source.url, source.rubric, fiche.checked_on))

    def _speaker(self, service: str, language: str, said: Phrases) -> Sentence:
        """Who answers in `language`: the service of the subject first, then any other; without one, the switchboard in French."""
        directory = self.catalogue.directory
        own = directory.get(service)
        for known in [*([own] if own else []), *directory]:
            if language in known.languages:
                name = known.spoken.capitalize()
                return said.sentence("speaker", Role.HELP, name=name, phone=known.phone, hours=hours_text(known, said.language))
        return self._person(said)

    def _quotation(
        self,
        candidate: Candidate,
        verdict: Verdict,
        interpretation: Interpretation,
        channel: Channel,
        said: Phrases,
        opening: list[Sentence],
    ) -> Reply:
        sheet = self.catalogue.sheets[candidate.service_public[0]]
        day = date.fromisoformat(sheet.date) if sheet.date else self.catalogue.day
        quoted = sheet.introduction or (sheet.sections[0][1] if sheet.sections else sheet.title)
        origin = Provenance(Source.PASSAGE, sheet.url, section=sheet.sections[0][0] if not sheet.introduction and sheet.sections else "")
        lead = said.sentence("quotation", Role.ANSWER, title=sheet.title, date=_date(day, said.language))
        body = [Sentence(text, origin, Role.ANSWER) for text in _whole_sentences(quoted, QUOTED_CHARACTERS)]
        source = SourceLink(sheet.url, sheet.breadcrumb, day)
        sentences = [*opening, lead, *body, _source_sentence(said, source)]
        return Reply(interpretation, tuple(sentences), "quotation", verdict.service, channel, title=sheet.title, sources=(source,))

    def _other_body(
        self, verdict: Verdict, interpretation: Interpretation, channel: Channel, said: Phrases, opening: list[Sentence]
    ) -> Reply:
        name = interpretation.competent or ""
        body = self.catalogue.competence.named(name)
        url, rubric = (body.url, body.rubric) if body else (said.text("directory_url"), said.text("directory_rubric"))
        contact = said.sentence("competent_contact", Role.SOURCE, site=_site(url), rubric=rubric)
        sentences = (*opening, said.sentence("competent", Role.ANSWER, body=name), contact)
        source = SourceLink(url, rubric, self.catalogue.day)
        return Reply(interpretation, sentences, verdict.reason, "standard", channel, title=name, sources=(source,))

    # --- Clarify, hand over, decline -------------------------------------------------------------------------------------

    def _clarify(
        self, verdict: Verdict, interpretation: Interpretation, channel: Channel, said: Phrases, opening: list[Sentence]
    ) -> Clarify:
        found = [self.catalogue.fiches[one.fiche] for one in verdict.choices if one.fiche and one.fiche in self.catalogue.fiches]
        worded = said.language == "fr" and self._told_apart(found)
        contrasts = [fiche.contrast or "" for fiche in found]
        key = "clarify_one" if len(found) == 1 else "clarify_contrast" if worded else "clarify_titles"
        listed = _either(contrasts) if worded else _listed([f"« {fiche.title} »" for fiche in found], said.language)
        choices = tuple(Choice(fiche.id, _capital(fiche.contrast or "") if worded else fiche.title) for fiche in found)
        sentences = [
            *opening,
            said.sentence("clarify", Role.QUESTION),
            said.sentence(key, Role.QUESTION, choices=listed),
            said.sentence("clarify_one_other" if len(found) == 1 else "clarify_other", Role.HELP),
        ]
        return Clarify(interpretation, tuple(sentences), verdict.reason, verdict.service, channel, choices=choices)

    def _told_apart(self, fiches: Sequence[PublishedFiche]) -> bool:
        """Whether the contrasts of `fiches` make one question: each has its own, written beside the others (same theme, or near twins)."""
        contrasts = {fold_word(fiche.contrast or "") for fiche in fiches}
        if len(fiches) < 2 or "" in contrasts or len(contrasts) < len(fiches):
            return False
        first, *others = fiches
        return all(other.theme == first.theme or other.id in self.catalogue.neighbours.get(first.id, ()) for other in others)

    def _handover(
        self, verdict: Verdict, interpretation: Interpretation, channel: Channel, said: Phrases, opening: list[Sentence]
    ) -> Handover:
        service = self._service(verdict.service or "standard")
        sentences = [
            *opening,
            said.sentence(verdict.reason, Role.HANDOVER, service=service.short, to_service=_to(service.short, said.language)),
        ]
        if verdict.reason == "complaint":
            sentences.append(said.sentence("complaint_how", Role.HANDOVER, email=service.email))
        sentences.append(self._contact(service, said, channel))
        if not self.catalogue.directory.is_open(service, self.instant):
            opening_time = self.catalogue.directory.next_opening(service, self.instant)
            if opening_time:
                sentences.append(said.sentence("closed_now", Role.HANDOVER, opening=_moment(opening_time, said.language)))
        relay = self.catalogue.directory.prefecture.relay
        if relay and channel is not Channel.DESK:
            sentences.append(said.sentence("relay", Role.HELP, relay=f"{relay.name} ({_site(relay.url)})"))
        suggestions = self._choices([candidate.fiche for candidate in verdict.choices if candidate.fiche])
        if suggestions and verdict.reason in ("unsure", "personal_file") and channel is not Channel.PHONE:
            sentences.append(said.sentence("suggestions", Role.HELP))
        return Handover(
            interpretation,
            tuple(sentences),
            verdict.reason,
            service.id,
            channel,
            context=f"{interpretation.nature} · {interpretation.language} · {interpretation.text[:160]}",
            suggestions=suggestions if verdict.reason in ("unsure", "personal_file") else (),
        )

    def _decline(
        self, verdict: Verdict, interpretation: Interpretation, channel: Channel, said: Phrases, opening: list[Sentence]
    ) -> Decline:
        key = verdict.reason
        if interpretation.nature is Nature.SMALL_TALK:
            key = _small_talk_key(interpretation.text)
        elif interpretation.nature is Nature.NONSENSE and not interpretation.text:
            key = "empty"
        elif interpretation.emergency and verdict.reason not in HELPFUL_REFUSALS:
            key = "ask_anything"  # "I cannot help you" is nothing to say to somebody who may be in danger
        sentences = [*opening, said.sentence(key, Role.ANSWER)]
        if interpretation.nature is not Nature.SMALL_TALK:
            sentences.append(self._person(said))
        return Decline(interpretation, tuple(sentences), verdict.reason, None, channel)

    # --- Pieces ----------------------------------------------------------------------------------------------------------

    def _service(self, identifier: str) -> Service:
        return self.catalogue.directory.get(identifier) or self.catalogue.directory["standard"]

    def _person(self, said: Phrases) -> Sentence:
        standard = self._service("standard")
        return said.sentence("person", Role.HELP, phone=standard.phone, hours=hours_text(standard, said.language))

    def _contact(self, service: Service, said: Phrases, channel: Channel) -> Sentence:
        hours = hours_text(service, said.language)
        if channel is Channel.PHONE:
            return said.sentence("contact_phone", Role.HANDOVER, name=service.spoken.capitalize(), phone=service.phone, hours=hours)
        return said.sentence("contact", Role.HANDOVER, phone=service.phone, hours=hours, email=service.email)

    def _help(self, fiche: PublishedFiche, said: Phrases, channel: Channel) -> Iterator[Sentence]:
        if channel in (Channel.PHONE, Channel.DESK):
            return
        prefecture, standard = self.catalogue.directory.prefecture, self._service("standard")
        for kind in fiche.help if channel is Channel.MAIL else fiche.help[:1]:
            relay = prefecture.relay.name if prefecture.relay else ""
            if f"help_{kind}" in said and (kind != "relais" or relay):
                yield said.sentence(f"help_{kind}", Role.HELP, standard=standard.phone, relay=relay)

    def _choices(self, fiches: Sequence[str]) -> tuple[Choice, ...]:
        return tuple(Choice(fiche, self.catalogue.fiches[fiche].title) for fiche in fiches if fiche in self.catalogue.fiches)


def _danger(number: str, language: str, channel: Channel, said: Phrases) -> Iterator[Sentence]:
    """The number to call, then what this assistant cannot do: in the language of the person where it is written, which no voice of the
    line speaks, then in French or in English."""
    parts = ((f"emergency_{number}", Role.ANSWER), ("emergency_after", Role.HELP))
    if channel is not Channel.PHONE:
        for key, role in parts:
            yield from urgent(key, language, role)
    for key, role in parts:
        yield said.sentence(key, role)


def _notice_key(channel: Channel) -> str:
    return {Channel.PHONE: "notice_phone", Channel.MAIL: "notice_mail"}.get(channel, "notice")


def _to(name: str, language: str) -> str:
    """ "le service qualité" gives "au service qualité"."""
    if language != "fr":
        return f"to {name}"
    return f"au {name[3:]}" if name.startswith("le ") else f"aux {name[4:]}" if name.startswith("les ") else f"à {name}"


def _small_talk_key(text: str) -> str:
    words = set(folded_words(text))
    if words & {"merci", "thanks", "thank", "gracias", "obrigado"}:
        return "small_talk_thanks"
    if words & {"revoir", "bye", "adieu", "tchao", "goodbye"}:
        return "small_talk_bye"
    if (
        words & {"robot", "humain", "machine", "bot", "ia", "intelligence", "ordinateur"}
        or {"qui", "es"} <= words
        or {"qui", "etes"} <= words
    ):
        return "small_talk_self"
    return "small_talk"


def _cut(text: str, fiche: PublishedFiche, section: str, role: Role = Role.ANSWER, language: str = "fr") -> list[Sentence]:
    origin = Provenance(Source.FICHE, fiche.id, fiche.number, section)
    lines = [line.strip() for line in _MARKDOWN.sub("", text).splitlines() if line.strip()]
    return [
        Sentence(sentence.removeprefix("- ").strip(), origin, role, language)
        for line in lines
        for sentence in _SENTENCE_END.split(line)
        if sentence.strip("- ")
    ]


def _steps(fiche: PublishedFiche) -> list[Sentence]:
    origin = Provenance(Source.FICHE, fiche.id, fiche.number, "étapes")
    return [Sentence(_MARKDOWN.sub("", step).strip(), origin, Role.STEP) for step in fiche.steps if step.strip()]


def _whole_sentences(text: str, limit: int) -> list[str]:
    """The first sentences of an official text, as they are, up to `limit` characters (at least one)."""
    kept: list[str] = []
    for sentence in _SENTENCE_END.split(" ".join(text.split())):
        if kept and sum(map(len, kept)) + len(sentence) > limit:
            break
        kept.append(sentence)
    return kept


def _source_sentence(said: Phrases, source: SourceLink) -> Sentence:
    values = {"site": _site(source.url), "rubric": source.rubric, "date": _date(source.checked_on, said.language)}
    return said.sentence("source", Role.SOURCE, **values)


def _site(url: str) -> str:
    return url.split("//")[-1].split("/")[0].removeprefix("www.")


def _either(contrasts: Sequence[str]) -> str:
    """ "pour une première demande, ou pour un renouvellement": each contrast may hold a comma or "ou" of its own."""
    return (
        ", ou ".join(contrasts) if len(contrasts) > 2 or any("," in one or " ou " in one for one in contrasts) else " ou ".join(contrasts)
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _listed(items: Sequence[str], language: str) -> str:
    joiner = " ou " if language == "fr" else " or "
    return ", ".join(items[:-1]) + joiner + items[-1] if len(items) > 1 else "".join(items)


def _date(day: date, language: str) -> str:
    if language == "en":
        return f"{day.day} {day:%B %Y}"
    return f"{'1er' if day.day == 1 else day.day} {_MONTHS[day.month - 1]} {day.year}"


def _moment(instant: datetime, language: str) -> str:
    if language == "en":
        return f"on {_ENGLISH_DAYS[instant.weekday()]} at {instant:%H:%M}"
    return f"{_DAYS[instant.weekday()]} à {hour_text(instant.time())}"
