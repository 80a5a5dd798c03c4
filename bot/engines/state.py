"""What the embedded engine reads, in one folder: written by us, read inside Rasa's own Python.

That Python is 3.10, with old libraries and without our database. So the folder holds plain files only (index, lexicon, fiches as JSON), and
what reads it imports neither the database nor the settings. Nothing in it is a pickle (T23).
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from bot.engines.embedded import EmbeddedEngine
from bot.engines.shipped import PARTS, SHIPPED
from bot.language import Languages
from bot.messages import Interpretation
from knowledge.competence import Competence
from knowledge.embeddings import StaticEmbedder, shipped_encoder
from knowledge.search import Index
from knowledge.wordforms import Lexicon

if TYPE_CHECKING:
    from bot.catalogue import Catalogue

MODELS = "models"
UNREAD = ("questions", "steps", "detail")
"""What the engine never reads of a fiche once the index is built."""


@dataclass(frozen=True)
class Understanding:
    """The part of a `Catalogue` that the embedded engine reads."""

    fiches: Mapping[str, Any]
    """By identifier; each bears the names of `PublishedFiche`, dates as ISO texts."""
    index: Index
    competence: Competence

    @property
    def lexicon(self) -> Lexicon:
        return self.index.lexicon

    @cached_property
    def neighbours(self) -> Mapping[str, frozenset[str]]:
        """As `Catalogue.neighbours`."""
        return {key: frozenset(fiche.neighbours) for key, fiche in self.fiches.items() if fiche.neighbours}


def export(catalogue: Catalogue, content: Path, folder: Path, models: Path = SHIPPED) -> None:
    """Write the state of `catalogue` in `folder`, which takes the place of an older one.

    Args:
        content: the content folder, from which the lexicon and the competent bodies are copied.
        models: the folder of models, copied too.
    """
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    catalogue.index.save(folder / "index")
    shutil.copytree(content / "lexicon", folder / "content" / "lexicon")
    shutil.copy(content / "competent.yml", folder / "content" / "competent.yml")
    (folder / MODELS).mkdir()
    for part in PARTS:
        shutil.copy(models / part, folder / MODELS)
    rows = []
    for fiche in catalogue.fiches.values():
        row = {name: value for name, value in asdict(fiche).items() if name not in UNREAD}
        row["neighbours"] = sorted(catalogue.neighbours.get(fiche.id, ()))
        rows.append(row)
    (folder / "fiches.json").write_text(json.dumps(rows, ensure_ascii=False, default=str, indent=0), "utf-8")


def open_engine(folder: Path) -> EmbeddedEngine:
    """The embedded engine over a state.

    Raises:
        IndexMissing: the folder does not hold a state.
    """
    content = folder / "content"
    index = Index.open(folder / "index", Lexicon.load(content), embedder=StaticEmbedder.load(shipped_encoder()))
    rows = json.loads((folder / "fiches.json").read_text("utf-8"))
    fiches = {row["id"]: SimpleNamespace(**row) for row in rows}
    known = Understanding(fiches, index, Competence.load(content))
    return EmbeddedEngine.load(cast("Catalogue", known), Languages.load(content), folder / MODELS)


def fingerprint(digest: str, models: Path = SHIPPED) -> str:
    """Names what understands: the state of the knowledge `digest`, the models and the rules. SHA-256 in hexadecimal."""
    total = hashlib.sha256(digest.encode())
    package = Path(str(files("bot")))
    for file in (*(models / part for part in PARTS), *sorted((package / "engines").glob("*.yml"))):
        total.update(file.read_bytes())
    return total.hexdigest()


def intents(understood: Interpretation, most: int = 10) -> list[dict[str, Any]]:
    """The candidates that are fiches as Rasa ranks intents: `name` and `confidence`, best first, `most` at most."""
    named: Sequence[tuple[str, float]] = [(one.fiche, one.score) for one in understood.candidates if one.fiche]
    return [{"name": name, "confidence": score} for name, score in named[:most]]


def told(understood: Interpretation, digest: str) -> dict[str, Any]:
    """What an interpretation becomes on its way out of Rasa, ready for JSON.

    Args:
        digest: `fingerprint` of what understood it.
    """
    row = asdict(understood)
    del row["text"], row["explanation"]  # words of the person: Rasa would keep them a second time (T28)
    return {**row, "nature": understood.nature.value, "digest": digest}
