"""Where the learned models stand, and what they are made of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from zipfile import BadZipFile

from bot.errors import ModelsMissing

SHIPPED = Path(str(files("bot"))) / "models"
"""The models of the package."""
PARTS = (
    "confidence.json", "conversation.json", "intents.json", "intents.npy", "intents_order.json", "intents_order.npz", "natures.json",
    "natures.npy", "natures_order.json", "natures_order.npz", "ranking.json", "sense.json", "sense.npz", "services.json", "services.npy",
    "weighing.json",
)  # fmt: skip
"""The files of a folder of models."""


@contextmanager
def whole(models: Path, *names: str) -> Iterator[None]:
    """Read files of a folder of models.

    Raises:
        ModelsMissing: they are absent, cut, or do not go together; their names are said.
    """
    try:
        yield
    except (ValueError, TypeError, LookupError, OSError, EOFError, BadZipFile) as error:
        raise ModelsMissing(f"Dans {models}, {' et '.join(names)} : illisible ou d'un autre modèle ({error}).") from error
