"""Sentences recorded by a person: a sound file, and beside it what is said, by whom and when.

    accueil.wav
    accueil.yml     sentence: "Bonjour, vous êtes à la préfecture du Val-d'Ambre."
                    language: fr
                    speaker: Camille Martin, service de la communication
                    recorded_on: 2026-11-20

A recording serves while the script says exactly its sentence. Afterwards a voice says the new one, and a remark tells the team.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field
from rapidfuzz.process import extractOne

from knowledge.documents import Strict, read_text, read_yaml, refusal, shaped
from knowledge.errors import ContentRefused, Remark
from telephony.errors import PromptRefused
from telephony.speech import sound
from telephony.speech.sound import Pcm
from telephony.speech.voices import Rate

SHORTEST, LONGEST = 0.3, 30.0
"""Seconds."""
CLIPPED_SHARE = 0.01
"""Above this share of samples at full scale, the microphone was too loud."""

_FULL_SCALE = 0.999
_MOST_BYTES = 50_000_000
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")
_CLOSE = 70.0
"""Likeness, of 100, from which a current sentence is shown as the new form of a recorded one."""

Key = tuple[str, str, Rate]
"""Sentence, language, rate."""


class _Sidecar(Strict):
    sentence: Annotated[str, Field(min_length=1, max_length=2000)]
    language: Annotated[str, Field(pattern=r"^[a-z]{2}$")]
    rate: Rate = Rate.NORMAL
    speaker: Annotated[str, Field(min_length=1)]
    recorded_on: date


@dataclass(frozen=True)
class Recording:
    name: str
    """Of its files, without their ending."""
    sentence: str
    language: str
    rate: Rate
    speaker: str
    """Who lent the voice."""
    recorded_on: date
    data: bytes
    """The WAV file as it was delivered, already found good."""

    @cached_property
    def fingerprint(self) -> str:
        return sha256(self.data).hexdigest()

    @property
    def key(self) -> Key:
        return (_plain(self.sentence), self.language, self.rate)

    def pcm(self) -> Pcm:
        return sound.for_the_line(*sound.decode(self.data))


class Recordings:
    """The accepted recordings, found by their exact sentence, and why the others were refused."""

    def __init__(self, accepted: Iterable[Recording] = (), remarks: Iterable[Remark] = ()) -> None:
        self.remarks = tuple(remarks)
        self._by_key: Mapping[Key, Recording] = {recording.key: recording for recording in accepted}

    @classmethod
    def read(cls, folder: Path) -> Recordings:
        """Every recording of `folder`; a folder that does not exist holds none. What is refused is told in `remarks`, never raised."""
        accepted: dict[Key, Recording] = {}
        remarks: list[Remark] = []
        for path in sorted(folder.glob("*.wav")):
            try:
                recording = _read(path)
                if recording.key in accepted:
                    other = accepted[recording.key].name
                    raise refusal(
                        f"{path.stem}.yml", 1, "double", f"cette phrase est déjà enregistrée par {other}", "gardez un seul des deux"
                    )
            except ContentRefused as refused:
                remarks.extend(refused.remarks)
            else:
                accepted[recording.key] = recording
        return cls(accepted.values(), remarks)

    def of(self, sentence: str, language: str, rate: Rate) -> Recording | None:
        """The recording of exactly this sentence (spaces apart)."""
        return self._by_key.get((_plain(sentence), language, rate))

    def outdated(self, said: Iterable[tuple[str, str]]) -> tuple[Remark, ...]:
        """A remark for each recording whose sentence is none of `said`, the sentences of the line with their language."""
        current: dict[str, dict[str, None]] = {}
        for sentence, language in said:
            current.setdefault(language, {})[_plain(sentence)] = None
        return tuple(
            _outdated(recording, list(current.get(recording.language, {})))
            for recording in self._by_key.values()
            if _plain(recording.sentence) not in current.get(recording.language, {})
        )


def _read(path: Path) -> Recording:
    """Raises ContentRefused: the file or its sidecar does not hold what it must."""
    name = f"{path.stem}.yml"
    if not _SLUG.fullmatch(path.stem):
        raise refusal(path.name, 1, "nom", "nom de fichier refusé", "n'utilisez que des minuscules sans accent, des chiffres et des tirets")
    document = read_yaml(read_text(path.with_suffix(".yml"), name), name)
    sidecar = shaped(_Sidecar, document, document.value)
    try:
        data = path.read_bytes() if path.stat().st_size <= _MOST_BYTES else b""
        _heard(data)
    except OSError as error:
        raise refusal(path.name, 1, "lecture", f"fichier illisible ({error.strerror})", "vérifiez vos droits") from error
    except PromptRefused as refused:
        raise refusal(path.name, 1, "son", f"enregistrement refusé : {refused}", "refaites l'enregistrement ou retirez-le") from refused
    return Recording(path.stem, sidecar.sentence, sidecar.language, sidecar.rate, sidecar.speaker, sidecar.recorded_on, data)


def _heard(data: bytes) -> None:
    """Raises PromptRefused: it does not decode, is too short or too long, silent or clipped."""
    wave, rate = sound.decode(data)
    seconds = len(wave) / rate
    if not SHORTEST <= seconds <= LONGEST:
        raise PromptRefused(f"il dure {seconds:.1f} s, au lieu de {SHORTEST:g} à {LONGEST:g} s")
    if float(np.mean(np.abs(wave) >= _FULL_SCALE)) > CLIPPED_SHARE:
        raise PromptRefused("le son sature, éloignez le micro ou baissez son niveau")
    if not len(sound.finished(sound.for_the_line(wave, rate))):
        raise PromptRefused("on n'y entend rien")


def _outdated(recording: Recording, current: list[str]) -> Remark:
    found = extractOne(_plain(recording.sentence), current, score_cutoff=_CLOSE)
    now = f"la phrase a changé : « {found[0]} »" if found else "plus aucune phrase de la ligne ne dit cela"
    return Remark(
        f"{recording.name}.yml",
        1,
        "phrase",
        now,
        "enregistrez la nouvelle phrase ou retirez ce fichier ; une voix de synthèse la dit d'ici là",
    )


def _plain(sentence: str) -> str:
    return " ".join(unicodedata.normalize("NFC", sentence).split())
