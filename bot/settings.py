"""Settings of the assistant, read from the environment (`BOT_…`) or from `.env`."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.policy import Thresholds
from knowledge.settings import read


class BotSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="BOT_", env_file=".env", extra="ignore")

    sure: float = Field(default=0.0, ge=0.0, le=1.0, description="Confidence from which the assistant replies at once; 0: the shipped one.")
    possible: float = Field(
        default=0.0,
        ge=0.0,
        le=1.0,
        description="Confidence in the first three subjects from which it asks which one is meant; under it, a person; 0: shipped.",
    )
    models: str = Field(default="", description="Folder of the models trained here; empty: those of the package.")
    retention_days: int = Field(default=30, ge=1, description="Days after which the words of the exchanges are forgotten (figures stay).")
    danger_translated: bool = Field(
        default=True,
        description="Tell the emergency number in the language of the person first; no native speaker has read these.",
    )
    engine: Literal["embedded", "rasa"] = Field(default="embedded", description="What understands questions; `rasa` needs a Rasa server.")
    rasa_url: str = Field(default="http://127.0.0.1:5005", pattern="^https?://", description="Address of the Rasa server.")
    rasa_token: str = Field(default="", description="Secret of the Rasa server, 16 characters or more.")
    rasa_action_token: str = Field(
        default="", description="Secret with which Rasa calls our actions, 16 characters or more; empty: Rasa is not answered."
    )
    rasa_seconds: float = Field(default=1.0, gt=0, le=10, description="Longest time a question waits for Rasa; then it does without.")
    rasa_python: str = Field(default="", description="Python of Rasa's environment; empty: that of `deploy/rasa/setup.sh`.")
    rasa_project: Path = Field(default=Path("var/rasa"), description="Folder of the generated Rasa project and of its models.")

    @field_validator("rasa_token", "rasa_action_token")
    @classmethod
    def _hard_to_guess(cls, written: str) -> str:
        if written and not 16 <= len(written) <= 200:
            raise ValueError("16 to 200 characters")
        return written

    def thresholds(self, shipped: Thresholds) -> Thresholds:
        """The thresholds to use: those set, else those shipped with the models."""
        return Thresholds(self.sure or shipped.sure, self.possible or shipped.possible, shipped.close)


@lru_cache
def settings() -> BotSettings:
    """The settings of this process, read once.

    Raises:
        SettingRefused: one of them cannot be understood.
    """
    return read(BotSettings)
