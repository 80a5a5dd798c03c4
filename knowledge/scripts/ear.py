"""Whether a phone script can be followed by ear: what each text says, in which order and for how long.

The rules for words are those of the fiches (`knowledge.proofreading`); only what is proper to a line is written here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from knowledge.documents import Document, Place
from knowledge.errors import ContentRefused, FactMissing, Remark
from knowledge.fiche_files import SHORT
from knowledge.proofreading import wording
from knowledge.proofreading.fiche import Reader
from knowledge.proofreading.vocabulary import is_premium
from knowledge.proofreading.wording import Passage, words
from knowledge.rendering import FactCall, Text, compiled
from knowledge.scripts.model import (
    Callback,
    End,
    FicheAnswer,
    Menu,
    Message,
    Node,
    Question,
    Queue,
    Script,
    Transfer,
    Voicemail,
    Wording,
)
from knowledge.scripts.telling import fixed_sentences
from knowledge.scripts.told import Sentence, Told

MOST_SECONDS = 20
"""Of one sentence, and of a menu up to its last choice."""
MOST_WORDS = 60
"""Of what is said in one go."""
CHARACTERS_PER_SECOND = 15
"""About 160 words a minute, the pace of the line at its normal speed. `telephony.speech.prompts` measures the true lengths."""
_FIGURE = 6
"""Characters of a figure once it is said."""

_PRESS = (
    r"\b(?:tape[zr]|tapant|presse[zr]|compose[zr]|faites|appuye[zr] sur|appuyant sur|press(?:ing)?|dial(?:ling)?|hit)"
    r"\s+(?:(?:la|le|the)\s+)?(?:(?:touche|key|number)\s+)?(?:\d|[*#]|étoile|dièse|zéro|star|hash|pound|zero|one|two|three|four|five)"
)
_KEY_FIRST = re.compile(rf"{_PRESS}\s*(?::|,?\s+(?:pour|si|afin|to|for|if)\b)", re.I)
_KEY = re.compile(_PRESS, re.I)
_NUMBER = re.compile(r"(?<![\w,.])\+?\d(?:[\s./()_-]*\d){3,13}(?![\w])")
_SEPARATORS = re.compile(r"[\s./()_-]+")


def seconds(text: str) -> float:
    """About how long `text` lasts when it is said at the normal speed."""
    return (len(text) + (_FIGURE - 1) * sum(character.isdecimal() for character in text)) / CHARACTERS_PER_SECOND


def key_before_label(text: str) -> str | None:
    """The words of `text` that name a key before what it is for; None when each label comes first."""
    found = _KEY_FIRST.search(text)
    return found[0] if found else None


def wordings(node: Node) -> Iterator[tuple[Place, Wording]]:
    """The texts of a node that callers hear, with their places in it."""
    match node:
        case Menu():
            yield ("say",), node.say
            for index, choice in enumerate(node.choices):
                yield ("choices", index, "label"), choice.label
            yield ("silence", "say"), node.silence.say
            yield ("wrong", "say"), node.wrong.say
            yield ("exhausted", "say"), node.exhausted.say
        case Message() | FicheAnswer() | Question() | Callback() | Voicemail() | End():
            yield ("say",), node.say
        case Transfer() | Queue():
            yield ("subject",), node.subject
        case _:
            return


@dataclass(frozen=True)
class Ear:
    """Reads every text of a script as it is heard on a day."""

    script: Script
    document: Document
    reader: Reader
    """Facts, services and vocabulary of the day."""

    def refusals(self, told: Told | None) -> Iterator[Remark]:
        """Everything that would not be understood by ear; lengths only when all can be `told`."""
        for name, node in self.script.nodes.items():
            yield from self._missing(name, node)
            for place, said in wordings(node):
                for language, written in said.items():
                    yield from self._text(name, (*place, language), language, written)
        if told is not None:
            yield from self._lengths(told)

    def _missing(self, name: str, node: Node) -> Iterator[Remark]:
        """What a node of this type owes the caller and does not say."""
        optional = isinstance(node, FicheAnswer) or (isinstance(node, Message) and (node.notices or node.hours_of))
        for place, said in wordings(node):
            introduces = place == ("say",) and (optional or isinstance(node, Menu))
            if not said and not introduces and place != ("subject",):
                yield self._refused(name, place, "silence", "rien n'est dit ici", "écrivez la phrase que l'appelant entend")

    def _text(self, name: str, place: Place, language: str, written: str) -> Iterator[Remark]:
        try:
            text = compiled(written)
            heard = text.render(self.reader.facts, self.reader.day, language)
        except (ContentRefused, FactMissing):
            return  # already refused, when it was told
        yield from self._facts(name, place, language, text)
        if early := key_before_label(heard):
            told = f"« {early} » : la touche se dit après ce à quoi elle sert"
            yield self._refused(name, place, "touche", told, "écrivez « Pour …, tapez … »")
        elif place[-2] in ("label", "subject") and (named := _KEY.search(heard)):
            told = f"« {named[0]} » : un libellé ne nomme pas de touche"
            yield self._refused(name, place, "touche", told, "gardez le seul libellé : la touche est ajoutée après lui")
        for number in _NUMBER.finditer(heard):
            if is_premium(_SEPARATORS.sub("", number[0])):
                yield self._refused(
                    name, place, "numéro surtaxé", f"« {number[0]} » peut être surtaxé", "donnez un numéro au prix d'un appel ordinaire"
                )
        yield from self._proofread(name, place, language, text, heard)

    def _facts(self, name: str, place: Place, language: str, text: Text) -> Iterator[Remark]:
        for call in text.calls:
            refused = self.reader.refused_fact(call, language)
            if refused:
                rule, message, remedy = refused
                yield self._refused(name, place, rule, f'{call.kind}("{call.key}") {message}', remedy)

    def _proofread(self, name: str, place: Place, language: str, text: Text, heard: str) -> Iterator[Remark]:
        """The rules of short forms: they are heard too. Length is judged with all that is said in one go, except before a fiche."""
        section = SHORT if language == "fr" else language
        passage = Passage(self.document.file, section, 1, _plain(heard), _plain(text.filled(_blank)), frozenset())
        found = [*wording.refusals(passage, self.reader.vocabulary)]
        if language == "fr":
            found.extend(wording.acronyms([passage], self.reader.vocabulary))
        for remark in found:
            judged_apart = remark.rule == "longueur" and not isinstance(self.script.nodes[name], FicheAnswer)
            if not judged_apart and remark.rule != "numéro surtaxé":
                message = remark.message.removesuffix(f" (section {section})")
                yield self._refused(name, place, remark.rule, message, remark.remedy)

    def _lengths(self, told: Told) -> Iterator[Remark]:
        for (name, language, part), said in told.parts.items():
            node, place = self.script.nodes[name], (part,)
            for sentence in said:
                if seconds(sentence.text) > MOST_SECONDS:
                    long = f"phrase d'environ {seconds(sentence.text):.0f} s, {MOST_SECONDS} s au plus : « {sentence.text[:60]}… »"
                    yield self._refused(name, place, "durée", long, "coupez-la : une idée par phrase")
            count = sum(words(sentence.text) for sentence in said)
            if part == "say" and not isinstance(node, FicheAnswer) and count > MOST_WORDS:
                yield self._refused(
                    name, place, "longueur", f"{count} mots en « {language} », {MOST_WORDS} au plus d'affilée", "gardez l'essentiel"
                )
            if part == "choices":
                until = sum(seconds(sentence.text) for sentence in self._until_last_choice(told, name, language))
                if until > MOST_SECONDS:
                    late = f"le dernier choix est dit après {until:.0f} s en « {language} », {MOST_SECONDS} s au plus"
                    yield self._refused(name, place, "durée", late, "raccourcissez les libellés, ou retirez un choix")

    def _until_last_choice(self, told: Told, name: str, language: str) -> tuple[Sentence, ...]:
        """What a menu says before the keys of the house, which everyone may cut short."""
        said = told.said(name, language) + told.said(name, language, "choices")
        house = {fixed_sentences(language)[part] for part in ("house", "home")}
        return tuple(sentence for sentence in said if sentence.text not in house)

    def _refused(self, name: str, place: Place, rule: str, message: str, remedy: str) -> Remark:
        return self.document.refused(("nodes", name, *place), rule, f"{name} : {message}", remedy)


def _blank(_: FactCall) -> str:
    return "▢"


def _plain(text: str) -> str:
    """With the apostrophe and the space that the rules are written with."""
    return " ".join(text.replace("’", "'").split())
