"""YAML read by the parser written in C, where there is one: the lexicon and the rules are long files, read at each start."""

from __future__ import annotations

from typing import Any

import yaml

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Reads data alone: no tag makes it run anything."""


def parsed(text: str) -> Any:
    """What a YAML text holds.

    Raises:
        yaml.YAMLError: it is not YAML.
    """
    return yaml.load(text, LOADER)
