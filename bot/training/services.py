"""Trains the classifier of services (`bot.engines.services`) from requests about a file whose service is known."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np

from bot.engines.convolution import SERVICES, Convolution
from bot.engines.embedded import EmbeddedEngine
from bot.engines.nature import BUCKETS
from bot.engines.services import TIES, Floats, Services, ordered, shipped_words
from bot.messages import Nature
from bot.training import convolution, natures
from bot.training.quantising import quantised

SWITCHBOARD = "standard"
REGULARISATION = 1e-4
"""Of the weights of the signs, chosen by cross-validation, as are `STEPS` and `FAIRNESS`."""
STEPS = 60
FAIRNESS = 0.5
"""How much rare services are made to weigh as much as frequent ones."""
FOLDS = 4
"""The network that tells the weight of the order has read three quarters of the requests, and tells it on the rest."""
DIMENSIONS, FILTERS = 48, 128
"""Of the network: twice as many find no more, among so few requests."""
FEW = 20
"""Examples under which nothing is learned of a service: its words and its fiches find it."""


def written() -> list[tuple[str, str]]:
    """The requests of `services.txt`, with their service. They teach no nature: so many more files, and everything would look like one."""
    lines = files("bot").joinpath("training/services.txt").read_text("utf-8").splitlines()
    return [(text, service) for text, _, service in (line.partition("\t") for line in lines)]


def examples(judged: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Requests with their service: those of other people, the examples of files, and who only wants a person, whose service is the one that
    is named, the switchboard when none is. Services with less than `FEW` of them are left out.

    Args:
        judged: requests of other people, as (text, service).
    """
    found = {**dict(written()), **dict(judged)}
    for one in natures.all_examples():
        if one.aside:
            continue
        if one.service:
            found.setdefault(one.text, one.service)
        elif one.kind == Nature.WANTS_PERSON:
            named = shipped_words().named(one.text)
            found.setdefault(one.text, max(named, key=lambda service: named[service], default=SWITCHBOARD))
    counts = Counter(found.values())
    return [(text, service) for text, service in found.items() if counts[service] >= FEW]


def train(engine: EmbeddedEngine, asked: Sequence[tuple[str, str]]) -> Services:
    """Multinomial logit, by L-BFGS; what names a service, the fiches that resemble and the order of the words weigh the same for all.
    Deterministic.

    Args:
        engine: tells which fiches resemble a request.
        asked: requests and their services.
    """
    from scipy.optimize import minimize

    labels = sorted({service for _, service in asked})
    right = np.array([labels.index(service) for _, service in asked])
    lit = natures.signs_of([text for text, _ in asked])
    order = _fit_order(asked)
    shown = np.concatenate([np.stack([_shown(engine, text, labels) for text, _ in asked]), _told(asked, labels)], axis=2)
    counts = Counter(right.tolist())
    weights_of = np.array([counts[one] ** -FAIRNESS for one in right.tolist()])
    weights_of /= weights_of.sum()
    every, cut = np.arange(len(right)), BUCKETS * len(labels)

    def loss(found: Floats) -> tuple[float, Floats]:
        of_signs, bias, ties = found[:cut].reshape(BUCKETS, len(labels)), found[cut : -len(TIES)], found[-len(TIES) :]
        scores = lit @ of_signs + bias + shown @ ties
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        error = shares.copy()
        error[every, right] -= 1.0
        error *= weights_of[:, None]
        value = -weights_of @ np.log(np.maximum(shares[every, right], 1e-12)) + REGULARISATION * (of_signs**2).sum()
        slope = np.asarray(lit.T @ error) + 2 * REGULARISATION * of_signs
        return float(value), np.concatenate([slope.ravel(), error.sum(axis=0), np.einsum("nl,nlt->t", error, shown)])

    learned = minimize(loss, np.zeros(cut + len(labels) + len(TIES)), jac=True, method="L-BFGS-B", options={"maxiter": STEPS}).x
    of_signs = learned[:cut].reshape(BUCKETS, len(labels)).astype(np.float32)
    return Services(
        tuple(labels), of_signs, learned[cut : -len(TIES)], **dict(zip(TIES, learned[-len(TIES) :].tolist(), strict=True)), order=order
    )


def _fit_order(asked: Sequence[tuple[str, str]]) -> Convolution:
    return convolution.fit([text for text, _ in asked], [service for _, service in asked], DIMENSIONS, FILTERS)


def _told(asked: Sequence[tuple[str, str]], labels: Sequence[str]) -> Floats:
    """What networks that have not read each request say of it, shape (requests, labels, 1)."""
    found = np.zeros((len(asked), len(labels), 1))
    folds = [zlib.crc32(text.encode()) % FOLDS for text, _ in asked]
    for fold in range(FOLDS):
        order = _fit_order([one for one, own in zip(asked, folds, strict=True) if own != fold])
        for number, (text, _) in enumerate(asked):
            if folds[number] == fold:
                told = ordered(order, text)
                found[number, :, 0] = [told.get(label, 0.0) for label in labels]
    return found


def _shown(engine: EmbeddedEngine, text: str, labels: Sequence[str]) -> Floats:
    """How much each service is named, and how much the fiches that resemble are its own, shape (labels, 2)."""
    understood = engine.interpret(text)
    named, near = shipped_words().named(text), engine.near(understood.candidates, understood.likeness)
    return np.array([(named.get(label, 0.0), near.get(label, 0.0)) for label in labels])


def save(services: Services, folder: Path) -> None:
    """Write the classifier as one signed byte a weight, with a scale, and its network."""
    convolution.save(services.order, SERVICES, folder)
    weights, scale = quantised(services.weights)
    np.save(folder / "services.npy", weights)
    header = {
        "services": list(services.labels),
        "scale": scale,
        "bias": [round(float(value), 5) for value in services.bias],
        **{tie: round(getattr(services, tie), 5) for tie in TIES},
    }
    (folder / "services.json").write_text(json.dumps(header, indent=1) + "\n", "utf-8")
