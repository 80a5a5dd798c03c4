"""One question is read by one core: the others read the questions that come at the same time."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

READ = "import {module}, json, threadpoolctl; print(json.dumps([one['num_threads'] for one in threadpoolctl.threadpool_info()]))"


def _threads(module: str, **set_by_hand: str) -> list[int]:
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")} | set_by_hand
    done = subprocess.run([sys.executable, "-c", READ.format(module=module)], env=environment, check=True, capture_output=True)
    found: list[int] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("module", ["knowledge.embeddings", "bot.engines.nature", "telephony.speech.sound", "bench.figures", "api.app"])
def test_products_of_matrices_take_one_core_whichever_program_makes_them(module: str) -> None:
    assert set(_threads(module)) == {1}


def test_who_sets_the_number_of_cores_is_obeyed() -> None:
    assert set(_threads("bot.engines.nature", OPENBLAS_NUM_THREADS="2")) == {min(2, os.cpu_count() or 1)}  # no more than there are
