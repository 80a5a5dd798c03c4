"""The network that reads the words of a request in their order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bot.engines.convolution import LAYERS, NATURES, Convolution, words_of
from bot.messages import Nature
from bot.training import convolution

ORDERED = [("le voisin frappe sa femme", "emergency 3919"), ("la femme du voisin frappe à ma porte", "general")]
"""Of nearly the same words."""


@pytest.fixture(scope="module")
def network() -> Convolution:
    taught = [*ORDERED, ("il y a un incendie dans la cave", "emergency 18"), ("quels papiers pour un passeport", "general")] * 100
    return convolution.fit([text for text, _ in taught], [label for _, label in taught])


@pytest.mark.parametrize(("said", "label"), ORDERED)
def test_the_same_words_in_another_order_say_something_else(network: Convolution, said: str, label: str) -> None:
    natures = network.judge(said).natures
    assert max(natures, key=lambda nature: natures[nature]).value == label.split()[0]


def test_a_danger_is_heard_wherever_it_stands_and_misspelled(network: Convolution) -> None:
    for said in ("quels papiers pour un passeport et il y a un incendie dans la cave", "il y a un insendie dan la cave"):
        told = network.judge(said)
        assert told.natures[Nature.EMERGENCY] > 0.5, said
        assert told.number == "18"


def test_a_message_without_words_and_an_endless_one_are_read(network: Convolution) -> None:
    for said in ("", "!!!", "passeport " * 20_000):
        assert sum(network.judge(said).natures.values()) == pytest.approx(1.0)
    assert len(words_of("passeport " * 20_000)) < 200


def test_words_that_are_kept_say_what_they_said(network: Convolution, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.engines.convolution.KNOWN", 3)
    fresh = replace(network)
    for _ in range(2):
        for said, _ in ORDERED:
            assert fresh.scores(said).tolist() == network.scores(said).tolist()
    assert len(fresh._known) == 3


def test_the_network_comes_back_from_its_files_as_it_was(network: Convolution, tmp_path: Path) -> None:
    convolution.save(network, NATURES, tmp_path)
    read = Convolution.load(NATURES, tmp_path)
    for said, _ in ORDERED:
        assert read.judge(said).natures == pytest.approx(network.judge(said).natures, abs=0.05)


@pytest.mark.parametrize("layer", LAYERS)
def test_a_small_step_lowers_the_loss_by_what_its_slope_says(network: Convolution, layer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for chance in ("LEFT_OUT", "DROPPED", "SMOOTHED"):
        monkeypatch.setattr(convolution, chance, 0.0)
    texts, labels = [text for text, _ in ORDERED], [label for _, label in ORDERED]
    shelf = convolution.Shelf.of(texts)
    start = replace(network, **{name: getattr(network, name).astype(np.float64) for name in LAYERS})
    truth = np.array([network.labels.index(label) for label in labels])
    rows, slopes = convolution.gradients(start, shelf, shelf.padded(np.arange(len(texts))), truth, np.random.default_rng(1))
    slope = np.zeros_like(getattr(start, layer))
    slope[rows if layer == "table" else slice(None)] = slopes[layer]

    def loss(step: float) -> float:
        moved = replace(start, **{layer: getattr(start, layer) - step * slope})
        shares = [
            told.numbers[label.split()[1]] if " " in label else told.natures[Nature(label)]
            for told, label in ((moved.judge(text), label) for text, label in ORDERED)
        ]
        return -float(np.log(shares).mean())

    step = 1e-4
    assert (loss(-step) - loss(step)) / (2 * step) == pytest.approx(float((slope**2).sum()), rel=1e-3)
