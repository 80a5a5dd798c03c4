"""Sentences as sound files, named by what they hold: another word, voice or setting makes another file, and no file is ever rewritten.

    LINE/sounds/<32 hexadecimal digits>.wav     8 kHz, mono, 16 bits

A sentence recorded by a person wins over the voices; then the first voice that speaks its language.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from secrets import token_hex

from knowledge.clock import Clock, now
from telephony.errors import PromptRefused, SpeechUnavailable
from telephony.settings import TelephonySettings
from telephony.speech import sound
from telephony.speech.numbers import cardinal
from telephony.speech.pronunciation import Pronunciation
from telephony.speech.recordings import Recordings
from telephony.speech.sound import Pcm
from telephony.speech.voices import Rate, Speaker, installed

LONGEST = 30.0
"""Seconds: nobody listens longer without a choice to make."""
SHORTEST = 0.1
MOST_CHARACTERS = 1500
"""More is surely over `LONGEST`: refused before a voice works for nothing."""

_PROCESSING = "1"
"""Changes with `telephony.speech.sound.finished` or the resampling: the same words then make another file."""
_AT_ONCE = 2
_ABANDONED = 3600
"""Seconds after which an unfinished file belongs to a process that died."""
_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Prompt:
    text: str
    """As the team wrote it: figures and acronyms are put into words here."""
    language: str
    rate: Rate = Rate.NORMAL


def number_prompts(language: str, rate: Rate = Rate.NORMAL, feminine: bool = False) -> tuple[Prompt, ...]:
    """The numbers 0 to 99, each at its index. French says "vingt et une" before a feminine noun (minutes)."""
    return tuple(Prompt(cardinal(number, language, feminine), language, rate) for number in range(100))


class Prompts:
    """The sound files of one line. Several threads and several processes may share the folder."""

    def __init__(
        self, folder: Path, speakers: Sequence[Speaker], pronunciation: Pronunciation, recordings: Recordings, clock: Clock = now
    ) -> None:
        self.folder = folder
        self.recordings = recordings
        self._speakers = tuple(speakers)
        """The best first."""
        self._pronunciation = pronunciation
        self._clock = clock
        self._checked: dict[str, tuple[int, int]] = {}
        """Size and date of files already found good."""
        self._lock = threading.Lock()

    @classmethod
    def from_settings(cls, settings: TelephonySettings, content: Path) -> Prompts:
        """Voices and recordings of this machine, dictionary of the folder `content`.

        Raises:
            SpeechUnavailable: no voice.
            ContentRefused: the dictionary is malformed.
        """
        recordings = Path(settings.recordings) if settings.recordings else settings.line / "recordings"
        return cls(settings.line / "sounds", installed(settings), Pronunciation.read(content), Recordings.read(recordings))

    def spoken(self, prompt: Prompt) -> str:
        """The words that the voice says."""
        return self._pronunciation.spoken(prompt.text, prompt.language)

    def sound_id(self, prompt: Prompt, speaker: Speaker) -> str:
        """The name of the file of `prompt` said by `speaker`: 32 hexadecimal digits.

        Raises:
            SpeechUnavailable: this speaker does not speak its language.
        """
        voice = speaker.voice(prompt.language)
        if voice is None:
            raise SpeechUnavailable(f"La voix {speaker.name} ne parle pas la langue « {prompt.language} ».")
        return _named("voice", voice, prompt.language, prompt.rate, self.spoken(prompt))

    def ensure(self, prompts: Iterable[Prompt], step: Callable[[], None] = lambda: None) -> Mapping[Prompt, str]:
        """The file of each prompt, made now where it is missing. `step` is called once for each different prompt.

        Raises:
            PromptRefused: a sentence holds nothing to say or is too long, or its file is damaged or cannot be written.
            SpeechUnavailable: no voice can say it.
        """
        wanted = tuple(dict.fromkeys(prompts))
        self._prepare()
        ids: dict[Prompt, str] = {}

        def make(prompt: Prompt) -> None:
            ids[prompt] = self._ensured(prompt)
            with self._lock:
                step()

        with ThreadPoolExecutor(_AT_ONCE, "prompts") as pool:
            made = [pool.submit(make, prompt) for prompt in wanted]
            try:
                for future in made:
                    future.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        self._settle()
        return {prompt: ids[prompt] for prompt in wanted}

    def _ensured(self, prompt: Prompt) -> str:
        recording = self.recordings.of(prompt.text, prompt.language, prompt.rate)
        if recording is not None:
            identifier = _named("recording", recording.fingerprint)
            if not self._present(identifier):
                self._keep(identifier, recording.pcm(), prompt)
            return identifier
        text = self.spoken(prompt)
        if not any(character.isalpha() for character in text):
            raise PromptRefused(f"Il n'y a rien à dire dans la phrase « {prompt.text[:60]} » : écrivez-la en mots.")
        if len(text) > MOST_CHARACTERS:
            raise PromptRefused(f"La phrase « {prompt.text[:60]}… » est trop longue pour être écoutée : coupez-la.")
        return self._said(prompt, text)

    def _said(self, prompt: Prompt, text: str) -> str:
        """Said by the first voice that manages it."""
        failures = [f"Aucune voix installée ne parle la langue « {prompt.language} »."]
        for speaker in self._speakers:
            if speaker.voice(prompt.language) is None:
                continue
            identifier = self.sound_id(prompt, speaker)
            if self._present(identifier):
                return identifier
            try:
                pcm = speaker.say(text, prompt.language, prompt.rate)
            except SpeechUnavailable as failure:
                failures.append(str(failure))
                continue
            self._keep(identifier, pcm, prompt)
            return identifier
        raise SpeechUnavailable(failures[-1])

    def _keep(self, identifier: str, pcm: Pcm, prompt: Prompt) -> None:
        finished = sound.finished(pcm)
        try:
            _accepted(finished)
        except PromptRefused as refused:
            raise PromptRefused(f"La phrase « {prompt.text[:60]}… » ne convient pas : {refused}. Coupez-la ou récrivez-la.") from refused
        self._write(identifier, sound.encode(finished))
        self.check(identifier)

    def _write(self, identifier: str, data: bytes) -> None:
        """A file appears whole or not at all; one that another process wrote meanwhile is left as it is."""
        unfinished = self.folder / f".unfinished-{token_hex(8)}"
        try:
            with unfinished.open("xb") as opened:
                opened.write(data)
                opened.flush()
                os.fchmod(opened.fileno(), 0o644)  # Asterisk reads it under its own account
                os.fsync(opened.fileno())
            with suppress(FileExistsError):
                os.link(unfinished, self._path(identifier))
        except OSError as error:
            raise _unwritable(self.folder, error) from error
        finally:
            unfinished.unlink(missing_ok=True)

    def _settle(self) -> None:
        """The names of new files outlive a power cut."""
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _prepare(self) -> None:
        """The folder is there, without what dead processes left."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(self.folder, error) from error
        for unfinished in self.folder.glob(".unfinished-*"):
            with suppress(FileNotFoundError):
                if unfinished.stat().st_mtime < self._clock().timestamp() - _ABANDONED:
                    unfinished.unlink()

    def _path(self, identifier: str) -> Path:
        if not _ID.fullmatch(identifier):
            raise PromptRefused(f"« {identifier[:40]} » n'est pas un nom de fichier son.")
        return self.folder / f"{identifier}.wav"

    def _present(self, identifier: str) -> bool:
        """Whether the file is there and good. Raises PromptRefused when it is there and damaged: it is never replaced in silence."""
        if not self._path(identifier).exists():
            return False
        self.check(identifier)
        return True

    def check(self, identifier: str) -> None:
        """Raises PromptRefused: the file is missing, empty, cut, not 8 kHz mono 16 bits, silent or longer than 30 s."""
        path = self._path(identifier)
        try:
            known = path.stat()
        except OSError as error:
            raise PromptRefused(f"Le fichier son {identifier} manque : publiez de nouveau le script.") from error
        signature = (known.st_size, known.st_mtime_ns)
        if self._checked.get(identifier) != signature:
            self.load(identifier)
            self._checked[identifier] = signature

    def load(self, identifier: str) -> Pcm:
        """The samples of a prompt. Raises PromptRefused, as `check`."""
        try:
            data = self._path(identifier).read_bytes()
        except OSError as error:
            raise PromptRefused(f"Le fichier son {identifier} manque : publiez de nouveau le script.") from error
        try:
            wave, rate = sound.decode(data)
            pcm = sound.quantised(wave)
            if rate != sound.RATE or data != sound.encode(pcm):
                raise PromptRefused("il n'est pas en 8 kHz, mono, 16 bits")
            _accepted(pcm)
        except PromptRefused as refused:
            raise PromptRefused(
                f"Le fichier son {identifier} est abîmé ({refused}) : effacez sounds/{identifier}.wav, puis publiez de nouveau."
            ) from refused
        return pcm

    def duration(self, identifier: str) -> float:
        """Seconds. Raises PromptRefused, as `check`."""
        return len(self.load(identifier)) / sound.RATE


def _unwritable(folder: Path, error: OSError) -> PromptRefused:
    return PromptRefused(f"Les sons ne peuvent pas être écrits dans {folder} ({error.strerror}) : vérifiez les droits et la place libre.")


def _named(*parts: str) -> str:
    return sha256("\0".join((_PROCESSING, *parts)).encode()).hexdigest()[:32]


def _accepted(pcm: Pcm) -> None:
    seconds = len(pcm) / sound.RATE
    if sound.loudest_frame(pcm) < sound.SILENCE:
        raise PromptRefused("on n'y entend rien")
    if not SHORTEST <= seconds <= LONGEST:
        raise PromptRefused(f"il dure {seconds:.1f} s, au lieu de {LONGEST:g} s au plus")
