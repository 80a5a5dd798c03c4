"""What an engine owes: one method, the same for the embedded engine and for Rasa."""

from __future__ import annotations

from typing import Protocol

from bot.messages import Context, Interpretation


class Engine(Protocol):
    @property
    def name(self) -> str: ...

    def interpret(self, text: str, context: Context) -> Interpretation:
        """Understand `text` in the light of the previous turns.

        Raises:
            EngineUnavailable: the engine does not answer in time.
        """
        ...

    def about(self, fiche_id: str, language: str) -> Interpretation:
        """The interpretation of a button pressed: the person named the fiche, which is one of the catalogue."""
        ...
