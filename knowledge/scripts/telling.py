"""What is said at each node of a script, in full sentences: names and hours from the directory, answers from the approved fiches.

`tell` is the only place where a script becomes words. `walk` plays them in the terminal, `telephony.dialplan` names their sound files: the
two cannot differ. One sentence is one sound file, so that a changed word makes one new file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.resources import files

from knowledge.directory import Directory, hours_text
from knowledge.documents import Document, Place
from knowledge.errors import ContentRefused, FactMissing, Remark
from knowledge.facts import Facts
from knowledge.fiches import PublishedFiche
from knowledge.parsing import parsed
from knowledge.rendering import compiled
from knowledge.scripts.model import (
    Callback,
    End,
    FicheAnswer,
    LanguageChoice,
    Menu,
    Message,
    Node,
    Question,
    Queue,
    Repeat,
    Schedule,
    Script,
    Slower,
    Transfer,
    Voicemail,
    Wording,
)
from knowledge.scripts.told import Part, Sentence, Told

__all__ = ["Part", "Sentence", "Told", "cut", "fixed_sentences", "spoken_languages", "tell"]

_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+(?=[A-ZÀ-ÖØ-Þ«“\d])")
_ABBREVIATION = re.compile(r"(?:\b[A-Z]|\bn°|\bM|\bMme|\bart)\.$")


def tell(
    script: Script,
    directory: Directory,
    facts: Facts,
    fiches: Mapping[str, PublishedFiche],
    day: date,
    document: Document | None = None,
) -> Told:
    """Every sentence of `script` as it is on `day`. `document`, the text it was read from, gives refusals their lines.

    Raises:
        ContentRefused: a service or fiche is unknown, a fact may not be stated that day, or a language lacks a wording: all of them.
    """
    remarks: list[Remark] = []
    parts: dict[Part, tuple[Sentence, ...]] = {}
    for name, node in script.nodes.items():
        for language in script.languages:
            teller = _Teller(script, directory, facts, fiches, day, document, name, language, remarks)
            parts.update({(name, language, part): said for part, said in teller.node(node) if said})
    if remarks:
        raise ContentRefused(tuple(dict.fromkeys(remarks)))
    quoted = {node.fiche: fiches[node.fiche].number for node in script.nodes.values() if isinstance(node, FicheAnswer)}
    return Told(script, directory, parts, quoted, day)


def spoken_languages() -> frozenset[str]:
    """The languages in which the line has its fixed sentences."""
    return frozenset(_template())


@lru_cache
def fixed_sentences(language: str) -> Mapping[str, str]:
    """The fixed sentences of the line in `language`; those of French when it has none."""
    return {**_template()["fr"], **_template().get(language, {})}


@lru_cache
def _template() -> dict[str, dict[str, str]]:
    read: dict[str, dict[str, str]] = parsed(files("knowledge").joinpath("templates/telephone.yml").read_text("utf-8"))
    return read


def cut(text: str) -> tuple[str, ...]:
    """The sentences of `text`."""
    pieces = _SENTENCE_END.split(" ".join(text.split()))
    sentences: list[str] = []
    for piece in pieces:
        if sentences and _ABBREVIATION.search(sentences[-1]):
            sentences[-1] += f" {piece}"
        elif piece:
            sentences.append(piece)
    return tuple(sentences)


@dataclass(frozen=True)
class _Teller:
    """Words one node in one language; what cannot be said becomes a remark."""

    script: Script
    directory: Directory
    facts: Facts
    fiches: Mapping[str, PublishedFiche]
    day: date
    document: Document | None
    name: str
    language: str
    remarks: list[Remark]

    def node(self, node: Node) -> Iterator[tuple[str, tuple[Sentence, ...]]]:
        match node:
            case Message():
                notices = [self._fixed(notice.value, relay=self._relay()) for notice in node.notices]
                hours = [self._hours(service, ("hours_of", index)) for index, service in enumerate(node.hours_of)]
                yield "say", (*self._wording(node.say), *_flat(notices), *_flat(hours))
            case Menu():
                yield from self._menu(node)
            case FicheAnswer():
                yield "say", (*self._wording(node.say), *self._fiche(node.fiche))
            case Question():
                yield "say", (*self._wording(node.say), *self._fixed("question_keys"))
                yield "fallback", self._fixed("fallback")
            case Transfer() | Queue():
                yield from self._transfer(node)
            case LanguageChoice():
                yield "say", self._languages(node)
            case Callback():
                yield "say", self._wording(node.say)
                yield "done", self._fixed("callback_done", service=_capital(self._service(node.service)))
                yield "withheld", self._fixed("callback_withheld")
            case Voicemail():
                yield "say", self._wording(node.say)
                yield "done", self._fixed("voicemail_done", service=self._service(node.service))
            case End():
                yield "say", self._wording(node.say)
            case Schedule():
                self._service(node.service)
            case Repeat() | Slower():
                return

    def _menu(self, node: Menu) -> Iterator[tuple[str, tuple[Sentence, ...]]]:
        yield "say", self._wording(node.say)
        chosen = [
            self._fixed("choice", label=self._text(choice.label, ("choices", index, "label")), key=choice.key)
            for index, choice in enumerate(node.choices)
        ]
        home = () if self.name == self.script.menu else self._fixed("home")
        yield "choices", (*_flat(chosen), *self._fixed("house"), *home)
        for part, way in (("silence", node.silence), ("wrong", node.wrong), ("exhausted", node.exhausted)):
            yield part, self._wording(way.say, (part, "say"))

    def _transfer(self, node: Transfer | Queue) -> Iterator[tuple[str, tuple[Sentence, ...]]]:
        service = self._service(node.service)
        yield "announce", self._fixed("announce", service=service)
        yield "leave", self._fixed("leave" if isinstance(node, Transfer) else "queue_leave")
        subject = self._text(node.subject, ("subject",), "fr")
        yield "whisper", (Sentence(fixed_sentences(self.language)["whisper"].format(subject=subject), "fr"),)
        yield "unanswered", self._fixed("unanswered", service=_capital(service))
        if isinstance(node, Queue):
            yield "full", self._fixed("full", service=service)

    def _languages(self, node: LanguageChoice) -> tuple[Sentence, ...]:
        """Each language proposes itself, whatever the language of the call."""
        return tuple(
            Sentence(fixed_sentences(language)["language_choice"].format(key=key), language) for language, key in node.keys.items()
        )

    def _fiche(self, identifier: str) -> tuple[Sentence, ...]:
        fiche, place = self.fiches.get(identifier), ("fiche",)
        if fiche is None:
            missing = f"la fiche « {identifier} » n'existe pas ou n'est pas publiée"
            self._refuse(place, "fiche", missing, "publiez-la, ou choisissez-en une autre")
            return ()
        translation = fiche.translations.get(self.language) if self.language != "fr" else fiche.court
        if translation is None:
            missing = f"la fiche « {identifier} » n'a pas de version « {self.language} »"
            self._refuse(place, "langue", missing, "traduisez-la, ou retirez le choix")
            return ()
        return tuple(Sentence(text, self.language) for text in cut(_plain(translation)))

    def _hours(self, identifier: str, place: Place) -> tuple[Sentence, ...]:
        name = _capital(self._service(identifier, place))
        service = self.directory.get(identifier)
        hours = hours_text(service, self.language if self.language in ("fr", "en") else "fr") if service else ""
        return self._fixed("hours" if hours else "hours_none", service=name, hours=hours)

    def _service(self, identifier: str, place: Place = ("service",)) -> str:
        service = self.directory.get(identifier)
        if service is None:
            self._refuse(place, "service", f"le service « {identifier} » n'existe pas", "corrigez-le, ou ajoutez-le à services.yml")
            return ""
        return service.spoken_in(self.language)

    def _relay(self) -> str:
        relay = self.directory.prefecture.relay
        return relay.name if relay else ""

    def _wording(self, wording: Wording, place: Place = ("say",)) -> tuple[Sentence, ...]:
        return tuple(Sentence(text, self.language) for text in cut(self._text(wording, place))) if wording else ()

    def _text(self, wording: Wording, place: Place, language: str | None = None) -> str:
        """`wording` on the day, in the language of the call unless another is asked."""
        language = language or self.language
        written = wording.get(language)
        if written is None:
            self._refuse(place, "langue", f"il manque le texte en « {language} »", f"ajoutez la ligne « {language}: … »")
            return ""
        try:
            return " ".join(compiled(written).render(self.facts, self.day, language).split())
        except FactMissing as missing:
            self._refuse((*place, language), "fait", str(missing), "corrigez le fait ou retirez-le de la phrase")
        except ContentRefused as refused:
            for remark in refused.remarks:
                self._refuse((*place, language), remark.rule, remark.message, remark.remedy)
        return ""

    def _fixed(self, sentence: str, /, **values: str) -> tuple[Sentence, ...]:
        return tuple(Sentence(text, self.language) for text in cut(fixed_sentences(self.language)[sentence].format(**values)))

    def _refuse(self, place: Place, rule: str, message: str, remedy: str) -> None:
        line = self.document.line(("nodes", self.name, *place)) if self.document else 1
        file = self.document.file if self.document else f"scripts/{self.script.id}.yml"
        self.remarks.append(Remark(file, line, rule, f"{self.name} : {message}", remedy))


def _flat(groups: Iterable[tuple[Sentence, ...]]) -> tuple[Sentence, ...]:
    return tuple(sentence for group in groups for sentence in group)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _plain(text: str) -> str:
    return re.sub(r"\*\*|__|`", "", text)
