"""`train`: learn the order, the confidence, the natures and the conversations again from the contents, or the encoder."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bot.messages import Nature
from knowledge.commands import Subparsers
from knowledge.commands.screen import say, warn

if TYPE_CHECKING:
    from bot.training.lesson import Lesson
    from knowledge.search import Sheet


def register(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "train",
        help="réapprendre le classement, les intentions, la confiance, les natures et les suites de conversation, ou l'encodeur",
        description="Réapprend des contenus le classement, les intentions, la confiance et les natures, puis, avec --guides, les suites de "
        "conversation (une heure environ ; demande l'extra « dev ») ; ou l'encodeur (cinq minutes ; demande torch et "
        "sentence-transformers, voir docs/decisions/0008). Avec BOT_MODELS, les modèles vont dans ce dossier, les réponses confirmées sont "
        "vérifiées, puis les serveurs en marche changent de modèles sans s'arrêter ; sans ce réglage, ils remplacent ceux du paquet.",
    )
    parser.add_argument(
        "part",
        nargs="?",
        choices=("encoder", "conversation"),
        help="encoder : l'encodeur seul, avant le reste qui s'en sert ; "
        "conversation : seulement le lien entre les tours, que le reste réapprend aussi",
    )
    parser.add_argument("--corpus", type=Path, metavar="CORPUS.jsonl.gz", help="fiches officielles parmi lesquelles il faut retrouver")
    parser.add_argument(
        "--guides",
        type=Path,
        metavar="DOSSIER",
        help="questions d'autres personnes (citizens.jsonl, natures.jsonl ; thresholds.jsonl ne fait que choisir le seuil) ; celles dont "
        "« part » est « aside » ne sont jamais lues, et l'encodeur n'en lit aucune",
    )
    parser.add_argument("--despite", metavar="MOTIF", help="changer de modèles même si des réponses confirmées sont perdues, et pourquoi")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from bot.catalogue import Catalogue
    from bot.engines.shipped import SHIPPED
    from bot.learned import trained_here, training
    from bot.training.lesson import Lesson
    from bot.workbench import regression
    from knowledge.clock import now, today
    from knowledge.database import reading, require_schema
    from knowledge.indexing import corpus

    if arguments.part == "conversation" and arguments.guides is None:
        warn("Indiquez les conversations dont apprendre : --guides DOSSIER (il y est cherché followups.jsonl).")
        return 2
    require_schema()
    sheets = corpus(arguments.corpus) if arguments.corpus else ()
    if arguments.part == "encoder":
        _encode(sheets)
        return 0
    with reading() as opened:
        catalogue = Catalogue.load(opened, today())
    lesson = Lesson(catalogue, sheets, arguments.guides)
    root = trained_here()
    if root is None:
        _teach(lesson, arguments.part, SHIPPED)
        return 0
    with training(root, now()) as folder:
        _teach(lesson, arguments.part, folder)
        with reading() as opened:
            regression.verify(opened, catalogue, folder, arguments.despite)
    say("Les nouveaux modèles sont en service. Revenir en arrière : python -m bot models --use NOM")
    return 0


def _teach(lesson: Lesson, part: str | None, folder: Path) -> None:
    """Learn everything, or the conversations alone, which need people's conversations to learn from: those in use stay without them."""
    if part == "conversation":
        _converse(lesson, folder)
        return
    from bot.engines.convolution import NATURES
    from bot.engines.weighing import Weigher, thresholds
    from bot.training import convolution, sense, services, weighing
    from bot.training.learning import Phrasings

    _learn(lesson, folder)
    requests = weighing.requests_of(lesson.natures(), [guide.text for guide in lesson.asked()])
    phrased = weighing.phrased(lesson.fiches, requests)
    say(f"Pesée des natures : {len(requests) + len(phrased)} demandes, par des modèles qui ne les ont pas lues…")
    weighed = weighing.OutOfFold(lesson.catalogue.index, Phrasings.of(lesson.without_order), [*requests, *phrased])
    sense.save(weighed.sense, folder)
    convolution.save(weighed.order, NATURES, folder)
    weighed.weigh(lesson.blind_engines(folder), requests)
    weighed.weigh(lesson.engines_without_order(folder), phrased)
    kept, trust = thresholds(folder), Weigher.load(folder).trust  # those in service stay when nothing judges
    weighing.save(weighed.fit(), kept, folder)  # with it the conversations are replayed
    if lesson.guides:
        _converse(lesson, folder)
        told = weighing.turns(lesson.blind_assistants(folder), lesson.dialogues(), requests)
        weighed.weigh(lesson.blind_engines(folder), told)
    weigher = replace(weighed.fit(), trust=trust)
    if judges := lesson.judges():
        engines = [replace(engine, weigher=weigher) for engine in lesson.engines(folder)]
        tried = weighing.trials(engines, judges, weighed.forbidden(engines))
        weigher = replace(weigher, trust=weighing.fit_trust(tried))
        kept = weighing.choose(weigher, tried)
        say(f"Seuil pour répondre : {kept.sure:.3f} (au plus {weighing.MOST_WRONG:.2%} de réponses fausses sur toutes les questions).")
    weighing.save(weigher, kept, folder)
    asked = services.examples(lesson.services())
    say(f"Services : {len(asked)} demandes…")
    services.save(services.train(lesson.engines(folder)[-1], asked), folder)


def _encode(sheets: Sequence[Sheet]) -> None:
    """Train the encoder; the catalogue is not opened, since its index needs one."""
    from bot.errors import NothingToAnswerWith
    from bot.training import encoder
    from bot.training.families import named_concepts
    from knowledge.clock import today
    from knowledge.database import reading
    from knowledge.embeddings import shipped_encoder
    from knowledge.fiches import published
    from knowledge.settings import settings
    from knowledge.wordforms import default_lexicon

    with reading() as opened:
        fiches = published(opened, today())
    if not fiches:
        raise NothingToAnswerWith("Aucune fiche publiée. Lancez d'abord : python -m knowledge load")
    encoder.train(fiches, sheets, default_lexicon(), named_concepts(settings().content), shipped_encoder(), say)


def _learn(lesson: Lesson, folder: Path) -> None:
    from bot.training import learning
    from knowledge.wordforms import default_lexicon

    judged = lesson.natures() + [(dialogue.turns[-1], Nature.GENERAL.value) for dialogue in lesson.dialogues()]
    say("Intentions, sans les formulations qui apprennent l'ordre ni une moitié des questions d'autres personnes, puis sans l'autre…")
    blind, taught = lesson.blind, [(fiche, text) for fiche, text, _ in lesson.taught]
    learning.train(lesson.fiches, lesson.sheets, default_lexicon(), lesson.asked(), judged, blind, taught, folder, say)


def _converse(lesson: Lesson, folder: Path) -> None:
    from bot.training import conversation

    conversation.train(lesson.blind_assistants(folder), lesson.dialogues(), lesson.asked(), folder, say)
