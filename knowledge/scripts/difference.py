"""What changed between two versions of a phone script, in words that a communication team understands. Pure.

A node whose name changed and nothing else is one renaming, not a removal and an addition. Choices of a menu are followed by what they say
or by where they lead, so that a key that moved is told as such.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from knowledge.scripts.model import RATES, Choice, Menu, Node, Script, edges
from knowledge.scripts.telling import Told


class What(StrEnum):
    """What kind of thing changed."""

    ADDED = "added"
    REMOVED = "removed"
    RENAMED = "renamed"
    SENTENCE = "sentence"
    KEY = "key"
    DESTINATION = "destination"
    SETTING = "setting"


@dataclass(frozen=True)
class Change:
    """One change. `node` is the name in the newer version, `detail` the part of it; an empty text: there was, or is, none."""

    what: What
    node: str
    detail: str
    before: str
    after: str

    def __str__(self) -> str:
        match self.what:
            case What.ADDED if self.detail:
                return f"« {self.node} » : {self.after} est ajouté"
            case What.REMOVED if self.detail:
                return f"« {self.node} » : {self.before} est retiré"
            case What.ADDED:
                return f"« {self.node} » est ajouté ({self.after})"
            case What.REMOVED:
                return f"« {self.node} » est retiré ({self.before})"
            case What.RENAMED:
                return f"« {self.before} » s'appelle maintenant « {self.after} »"
            case What.SENTENCE:
                return f"« {self.node} », {self.detail} : {_quoted(self.before)} devient {_quoted(self.after)}"
            case What.KEY:
                return f"« {self.node} », {self.detail} : la touche passe de {self.before} à {self.after}"
            case What.DESTINATION:
                return f"« {self.node} », {self.detail} : menait à {_quoted(self.before)}, mène à {_quoted(self.after)}"
            case What.SETTING:
                return f"« {self.node} », {self.detail} : {self.before or 'rien'} devient {self.after or 'rien'}"


TYPES: Mapping[str, str] = {
    "message": "message",
    "menu": "menu",
    "fiche": "réponse d'une fiche",
    "question": "question parlée",
    "transfer": "transfert",
    "queue": "file d'attente",
    "schedule": "selon les horaires",
    "language": "choix de la langue",
    "callback": "demande de rappel",
    "voicemail": "messagerie",
    "repeat": "répéter",
    "slower": "plus lentement",
    "end": "fin",
}
"""Each type of node as people read it."""

_WAYS: Mapping[str, str] = {
    "next": "la suite",
    "silence": "sans choix",
    "wrong": "mauvaise touche",
    "exhausted": "trop d'essais",
    "unanswered": "sans réponse",
    "full": "file pleine",
    "open": "aux heures d'ouverture",
    "closed": "hors des heures",
    "holiday": "jour férié",
}
_FIELDS: Mapping[str, str] = {
    "say": "ce qui est dit",
    "label": "le choix",
    "subject": "ce qu'entend l'agent",
    "notices": "mentions",
    "hours_of": "horaires dits de",
    "valid_to": "dernier jour",
    "attempts": "essais",
    "wait": "attente en secondes",
    "fiche": "fiche",
    "barge_in": "interruption",
    "service": "service",
    "seconds": "durée en secondes",
    "most": "places dans la file",
    "keys": "touches des langues",
    "title": "titre",
    "languages": "langues",
    "start": "début",
    "menu": "menu principal",
    "agent": "une personne",
    "forced_closure": "fermeture par commande",
}
SCRIPT = "le script"
"""Name given to the script as a whole in a change."""


def difference(before: Script, after: Script) -> tuple[Change, ...]:
    """What changed from `before` to `after`: the script as a whole, then its nodes in the order of `after`, then those removed."""
    renamed = _renamed(before, after)
    old_names = {new: old for old, new in renamed.items()}
    found = list(_whole(before, after, renamed))
    for name, node in after.nodes.items():
        old = old_names.get(name, name)
        if old not in before.nodes or (old in renamed and renamed[old] != name):
            found.append(Change(What.ADDED, name, "", "", TYPES[node.type]))
            continue
        if old != name:
            found.append(Change(What.RENAMED, name, "", old, name))
        found.extend(_node(name, before.nodes[old], node, renamed))
    gone = (name for name in before.nodes if name not in after.nodes and name not in renamed)
    found.extend(Change(What.REMOVED, name, "", TYPES[before.nodes[name].type], "") for name in gone)
    return tuple(found)


def new_sounds(before: Told | None, after: Told) -> int:
    """How many sound files `after` needs that `before` has not: each new sentence at each speed."""
    known = frozenset(before.sentences()) if before else frozenset()
    return len(frozenset(after.sentences()) - known) * len(RATES)


def _renamed(before: Script, after: Script) -> dict[str, str]:
    """New name by old name, of the nodes that are the same but for their name."""
    gone = {name: node for name, node in before.nodes.items() if name not in after.nodes}
    come = {name: node for name, node in after.nodes.items() if name not in before.nodes}
    found: dict[str, str] = {}
    for old, node in gone.items():
        same = [new for new, other in come.items() if new not in found.values() and _content(node) == _content(other)]
        if same:
            found[old] = same[0]
    return found


def _content(node: Node) -> dict[str, Any]:
    """A node without the names of others, which may have changed too."""
    return {key: _without_names(value) for key, value in node.model_dump(mode="json").items() if key not in _NAMES}


def _without_names(value: Any) -> Any:
    match value:
        case dict():
            return {key: _without_names(part) for key, part in value.items() if key not in _NAMES}
        case list():
            return [_without_names(part) for part in value]
    return value


_NAMES = frozenset({"next", "to", "unanswered", "full", "open", "closed", "holiday"})


def _whole(before: Script, after: Script, renamed: Mapping[str, str]) -> Iterator[Change]:
    for field in ("title", "languages"):
        yield from _setting(SCRIPT, field, getattr(before, field), getattr(after, field))
    for field in ("start", "menu", "agent", "forced_closure"):
        old, new = getattr(before, field), getattr(after, field)
        if renamed.get(old, old) != new:
            yield Change(What.DESTINATION, SCRIPT, _FIELDS[field], old, new)


def _node(name: str, before: Node, after: Node, renamed: Mapping[str, str]) -> Iterator[Change]:
    if before.type != after.type:
        yield Change(What.SETTING, name, "nature", TYPES[before.type], TYPES[after.type])
        return
    plain_before, plain_after = before.model_dump(mode="json"), after.model_dump(mode="json")
    for field, old in plain_before.items():
        if field == "choices" or field in _NAMES or field == "type":
            continue
        new = plain_after[field]
        if field in ("say", "subject"):
            yield from _wording(name, _FIELDS[field], old, new)
        elif field in ("silence", "wrong", "exhausted"):
            yield from _wording(name, _WAYS[field], old["say"], new["say"])
        else:
            yield from _setting(name, field, old, new)
    if isinstance(before, Menu) and isinstance(after, Menu):
        yield from _choices(name, before, after, renamed)
    yield from _ways(name, before, after, renamed)


def _ways(name: str, before: Node, after: Node, renamed: Mapping[str, str]) -> Iterator[Change]:
    """Where a caller goes, but for the choices of a menu."""
    old = {edge.kind: renamed.get(edge.to, edge.to) for edge in edges(before) if edge.kind in _WAYS}
    new = {edge.kind: edge.to for edge in edges(after) if edge.kind in _WAYS}
    for kind in dict.fromkeys((*old, *new)):
        if old.get(kind) != new.get(kind):
            yield Change(What.DESTINATION, name, _WAYS[kind], old.get(kind, ""), new.get(kind, ""))


def _choices(name: str, before: Menu, after: Menu, renamed: Mapping[str, str]) -> Iterator[Change]:
    pairs = _same_choices(before, after, renamed)
    for choice in after.choices:
        title, old = _title(choice), pairs.get(choice.key)
        if old is None:
            yield Change(What.ADDED, name, title, "", f"le choix {title}, touche {choice.key},")
            continue
        yield from _wording(name, f"touche {choice.key}", old.label, choice.label)
        if old.key != choice.key:
            yield Change(What.KEY, name, title, old.key, choice.key)
        if renamed.get(old.to, old.to) != choice.to:
            yield Change(What.DESTINATION, name, title, old.to, choice.to)
    for old in before.choices:
        if old not in pairs.values():
            yield Change(What.REMOVED, name, _title(old), f"le choix {_title(old)}, touche {old.key},", "")


def _same_choices(before: Menu, after: Menu, renamed: Mapping[str, str]) -> dict[str, Choice]:
    """The older choice by key of the newer one: first those that say the same, then those that lead to the same place."""
    left, pairs = list(before.choices), dict[str, Choice]()

    def pair(alike: Callable[[Choice, Choice], bool]) -> None:
        for choice in after.choices:
            found = next((old for old in left if choice.key not in pairs and alike(old, choice)), None)
            if found is not None:
                pairs[choice.key] = found
                left.remove(found)

    pair(lambda old, new: old.label["fr"] == new.label["fr"])
    pair(lambda old, new: renamed.get(old.to, old.to) == new.to)
    return pairs


def _title(choice: Choice) -> str:
    return f"« {choice.label['fr']} »"


def _wording(name: str, detail: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Change]:
    for language in dict.fromkeys((*before, *after)):
        old, new = before.get(language, ""), after.get(language, "")
        if " ".join(old.split()) != " ".join(new.split()):
            where = detail if language == "fr" else f"{detail} ({language})"
            yield Change(What.SENTENCE, name, where, old, new)


def _setting(name: str, field: str, before: object, after: object) -> Iterator[Change]:
    if before != after:
        yield Change(What.SETTING, name, _FIELDS[field], _shown(before), _shown(after))


def _shown(value: object) -> str:
    match value:
        case None:
            return ""
        case list() | tuple():
            return ", ".join(map(str, value))
        case dict():
            return ", ".join(f"{key} {part}" for key, part in value.items())
    return str(value)


def _quoted(text: str) -> str:
    return f"« {' '.join(text.split())} »" if text else "rien"
