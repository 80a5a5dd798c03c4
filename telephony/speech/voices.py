"""Voices that say a sentence: piper, pico2wave, espeak-ng, each run as a program.

A text is given on standard input or after `--`, never to a shell and never where an option is read. Which voice speaks is decided by
`telephony.speech.prompts`, which asks them in order; espeak-ng is always there and always says the same thing the same way.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from hashlib import file_digest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar, Protocol

from telephony.errors import PromptRefused, SpeechUnavailable
from telephony.settings import TelephonySettings
from telephony.speech import sound
from telephony.speech.sound import Pcm

SLOWNESS = 1.25
"""How many times longer the slow rate lasts."""
PATIENCE = 20.0
"""Seconds left to a program to say one sentence."""

_UNSAYABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff<>&\[\]{}\\|`]+")
"""What separates lines, is no character, or means something else than itself to a voice (markup, phonemes)."""


class Rate(StrEnum):
    """How fast a sentence is said; the same words as the scripts (`knowledge.scripts.model.RATES`)."""

    NORMAL = "normal"
    SLOW = "slow"


class Speaker(Protocol):
    """Something that speaks."""

    @property
    def name(self) -> str: ...

    def voice(self, language: str) -> str | None:
        """Program, version, voice and settings: whatever changes the sound changes this. None: it does not speak `language`."""

    def say(self, text: str, language: str, rate: Rate) -> Pcm:
        """`text` said, at 8 kHz, as it comes (see `telephony.speech.sound.finished`).

        Raises:
            SpeechUnavailable: it does not speak this language, fails, says nothing or takes too long.
        """


@dataclass(frozen=True)
class Espeak:
    """espeak-ng: plain but always there, and deterministic."""

    program: str = "espeak-ng"
    patience: float = PATIENCE
    name: str = field(default="espeak-ng", init=False)

    VOICES: ClassVar = {"fr": "fr-fr", "en": "en-gb"}
    WORDS_PER_MINUTE: ClassVar = 150

    def voice(self, language: str) -> str | None:
        return f"{self._version} {self.VOICES[language]} {self.WORDS_PER_MINUTE}" if language in self.VOICES and self._version else None

    def say(self, text: str, language: str, rate: Rate) -> Pcm:
        if language not in self.VOICES:
            raise _no_voice(self.name, language)
        speed = round(self.WORDS_PER_MINUTE / (SLOWNESS if rate == Rate.SLOW else 1))
        options = ["-v", self.VOICES[language], "-s", str(speed), "-b", "1", "--stdin", "-w"]
        return _spoken(self.name, [self.program, *options], (), _sayable(text), self.patience)

    @cached_property
    def _version(self) -> str:
        """Empty when the program is absent."""
        return _first_line([self.program, "--version"]).partition("Data at")[0].strip()


@dataclass(frozen=True)
class Pico:
    """pico2wave: a softer voice, where it is installed."""

    program: str = "pico2wave"
    patience: float = PATIENCE
    name: str = field(default="pico2wave", init=False)

    VOICES: ClassVar = {"fr": "fr-FR", "en": "en-GB"}

    def voice(self, language: str) -> str | None:
        return f"{self.name} {self.VOICES[language]}" if language in self.VOICES and shutil.which(self.program) else None

    def say(self, text: str, language: str, rate: Rate) -> Pcm:
        if language not in self.VOICES:
            raise _no_voice(self.name, language)
        said = _sayable(text)
        if rate == Rate.SLOW:  # this voice takes its speed from markup
            said = f'<speed level="{round(100 / SLOWNESS)}">{said}</speed>'
        return _spoken(self.name, [self.program, "-l", self.VOICES[language], "-w"], ("--", said), "", self.patience)


@dataclass(frozen=True)
class Piper:
    """piper: a natural voice, one model of the folder `voices` for each language it speaks (`fr….onnx`, `en….onnx`).

    It never says a sentence twice in quite the same way; the file made first stays.
    """

    program: str
    voices: Path
    patience: float = PATIENCE
    name: str = field(default="piper", init=False)

    def voice(self, language: str) -> str | None:
        return self._prints.get(language) if shutil.which(self.program) else None

    def say(self, text: str, language: str, rate: Rate) -> Pcm:
        model = self._models.get(language)
        if model is None:
            raise _no_voice(self.name, language)
        slowness = str(SLOWNESS if rate == Rate.SLOW else 1.0)
        command = [self.program, "--model", str(model), "--length_scale", slowness, "--output_file"]
        return _spoken(self.name, command, (), _sayable(text), self.patience)

    @cached_property
    def _models(self) -> dict[str, Path]:
        """The first model of each language, by file name."""
        return {model.name[:2].lower(): model.resolve() for model in sorted(self.voices.glob("*.onnx"), reverse=True)}

    @cached_property
    def _prints(self) -> dict[str, str]:
        return {language: f"{self.name} {model.name} {_print_of(model)}" for language, model in self._models.items()}


def installed(settings: TelephonySettings) -> tuple[Speaker, ...]:
    """The voices of this machine, the best first.

    Raises:
        SpeechUnavailable: there is none, or the one that is set cannot be found.
    """
    speakers: list[Speaker] = []
    if settings.piper and settings.voices:
        piper = Piper(settings.piper, Path(settings.voices))
        if not any(piper.voice(language) for language in ("fr", "en")):
            raise SpeechUnavailable(
                "La voix réglée est introuvable : vérifiez que TELEPHONY_PIPER est un programme et que TELEPHONY_VOICES contient "
                "des modèles nommés par langue (fr….onnx, en….onnx)."
            )
        speakers.append(piper)
    speakers += [speaker for speaker in (Pico(), Espeak()) if speaker.voice("fr")]
    if not speakers:
        raise SpeechUnavailable("Aucune voix n'est installée sur cette machine : installez le paquet espeak-ng.")
    return tuple(speakers)


def _sayable(text: str) -> str:
    """One line that holds no markup of any voice."""
    return re.sub(r"\s+", " ", _UNSAYABLE.sub(" ", text)).strip()


def _spoken(name: str, command: Sequence[str], after: Sequence[str], given: str, patience: float) -> Pcm:
    """What `command` wrote into the sound file named between it and `after`, with `given` on its standard input."""
    try:
        with TemporaryDirectory(prefix="accueil-voice-") as folder:
            path = Path(folder) / "said.wav"
            _run(name, [*command, str(path), *after], given, patience)
            pcm = sound.for_the_line(*sound.decode(path.read_bytes()))
    except (OSError, PromptRefused) as error:
        raise _nothing_said(name) from error
    if sound.loudest_frame(pcm) < sound.SILENCE:
        raise _nothing_said(name)
    return pcm


def _run(name: str, command: Sequence[str], given: str, patience: float) -> None:
    """Raises SpeechUnavailable: it does not start, fails, or is not done in time (it is then stopped, with what it started)."""
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
        )
    except OSError as error:
        raise SpeechUnavailable(f"La voix {name} ne démarre pas ({error.strerror}) : vérifiez que le programme est installé.") from error
    with process:
        try:
            _, told = process.communicate(given.encode(), timeout=patience)
        except subprocess.TimeoutExpired as error:
            raise SpeechUnavailable(f"La voix {name} n'a pas fini sa phrase en {patience:g} secondes.") from error
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode:
        said = told.decode("utf-8", "replace").strip()[-200:]
        raise SpeechUnavailable(f"La voix {name} s'est arrêtée sur une erreur ({process.returncode}) : {said}")


def _no_voice(name: str, language: str) -> SpeechUnavailable:
    return SpeechUnavailable(f"La voix {name} ne parle pas la langue « {language} ».")


def _nothing_said(name: str) -> SpeechUnavailable:
    return SpeechUnavailable(f"La voix {name} n'a rien dit : la phrase est vide, ou le dossier temporaire est plein.")


def _first_line(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.partition("\n")[0] if done.returncode == 0 else ""


def _print_of(model: Path) -> str:
    """A model is known by its content: a new one under the same name is another voice."""
    with model.open("rb") as opened:
        return file_digest(opened, "sha256").hexdigest()[:16]
