"""Where the learned models stand, and what they are made of."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

SHIPPED = Path(str(files("bot"))) / "models"
"""The models of the package."""
PARTS = (
    "confidence.json", "conversation.json", "intents.json", "intents.npy", "natures.json", "natures.npy", "ranking.json", "sense.json",
    "sense.npz", "weighing.json",
)  # fmt: skip
"""The files of a folder of models."""
