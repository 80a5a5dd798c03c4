"""A phone script (SVI): a typed tree of nodes that the communication team writes in YAML.

The file gives the nodes by name; each says what is heard and where the caller goes next. Nothing here knows Asterisk: `walk` tells what a
caller hears, `telephony.dialplan` tells the same to Asterisk, and both read the same tree.

At every node the keys of the house work while something is said and afterwards: 0 a person (`agent`), * hear again, 9 slower, # main menu.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from knowledge.documents import Document, Strict, read_text, read_yaml, shaped

HOUSE_KEYS = {"0": "a person", "*": "hear again", "9": "slower", "#": "main menu"}
RATES = ("normal", "slow")
"""Speeds at which a script is said; `slower` goes from the first to the second and stays there."""

_NAME = r"^[a-z][a-z0-9_]{0,39}$"
Name = Annotated[str, Field(pattern=_NAME)]
"""Of a node, as the team writes it."""
Wording = dict[str, Annotated[str, Field(min_length=1)]]
"""What is said, by language; `fr` is always there. Facts may be called as in fiches: `{{ horaire("accueil-general") }}`."""


class Notice(StrEnum):
    """Sentences that the law or the house requires, worded once in `templates/telephone.yml`."""

    AUTOMATIC = "automatic"
    """This is an automatic assistant; a person can be asked for (regulation (EU) 2024/1689, article 50)."""
    RELAY = "relay"
    """How deaf, hard of hearing and aphasic persons reach the préfecture (décret 2017-875, article 2)."""


class BargeIn(StrEnum):
    """What may interrupt the voice of a spoken question."""

    VOICE = "voice"
    KEY = "key"
    BOTH = "both"
    NONE = "none"


class Message(Strict):
    """Information, then on to `next`. After `valid_to` (last day) it is passed over without a word."""

    type: Literal["message"]
    say: Wording = Field(default_factory=dict)
    notices: tuple[Notice, ...] = ()
    """Said after `say`."""
    hours_of: tuple[str, ...] = ()
    """Services whose hours are then said, from the directory."""
    valid_to: date | None = None
    next: Name


class Choice(Strict):
    """`label` then the key: "Pour une carte d'identité, tapez 1." The key is always said after what it is for."""

    key: Annotated[str, Field(pattern=r"^[1-8]$")]
    label: Wording
    to: Name


class Exit(Strict):
    """What is said and where the caller goes when he did not choose. `again`: the same menu once more."""

    say: Wording
    to: Name | None = None
    """None: the menu is said again."""


class Menu(Strict):
    """Choices by key. The three exits are mandatory; the third one counts silences and wrong keys together."""

    type: Literal["menu"]
    say: Wording = Field(default_factory=dict)
    choices: Annotated[tuple[Choice, ...], Field(min_length=1)]
    silence: Exit
    wrong: Exit
    exhausted: Exit
    """After `attempts` silences or wrong keys; its `to` is mandatory."""
    attempts: Annotated[int, Field(ge=1, le=5)] = 3
    wait: Annotated[int, Field(ge=10, le=30)] = 10
    """Seconds left to press a key once all is said: never under 10, for relay operators (rules, section 3)."""


class FicheAnswer(Strict):
    """The short form of an approved fiche, in its current version, then on to `next`."""

    type: Literal["fiche"]
    fiche: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,80}$")]
    say: Wording = Field(default_factory=dict)
    """Introduces it."""
    next: Name


class Question(Strict):
    """The caller speaks; the assistant answers. Every failure leads back to `next`, with a sentence."""

    type: Literal["question"]
    say: Wording
    barge_in: BargeIn = BargeIn.BOTH
    next: Name


class Transfer(Strict):
    """The department is named to its end, then its line rings; the person who answers first hears the subject."""

    type: Literal["transfer"]
    service: str
    subject: Wording
    """A few words, whispered to the agent: "carte grise"."""
    seconds: Annotated[int, Field(ge=10, le=120)] = 25
    """How long the line rings: five rings by default."""
    unanswered: Name


class Queue(Strict):
    """As a transfer, but the caller waits his turn and hears his position."""

    type: Literal["queue"]
    service: str
    subject: Wording
    seconds: Annotated[int, Field(ge=30, le=1800)] = 300
    """The longest wait."""
    most: Annotated[int, Field(ge=1, le=200)] = 10
    """Callers waiting beyond whom the queue is full."""
    full: Name
    unanswered: Name


class Schedule(Strict):
    """Where the caller goes by the hours of a service; public holidays and closing days first."""

    type: Literal["schedule"]
    service: str
    open: Name
    closed: Name
    holiday: Name


class LanguageChoice(Strict):
    """Each language is proposed in itself ("For English, press 2."). No key: the first language of the script."""

    type: Literal["language"]
    keys: dict[str, Annotated[str, Field(pattern=r"^[1-8]$")]]
    """Key by language; the first one needs none: it is that of whoever presses nothing."""
    wait: Annotated[int, Field(ge=3, le=10)] = 4
    """Seconds left to press it. A silence costs nothing: the call goes on in the first language."""
    next: Name


class Callback(Strict):
    """The service will call back: the caller's number is kept until it has been called, and only for that."""

    type: Literal["callback"]
    service: str
    say: Wording
    next: Name


class Voicemail(Strict):
    """A spoken message for the service, two minutes at most."""

    type: Literal["voicemail"]
    service: str
    say: Wording
    next: Name


class Repeat(Strict):
    """As the key *: what leads here is said again."""

    type: Literal["repeat"]


class Slower(Strict):
    """As the key 9: what leads here is said again, slowly, and so is all that follows."""

    type: Literal["slower"]


class End(Strict):
    """A leave-taking, then the line is hung up."""

    type: Literal["end"]
    say: Wording


Node = Annotated[
    Message | Menu | FicheAnswer | Question | Transfer | Queue | Schedule | LanguageChoice | Callback | Voicemail | Repeat | Slower | End,
    Field(discriminator="type"),
]


class Script(Strict):
    """One phone script, as its file says it."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
    title: Annotated[str, Field(min_length=3)]
    languages: Annotated[tuple[Annotated[str, Field(pattern=r"^[a-z]{2}$")], ...], Field(min_length=1, max_length=8)]
    """The first one is that of a call until another is chosen."""
    start: Name
    """The greeting: a message."""
    menu: Name
    """Where # leads, and what a caller comes back to."""
    agent: Name
    """Where 0 leads: a transfer or a queue, or the hours that lead to one."""
    forced_closure: Name
    """Where every call goes when the line is closed by command."""
    nodes: Annotated[dict[Name, Node], Field(min_length=1)]

    @field_validator("languages")
    @classmethod
    def _french_first(cls, languages: tuple[str, ...]) -> tuple[str, ...]:
        if languages[0] != "fr" or len(set(languages)) != len(languages):
            raise ValueError("le français vient en premier et chaque langue une seule fois")
        return languages

    @model_validator(mode="after")
    def _whole(self) -> Script:
        for name in (self.start, self.menu, self.agent, self.forced_closure):
            if name not in self.nodes:
                raise ValueError(f"le nœud « {name} » n'existe pas")
        for name, node in self.nodes.items():
            for edge in edges(node):
                if edge.to not in self.nodes:
                    raise ValueError(f"« {name} » mène à « {edge.to} », qui n'existe pas")
        return self

    @cached_property
    def positions(self) -> Mapping[str, int]:
        """Place of each node in the file, from 1."""
        return {name: position for position, name in enumerate(self.nodes, 1)}

    def symbol(self, node: str) -> str:
        """The generated name of a node in the dialplan: nothing that a person typed goes there (T01)."""
        return f"n{self.positions[node]}"

    def node_at(self, position: int) -> str:
        """The node at a place of the file. Raises IndexError."""
        return tuple(self.nodes)[position - 1]

    @cached_property
    def desks(self) -> Mapping[str, str]:
        """Where each service that can be reached is reached, by service: its transfer or queue, or the hours that lead to it."""
        rings = {name: node.service for name, node in self.nodes.items() if isinstance(node, Transfer | Queue)}
        doors = {
            node.service: name for name, node in self.nodes.items() if isinstance(node, Schedule) and rings.get(node.open) == node.service
        }
        return {service: doors.get(service, name) for name, service in reversed(rings.items())}

    def services(self) -> tuple[str, ...]:
        """The services that its nodes name, sorted."""
        found = {getattr(node, "service", None) for node in self.nodes.values()}
        return tuple(sorted(service for service in found if service))


def service_symbol(service: str) -> str:
    """The generated name of a service in the dialplan: "pan-etrangers" gives "pan_etrangers"."""
    return re.sub(r"[^a-z0-9]", "_", service)


@dataclass(frozen=True)
class Edge:
    """One way out of a node."""

    kind: str
    """`next`, `key 1`, `silence`, `wrong`, `exhausted`, `unanswered`, `full`, `open`, `closed`, `holiday`."""
    to: str


def edges(node: Node) -> Iterator[Edge]:
    """The ways out of a node that its own text names; the keys of the house are everywhere and not repeated here."""
    match node:
        case Menu():
            yield from (Edge(f"key {choice.key}", choice.to) for choice in node.choices)
            exits = {"silence": node.silence, "wrong": node.wrong, "exhausted": node.exhausted}
            yield from (Edge(kind, way.to) for kind, way in exits.items() if way.to)
        case Transfer():
            yield Edge("unanswered", node.unanswered)
        case Queue():
            yield Edge("full", node.full)
            yield Edge("unanswered", node.unanswered)
        case Schedule():
            yield Edge("open", node.open)
            yield Edge("closed", node.closed)
            yield Edge("holiday", node.holiday)
        case Message() | FicheAnswer() | Question() | LanguageChoice() | Callback() | Voicemail():
            yield Edge("next", node.next)
        case Repeat() | Slower() | End():
            return


@dataclass(frozen=True)
class ScriptFile:
    """A script with the text it was read from."""

    script: Script
    text: str
    document: Document
    """For the lines of refusals."""


def parse(text: str, name: str) -> ScriptFile:
    """The script written in `text`; `name` is that of its file, for refusals.

    Raises:
        ContentRefused: the YAML is broken, or a node does not have the shape of its type.
    """
    document = read_yaml(text, name)
    return ScriptFile(shaped(Script, document, document.value), text, document)


def read(content: Path, identifier: str) -> ScriptFile:
    """The script `content/scripts/<identifier>.yml`. Raises ContentRefused."""
    name = f"scripts/{identifier}.yml"
    return parse(read_text(content / name, name), name)
