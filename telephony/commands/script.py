"""`script`: the versions of the phone script, from a draft to the line and back."""

from __future__ import annotations

import argparse
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from knowledge.commands import Subparsers
from knowledge.commands.screen import FrenchParser, say, show, warn
from telephony.commands.signature import add_author, author_of, instant_of

if TYPE_CHECKING:
    from knowledge.scripts.versions import Story

SOON = 7
"""Days before the end of a temporary message from which it is shown."""


def register(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "script",
        help="versions du script : brouillon, approbation, retour",
        description="Les versions du script téléphonique : écrire un brouillon, l'approuver, le retirer, revenir, comparer.",
    )
    actions = parser.add_subparsers(required=True, metavar="action", title="actions", parser_class=FrenchParser)

    listing = actions.add_parser("list", help="lister les versions", description="Liste les versions, la plus récente en premier.")
    listing.set_defaults(run=_list)

    showing = _about_one(actions, "show", "montrer une version", "Montre une version : son histoire et sa preuve.")
    showing.set_defaults(run=_show)

    draft = actions.add_parser(
        "draft",
        help="enregistrer un brouillon",
        description="Enregistre un fichier comme nouvelle version. Personne ne l'entend avant son approbation.",
    )
    draft.add_argument("file", metavar="FICHIER", type=Path, help="script, en YAML")
    draft.add_argument("--from", dest="parent", metavar="N", type=int, help="version d'où part ce texte")
    draft.add_argument("--comment", metavar="TEXTE", default="", help="ce qui change, pour qui l'approuvera")
    add_author(draft)
    draft.set_defaults(run=_draft)

    approve = _about_one(actions, "approve", "approuver une version", "Relit une version puis l'approuve : la ligne la met en service.")
    approve.add_argument("--at", metavar="AAAA-MM-JJTHH:MM", type=instant_of, help="quand la mettre en service (par défaut, tout de suite)")
    approve.add_argument("--key", metavar="CLÉ", help="la même clé deux fois n'approuve qu'une fois")
    add_author(approve)
    approve.set_defaults(run=_approve)

    withdraw = _about_one(actions, "withdraw", "retirer une version", "Retire une version qui n'est pas en service.")
    add_author(withdraw)
    withdraw.set_defaults(run=_withdraw)

    rollback = _about_one(
        actions, "rollback", "revenir à une version", "Le texte d'une version passée devient une nouvelle version, approuvée."
    )
    add_author(rollback)
    rollback.set_defaults(run=_rollback)

    diff = actions.add_parser("diff", help="comparer deux versions", description="Dit, phrase par phrase, ce qui change de A à B.")
    diff.add_argument("before", metavar="A", type=int)
    diff.add_argument("after", metavar="B", type=int)
    diff.set_defaults(run=_diff)

    export = _about_one(actions, "export", "écrire une version dans un fichier", "Écrit le texte d'une version, à l'octet près.")
    export.add_argument("file", metavar="FICHIER", type=Path, nargs="?", help="où l'écrire (par défaut, à l'écran)")
    export.set_defaults(run=_export)


def _about_one(actions: Subparsers, name: str, help: str, description: str) -> FrenchParser:
    parser = actions.add_parser(name, help=help, description=description)
    parser.add_argument("number", metavar="N", type=int, help="numéro de la version")
    return parser


def _list(arguments: argparse.Namespace) -> int:
    from knowledge.clock import today
    from knowledge.database import reading, require_schema
    from knowledge.scripts import versions

    require_schema()
    with reading() as opened:
        told = versions.history(opened)
        ending = versions.expiring(opened, today() + timedelta(days=SOON))
    for message in ending:
        say(f"À renouveler ou à retirer : « {message.node} », dit jusqu'au {message.last_day:%d/%m/%Y} compris.")
    for one in told:
        row = one.version
        say(f"{row.number:>4}  {_state(one):<40} {row.author}, {_at(row.created_at)}  {row.comment}".rstrip())
    if not told:
        say("Aucune version : « python -m telephony script draft FICHIER » en enregistre une.")
    return 0


def _show(arguments: argparse.Namespace) -> int:
    from knowledge.database import reading, require_schema
    from knowledge.scripts import versions

    require_schema()
    with reading() as opened:
        told = versions.story(opened, arguments.number)
    row = told.version
    origin = f", écrite depuis la {row.parent}" if row.parent else ""
    say(f"Version {row.number} du script « {row.script_id} » : {_state(told)}")
    say(f"  écrite par {row.author} le {_at(row.created_at)}{origin}" + (f" : {row.comment}" if row.comment else ""))
    for event in told.events:
        reason = event.detail.get("reason", "")
        say(f"  {_at(event.at)}  {versions.FRENCH[versions.State(event.kind)]} ({event.author})" + (f" : {reason}" if reason else ""))
    for name, value in (told.certificate or {}).items():
        say(f"  preuve, {name} : {value}")
    return 0


def _draft(arguments: argparse.Namespace) -> int:
    from knowledge.clock import today
    from knowledge.database import require_schema, session
    from knowledge.documents import read_text
    from knowledge.scripts import versions
    from knowledge.scripts.model import parse

    require_schema()
    text = read_text(arguments.file, arguments.file.name)
    script = parse(text, arguments.file.name).script
    with session() as opened:
        newest = versions.tip(opened, script.id)
        if arguments.parent is None and newest is not None:
            warn(f"Dites de quelle version part ce texte. La plus récente : --from {newest.number}")
            return 2
        row = versions.save_draft(opened, text, author_of(arguments), arguments.comment, arguments.parent)
        remarks = versions.checked(opened, versions.written(opened, row.number), today())
    show(remarks)
    say(
        f"Version {row.number} enregistrée comme brouillon."
        + (f" {len(remarks)} refus à corriger avant de l'approuver." if remarks else "")
    )
    return 0


def _approve(arguments: argparse.Namespace) -> int:
    from knowledge.database import require_schema, session
    from knowledge.scripts import versions

    require_schema()
    with session() as opened:
        versions.approve(opened, arguments.number, author_of(arguments), arguments.at, arguments.key)
        told = versions.story(opened, arguments.number)
    say(f"Version {arguments.number} : {_state(told)}. Suivez-la : python -m telephony script show {arguments.number}")
    return 0


def _withdraw(arguments: argparse.Namespace) -> int:
    from knowledge.database import require_schema, session
    from knowledge.scripts import versions

    require_schema()
    with session() as opened:
        versions.withdraw(opened, arguments.number, author_of(arguments))
    say(f"Version {arguments.number} retirée.")
    return 0


def _rollback(arguments: argparse.Namespace) -> int:
    from knowledge.database import require_schema, session
    from knowledge.scripts import versions

    require_schema()
    with session() as opened:
        number = versions.rollback(opened, arguments.number, author_of(arguments)).version
    say(f"Le texte de la version {arguments.number} est maintenant la version {number}, approuvée.")
    return 0


def _diff(arguments: argparse.Namespace) -> int:
    from knowledge.clock import today
    from knowledge.database import reading, require_schema
    from knowledge.errors import ContentRefused
    from knowledge.scripts import versions
    from knowledge.scripts.difference import difference, new_sounds

    require_schema()
    with reading() as opened:
        before, after = (versions.written(opened, number).script for number in (arguments.before, arguments.after))
        try:
            sounds = new_sounds(*(versions.told(opened, number, today()) for number in (arguments.before, arguments.after)))
            count = f"{sounds} fichier(s) son à faire."
        except ContentRefused:
            count = "L'une des deux versions ne peut plus être dite aujourd'hui : les sons ne sont pas comptés."
    changes = difference(before, after)
    for change in changes:
        say(str(change))
    say(f"{len(changes)} changement(s). {count}")
    return 0


def _export(arguments: argparse.Namespace) -> int:
    from knowledge.database import reading, require_schema
    from knowledge.scripts import versions

    require_schema()
    with reading() as opened:
        text = versions.version(opened, arguments.number).text
    if arguments.file is None:
        say(text.rstrip("\n"))
        return 0
    unfinished = arguments.file.with_suffix(f"{arguments.file.suffix}.partial")
    try:
        unfinished.write_bytes(text.encode())
        unfinished.replace(arguments.file)
    finally:
        unfinished.unlink(missing_ok=True)
    say(f"Version {arguments.number} écrite dans {arguments.file}.")
    return 0


def _state(told: Story) -> str:
    from knowledge.scripts.versions import FRENCH, State

    scheduled = told.state is State.APPROVED and told.publish_at is not None and told.publish_at > told.events[-1].at
    return f"{FRENCH[told.state]}, pour le {_at(told.publish_at)}" if scheduled and told.publish_at else FRENCH[told.state]


def _at(instant: datetime) -> str:
    from knowledge.clock import local

    return f"{local(instant):%d/%m/%Y %H:%M}"
