"""Settings of the knowledge base, read from the environment (`KNOWLEDGE_…`) or from `.env`."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


def _shipped_content() -> Path:
    return Path(str(files("knowledge"))) / "content"


class KnowledgeSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="KNOWLEDGE_", env_file=".env", extra="ignore")

    database: str = Field(
        default="sqlite:///var/accueil.db",
        description="Address of the database: SQLite file by default, or postgresql+psycopg://user:password@host/base.",
    )
    content: Path = Field(
        default_factory=_shipped_content,
        description="Folder of the content: services, facts, fiches, lexicon, acronyms, official domains.",
    )
    index: Path = Field(default=Path("var/index"), description="Folder where the search index is stored.")
    timezone: str = Field(default="Europe/Paris", description="Time zone of the préfecture: decides which facts are in force today.")
    encoder: str = Field(
        default="",
        description="Name or folder of a sentence-transformers model to use instead of the bundled retrieval (extra `encoders`).",
    )
    service_public_feed: str = Field(
        default="https://lecomarquage.service-public.fr/vdd/3.4/part/zip/vosdroits-latest.zip",
        description="Address of the national feed of sheets (a zip of XML), for `fetch service-public`.",
    )
    site_hosts: list[str] = Field(
        default=["www.val-dambre.gouv.fr"],
        description="Hosts that `fetch site` may read. Nothing else is ever contacted.",
    )


@lru_cache
def settings() -> KnowledgeSettings:
    """The settings of this process, read once."""
    return KnowledgeSettings()
