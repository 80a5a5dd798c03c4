"""`unanswered`: what people asked without getting a good answer, grouped by likeness, with the fiches that might take it."""

from __future__ import annotations

import argparse

from bot.commands.report import REASONS, counted_as, shortened
from knowledge.commands import Subparsers
from knowledge.commands.screen import day, say


def register(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "unanswered",
        help="les questions sans bonne réponse, par groupes",
        description="Groupe les questions restées sans bonne réponse ou mal jugées, et propose les fiches où les rattacher (attach).",
    )
    parser.add_argument("--from", dest="first", type=day, metavar="AAAA-MM-JJ", help="premier jour (par défaut : le début du journal)")
    parser.add_argument("--to", dest="last", type=day, metavar="AAAA-MM-JJ", help="dernier jour, compris (par défaut : aujourd'hui)")
    parser.add_argument("--most", type=int, default=20, metavar="N", help="nombre de groupes montrés (20)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from bot.commands.ask import load
    from bot.journal import Period, entries
    from bot.messages import NO_CONTEXT
    from bot.unanswered import unanswered
    from knowledge.database import reading

    assistant = load()
    with reading() as opened:
        found = unanswered(entries(opened, Period(arguments.first, arguments.last)), assistant.catalogue.lexicon)
    if not found.total:
        say("Aucune question sans bonne réponse sur cette période.")
        return 0
    say(f"{counted_as(found.total, 'question')} sans bonne réponse, {counted_as(len(found.groups), 'groupe')}.")
    for number, group in enumerate(found.groups[: arguments.most], start=1):
        reasons = ", ".join(f"{REASONS[why]} ({count})" for why, count in group.reasons.items())
        say(f"\n{number}. {counted_as(group.size, 'question')} : {reasons}")
        for example in group.examples:
            say(f"   « {shortened(example)} »")
        nearest = [one for one in assistant.engine.interpret(group.examples[0], NO_CONTEXT).candidates if one.fiche][:3]
        for candidate in nearest:
            say(f"   fiche possible : {candidate.fiche} — {candidate.title}")
        exchanges = " ".join(map(str, group.exchanges[:5]))
        say(f"   rattacher : python -m bot attach {exchanges} --to {nearest[0].fiche if nearest else 'FICHE'}")
    if len(found.groups) > arguments.most:
        say(f"\n… et {len(found.groups) - arguments.most} autres groupes : --most {len(found.groups)}")
    if found.forgotten:
        say(f"\n{found.forgotten} sans leurs mots, déjà oubliés : elles ne peuvent plus être groupées.")
    return 0
