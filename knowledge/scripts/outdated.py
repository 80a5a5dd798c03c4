"""What a script in service may no longer say: an answer withdrawn, a fact that has expired overnight.

The line must go on without anybody at work, and may not tell yesterday's amount: such a node says that its answer is being updated, and
leads to a person. Its place in the script stays the same, so that calls in progress are not disturbed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from knowledge.errors import ContentRefused, FactMissing
from knowledge.facts import Facts
from knowledge.fiches import PublishedFiche
from knowledge.rendering import compiled
from knowledge.scripts.model import FicheAnswer, Message, Node, Script, Wording
from knowledge.scripts.telling import fixed_sentences


def without_outdated(script: Script, facts: Facts, fiches: Mapping[str, PublishedFiche], day: date) -> tuple[Script, tuple[str, ...]]:
    """`script` as it may be said on `day`, and the nodes that say something else than written."""
    outdated = tuple(name for name, node in script.nodes.items() if not _may_be_said(node, script.languages, facts, fiches, day))
    if not outdated:
        return script, ()
    instead = Message(
        type="message", say={language: fixed_sentences(language)["outdated"] for language in script.languages}, next=script.agent
    )
    return script.model_copy(update={"nodes": {**script.nodes, **dict.fromkeys(outdated, instead)}}), outdated


def _may_be_said(node: Node, languages: tuple[str, ...], facts: Facts, fiches: Mapping[str, PublishedFiche], day: date) -> bool:
    match node:
        case FicheAnswer():
            fiche = fiches.get(node.fiche)
            spoken = fiche is not None and all(language == "fr" or language in fiche.translations for language in languages)
            return spoken and _stated(node.say, facts, day)
        case Message():
            return _stated(node.say, facts, day)
        case _:
            return True


def _stated(say: Wording, facts: Facts, day: date) -> bool:
    try:
        for language, text in say.items():
            compiled(text).render(facts, day, language)
    except (FactMissing, ContentRefused):
        return False
    return True
