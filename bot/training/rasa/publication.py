"""Publishing to Rasa: train, score on questions kept aside, swap, prove; whatever fails, the model in service stays."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from bot import learned
from bot.catalogue import Catalogue
from bot.engines.rasa import Heard, RasaDoor
from bot.engines.state import fingerprint
from bot.errors import EngineUnavailable, RasaRefused
from bot.training import shares
from bot.training.rasa.project import Classifier, Project, write
from bot.training.rasa.server import RasaServer, train
from bot.training.shares import Share
from knowledge.clock import Clock, local

MOST_LOST = 0.01
"""How much less right than the model in service a new one may be: contents change, and the questions with them."""
LEAST_RIGHT = 0.5
"""Share under which no model is put in service, be it the first: something is broken."""
MOST_SCORED = 500
MODELS_KEPT = 3
SWAP_SECONDS = 60.0
ASK_SECONDS = 10.0
CERTIFICATE = "certificate.json"


@dataclass(frozen=True)
class Certificate:
    """Proof that a model was put in service."""

    model: str
    digest: str
    """Of the knowledge and models it understands with."""
    right: int
    questions: int
    at: str
    """ISO instant, UTC."""

    @property
    def share(self) -> float:
        return self.right / self.questions if self.questions else 0.0

    @property
    def line(self) -> str:
        moment = local(datetime.fromisoformat(self.at))
        share = f"{self.share:.1%}".replace(".", ",").replace("%", " %")
        return (
            f"Certificat : modèle {self.model} en service le {moment:%d/%m/%Y à %H:%M}, {self.right} premières réponses justes "
            f"sur {self.questions} questions mises de côté ({share}), empreinte {self.digest[:12]}."
        )


def in_service(models: Path) -> Certificate | None:
    """The last certificate of a folder of models; None before the first publication."""
    try:
        return Certificate(**json.loads((models / CERTIFICATE).read_text("utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise RasaRefused(f"{models / CERTIFICATE} est abîmé : effacez-le, puis publiez de nouveau.") from error


def score(door: RasaDoor, asked: Sequence[tuple[str, str]]) -> int:
    """How many of the questions (fiche, text) get their fiche first.

    Raises:
        EngineUnavailable: the server stopped answering.
    """
    return sum(door.parse(text).intent.name == fiche for fiche, text in asked)


def aside(catalogue: Catalogue, most: int = MOST_SCORED) -> list[tuple[str, str]]:
    """Phrasings that no model learned from, as (fiche, text), spread over the fiches."""
    fiches = [catalogue.fiches[key] for key in sorted(catalogue.fiches)]
    found = [(fiche.id, text) for fiche, _, text in shares.of(fiches, Share.ASIDE)]
    step = max(len(found) // most, 1)
    return found[::step][:most]


def publish(
    catalogue: Catalogue,
    content: Path,
    folder: Path,
    project: Project,
    python: Path,
    running: RasaDoor,
    clock: Clock,
    tell: Callable[[str], None],
) -> Certificate:
    """Train a model of `catalogue`, and put it in service on the running server if it is as good as the one there.

    Raises:
        RasaRefused: the training failed, the model is worse, or the server did not take it; the previous one stays in service.
    """
    tell("Écriture du projet et entraînement…")
    write(catalogue, content, folder, project)
    name = f"{clock():%Y%m%d-%H%M%S}-{catalogue.index.digest[:8]}"
    trained = train(folder, python, name)
    models, digest = trained.model.parent, fingerprint(catalogue.index.digest, learned.in_service())
    asked = aside(catalogue)
    tell(f"Entraîné en {trained.seconds:.0f} s. {len(asked)} questions mises de côté sont posées au nouveau modèle…")
    try:
        with RasaServer(folder, python, trained.model, "essai-avant-mise-en-service") as trial:
            right = score(RasaDoor(trial.url, trial.token, ASK_SECONDS), asked)
    except EngineUnavailable as error:
        raise _kept(trained.model, f"le nouveau modèle ne répond pas à l'essai ({error})") from error
    certificate = Certificate(name, digest, right, len(asked), clock().isoformat())
    previous = in_service(models)
    least = max(LEAST_RIGHT, previous.share - MOST_LOST if previous else 0.0)
    if certificate.share < least:
        raise _kept(trained.model, f"{right} premières réponses justes sur {len(asked)}, il en faut au moins {least:.1%}")
    question = asked[0][1] if asked else "passeport"
    put_in_service(
        running,
        trained.model,
        models / f"{previous.model}.tar.gz" if previous else None,
        lambda: _proves(running.parse(question), project, digest),
    )
    _keep(models, certificate)
    return certificate


def put_in_service(running: RasaDoor, model: Path, previous: Path | None, proves: Callable[[], bool]) -> None:
    """Swap to `model` on the running server and ask it for a proof; without one, swap back to `previous`.

    Args:
        proves: whether the server understands with the new model; may raise EngineUnavailable.

    Raises:
        RasaRefused: the server did not take it, or did not prove it; says what is in service.
    """
    try:
        running.swap(str(model.resolve()), SWAP_SECONDS)
    except EngineUnavailable as error:
        raise _kept(model, f"le serveur n'a pas pris le modèle ({error})") from error
    try:
        if running.model() == model.name and proves():
            return
        reason = "le serveur répond avec un autre modèle que celui qui vient d'être mis en service"
    except EngineUnavailable as error:
        reason = f"le serveur n'a pas prouvé qu'il se sert du modèle ({error})"
    try:
        if previous is not None:
            running.swap(str(previous.resolve()), SWAP_SECONDS)
            raise _kept(model, reason)
    except EngineUnavailable:
        pass
    raise RasaRefused(f"Publication refusée : {reason}. Le moteur embarqué répond ; relancez Rasa : python -m bot rasa serve")


def _proves(heard: Heard, project: Project, digest: str) -> bool:
    return project.classifier is Classifier.DIET or (heard.accueil is not None and heard.accueil.digest == digest)


def _kept(model: Path, reason: str) -> RasaRefused:
    model.unlink(missing_ok=True)
    return RasaRefused(f"Publication refusée : {reason}. Le modèle précédent reste en service.")


def _keep(models: Path, certificate: Certificate) -> None:
    fresh = models / f"{CERTIFICATE}.new"
    fresh.write_text(json.dumps(asdict(certificate), indent=1) + "\n", "utf-8")
    fresh.replace(models / CERTIFICATE)
    for old in sorted(models.glob("*.tar.gz"), key=lambda file: file.stat().st_mtime)[:-MODELS_KEPT]:
        old.unlink()
