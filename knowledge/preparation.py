"""What is done before serving: schema, content, phone script, index. Each step says how far it is, and does nothing when nothing is new."""

from __future__ import annotations

from knowledge.clock import today
from knowledge.commands.screen import counted, fiches_in, progress, say, show
from knowledge.database import migrate, reading, session
from knowledge.fiches import load
from knowledge.gate import installed
from knowledge.indexing import store
from knowledge.scripts.versions import load_file
from knowledge.settings import settings


def prepare() -> None:
    """Bring the database, the published content and the search index up to date.

    Raises:
        DatabaseUnready: the database cannot be reached or written.
        ContentRefused: a file of content breaks a rule; nothing was loaded.
        PublicationBlocked: the new content would lose confirmed answers; nothing was loaded.
    """
    migrate()
    content = settings().content
    with progress("Fiches", fiches_in(content)) as step, session() as opened:
        report = load(opened, content, progress=step, gate=installed())
    show(report.overdue)
    if report.release is not None:
        changed = len(report.added) + len(report.changed) + len(report.archived)
        say(f"Contenus : {changed} fiche(s) publiée(s) ou modifiée(s), {len(report.unchanged)} inchangée(s).")
    with session() as opened:
        version = load_file(opened, content)
    if version is not None:
        say(f"Script téléphonique : version {version.number} lue dans les contenus.")
    with counted("Index de recherche") as step_of, reading() as opened:
        index, built = store(opened, today(), progress=step_of)
    if built:
        say(f"Index de recherche : {len(index.subjects)} sujets.")
