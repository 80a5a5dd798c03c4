"""`calls`: what became of the calls of a period, or of one of them."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from knowledge.commands import Subparsers
from knowledge.commands.screen import day, say, warn

if TYPE_CHECKING:
    from knowledge.line_models import Call
    from telephony.records.asked import Asked
    from telephony.records.traffic import Figures

NARROWEST = 116
"""Columns under which the tables could not be read; a narrower screen folds their lines."""
ENDED_BY = {"caller": "appelant", "agent": "agent", "line": "ligne", "lost": "inconnu"}
ENDS = {"caller": "l'appelant a raccroché", "agent": "fin de la conversation", "line": "la ligne a raccroché", "lost": "fin inconnue"}
STATES = {"crisis": "message de crise", "closed": "fermeture", "fallback": "message de secours"}
STATUSES = {
    "ANSWER": "répondu",
    "CONTINUE": "répondu",
    "BUSY": "occupé",
    "NOANSWER": "sans réponse",
    "TIMEOUT": "attente trop longue",
    "FULL": "file pleine",
    "CANCEL": "l'appelant a raccroché avant",
    "HANGUP": "l'appelant a raccroché avant la sonnerie",
    "FAILED": "annonce impossible",
    "CHANUNAVAIL": "poste injoignable",
    "CONGESTION": "poste injoignable",
}
STEPS = {
    "node": "entend",
    "key": "tape",
    "wrong": "tape une touche non proposée",
    "silence": "ne tape rien",
    "callback": "demande à être rappelé par",
    "voicemail": "laisse un message à",
}


def register(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "calls",
        help="lire les appels reçus",
        description="Appels reçus : combien, accueillis, présentés à un agent, répondus, transferts annoncés ; ou le parcours d'un appel.",
    )
    parser.add_argument("call", nargs="?", metavar="APPEL", help="référence d'un appel, pour lire son parcours")
    parser.add_argument("--from", dest="first", type=day, metavar="AAAA-MM-JJ", help="premier jour (par défaut : le premier appel)")
    parser.add_argument("--to", dest="last", type=day, metavar="AAAA-MM-JJ", help="dernier jour, compris (par défaut : aujourd'hui)")
    parser.add_argument("--list", dest="most", type=int, default=20, metavar="N", help="derniers appels montrés (par défaut : 20)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from bot.journal import Period
    from knowledge.database import reading, require_schema
    from knowledge.line_models import Call
    from telephony.records.asked import asked_during
    from telephony.records.traffic import figures, latest

    if arguments.first and arguments.last and arguments.first > arguments.last:
        warn("La période est vide : son premier jour vient après le dernier.")
        return 2
    require_schema()
    screen = Console(highlight=False)
    screen.width = max(screen.width, NARROWEST)
    period = Period(arguments.first, arguments.last)
    with reading() as opened:
        if arguments.call:
            found = opened.get(Call, arguments.call)
            if found is None:
                warn(f"Aucun appel ne porte la référence « {arguments.call} ». La liste : python -m telephony calls")
                return 1
            show_one(found, asked_during(opened, found), screen)
            return 0
        counted = figures(opened, period)
        if not counted.received and not counted.proofs:
            say("Aucun appel dans cette période.")
            return 0
        show_figures(counted, screen)
        show_list(latest(opened, period, max(arguments.most, 0)), screen)
    return 0


def show_figures(counted: Figures, screen: Console) -> None:
    """Print the figures of a period."""
    table = _table("Appels", "mesure", "nombre")
    rows: Iterable[tuple[str, object]] = (
        ("Reçus", counted.received),
        ("Accueillis jusqu'au bout", counted.welcomed),
        ("Présentés à un agent ou à une file", counted.offered),
        ("Répondus par un agent", counted.answered),
        ("Abandonnés avant la réponse", counted.abandoned),
        ("Transferts annoncés", counted.announced),
        ("Transferts sans annonce", counted.unannounced),
        ("Attente avant un agent, médiane", _seconds(counted.wait_median)),
        ("Attente avant un agent, 90ᵉ centile", _seconds(counted.wait_p90)),
        ("Fin inconnue (Asterisk arrêté)", counted.lost),
        ("Appels de vérification de la ligne, non comptés ci-dessus", counted.proofs),
    )
    for label, value in rows:
        table.add_row(label, str(value))
    screen.print(table)


def show_list(calls: Iterable[Call], screen: Console) -> None:
    """Print one line for each call."""
    table = _table("Derniers appels", "début", "référence", "durée", "langue", "touches", "service", "réponse", "attente", "raccroché par")
    for call in calls:
        keys = "".join(step["key"] for step in call.path if step["kind"] == "key")
        services = ", ".join(transfer["service"] for transfer in call.transfers)
        answer = "oui" if call.answered else "non" if call.offered else ""
        reference = f"{call.id} (vérification)" if call.proof else call.id
        length = f"{(call.ended_at - call.started_at).total_seconds():.0f}\u00a0s"
        wait = _seconds(call.wait_seconds) if call.wait_seconds is not None else ""
        cells = (_moment(call.started_at), reference, length, call.language, keys, services, answer, wait, ENDED_BY.get(call.end, call.end))
        table.add_row(*map(escape, cells))
    screen.print(table)


def show_one(call: Call, asked: Iterable[Asked], screen: Console) -> None:
    """Print the way of one call, with what was asked aloud: by nature and titles, for nobody's words are kept with a call."""
    screen.print(
        f"[bold]Appel {escape(call.id)}[/bold], {_moment(call.started_at)}" + (" (vérification de la ligne)" if call.proof else "")
    )
    version = f"version {call.version} du script" if call.version else "aucun script"
    screen.print(f"{version}, langue : {escape(call.language) or 'inconnue'}. Accueil entendu : {'oui' if call.welcomed else 'non'}.")
    if call.state:
        screen.print(f"État de la ligne : {escape(STATES.get(call.state, call.state))}.")
    for step in call.path:
        what = step["key"] or step.get("service") or (step["node"] if step["kind"] == "node" else "")
        screen.print(f"  {_hour(step['at'])}  {STEPS.get(step['kind'], step['kind'])} {escape(what)}".rstrip())
    questions = list(asked)
    for question in call.questions:
        screen.print(f"  {_hour(question['at'])}  question parlée, suite : {escape(question['next'] or 'aucune')}")
        for one in questions:
            if one.talk == question["conversation"]:
                screen.print(f"      {escape(_asked(one))}")
        questions = [one for one in questions if one.talk != question["conversation"]]
    for transfer in call.transfers:
        screen.print(f"Transfert vers {escape(transfer['service'] or 'un service inconnu')} : {_transfer(transfer)}.")
    where = f" ({escape(call.ended_in)})" if call.ended_in else ""
    screen.print(f"Fin : {ENDS.get(call.end, call.end)}{where}, {_moment(call.ended_at)}.")


def _asked(asked: Asked) -> str:
    from bot.commands.report import DECISIONS, NATURES

    titles = " ou ".join(f"« {title} »" for title in asked.titles)
    return f"{NATURES[asked.nature]}, {DECISIONS[asked.decision]}" + (f" : {titles}" if titles else "")


def _transfer(transfer: dict[str, Any]) -> str:
    told = ["annoncé" if transfer["announced"] else "sans annonce", STATUSES.get(transfer["status"], transfer["status"])]
    if transfer["answered_at"] and transfer["offered_at"]:
        wait = datetime.fromisoformat(transfer["answered_at"]) - datetime.fromisoformat(transfer["offered_at"])
        told.append(f"après {_seconds(wait.total_seconds())}")
    return escape(", ".join(told))


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, justify="right" if column in ("nombre", "durée", "attente") else "left", no_wrap=column == "début")
    return table


def _seconds(value: float | None) -> str:
    return "sans objet" if value is None else f"{value:.1f}\u00a0s".replace(".", ",")


def _moment(at: datetime) -> str:
    from knowledge.clock import local

    return f"{local(at):%d/%m/%Y %H:%M:%S}"


def _hour(at: str) -> str:
    from knowledge.clock import local

    return f"{local(datetime.fromisoformat(at)):%H:%M:%S}"
