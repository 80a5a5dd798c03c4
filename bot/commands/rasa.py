"""`rasa`: write the Rasa project, serve it, publish a model to a running server, measure DIET. Rasa itself lives in its own Python 3.10."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from knowledge.commands import Subparsers
from knowledge.commands.screen import FrenchParser, say

if TYPE_CHECKING:
    from bot.catalogue import Catalogue
    from bot.training.rasa.project import Project


def register(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "rasa",
        help="écrire, servir, publier et mesurer le projet Rasa",
        description="Pour qui exploite Rasa : le projet est écrit d'après les fiches, personne ne le modifie (docs/rasa.md).",
    )
    actions = parser.add_subparsers(required=True, metavar="action", title="actions", parser_class=FrenchParser)
    writing = actions.add_parser("write", help="écrire le projet", description="Écrit le projet Rasa d'après les fiches publiées.")
    writing.add_argument("--to", type=Path, metavar="DOSSIER", help="où l'écrire (par défaut BOT_RASA_PROJECT)")
    writing.add_argument("--check", action="store_true", help="le faire relire par Rasa (« rasa data validate »)")
    _choices(writing)
    writing.set_defaults(run=_write)
    serving = actions.add_parser(
        "serve", help="entraîner si besoin, et servir", description="Sert le dernier modèle publié, sur cette machine."
    )
    serving.add_argument("--port", type=int, default=5005, metavar="PORT", help="port (5005)")
    serving.add_argument("--train", action="store_true", help="entraîner un modèle même s'il y en a un")
    _choices(serving)
    serving.set_defaults(run=_serve)
    publishing = actions.add_parser(
        "publish",
        help="entraîner, noter, mettre en service",
        description="Entraîne, note et met en service ; sinon garde le modèle précédent.",
    )
    _choices(publishing)
    publishing.set_defaults(run=_publish)
    measuring = actions.add_parser(
        "measure", help="mesurer Rasa sur nos questions", description="Pose nos questions à Rasa, pour « evaluate »."
    )
    measuring.add_argument("--out", type=Path, required=True, metavar="FICHIER.json", help="où écrire ses réponses")
    measuring.add_argument("--sets", type=Path, metavar="DOSSIER", help="jeux de questions (par défaut tests/questions)")
    measuring.add_argument("--questions", type=Path, metavar="DOSSIER", help="questions de développement, en plus")
    measuring.add_argument("--project", type=Path, metavar="DOSSIER", help="dossier du projet ; un modèle déjà entraîné y est repris")
    _choices(measuring, "diet")
    measuring.set_defaults(run=_measure)


def _choices(parser: argparse.ArgumentParser, classifier: str = "accueil") -> None:
    parser.add_argument("--classifier", choices=["accueil", "diet"], default=classifier, help=f"le nôtre ou DIET ({classifier})")
    parser.add_argument("--epochs", type=int, default=14, metavar="N", help="passages de DIET sur les exemples (14)")
    parser.add_argument("--everything", action="store_true", help="apprendre aussi des formulations mises de côté pour mesurer")
    parser.add_argument("--actions", default="http://127.0.0.1:8000/rasa/webhook", metavar="ADRESSE", help="adresse de nos actions")


def _write(arguments: argparse.Namespace) -> int:
    from bot.settings import settings
    from bot.training.rasa.project import write
    from bot.training.rasa.server import installed_python, validate
    from knowledge.settings import settings as knowledge_settings

    folder = arguments.to or settings().rasa_project
    examples = write(_catalogue(), knowledge_settings().content, folder, _project(arguments))
    say(f"Projet écrit dans {folder} : {examples} exemples.")
    if arguments.check:
        validate(folder, installed_python())
        say("Rasa n'a rien à redire.")
    return 0


def _serve(arguments: argparse.Namespace) -> int:
    from bot.settings import settings
    from bot.training.rasa.project import write
    from bot.training.rasa.publication import in_service
    from bot.training.rasa.server import RasaServer, installed_python, train
    from knowledge.errors import SettingRefused
    from knowledge.settings import settings as knowledge_settings

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # Rasa ends with this program
    chosen, python = settings(), installed_python()
    if not chosen.rasa_token:
        raise SettingRefused("BOT_RASA_TOKEN : écrivez un secret de 16 caractères au moins, tiré au hasard, dans .env.")
    folder = chosen.rasa_project
    published = in_service(folder / "models")
    model = folder / "models" / f"{published.model if published else 'premier'}.tar.gz"
    if arguments.train or not model.is_file():
        say("Écriture du projet et premier entraînement…")
        write(_catalogue(), knowledge_settings().content, folder, _project(arguments))
        model = train(folder, python, "premier").model
    server = RasaServer(folder, python, model, chosen.rasa_token, chosen.rasa_action_token, arguments.port)
    with server:
        say(f"Rasa sert {model.name} sur {server.url}. Ctrl+C pour arrêter.")
        return server.wait()


def _publish(arguments: argparse.Namespace) -> int:
    from bot.engines.rasa import RasaDoor
    from bot.settings import settings
    from bot.training.rasa.publication import ASK_SECONDS, publish
    from bot.training.rasa.server import installed_python
    from knowledge.clock import now
    from knowledge.settings import settings as knowledge_settings

    chosen = settings()
    running = RasaDoor(chosen.rasa_url, chosen.rasa_token, ASK_SECONDS)
    content, folder = knowledge_settings().content, chosen.rasa_project
    certificate = publish(_catalogue(), content, folder, _project(arguments), installed_python(), running, now, say)
    say(certificate.line)
    return 0


def _measure(arguments: argparse.Namespace) -> int:
    from bot.evaluation import questions
    from bot.settings import settings
    from bot.training.rasa.measure import measure, prepared, sets
    from bot.training.rasa.server import installed_python
    from knowledge.settings import settings as knowledge_settings

    python, catalogue, project = installed_python(), _catalogue(), _project(arguments)
    folder = arguments.project or settings().rasa_project.with_name("rasa-measure")
    asked = sets(catalogue, arguments.sets or questions.OWN, arguments.questions)
    trained = prepared(catalogue, knowledge_settings().content, folder, project, python, say)
    say(f"{sum(len(texts) for texts in asked.values())} questions sont posées à Rasa…")
    found = measure(folder, trained, project.classifier, python, asked)
    arguments.out.write_text(json.dumps(found, ensure_ascii=False) + "\n", "utf-8")
    say(f"{found['system']} : {found['turns_per_second']} questions par seconde, {found['memory_mb']:.0f} Mo. Écrit dans {arguments.out}.")
    return 0


def _catalogue() -> Catalogue:
    from bot.catalogue import Catalogue
    from knowledge.clock import today
    from knowledge.database import reading, require_schema

    require_schema()
    with reading() as opened:
        return Catalogue.load(opened, today())


def _project(arguments: argparse.Namespace) -> Project:
    from bot.training.rasa.project import Classifier, Project

    return Project(Classifier(arguments.classifier), arguments.epochs, arguments.everything, arguments.actions)
