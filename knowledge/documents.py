"""Reading the YAML that people write: every value keeps the line it stands on, so that a refusal points at it.

Contents are read strictly: a key written twice, an unknown key or a value of the wrong shape is refused, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from knowledge.errors import ContentRefused, Remark
from knowledge.parsing import LOADER

Place = tuple[str | int, ...]
"""Where a value stands in a document: `("questions", "fr", 3)`."""

MOST_CHARACTERS = 512 * 1024
"""No file of content is near this; a larger one is a mistake or an attack."""

_HIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff]")


class Strict(BaseModel):
    """A shape of content: unknown keys are refused, so that a misspelled one is not ignored in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class Document:
    """A YAML text: its value and the line of each of its parts (from 1)."""

    file: str
    value: Any
    lines: Mapping[Place, int]

    def line(self, place: Place) -> int:
        """The line of `place`, or of the nearest part that holds it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def refused(self, place: Place, rule: str, message: str, remedy: str) -> Remark:
        return Remark(self.file, self.line(place), rule, message, remedy)


Shape = TypeVar("Shape", bound=BaseModel)


def read_text(path: Path, name: str) -> str:
    """The text of a file, with its line ends as they are.

    Raises:
        ContentRefused: the file is absent, not UTF-8, too large, or holds control characters.
    """
    try:
        with path.open(encoding="utf-8", newline="") as opened:
            text = opened.read(MOST_CHARACTERS + 1)
    except UnicodeDecodeError as error:
        raise refusal(name, 1, "lecture", "le fichier n'est pas en UTF-8", "enregistrez-le en UTF-8") from error
    except OSError as error:
        raise refusal(name, 1, "lecture", f"fichier illisible ({error.strerror})", "vérifiez qu'il existe et vos droits") from error
    if len(text) > MOST_CHARACTERS:
        raise refusal(name, 1, "lecture", "fichier de plus de 512 Ko", "coupez-le en plusieurs fichiers")
    hidden = _HIDDEN.search(text)
    if hidden:
        line = text.count("\n", 0, hidden.start()) + 1
        raise refusal(name, line, "lecture", "caractère invisible de contrôle", "retapez la ligne dans un éditeur de texte simple")
    return text


def read_yaml(text: str, file: str, first_line: int = 1) -> Document:
    """`text` with the lines of its parts; `first_line` is its place in the file that holds it.

    Raises:
        ContentRefused: the YAML is broken, or a key is written twice.
    """
    loader = LOADER(text)
    lines: dict[Place, int] = {}
    try:
        node = loader.get_single_node()
        if node is None:
            return Document(file, None, {})
        _walk(node, (), lines, file, first_line)
        value = loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        line = (error.problem_mark.line if error.problem_mark else 0) + first_line
        raise refusal(
            file, line, "yaml", f"écriture YAML incorrecte ({error.problem})", "vérifiez l'alignement, les guillemets et les « : »"
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise refusal(file, first_line, "yaml", "écriture YAML incorrecte", "vérifiez les dates (AAAA-MM-JJ) et les guillemets") from error
    finally:
        loader.dispose()
    return Document(file, value, lines)


def _walk(node: yaml.Node, place: Place, lines: dict[Place, int], file: str, first_line: int) -> None:
    lines.setdefault(place, node.start_mark.line + first_line)
    if len(place) > 8:
        raise refusal(file, node.start_mark.line + first_line, "yaml", "trop de niveaux imbriqués", "simplifiez la structure")
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            line = key.start_mark.line + first_line
            if key.value in seen:
                raise refusal(file, line, "yaml", f"« {key.value} » est écrit deux fois", "gardez une seule des deux lignes")
            seen.add(key.value)
            lines[(*place, key.value)] = line
            _walk(value, (*place, key.value), lines, file, first_line)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _walk(item, (*place, index), lines, file, first_line)


def shaped(shape: type[Shape], document: Document, value: Any, place: Place = ()) -> Shape:
    """`value`, the part of `document` at `place`, as a `shape`.

    Raises:
        ContentRefused: one remark for each field that does not fit.
    """
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        details = error.errors()
        places = [detail["loc"] for detail in details]
        kept = [detail for detail in details if not (detail["type"] == "too_short" and _holds_another(detail["loc"], places))]
        raise ContentRefused([_in_french(document, place, detail) for detail in kept]) from error


def _holds_another(place: Place, places: Sequence[Place]) -> bool:
    """A list is also said to be empty when its only items are wrong: only the items need telling."""
    return any(len(other) > len(place) and other[: len(place)] == place for other in places)


def _in_french(document: Document, place: Place, detail: ErrorDetails) -> Remark:
    where = _written(document, place, detail["loc"])
    name = ".".join(part for part in where[len(place) :] if isinstance(part, str)) or "le contenu"
    wording = _WORDINGS.get(detail["type"], _default_wording)
    message, remedy = wording(name, detail)
    return document.refused(where, "forme", message, remedy)


def _written(document: Document, place: Place, found: Place) -> Place:
    """`found`, under `place`, without the names that validation adds on the way (the type of a node): nobody wrote them."""
    for index, part in enumerate(found, 1):
        if index == len(found) or (*place, part) in document.lines:
            place = (*place, part)
    return place


def _default_wording(name: str, detail: ErrorDetails) -> tuple[str, str]:
    found = str(detail["input"])[:60]
    if detail["type"] == "value_error":
        return f"« {name} » : {detail['ctx']['error']}", f"corrigez « {found} »"
    return f"« {name} » n'a pas la forme attendue (« {found} »)", "reprenez la forme d'une entrée voisine"


_WORDINGS: Mapping[str, Callable[[str, ErrorDetails], tuple[str, str]]] = {
    "missing": lambda name, _: (f"« {name} » manque", f"ajoutez la ligne « {name.rpartition('.')[2]}: … »"),
    "extra_forbidden": lambda name, _: (f"« {name} » n'est pas un champ connu", "corrigez son nom ou retirez-le"),
    "string_type": lambda name, _: (f"« {name} » doit être un texte", "mettez la valeur entre guillemets"),
    "date_from_datetime_parsing": lambda name, _: (f"« {name} » n'est pas une date", "écrivez-la AAAA-MM-JJ"),
    "date_type": lambda name, _: (f"« {name} » n'est pas une date", "écrivez-la AAAA-MM-JJ"),
    "too_short": lambda name, _: (f"« {name} » est vide", "donnez au moins une valeur"),
    "too_long": lambda name, detail: (f"« {name} » a trop de valeurs", f"gardez-en {detail['ctx']['max_length']} au plus"),
    "string_too_short": lambda name, _: (f"« {name} » est vide", "donnez une valeur"),
    "literal_error": lambda name, detail: (
        f"« {name} » : « {str(detail['input'])[:40]} » n'est pas prévu",
        f"choisissez parmi {detail['ctx']['expected'].replace(' or ', ', ')}",
    ),
}


def refusal(file: str, line: int, rule: str, message: str, remedy: str) -> ContentRefused:
    """A refusal made of a single remark."""
    return ContentRefused([Remark(file, line, rule, message, remedy)])
