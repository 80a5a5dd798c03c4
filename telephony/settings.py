"""Settings of the telephone line, read from the environment (`TELEPHONY_…`) or from `.env`."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from knowledge.settings import read


class TelephonySettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="TELEPHONY_", env_file=".env", extra="ignore")

    # --- Asterisk ---
    line: Path = Field(default=Path("var/line"), description="Folder shared with Asterisk: live script, versions, sounds.")
    configuration: Path = Field(default=Path("deploy/asterisk"), description="Configuration of Asterisk, rendered for each instance.")
    asterisk: str = Field(
        default="", description="Root file system or program of the Asterisk that tries candidates; empty: the system's program."
    )
    ami_host: str = Field(default="127.0.0.1", description="Address of Asterisk's manager interface.")
    ami_port: int = Field(default=5038, gt=0, description="Port of Asterisk's manager interface.")
    ami_view_secret: str = Field(default="", description="Secret of the manager account accueil_view.")
    ami_publish_secret: str = Field(default="", description="Secret of the manager account accueil_publish.")
    sip_address: str = Field(default="127.0.0.1:5060", description="Where Asterisk listens for SIP: the line calls itself there.")
    proof_secret: str = Field(default="", description="Secret of the SIP account with which the line calls itself.")
    caller_key: str = Field(default="", description="Key with which Asterisk hides the numbers of callers; the same for ever.")
    audio_address: str = Field(default="127.0.0.1:9092", description="Where the spoken question is served to Asterisk (AudioSocket).")
    rtp_ports: str = Field(default="10000-19999", description="UDP ports of the sound of calls, first and last.")
    trunk: str = Field(default="127.0.0.1", description="Addresses or networks of the telephone operator, separated by commas.")
    desks: str = Field(default="127.0.0.1:5070", description="Where the préfecture's own switchboard takes calls.")
    switchboard: str = Field(default="1000", description="Internal number of the people who answer when no script is in service.")

    # --- Voices ---
    piper: str = Field(default="", description="Program of the piper voice; empty: pico2wave if it is there, else espeak-ng.")
    voices: str = Field(default="", description="Folder of the piper models, one for each language: fr….onnx, en….onnx.")
    recordings: str = Field(default="", description="Folder of the sentences recorded by a person; empty: recordings in TELEPHONY_LINE.")

    # --- Records ---
    logs: Path = Field(default=Path("var/asterisk/log"), description="Folder where Asterisk writes what happened to the calls.")
    free_mb: int = Field(default=500, ge=0, description="Free space under which the disk of these records is alarming, in megabytes.")
    transfers_hourly: int = Field(default=200, ge=1, description="Transfers to one service in an hour above which the log gives the alarm.")
    callback_days: int = Field(default=30, ge=1, description="Days after which the number of a caller to be called back is erased.")

    # --- Spoken question ---
    listener: str = Field(default="", description="Engine that hears: vosk, sherpa-onnx, faster-whisper, pocketsphinx; empty: none.")
    models: Path = Field(default=Path("var/models"), description="Folder of the hearing models: one sub-folder for each language (fr, en).")
    listen_seconds: float = Field(default=3.0, gt=0, le=3.5, description="Seconds left to the engine once the caller has spoken.")


@lru_cache
def settings() -> TelephonySettings:
    """The settings of this process, read once.

    Raises:
        SettingRefused: one of them cannot be understood.
    """
    return read(TelephonySettings)
