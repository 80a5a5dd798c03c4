"""From scores to probabilities, and back."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

FAINTEST = 1e-4


def softmax(scores: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """The share of each score, of their exponentials."""
    exponentials = np.exp(scores - scores.max(initial=-np.inf))
    return np.asarray(exponentials / exponentials.sum())


def logistic(odds: float) -> float:
    """The probability of log-odds."""
    return float(1.0 / (1.0 + np.exp(-odds)))


def log_odds(share: float) -> float:
    """Log-odds of a probability, which is kept `FAINTEST` away from 0 and 1."""
    kept = min(max(share, FAINTEST), 1.0 - FAINTEST)
    return math.log(kept / (1.0 - kept))
