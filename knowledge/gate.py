"""Who has a word to say before a publication is kept: named in the settings, because what judges answers is built upon the knowledge.

`KNOWLEDGE_GATE` names a function `module:function` that receives the session of the publication, everything written but nothing kept yet,
and raises `PublicationBlocked` when it should not be.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from importlib import import_module

from sqlalchemy.orm import Session

from knowledge.errors import SettingRefused
from knowledge.settings import settings

Gate = Callable[[Session, date], None]


def opened(_session: Session, _day: date) -> None:
    """The gate that lets everything through."""


def installed() -> Gate:
    """The gate of the settings.

    Raises:
        SettingRefused: KNOWLEDGE_GATE names nothing that can be called.
    """
    named = settings().gate
    if not named:
        return opened
    module, _, function = named.partition(":")
    try:
        gate: Gate = getattr(import_module(module), function)
    except (ImportError, AttributeError, ValueError):
        raise SettingRefused("Réglage incorrect : KNOWLEDGE_GATE. Voyez docs/settings.md, corrigez, puis relancez.") from None
    return gate
