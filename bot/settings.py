"""Settings of the assistant, read from the environment (`BOT_…`) or from `.env`."""

from __future__ import annotations

from functools import lru_cache

from pydantic import Field
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
        description="Confidence from which it asks which subject is meant; under it, a person; 0: the shipped one.",
    )
    retention_days: int = Field(default=30, ge=1, description="Days after which the words of the exchanges are forgotten (figures stay).")

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
