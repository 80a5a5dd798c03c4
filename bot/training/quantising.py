"""Writes weights in few bytes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def quantised(weights: npt.NDArray[np.floating]) -> tuple[npt.NDArray[np.int8], float]:
    """`weights` as one signed byte each, and the scale that gives them back."""
    scale = float(np.abs(weights).max()) / 127 or 1.0
    return np.round(weights / scale).astype(np.int8), scale
