"""Settings of the written line, read from the environment (`API_…`) or from `.env`."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from knowledge.settings import read

SAMPLE_SECRET = "secret-d-exemple-a-remplacer"
"""What `.env.example` shows. An instance that is not a demonstration refuses to start with it."""

CommaList = Annotated[tuple[str, ...], NoDecode]
"""Written with commas: `API_TRUSTED_HOSTS=accueil.exemple.gouv.fr,localhost`."""


class ApiSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="API_", env_file=".env", extra="ignore")

    host: str = Field(default="127.0.0.1", description="Address on which the server listens.")
    port: int = Field(default=8000, ge=1, le=65535, description="Port on which the server listens.")
    demo: bool = Field(
        default=True,
        description="Demonstration: a random secret is made at the first start. False: API_SECRET is required.",
    )
    secret: str = Field(
        default=SAMPLE_SECRET,
        description="Signs the tokens of conversations; 32 random characters or more, the same for all processes.",
    )
    state: Path = Field(default=Path("var"), description="Folder where the secret of a demonstration is kept.")
    trusted_hosts: CommaList = Field(
        default=("127.0.0.1", "localhost", "[::1]"),
        description="Names under which the server may be addressed, with commas; `*.exemple.fr` for all its sub-domains.",
    )
    embed_origins: CommaList = Field(
        default=(),
        description="Origins of the sites allowed to embed the chat (widget and frame), with commas: https://www.exemple.gouv.fr",
    )
    trusted_proxies: CommaList = Field(
        default=(),
        description="Addresses or networks of our own reverse proxies, with commas; X-Forwarded-For is read from them only.",
    )
    token_minutes: int = Field(default=120, ge=1, description="A conversation left alone for that long is closed.")
    message_characters: int = Field(default=4000, ge=100, description="Longest message accepted, in characters.")
    body_bytes: int = Field(default=16_384, ge=1024, description="Largest request body accepted, in bytes.")
    request_seconds: float = Field(
        default=10, gt=0, description="Longest time allowed to a client to send the head of a request, then its body."
    )
    rate_per_minute: float = Field(
        default=60,
        ge=0,
        description="Messages allowed a minute for one address, on average; many people may share one. 0: no limit.",
    )
    rate_burst: int = Field(default=30, ge=1, description="Messages one address may send at once before the average applies.")
    refresh_seconds: float = Field(default=2, gt=0, description="How often a new release of the knowledge is looked for.")
    accessibility: str = Field(
        default="non conforme",
        pattern="^(non|partiellement|totalement) conforme$",
        description="State of conformity with the RGAA shown on every page; « non conforme » until an audit is entered.",
    )
    accessibility_audit: str = Field(
        default="", description="Who audited, when, and the rate of conformity; shown in the accessibility statement."
    )
    privacy_contact: str = Field(default="", description="E-mail of the data protection officer; empty: that of the quality service.")

    @field_validator("trusted_hosts", "embed_origins", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, written: object) -> object:
        return tuple(part.strip() for part in written.split(",") if part.strip()) if isinstance(written, str) else written

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, written: tuple[str, ...]) -> tuple[str, ...]:
        for one in written:
            ip_network(one, strict=False)
        return written


@lru_cache
def settings() -> ApiSettings:
    """The settings of this process, read once.

    Raises:
        SettingRefused: one of them cannot be understood.
    """
    return read(ApiSettings)
