"""A small phone script that the checks accept, to change at will: `a_script().with_menu("titres", {"Pour une perte": "perte"})`."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Any

import yaml

from knowledge import directory
from knowledge.directory import Directory
from knowledge.errors import Remark
from knowledge.facts import Facts, read
from knowledge.fiche_files import parse as parse_fiche
from knowledge.fiches import PublishedFiche, in_files
from knowledge.proofreading.vocabulary import Vocabulary, read_acronyms, read_domains
from knowledge.scripts import checks, model
from knowledge.scripts.telling import tell
from knowledge.scripts.told import Told
from tests.conftest import CONTENT
from tests.knowledge.builders import a_fiche

DAY = date(2026, 11, 24)
"""A Tuesday."""

_NODES: Mapping[str, Any] = {
    "bonjour": {
        "type": "message",
        "say": {"fr": "Bonjour, vous êtes à la préfecture."},
        "notices": ["automatic", "relay"],
        "next": "principal",
    },
    "principal": {
        "type": "menu",
        "choices": [
            {"key": "1", "label": {"fr": "Pour une carte d'identité"}, "to": "carte"},
            {"key": "2", "label": {"fr": "Pour parler au standard"}, "to": "agent"},
        ],
        "silence": {"say": {"fr": "Je n'ai rien entendu."}},
        "wrong": {"say": {"fr": "Cette touche ne correspond à rien."}},
        "exhausted": {"say": {"fr": "Je vous oriente vers le standard."}, "to": "agent"},
        "attempts": 2,
    },
    "carte": {"type": "fiche", "fiche": "cni-perte", "next": "principal"},
    "agent": {"type": "transfer", "service": "standard", "subject": {"fr": "autre demande"}, "unanswered": "fin"},
    "ferme": {"type": "message", "say": {"fr": "La préfecture est fermée."}, "next": "fin"},
    "fin": {"type": "end", "say": {"fr": "Au revoir."}},
}


@cache
def the_directory() -> Directory:
    return directory.read(CONTENT)


@cache
def the_facts() -> Facts:
    return Facts(read(CONTENT))


@cache
def the_fiches() -> Mapping[str, PublishedFiche]:
    fiche = parse_fiche(a_fiche("cni-perte"), "fiches/identite/cni-perte.md")
    return {served.id: served for served in in_files([fiche], the_facts(), DAY)}


@cache
def the_vocabulary() -> Vocabulary:
    return Vocabulary(read_acronyms(CONTENT), read_domains(CONTENT))


class ScriptBuilder:
    """Each method gives another builder: one script does not change under the feet of a test."""

    def __init__(self, value: Mapping[str, Any]) -> None:
        self._value = copy.deepcopy(dict(value))

    def with_node(self, name: str, **node: Any) -> ScriptBuilder:
        """Add a node, or replace the whole of one."""
        return ScriptBuilder({**self._value, "nodes": {**self._value["nodes"], name: node}})

    def with_menu(self, name: str, choices: Mapping[str, str], **changes: Any) -> ScriptBuilder:
        """Add a menu with choices numbered from 1: label in French → node."""
        numbered = [{"key": str(key), "label": {"fr": label}, "to": to} for key, (label, to) in enumerate(choices.items(), 1)]
        exits = {way: self._value["nodes"]["principal"][way] for way in ("silence", "wrong", "exhausted", "attempts")}
        return self.with_node(name, **{"type": "menu", "choices": numbered, **exits, **changes})

    def with_choice(self, key: str, label: str, to: str) -> ScriptBuilder:
        """Add a choice to the main menu."""
        return self.changed("principal", choices=[*self._value["nodes"]["principal"]["choices"], _choice(key, label, to)])

    def changed(self, name: str, **fields: Any) -> ScriptBuilder:
        """Change some fields of a node; None takes one away."""
        node = {field: value for field, value in {**self._value["nodes"][name], **fields}.items() if value is not None}
        return self.with_node(name, **node)

    def with_top(self, **fields: Any) -> ScriptBuilder:
        """Change fields of the script itself."""
        return ScriptBuilder({**self._value, **fields})

    def in_english(self) -> ScriptBuilder:
        """The same script in two languages: each text, "en" before it, and the choice of the language after the greeting."""
        english = ScriptBuilder(_translated(self._value)).with_top(languages=["fr", "en"])
        return english.with_node("langues", type="language", keys={"en": "2"}, next="principal").changed("bonjour", next="langues")

    def text(self) -> str:
        return yaml.safe_dump(self._value, allow_unicode=True, sort_keys=False, width=1000)

    def file(self) -> model.ScriptFile:
        return model.parse(self.text(), "scripts/accueil.yml")

    def told(self, directory: Directory | None = None, day: date = DAY) -> Told:
        return tell(self.file().script, directory or the_directory(), the_facts(), the_fiches(), day)

    def refusals(self, directory: Directory | None = None, facts: Facts | None = None, day: date = DAY) -> tuple[Remark, ...]:
        return checks.check(self.file(), directory or the_directory(), facts or the_facts(), the_fiches(), the_vocabulary(), day)


def a_script() -> ScriptBuilder:
    """Greeting, main menu (a fiche, the switchboard), transfer to the switchboard, forced closure, end; in French."""
    return ScriptBuilder(
        {
            "id": "accueil",
            "title": "Accueil de la préfecture",
            "languages": ["fr"],
            "start": "bonjour",
            "menu": "principal",
            "agent": "agent",
            "forced_closure": "ferme",
            "nodes": dict(_NODES),
        }
    )


def everything() -> ScriptBuilder:
    """A script with a node of each type, in two languages."""
    return in_english(in_french())


def in_english(script: ScriptBuilder) -> ScriptBuilder:
    """Of `in_french` or what was made from it."""
    return script.in_english().changed("langues", next="heures")


def in_french() -> ScriptBuilder:
    """`everything`, before it is translated."""
    return (
        a_script()
        .with_node("heures", type="schedule", service="standard", open="principal", closed="absents", holiday="absents")
        .changed("bonjour", next="heures")
        .with_node("absents", type="message", say={"fr": "Nos bureaux sont fermés."}, hours_of=["standard"], next="principal")
        .with_menu(
            "autres",
            {"Pour une question": "question", "Pour un titre de séjour": "file", "Pour un rappel": "rappel", "Plus lentement": "lent"},
        )
        .with_choice("3", "Pour un autre sujet", "autres")
        .with_choice("4", "Pour réécouter", "encore")
        .with_node("encore", type="repeat")
        .with_node("lent", type="slower")
        .with_node("question", type="question", say={"fr": "Dites votre question."}, next="principal")
        .with_node("file", type="queue", service="migrations", subject={"fr": "séjour"}, full="message", unanswered="message")
        .with_node("rappel", type="callback", service="standard", say={"fr": "Nous notons votre numéro."}, next="fin")
        .with_node("message", type="voicemail", service="migrations", say={"fr": "Dites votre message."}, next="fin")
    )


def _choice(key: str, label: str, to: str) -> dict[str, Any]:
    return {"key": key, "label": {"fr": label}, "to": to}


def _translated(value: Any) -> Any:
    match value:
        case {"fr": str(french)} if set(value) == {"fr"}:
            return {"fr": french, "en": f"In English: {french}"}
        case dict():
            return {name: _translated(part) for name, part in value.items()}
        case list():
            return [_translated(part) for part in value]
        case _:
            return value
