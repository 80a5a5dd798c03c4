"""The recognition engines that may be installed, each loaded from a folder with one sub-folder of models per language (`fr`, `en`…).

None is required: without one, spoken questions lead back to the menu. Each package is imported only when its engine is chosen.
"""

from __future__ import annotations

import importlib
import json
import logging
import re
from collections.abc import Callable, Mapping
from math import exp
from pathlib import Path
from typing import Any

import numpy as np

from telephony.errors import SpeechUnavailable
from telephony.questions.listening import Heard, Listener, Session, Upsampler
from telephony.settings import TelephonySettings
from telephony.speech.sound import RATE, Pcm

MODEL_RATE = 2 * RATE
PHRASES = "phrases.txt"
"""Of a pocketsphinx model: what may be said, one phrase a line."""
UNKNOWN_CONFIDENCE = 1.0
"""Of an engine that gives none."""

log = logging.getLogger(__name__)


def listener(settings: TelephonySettings) -> Listener | None:
    """The engine of this installation; None, said in the log, when there is none: the menus do without."""
    if not settings.listener:
        return None
    try:
        return loaded(settings.listener, settings.models)
    except SpeechUnavailable as unavailable:
        log.error("%s Les questions parlées reviennent au menu.", unavailable)
        return None


def loaded(engine: str, models: Path) -> Listener:
    """The engine of that name, with the models of the folder `models`, in memory.

    Raises:
        SpeechUnavailable: no such engine, its package is not installed, or a model is absent or damaged.
    """
    if engine not in ENGINES:
        raise SpeechUnavailable(f"TELEPHONY_LISTENER : « {engine} » n'est pas un moteur connu ({', '.join(ENGINES)}).")
    package, load = ENGINES[engine]
    try:
        module = importlib.import_module(package)
    except ImportError as error:
        raise SpeechUnavailable(f"Le moteur « {engine} » n'est pas installé : pip install {engine}.") from error
    folders = {folder.name: folder for folder in sorted(models.glob("[a-z][a-z]")) if folder.is_dir()}
    if not folders:
        raise SpeechUnavailable(f"Aucun modèle dans {models} : il faut un dossier par langue (fr, en), voir TELEPHONY_MODELS.")
    opened: dict[str, Callable[[], Session]] = {}
    for language, folder in folders.items():
        try:
            opened[language] = load(module, folder, language)
        except Exception as error:  # each engine raises what it likes
            raise SpeechUnavailable(f"Le modèle {folder} ne convient pas au moteur « {engine} » ({error}).") from error
    return Engine(engine, opened)


class Engine:
    """A `Listener`: its models are in memory."""

    def __init__(self, name: str, sessions: Mapping[str, Callable[[], Session]]) -> None:
        self.name = name
        self._sessions = sessions

    def open(self, language: str) -> Session:
        if language not in self._sessions:
            raise SpeechUnavailable(f"Le moteur « {self.name} » n'a pas de modèle « {language} » dans TELEPHONY_MODELS.")
        return self._sessions[language]()


class _Vosk:
    """Kaldi, while the caller speaks."""

    def __init__(self, module: Any, model: Any) -> None:
        self._recogniser = module.KaldiRecognizer(model, MODEL_RATE)
        self._recogniser.SetWords(True)
        self._sound = Upsampler()
        self._words: list[dict[str, Any]] = []

    def feed(self, pcm: Pcm) -> None:
        if self._recogniser.AcceptWaveform(self._sound.convert(pcm).tobytes()):
            self._keep(self._recogniser.Result())

    def finish(self) -> Heard:
        self._keep(self._recogniser.FinalResult())
        sure = [word["conf"] for word in self._words]
        return Heard(" ".join(word["word"] for word in self._words), float(np.mean(sure)) if sure else 0.0)

    def _keep(self, result: str) -> None:
        self._words += json.loads(result).get("result", [])


class _Sherpa:
    """A streaming transducer or CTC model of sherpa-onnx, while the caller speaks."""

    def __init__(self, recogniser: Any) -> None:
        self._recogniser = recogniser
        self._stream = recogniser.create_stream()

    def feed(self, pcm: Pcm) -> None:
        self._stream.accept_waveform(RATE, pcm.astype(np.float32) / 32768)
        while self._recogniser.is_ready(self._stream):
            self._recogniser.decode_stream(self._stream)

    def finish(self) -> Heard:
        self.feed(np.zeros(RATE // 2, np.int16))  # its last word needs what follows
        self._stream.input_finished()
        while self._recogniser.is_ready(self._stream):
            self._recogniser.decode_stream(self._stream)
        text = self._recogniser.get_result(self._stream).strip().lower()
        return Heard(text, UNKNOWN_CONFIDENCE if text else 0.0)


class _Whisper:
    """faster-whisper: the whole question at once, when it ends."""

    def __init__(self, model: Any, language: str) -> None:
        self._model = model
        self._language = language
        self._sound = Upsampler()
        self._pieces: list[Pcm] = []

    def feed(self, pcm: Pcm) -> None:
        self._pieces.append(self._sound.convert(pcm))

    def finish(self) -> Heard:
        audio = np.concatenate(self._pieces).astype(np.float32) / 32768
        options = {"language": self._language, "beam_size": 1, "condition_on_previous_text": False, "without_timestamps": True}
        segments = [one for one in self._model.transcribe(audio, **options)[0] if one.no_speech_prob < 0.6]
        if not segments:
            return Heard("", 0.0)
        return Heard(" ".join(one.text.strip() for one in segments), exp(float(np.mean([one.avg_logprob for one in segments]))))


class _Sphinx:
    """pocketsphinx: only the phrases of its list, and dependable on them; small enough for any machine."""

    def __init__(self, decoder: Any) -> None:
        self._decoder = decoder
        self._sound = Upsampler(mirror=0.3)  # its models hear up to 7 kHz, where a telephone brings nothing
        decoder.start_utt()

    def feed(self, pcm: Pcm) -> None:
        self._decoder.process_raw(self._sound.convert(pcm).tobytes(), False, False)

    def finish(self) -> Heard:
        self._decoder.end_utt()
        found = self._decoder.hyp()
        text = found.hypstr.strip() if found else ""
        return Heard(text, UNKNOWN_CONFIDENCE if text else 0.0)


def _load_vosk(module: Any, folder: Path, _language: str) -> Callable[[], Session]:
    module.SetLogLevel(-1)
    model = module.Model(str(folder))
    return lambda: _Vosk(module, model)


def _load_sherpa(module: Any, folder: Path, _language: str) -> Callable[[], Session]:
    tokens = str(folder / "tokens.txt")
    if any(folder.glob("joiner*.onnx")):
        parts = {part: str(_only(folder, f"{part}*.onnx")) for part in ("encoder", "decoder", "joiner")}
        recogniser = module.OnlineRecognizer.from_transducer(tokens=tokens, num_threads=1, **parts)
    else:
        recogniser = module.OnlineRecognizer.from_zipformer2_ctc(tokens=tokens, model=str(_only(folder, "*.onnx")), num_threads=1)
    return lambda: _Sherpa(recogniser)


def _load_whisper(module: Any, folder: Path, language: str) -> Callable[[], Session]:
    model = module.WhisperModel(str(folder), device="cpu", compute_type="int8", local_files_only=True)
    return lambda: _Whisper(model, language)


def _load_sphinx(module: Any, folder: Path, language: str) -> Callable[[], Session]:
    """The model of the folder; for English, that of the package when the folder only holds the phrases."""
    packaged = Path(module.get_model_path()) / "en-us"
    own = next((found.parent for found in folder.glob("**/mdef")), None)
    if own is None and language != "en":
        raise SpeechUnavailable("le fichier mdef manque")
    dictionary = _only(folder, "*.dict") if own else packaged / "cmudict-en-us.dict"
    grammar = _grammar((folder / PHRASES).read_text("utf-8"), dictionary)
    hmm = str(own or packaged / "en-us")

    def opened() -> Session:
        # a whole phrase must survive to its end, and speech that is none of them must not: 28 of 32 exact, none wrong, 0 of 6 others taken
        wide = {"beam": 1e-100, "wbeam": 1e-80, "pbeam": 1e-100}
        decoder = module.Decoder(hmm=hmm, dict=str(dictionary), lm=None, samprate=MODEL_RATE, bestpath=False, loglevel="FATAL", **wide)
        decoder.add_jsgf_string("phrases", grammar)
        decoder.activate_search("phrases")
        return _Sphinx(decoder)

    opened()
    return opened


def _grammar(phrases: str, dictionary: Path) -> str:
    """A grammar of the phrases whose words are all in the dictionary. Raises SpeechUnavailable: there is none."""
    known = {line.split()[0] for line in dictionary.read_text("utf-8").splitlines() if line.strip()}
    wanted = dict.fromkeys(" ".join(re.findall(r"[\w']+", line.lower().replace("’", "'"))) for line in phrases.splitlines())
    kept = [phrase for phrase in wanted if phrase and all(word in known for word in phrase.split())]
    if not kept:
        raise SpeechUnavailable(f"aucune phrase de {PHRASES} n'est faite de mots du dictionnaire")
    return "#JSGF V1.0;\ngrammar phrases;\npublic <said> = " + " | ".join(kept) + " ;\n"


def _only(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if not found:
        raise SpeechUnavailable(f"le fichier {pattern} manque")
    return found[0]


Load = Callable[[Any, Path, str], Callable[[], Session]]

ENGINES: Mapping[str, tuple[str, Load]] = {
    "vosk": ("vosk", _load_vosk),
    "sherpa-onnx": ("sherpa_onnx", _load_sherpa),
    "faster-whisper": ("faster_whisper", _load_whisper),
    "pocketsphinx": ("pocketsphinx", _load_sphinx),
}
"""Package and loader of each engine, the first one recommended."""
