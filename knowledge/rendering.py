"""Texts with fact calls: `Comptez {{ montant("cni-perte") }} de timbre fiscal.` (threat T19).

Jinja2 reads the text; only plain text and calls of the five fact functions with one constant key are accepted. Nothing is ever
evaluated: the accepted tree is turned into a list of strings and calls, and a text is rendered by joining them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from knowledge.documents import refusal
from knowledge.errors import ContentRefused
from knowledge.facts import Fact, Facts, Kind

MOST_BYTES = 64 * 1024
_FUNCTIONS = frozenset(kind.value for kind in Kind)
_EXAMPLE = '{{ montant("cni-perte") }}'
_KEY = re.compile(r"[a-z0-9-]{1,80}")
_READER: Environment = ImmutableSandboxedEnvironment(keep_trailing_newline=True, newline_sequence="\n")


@dataclass(frozen=True)
class FactCall:
    kind: str
    key: str
    line: int
    """Line in the text, from 1."""


@dataclass(frozen=True)
class Text:
    """An accepted text: plain pieces and fact calls, in reading order."""

    parts: tuple[str | FactCall, ...]

    @property
    def calls(self) -> tuple[FactCall, ...]:
        return tuple(part for part in self.parts if isinstance(part, FactCall))

    def facts(self, facts: Facts, day: date) -> Iterator[Fact]:
        """The facts it states on `day`. Raises FactMissing."""
        return (facts.in_force(call.kind, call.key, day) for call in self.calls)

    def render(self, facts: Facts, day: date, language: str = "fr") -> str:
        """The text as read on `day`.

        Raises:
            FactMissing: it quotes a fact that is unknown, not in force that day, or still to be checked.
        """
        return self.filled(lambda call: facts.in_force(call.kind, call.key, day).text(language))

    def filled(self, wording: Callable[[FactCall], str]) -> str:
        """The text with each call replaced by what `wording` gives for it."""
        return "".join(part if isinstance(part, str) else wording(part) for part in self.parts)


@lru_cache(maxsize=16_384)
def compiled(source: str) -> Text:
    """`source`, read once.

    Raises:
        ContentRefused: anything else than text and fact calls; the remark's line is that of the text, its file is empty.
    """
    if len(source.encode("utf-8", "replace")) > MOST_BYTES:
        raise refusal("", 1, "gabarit", "texte de plus de 64 Ko", "coupez-le")
    if "{" not in source:
        return Text((source,))
    for mark in ("{%", "{#"):
        if mark in source:
            line = source.count("\n", 0, source.index(mark)) + 1
            raise refusal("", line, "gabarit", f"« {mark} » n'est pas permis dans un texte", f"n'utilisez que des appels comme {_EXAMPLE}")
    try:
        tree = _READER.parse(source)
    except TemplateSyntaxError as error:
        raise refusal("", error.lineno, "gabarit", "accolades mal écrites", f"écrivez exactement {_EXAMPLE}") from error
    except (ValueError, RecursionError, OverflowError, MemoryError) as error:
        raise refusal("", 1, "gabarit", "expression trop longue ou incorrecte", f"écrivez exactement {_EXAMPLE}") from error
    return Text(tuple(_accepted(tree)))


def _accepted(tree: nodes.Template) -> Iterator[str | FactCall]:
    for statement in tree.body:
        if not isinstance(statement, nodes.Output):
            raise _not_allowed(statement)
        for node in statement.nodes:
            yield node.data if isinstance(node, nodes.TemplateData) else _call(node)


def _call(node: nodes.Expr) -> FactCall:
    match node:
        case nodes.Call(node=nodes.Name(name=str(name)), args=[nodes.Const(value=str(key))], kwargs=[], dyn_args=None, dyn_kwargs=None) if (
            name in _FUNCTIONS and _KEY.fullmatch(key)
        ):
            return FactCall(name, key, node.lineno)
        case _:
            raise _not_allowed(node)


def _not_allowed(node: nodes.Node) -> ContentRefused:
    return refusal(
        "",
        node.lineno,
        "gabarit",
        "seuls les appels montant, delai, horaire, numero et adresse sont permis, avec une clé entre guillemets",
        f"écrivez par exemple {_EXAMPLE}",
    )
