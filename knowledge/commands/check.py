"""`check`: proofread the content folder."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url

from knowledge.commands import Subparsers
from knowledge.commands.screen import add_content, content_of, day, fiches_in, progress, say, show, warn

if TYPE_CHECKING:
    from knowledge.proofreading import Previous


def register(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "check",
        help="relire les contenus et dire ce qui est refusé",
        description="Relit les contenus. Chaque refus donne le fichier, la ligne et le remède. Code 1 s'il y a un refus.",
    )
    add_content(parser)
    parser.add_argument("--day", type=day, metavar="AAAA-MM-JJ", help="juger comme si nous étions ce jour-là")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from knowledge.clock import today
    from knowledge.proofreading import check

    content = content_of(arguments)
    with progress("Relecture", fiches_in(content)) as step:
        checked = check(content, arguments.day or today(), _loaded(), step)
    remarks = (*checked.remarks, *checked.overdue, *checked.unserved)
    show(remarks)
    say("\nDébuts de question les plus fréquents (5 % au plus pour chacun) :")
    for opening in checked.openings:
        say(f"  {opening.share:6.2%}  {opening.count:4d}  {opening.words}…")
    questions = sum(len(texts) for fiche in checked.fiches for texts in fiche.front.questions.values())
    say(f"\n{len(checked.fiches)} fiches, {questions} questions, {len(checked.facts)} faits : {len(remarks)} refus.")
    return 1 if remarks else 0


def _loaded() -> Mapping[str, Previous] | None:
    """The versions of the database, against which translations are judged; None (and said) when there is no database yet."""
    from knowledge.database import default_engine, reading, schema_is_current
    from knowledge.loading import current_versions
    from knowledge.settings import settings

    address = make_url(settings().database)
    absent = address.get_backend_name() == "sqlite" and not Path(address.database or "").exists()
    if absent or not schema_is_current(default_engine()):
        warn("Base absente ou pas à jour : l'âge des traductions n'est pas jugé.")
        return None
    with reading() as session:
        return dict(current_versions(session))
