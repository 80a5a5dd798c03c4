"""Writes weights in few bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


def quantised(weights: npt.NDArray[np.floating]) -> tuple[npt.NDArray[np.int8], float]:
    """`weights` as one signed byte each, and the scale that gives them back."""
    scale = float(np.abs(weights).max()) / 127 or 1.0
    return np.round(weights / scale).astype(np.int8), scale


def save_network(folder: Path, name: str, header: Mapping[str, Any], layers: Mapping[str, npt.NDArray[Any]], tables: Sequence[str]) -> None:
    """Write the layers of a network, its `tables` as one signed byte a weight, with their scales in the header (`shipped.network`)."""
    stored: dict[str, Any] = dict(layers)
    scales = {}
    for table in tables:
        stored[table], scales[table] = quantised(stored[table])
    np.savez(folder / f"{name}.npz", **stored)
    (folder / f"{name}.json").write_text(json.dumps({**header, "scales": scales}, indent=1) + "\n", "utf-8")
