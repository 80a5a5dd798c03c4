"""Where the learned models stand, and what they are made of."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from bot.errors import ModelsMissing

SHIPPED = Path(str(files("bot"))) / "models"
"""The models of the package."""
PARTS = (
    "confidence.json", "conversation.json", "intents.json", "intents.npy", "intents_order.json", "intents_order.npz", "natures.json",
    "natures.npy", "natures_order.json", "natures_order.npz", "ranking.json", "sense.json", "sense.npz", "services.json", "services.npy",
    "services_order.json", "services_order.npz", "weighing.json",
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


def network(models: Path, name: str, as_stored: Container[str] = ()) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """The header of a network and its layers, by name, in units of 1 but for those left `as_stored` (in units of `header["scales"]`).

    To be called within `whole`, which says in one way what cannot be read.
    """
    header: dict[str, Any] = json.loads((models / f"{name}.json").read_text("utf-8"))
    with np.load(models / f"{name}.npz", allow_pickle=False) as stored:
        layers = {layer: stored[layer] for layer in stored.files}
    scales = {layer: np.float32(scale) for layer, scale in header["scales"].items() if layer not in as_stored}
    return header, {layer: weights * scales[layer] if layer in scales else weights for layer, weights in layers.items()}
