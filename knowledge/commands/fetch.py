"""`fetch`: read the official sources, approve what may be quoted, report what needs a person."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from knowledge.commands import Subparsers
from knowledge.commands.screen import FrenchParser, add_content, content_of, counted, say, warn

if TYPE_CHECKING:
    from knowledge.sources.pages import Changes

_SHOWN = 20
"""Lines of a list, unless all are asked for."""


def register(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "fetch",
        help="lire les sources officielles, approuver ce qui peut être cité",
        description="Lit les sources officielles. Ce qui est lu n'est cité qu'une fois approuvé par une personne.",
    )
    actions = parser.add_subparsers(required=True, metavar="action", dest="action", title="actions", parser_class=FrenchParser)
    _register_reading(actions)
    _register_approval(actions)
    report = actions.add_parser(
        "report", help="dire ce qui demande une personne", description="Pages anciennes, disparues, sans service, fiches à relire…"
    )
    report.add_argument("--all", action="store_true", help=f"tout lister (sinon {_SHOWN} lignes par liste)")
    report.set_defaults(run=_report)
    show = actions.add_parser("show", help="relire une page telle qu'elle serait citée", description="Affiche le texte d'une page.")
    show.add_argument("id", metavar="IDENTIFIANT", help="F1344, ou l'adresse d'une page")
    show.set_defaults(run=_show)


def _register_reading(actions: Subparsers) -> None:
    national = actions.add_parser(
        "service-public",
        help="lire le flux national des fiches",
        description="Lit le flux national (zip de XML). Une archive tronquée ou douteuse est refusée et rien n'est modifié.",
    )
    national.add_argument(
        "--from", dest="origin", metavar="ZIP|ADRESSE", help="archive ou adresse (par défaut KNOWLEDGE_SERVICE_PUBLIC_FEED)"
    )
    national.add_argument("--accept-withdrawals", action="store_true", help="accepter que beaucoup de fiches quittent le flux")
    national.set_defaults(run=_national)
    site = actions.add_parser(
        "site",
        help="lire le site de la préfecture",
        description="Lit les pages des sites permis (KNOWLEDGE_SITE_HOSTS), en respectant robots.txt.",
    )
    site.add_argument("--host", help="un seul des sites permis")
    add_content(site)
    site.set_defaults(run=_site)


def _register_approval(actions: Subparsers) -> None:
    for name, summary in (("approve", "autoriser des pages à être citées"), ("suspend", "ne plus citer des pages approuvées")):
        parser = actions.add_parser(name, help=summary, description=f"{summary.capitalize()}. L'ordre est signé et inscrit au journal.")
        parser.add_argument("ids", nargs="*", metavar="IDENTIFIANT", help="F1344, ou l'adresse d'une page")
        parser.add_argument("--origin", metavar="SOURCE", help="toutes les pages d'une source : service-public, ou le nom d'un site")
        parser.add_argument("--by", required=True, metavar="NOM", help="qui signe")
        if name == "approve":
            parser.add_argument("--force-old", action="store_true", help="approuver même ce qui est ancien ou sans date")
        parser.set_defaults(run=_order)


def _national(arguments: argparse.Namespace) -> int:
    from knowledge.database import require_schema, session
    from knowledge.settings import settings
    from knowledge.sources import service_public

    require_schema()
    with _archive(arguments.origin or settings().service_public_feed) as path, counted("Lecture des fiches") as step:
        feed = service_public.read(path, step)
    with session() as opened:
        changes = service_public.store(opened, feed, accept_withdrawals=arguments.accept_withdrawals)
    _tell(f"Fiches nationales ({feed.left} dossiers et ressources laissés de côté)", changes)
    return 0


@contextmanager
def _archive(origin: str) -> Iterator[Path]:
    """The archive at `origin`, downloaded first when it is an address."""
    from knowledge.commands.screen import waiting
    from knowledge.errors import SourceRefused
    from knowledge.sources.service_public import download, guard_for

    if "://" not in origin:
        path = Path(origin)
        if not path.is_file():
            raise SourceRefused(f"Le fichier {origin} n'existe pas.")
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "flux.zip"
        with guard_for(origin) as guard, waiting(f"Téléchargement de {origin}"):
            download(guard, origin, path)
        yield path


def _site(arguments: argparse.Namespace) -> int:
    from knowledge.database import reading, require_schema, session
    from knowledge.errors import SourceRefused
    from knowledge.settings import settings
    from knowledge.sources import site
    from knowledge.sources.guard import Guard, Rule

    require_schema()
    allowed = settings().site_hosts
    if arguments.host and arguments.host not in allowed:
        raise SourceRefused(f"« {arguments.host} » n'est pas dans KNOWLEDGE_SITE_HOSTS ({', '.join(allowed)}).")
    complete = True
    for host in [arguments.host] if arguments.host else allowed:
        try:
            with Guard(Rule(hosts=frozenset(allowed))) as guard, counted(f"Lecture de {host}") as step:
                with reading() as opened:
                    memory = site.remembered(opened, host)
                visit = site.read(guard, host, memory, step)
        except SourceRefused as error:
            warn(str(error))
            complete = False
            continue
        with session() as opened:
            changes = site.store(opened, host, visit, content_of(arguments))
        _tell(host, changes)
        if visit.stopped:
            complete = False
            warn(f"{host} : lecture arrêtée avant la fin ({visit.stopped}). Les pages non lues restent comme elles étaient.")
    return 0 if complete else 1


def _tell(origin: str, changes: Changes) -> None:
    say(
        f"{origin} : {len(changes.added)} ajoutée(s), {len(changes.changed)} modifiée(s), {len(changes.unchanged)} inchangée(s), "
        f"{len(changes.withdrawn)} retirée(s), {len(changes.refused)} refusée(s)."
    )
    _list([f"refusée : {name} — {reason}" for name, reason in changes.refused.items()])
    if changes.added or changes.changed:
        say("Rien de nouveau n'est cité avant approbation : « python -m knowledge fetch approve --help ».")


def _order(arguments: argparse.Namespace) -> int:
    """`approve` and `suspend`."""
    from knowledge.database import require_schema, session
    from knowledge.sources import approval

    if bool(arguments.ids) == bool(arguments.origin):
        warn("Donnez soit des identifiants de pages, soit une source entière avec --origin.")
        return 2
    require_schema()
    chosen = {"origin": arguments.origin, "ids": arguments.ids}
    with session() as opened:
        if arguments.action == "approve":
            done = approval.approve(opened, arguments.by, **chosen, force_old=arguments.force_old)
        else:
            done = approval.suspend(opened, arguments.by, **chosen)
    word = "approuvée(s)" if arguments.action == "approve" else "suspendue(s)"
    say(f"{len(done.done)} page(s) {word} par {arguments.by}, {done.already} déjà dans cet état, {len(done.refused)} refusée(s).")
    _list([f"refusée : {name} — {reason}" for name, reason in done.refused])
    return 1 if done.refused and not done.done else 0


def _report(arguments: argparse.Namespace) -> int:
    from knowledge.clock import today
    from knowledge.database import reading, require_schema
    from knowledge.sources.report import compose

    require_schema()
    with reading() as opened:
        report = compose(opened, today())
    for source in report.sources:
        say(f"{source.origin} : {source.told}")
    if not report.sources:
        say("Aucune source n'a été lue : « python -m knowledge fetch service-public », puis « fetch site ».")
    for title, lines in report.lists:
        say(f"\n{title} : {len(lines)}")
        _list(lines, everything=arguments.all)
    return 0


def _show(arguments: argparse.Namespace) -> int:
    from knowledge.database import reading, require_schema
    from knowledge.sources.report import page_text

    require_schema()
    with reading() as opened:
        say(page_text(opened, arguments.id))
    return 0


def _list(lines: Sequence[str], *, everything: bool = False) -> None:
    shown = lines if everything else lines[:_SHOWN]
    for line in shown:
        say(f"  {line}")
    if len(shown) < len(lines):
        say(f"  … et {len(lines) - len(shown)} autres.")
