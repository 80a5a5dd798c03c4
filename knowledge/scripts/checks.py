"""What a phone script must change before anybody hears it: each refusal with its line and its remedy (pure).

`telling` refuses what cannot be said, `paths` where callers would be lost, `ear` what could not be followed by ear.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from knowledge.directory import Directory
from knowledge.errors import ContentRefused, Remark
from knowledge.facts import Facts
from knowledge.fiches import PublishedFiche
from knowledge.proofreading.fiche import Reader
from knowledge.proofreading.vocabulary import Vocabulary
from knowledge.scripts.ear import Ear
from knowledge.scripts.model import Message, Notice, Queue, ScriptFile, Transfer
from knowledge.scripts.paths import Paths
from knowledge.scripts.telling import spoken_languages, tell
from knowledge.scripts.told import Told


def check(
    file: ScriptFile,
    directory: Directory,
    facts: Facts,
    fiches: Mapping[str, PublishedFiche],
    vocabulary: Vocabulary,
    day: date,
) -> tuple[Remark, ...]:
    """Every refusal of the script in `file` as it would be heard on `day`, by line; none when it may be published.

    Args:
        fiches: those that may be served on `day`, by identifier.
    """
    told: Told | None = None
    found: list[Remark] = []
    try:
        told = tell(file.script, directory, facts, fiches, day, file.document)
    except ContentRefused as refused:
        found.extend(refused.remarks)
    found.extend(Paths(file).refusals())
    found.extend(Ear(file.script, file.document, Reader(facts, directory, vocabulary, frozenset(fiches), day)).refusals(told))
    found.extend(_house(file, directory))
    found.extend(_dates(file, day))
    return tuple(sorted(set(found), key=lambda remark: (remark.line, remark.rule, remark.message)))


def _house(file: ScriptFile, directory: Directory) -> Iterator[Remark]:
    """What the préfecture and the line must have for this script."""
    for index, language in enumerate(file.script.languages):
        if language not in spoken_languages():
            yield file.document.refused(
                ("languages", index),
                "langue",
                f"les phrases fixes de la ligne n'existent pas en « {language} »",
                "écrivez-les dans templates/telephone.yml, ou retirez cette langue",
            )
    for name, node in file.script.nodes.items():
        if isinstance(node, Transfer | Queue) and (service := directory.get(node.service)) and service.extension is None:
            yield file.document.refused(
                ("nodes", name, "service"),
                "poste",
                f"{name} : « {node.service} » n'a pas de numéro interne",
                "ajoutez « extension » à ce service dans services.yml",
            )
        if isinstance(node, Message) and Notice.RELAY in node.notices and directory.prefecture.relay is None:
            yield file.document.refused(
                ("nodes", name, "notices"),
                "relais",
                f"{name} : aucun relais téléphonique n'est déclaré",
                "ajoutez « relay » à la préfecture dans services.yml",
            )


def _dates(file: ScriptFile, day: date) -> Iterator[Remark]:
    for name, node in file.script.nodes.items():
        if isinstance(node, Message) and node.valid_to is not None and node.valid_to < day:
            yield file.document.refused(
                ("nodes", name, "valid_to"),
                "message périmé",
                f"{name} : ce message n'est plus dit depuis le {node.valid_to:%d/%m/%Y}",
                "retirez-le, ou donnez-lui une nouvelle date",
            )
