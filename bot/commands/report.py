"""`report`: what the journal says of a period, on the screen or in a file. The same numbers in both."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bot.indicators import NONE, Figures, Part, Rate, State, as_rows, figures
from bot.journal import Period, entries, holes
from bot.messages import Decision
from bot.unanswered import Unanswered, Why, unanswered
from knowledge.commands import Subparsers
from knowledge.commands.screen import day, say, warn

MOST_GROUPS = 15
"""Groups of unanswered questions shown on the screen; the file has them all."""
NARROWEST = 116
"""Columns under which the tables could not be read; a narrower screen folds their lines."""
DECISIONS = {
    Decision.REPLY: "répondu",
    Decision.CLARIFY: "précision demandée",
    Decision.HANDOVER: "confié à une personne",
    Decision.DECLINE: "décliné",
}
_GROUPS = {"topic": "Par thème", "service": "Par service", "channel": "Par canal", "language": "Par langue", "nature": "Par nature"}
NATURES = {
    "general": "générale",
    "mixed": "générale et personnelle",
    "personal_file": "dossier personnel",
    "complaint": "réclamation",
    "wants_person": "veut une personne",
    "other_administration": "autre administration",
    "emergency": "urgence",
    "small_talk": "politesse",
    "out_of_scope": "hors sujet",
    "abuse": "injure",
    "injection": "détournement",
    "nonsense": "incompréhensible",
    "legal_opinion": "avis juridique",
    "false_papers": "faux papiers",
}
"""In French."""
_NAMES: Mapping[str, Mapping[str, str]] = {
    "channel": {"chat": "tchat", "phone": "téléphone", "mail": "courriel", "desk": "guichet"},
    "nature": NATURES,
}
REASONS = {
    Why.UNSURE: "réponse pas assez sûre",
    Why.NO_REPLY: "précision demandée, sans suite",
    Why.UNCLEAR: "jugée pas claire",
    Why.NOT_HELPED: "jugée inutile",
}


def register(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "report",
        help="lire les chiffres du journal",
        description="Chiffres du journal : répondu, précisé, confié, décliné, avis, temps de réponse, questions restées sans réponse.",
    )
    parser.add_argument("--from", dest="first", type=day, metavar="AAAA-MM-JJ", help="premier jour (par défaut : le début du journal)")
    parser.add_argument("--to", dest="last", type=day, metavar="AAAA-MM-JJ", help="dernier jour, compris (par défaut : aujourd'hui)")
    parser.add_argument("--json", type=Path, metavar="FICHIER", help="écrire aussi ces chiffres, et tous les groupes, dans ce fichier")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from bot.language import default_languages
    from knowledge.database import reading, require_schema
    from knowledge.directory import stored_data
    from knowledge.fiches import titles_by_topic
    from knowledge.wordforms import default_lexicon

    period = Period(arguments.first, arguments.last)
    if period.first and period.last and period.first > period.last:
        warn(f"La période est vide : {_french_day(period.first)} vient après {_french_day(period.last)}.")
        return 2
    require_schema()
    with reading() as opened:
        found = entries(opened, period)
        computed = figures(found, holes(opened, period))
        names = {
            **_NAMES,
            "topic": {topic: _topic(topic, titles) for topic, titles in titles_by_topic(opened).items()},
            "service": {row["id"]: row["name"] for row in stored_data(opened)},
            "language": default_languages().names,
        }
    left = unanswered(found, default_lexicon())
    if arguments.json:
        written = {"from": period.first, "to": period.last, **as_rows(computed), "unanswered": _as_rows(left)}
        arguments.json.write_text(json.dumps(written, ensure_ascii=False, indent=1, default=date.isoformat) + "\n", "utf-8")
    if not found and not computed.completeness.missing:
        say("Le journal est vide : aucune question n'a encore été posée." if period == Period() else f"Aucun échange {_within(period)}.")
    else:
        show(computed, left, period, names, Console(highlight=False))
    if arguments.json:
        say(f"Chiffres écrits dans {arguments.json}.")
    return 0


def show(computed: Figures, left: Unanswered, period: Period, names: Mapping[str, Mapping[str, str]], screen: Console) -> None:
    """Print the report on `screen`; `names` are those of the groups, by grouping."""
    screen.width = max(screen.width, NARROWEST)
    screen.print(f"[bold]Journal de l'assistant[/bold] {_within(period)}".rstrip())
    screen.print(f"{counted_as(computed.exchanges, 'échange')} dans {counted_as(computed.conversations, 'conversation')}.\n")
    screen.print(_overview(computed))
    for name, parts in computed.by.items():
        screen.print(_breakdown(_GROUPS[name], parts, names.get(name, {})))
    screen.print("Intervalles de Wilson à 95 %. Sans réponse, le thème et le service sont ceux du premier sujet envisagé.\n", style="dim")
    _show_unanswered(left, screen)
    _show_completeness(computed, screen)


def _overview(computed: Figures) -> Table:
    table = Table(title="Ensemble", title_justify="left")
    for column, justify in (("mesure", "left"), ("valeur", "right"), ("effectif", "right"), ("intervalle à 95 %", "right")):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]  # two literals
    rates = [
        *((DECISIONS[decision].capitalize(), rate) for decision, rate in computed.whole.decisions.items()),
        ("Conversations résolues sans agent (BOT-1)", computed.resolved),
        ("Réponses incertaines (BOT-2)", computed.uncertain),
        ("Avis : la réponse était claire", computed.clear),
        ("Avis : la personne a eu ce qu'il lui fallait", computed.helped),
    ]
    for label, rate in rates:
        table.add_row(label, _value(rate), f"{rate.count} / {rate.total}", _interval(rate))
    latency = computed.latency
    for label, value in (("Temps de réponse, médiane", latency.median), ("Temps de réponse, 99ᵉ centile", latency.p99)):
        table.add_row(label, State.NOT_APPLICABLE if value is None else f"{_number(value)} ms", str(latency.count), "")
    return table


def _breakdown(title: str, parts: Sequence[Part], names: Mapping[str, str]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("")
    table.add_column("échanges", justify="right")
    for label in DECISIONS.values():
        table.add_column(label, justify="right")
    for part in parts:
        name = "aucun" if part.name == NONE else names.get(part.name, part.name)
        cells = [f"{_value(rate)}\n{rate.count} / {rate.total}\n{_interval(rate)}" for rate in part.decisions.values()]
        table.add_row(name, str(part.total), *cells, end_section=True)
    return table


def _topic(topic: str, titles: Sequence[str]) -> str:
    others = len(titles) - 1
    return f"{topic} · {titles[0]}" + (f" et {counted_as(others, 'autre')}" if others else "")


def _show_unanswered(left: Unanswered, screen: Console) -> None:
    screen.print(f"[bold]Questions restées sans bonne réponse[/bold] : {left.total}")
    for number, group in enumerate(left.groups[:MOST_GROUPS], start=1):
        reasons = ", ".join(f"{REASONS[why]} ({count})" for why, count in group.reasons.items())
        screen.print(f"{number}. {counted_as(group.size, 'question')} : {reasons}")
        for example in group.examples:
            screen.print(f"   « {shortened(example)} »", markup=False, emoji=False)
    if len(left.groups) > MOST_GROUPS:
        screen.print(f"… et {len(left.groups) - MOST_GROUPS} autres groupes, tous écrits par --json.")
    if left.forgotten:
        screen.print(f"{left.forgotten} sans leurs mots, déjà oubliés : elles ne peuvent plus être groupées.")
    screen.print()


def _show_completeness(computed: Figures, screen: Console) -> None:
    complete = computed.completeness
    holes = complete.holes
    screen.print("[bold]Complétude du journal[/bold]")
    if complete.missing:
        screen.print(
            f"Données incomplètes : il manque {counted_as(complete.missing, 'échange')}. "
            "Chaque taux est donné entre les deux bornes possibles."
        )
    else:
        screen.print("Aucun échange ne manque : les tours de chaque conversation se suivent.")
    if holes.numbers and holes.numbers_may_skip:
        screen.print(
            f"{counted_as(holes.numbers, 'numéro')} sans échange. PostgreSQL donne un numéro avant d'écrire et ne le reprend pas "
            "quand l'écriture est annulée : sans tour manquant, aucune réponse n'est perdue."
        )
    elif holes.numbers:
        screen.print(f"{counted_as(holes.numbers, 'numéro')} sans échange. SQLite ne saute pas de numéro : des lignes ont été retirées.")
    if complete.forgotten:
        screen.print(
            f"Mots oubliés (durée de conservation ou demande) : {counted_as(complete.forgotten, 'échange')}. Leurs chiffres restent."
        )


def _as_rows(left: Unanswered) -> dict[str, Any]:
    groups = [
        {
            "size": group.size,
            "examples": list(group.examples),
            "reasons": {why.value: count for why, count in group.reasons.items()},
            "services": dict(group.services),
        }
        for group in left.groups
    ]
    return {"total": left.total, "forgotten": left.forgotten, "groups": groups}


def _value(rate: Rate) -> str:
    if rate.bounds:
        return f"entre {_percent(rate.bounds[0])} et {_percent(rate.bounds[1])}"
    return State.NOT_APPLICABLE if rate.share is None else _percent(rate.share)


def _interval(rate: Rate) -> str:
    return f"{_percent(rate.interval[0])} – {_percent(rate.interval[1])}" if rate.interval else ""


def _percent(share: float) -> str:
    return f"{_number(100 * share)}\u00a0%"


def _number(value: float) -> str:
    return f"{value:.1f}".replace(".", ",")


def counted_as(number: int, what: str) -> str:
    """A number of things, "3 questions": each word of `what` takes its plural."""
    return f"{number} {' '.join(f'{word}s' for word in what.split()) if number > 1 else what}"


def shortened(text: str) -> str:
    """The beginning of a long text."""
    return text if len(text) <= 160 else f"{text[:160]}…"


def _within(period: Period) -> str:
    if period.first and period.last:
        return f"du {_french_day(period.first)} au {_french_day(period.last)}"
    if period.first:
        return f"depuis le {_french_day(period.first)}"
    return f"jusqu'au {_french_day(period.last)}" if period.last else ""


def _french_day(day: date) -> str:
    return f"{day:%d/%m/%Y}"
