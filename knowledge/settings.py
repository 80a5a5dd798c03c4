"""Settings of the knowledge base, read from the environment (`KNOWLEDGE_…`) or from `.env`."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Literal, TypeVar
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from knowledge.errors import SettingRefused

Settings = TypeVar("Settings", bound=BaseSettings)


def shipped_content() -> Path:
    """The content that comes with the project."""
    return Path(str(files("knowledge"))) / "content"


class KnowledgeSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="KNOWLEDGE_", env_file=".env", extra="ignore")

    database: str = Field(
        default="sqlite:///var/accueil.db",
        description="Address of the database: SQLite file by default, or postgresql+psycopg://user:password@host/base.",
    )
    content: Path = Field(
        default_factory=shipped_content,
        description="Folder of the content: services, facts, fiches, lexicon, acronyms, official domains.",
    )
    index: Path = Field(default=Path("var/index"), description="Folder where the search index is stored.")
    encoder: str = Field(
        default="",
        description="Language model: name or folder of a sentence-transformers model (extra `encoders`). Empty: the shipped encoder.",
    )
    gate: str = Field(
        default="bot.workbench.regression:gate",
        description="What may refuse a publication, as module:function: confirmed answers that it would lose. Empty: nothing.",
    )
    timezone: str = Field(default="Europe/Paris", description="Time zone of the préfecture: decides which facts are in force today.")
    service_public_feed: str = Field(
        default="https://lecomarquage.service-public.fr/vdd/3.4/part/zip/vosdroits-latest.zip",
        description="Address of the national feed of sheets (a zip of XML), for `fetch service-public`.",
    )
    site_hosts: list[str] = Field(
        default=["www.val-dambre.gouv.fr"],
        description="Hosts that `fetch site` may read. Nothing else is ever contacted.",
    )
    site_pages: int = Field(default=5000, gt=0, description="Most pages that `fetch site` reads on one host in one run.")
    site_pace: float = Field(default=1.0, ge=0, description="Seconds that `fetch site` waits between two requests.")
    page_age_days: int = Field(
        default=400,
        gt=0,
        description="Age from which an official page is old: it is listed by `fetch report` and not approved without `--force-old`.",
    )

    order_days: Literal["working", "calendar"] = Field(
        default="working", description="Days in which an order for a change of the phone script counts its three days."
    )
    second_reader: bool = Field(default=False, description="Whether a phone script is approved by another person than its author.")

    @field_validator("database")
    @classmethod
    def _is_an_address(cls, written: str) -> str:
        try:
            make_url(written)
        except ArgumentError:
            raise ValueError("not the address of a database") from None
        return written

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, written: str) -> str:
        try:
            ZoneInfo(written)
        except (OSError, KeyError):
            raise ValueError("not a time zone") from None
        return written


def read(shape: type[Settings]) -> Settings:
    """The settings of `shape`, as the environment and `.env` give them. Refusals name the setting, never its value: it may be a secret.

    Raises:
        SettingRefused: one of them cannot be understood.
    """
    try:
        return shape()
    except ValidationError as error:
        wrong = str(error.errors()[0]["loc"][0])
    except SettingsError as error:  # a list that is not one
        named = re.search(r'field "(\w+)"', str(error))
        wrong = named[1] if named else ""
    name = f"{shape.model_config.get('env_prefix', '')}{wrong}".upper()
    raise SettingRefused(f"Réglage incorrect : {name}. Voyez docs/settings.md, corrigez .env ou la variable, puis relancez.")


@lru_cache
def settings() -> KnowledgeSettings:
    """The settings of this process, read once.

    Raises:
        SettingRefused: one of them cannot be understood.
    """
    return read(KnowledgeSettings)
