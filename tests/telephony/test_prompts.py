"""Sentences as files: named by what they hold, whole or absent, the same for every process."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from knowledge.clock import now
from telephony.errors import PromptRefused, SpeechUnavailable
from telephony.settings import TelephonySettings
from telephony.speech import sound
from telephony.speech.prompts import LONGEST, Prompt, Prompts, number_prompts
from telephony.speech.pronunciation import Pronunciation
from telephony.speech.recordings import Recordings
from telephony.speech.sound import Pcm
from telephony.speech.voices import Espeak, Rate, Speaker
from tests.conftest import CONTENT
from tests.telephony.test_speech import HOSTILE

DICTIONARY = Pronunciation.read(CONTENT)
SENTENCES = (
    "Bonjour, vous êtes à la préfecture du Val-d'Ambre.",
    "Vous parlez à un assistant automatique. Dites « un agent » à tout moment.",
    "Pour une carte d'identité ou un passeport, tapez 1.",
    "Le service des titres de séjour est ouvert du lundi au vendredi de 9 h à 12 h.",
    "Votre appel est transféré vers le service des permis de conduire.",
    "Le timbre coûte 25 € ; appelez le 34 00 ou allez sur val-dambre.gouv.fr.",
)


class Remembering:
    """espeak-ng, with a memory, and as unwell as a test wants."""

    def __init__(self, name: str = "remembering", languages: tuple[str, ...] = ("fr", "en"), failing: bool = False) -> None:
        self.name = name
        self.languages = languages
        self.failing = failing
        self.said: list[str] = []

    def voice(self, language: str) -> str | None:
        return f"{self.name} {language}" if language in self.languages else None

    def say(self, text: str, language: str, rate: Rate) -> Pcm:
        self.said.append(text)
        if self.failing:
            raise SpeechUnavailable(f"La voix {self.name} est en panne.")
        return Espeak().say(text, language, rate)


def prompts_in(folder: Path, *speakers: Speaker) -> Prompts:
    return Prompts(folder, speakers or (Espeak(),), DICTIONARY, Recordings())


def active_level(pcm: Pcm) -> float:
    """Level in decibels of what is not a pause."""
    frames = np.sqrt(np.mean((sound.waved(pcm)[: len(pcm) // 80 * 80].reshape(-1, 80)) ** 2, axis=1))
    return float(20 * np.log10(np.sqrt(np.mean(frames[frames > frames.max() / 18] ** 2))))


def test_real_sentences_become_files_that_a_telephone_plays_well(tmp_path: Path) -> None:
    prompts = prompts_in(tmp_path / "sounds")
    wanted = [Prompt(sentence, "fr", rate) for sentence in SENTENCES for rate in Rate]

    ids = prompts.ensure(wanted)

    assert list(ids) == wanted
    assert len(set(ids.values())) == len(wanted)
    assert {path.name for path in prompts.folder.iterdir()} == {f"{identifier}.wav" for identifier in ids.values()}
    for identifier in ids.values():
        prompts.check(identifier)
        pcm = prompts.load(identifier)
        edge = sound.RATE * 20 // 1000
        assert (prompts.folder / f"{identifier}.wav").stat().st_mode & 0o777 == 0o644
        assert active_level(pcm) == pytest.approx(-20, abs=1)
        assert np.abs(pcm).max() <= 32768 * sound.CEILING + 1
        assert not pcm[:edge].any()
        assert not pcm[-edge:].any()
        assert np.abs(pcm[: 2 * edge + 80]).max() > 30, "speech starts within 50 ms"
        assert prompts.duration(identifier) == pytest.approx(len(pcm) / 8000)


def test_the_same_sentence_gives_the_same_bytes_wherever_it_is_made(tmp_path: Path) -> None:
    first, second = prompts_in(tmp_path / "one"), prompts_in(tmp_path / "two")
    wanted = [Prompt(sentence, "fr") for sentence in SENTENCES]

    assert first.ensure(wanted) == second.ensure(reversed(wanted))
    for path in first.folder.iterdir():
        assert path.read_bytes() == (second.folder / path.name).read_bytes()


def test_whatever_changes_the_sound_changes_the_name_and_nothing_else_does(tmp_path: Path) -> None:
    prompts = prompts_in(tmp_path)
    speaker = Espeak()
    name = prompts.sound_id(Prompt("Tapez 1.", "fr"), speaker)

    assert name == prompts.sound_id(Prompt("Tapez un.", "fr"), speaker)
    others = [
        prompts.sound_id(Prompt("Tapez 2.", "fr"), speaker),
        prompts.sound_id(Prompt("Tapez 1.", "en"), speaker),
        prompts.sound_id(Prompt("Tapez 1.", "fr", Rate.SLOW), speaker),
        prompts.sound_id(Prompt("Tapez 1.", "fr"), Remembering()),
        Prompts(tmp_path, (), Pronunciation({"fr": {"tapez": "taper"}}), Recordings()).sound_id(Prompt("Tapez 1.", "fr"), speaker),
    ]
    assert len({name, *others}) == 6
    with pytest.raises(SpeechUnavailable, match="ne parle pas"):
        prompts.sound_id(Prompt("Tapez 1.", "ar"), speaker)


def test_a_file_already_there_is_neither_made_again_nor_touched(tmp_path: Path) -> None:
    speaker = Remembering()
    prompts = prompts_in(tmp_path, speaker)
    (identifier,) = prompts.ensure([Prompt("Bonjour.", "fr")]).values()
    before = (tmp_path / f"{identifier}.wav").stat()

    steps: list[int] = []
    again = prompts_in(tmp_path, speaker).ensure([Prompt("Bonjour.", "fr"), Prompt("Bonjour.", "fr")], lambda: steps.append(1))

    after = (tmp_path / f"{identifier}.wav").stat()
    assert list(again.values()) == [identifier]
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert speaker.said == ["Bonjour."]
    assert len(steps) == 1


def test_a_changed_text_gives_another_file_and_leaves_the_first(tmp_path: Path) -> None:
    prompts = prompts_in(tmp_path)
    (before,) = prompts.ensure([Prompt("Nous sommes ouverts.", "fr")]).values()
    (after,) = prompts.ensure([Prompt("Nous sommes fermés.", "fr")]).values()

    assert before != after
    prompts.check(before)
    prompts.check(after)


def test_a_voice_that_fails_leaves_its_place_to_the_next(tmp_path: Path) -> None:
    ill, well, english = Remembering("ill", failing=True), Remembering("well"), Remembering("english", languages=("en",))
    prompts = prompts_in(tmp_path, english, ill, well)
    prompt = Prompt("Bonjour.", "fr")

    assert prompts.ensure([prompt]) == {prompt: prompts.sound_id(prompt, well)}
    assert (english.said, ill.said) == ([], ["Bonjour."])
    ill.failing = False
    assert prompts.ensure([prompt]) == {prompt: prompts.sound_id(prompt, ill)}, "the best voice is tried again"


def test_without_any_voice_the_reason_of_the_last_one_is_told(tmp_path: Path) -> None:
    with pytest.raises(SpeechUnavailable, match="La voix ill est en panne"):
        prompts_in(tmp_path, Remembering("ill", failing=True)).ensure([Prompt("Bonjour.", "fr")])
    with pytest.raises(SpeechUnavailable, match="Aucune voix installée ne parle la langue « ar »"):
        prompts_in(tmp_path).ensure([Prompt("مرحبا abc", "ar")])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_makes_one_file_or_is_refused(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    prompts = prompts_in(tmp_path / "sounds")

    try:
        ids = prompts.ensure([Prompt(text.replace("{trap}", str(elsewhere / "trap")), "fr")])
    except PromptRefused as refused:
        assert "trop longue" in str(refused)
        ids = {}

    assert {path.name for path in prompts.folder.iterdir()} == {f"{identifier}.wav" for identifier in ids.values()}
    assert not list(elsewhere.iterdir())


@pytest.mark.parametrize("text", ["", "  ", "😀", "\0\0", "…", "« — »"])
def test_a_sentence_without_a_word_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(PromptRefused, match="rien à dire"):
        prompts_in(tmp_path).ensure([Prompt(text, "fr")])
    assert not list(tmp_path.iterdir())


def test_a_sentence_longer_than_anybody_listens_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(PromptRefused, match=r"« Pour une carte.*il dure \d+\.\d s, au lieu de 30 s au plus"):
        prompts_in(tmp_path).ensure([Prompt("Pour une carte d'identité, tapez un. " * 15, "fr")])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda good: b"", "le fichier est vide"),
        (lambda good: good[: len(good) // 2], "le fichier est coupé"),
        (lambda good: good[:-1], "le fichier est coupé"),
        (lambda good: b"ID3" + good, "ce n'est pas un fichier WAV"),
        (lambda good: good + b"more", "il n'est pas en 8 kHz, mono, 16 bits"),
        (lambda good: good[:24] + (16_000).to_bytes(4, "little") + good[28:], "il n'est pas en 8 kHz, mono, 16 bits"),
        (lambda good: sound.encode(np.zeros(8000, np.int16)), "on n'y entend rien"),
        (lambda good: sound.encode(np.full(int(8000 * LONGEST) + 80, 3000, np.int16)), "il dure 30.0 s"),
        (lambda good: sound.encode(np.full(100, 3000, np.int16)), "il dure 0.0 s"),
    ],
)
def test_a_damaged_file_is_refused_with_what_to_do_and_never_replaced_in_silence(tmp_path: Path, damage: object, said: str) -> None:
    prompts = prompts_in(tmp_path)
    prompt = Prompt("Bonjour.", "fr")
    (identifier,) = prompts.ensure([prompt]).values()
    path = tmp_path / f"{identifier}.wav"
    assert callable(damage)
    damaged = damage(path.read_bytes())
    path.write_bytes(damaged)

    for refusing in (lambda: prompts.check(identifier), lambda: prompts.duration(identifier), lambda: prompts.ensure([prompt])):
        with pytest.raises(PromptRefused, match=said) as refused:
            refusing()
        assert f"effacez sounds/{identifier}.wav" in str(refused.value)
    assert path.read_bytes() == damaged
    path.unlink()
    with pytest.raises(PromptRefused, match="manque"):
        prompts.check(identifier)
    prompts.ensure([prompt])
    prompts.check(identifier)


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "A" * 32, "0" * 31, "0" * 32 + "\n", "é" * 32])
def test_only_names_of_our_files_are_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(PromptRefused, match="n'est pas un nom de fichier son"):
        prompts_in(tmp_path).check(name)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_numbers_of_a_queue_are_files_in_the_same_voice(tmp_path: Path, language: str) -> None:
    numbers = number_prompts(language)

    assert len(numbers) == 100
    ids = prompts_in(tmp_path).ensure(numbers[::9])
    assert len(set(ids.values())) == 12
    assert number_prompts("fr", Rate.SLOW, feminine=True)[21] == Prompt("vingt et une", "fr", Rate.SLOW)


def test_unfinished_files_of_a_dead_process_are_swept_and_those_of_a_living_one_left(tmp_path: Path) -> None:
    left = tmp_path / ".unfinished-0123456789abcdef"
    left.write_bytes(b"RIFF")

    prompts_in(tmp_path).ensure([Prompt("Bonjour.", "fr")])
    assert left.exists()

    Prompts(tmp_path, (), DICTIONARY, Recordings(), lambda: now() + timedelta(hours=2)).ensure([])
    assert not left.exists()


def test_a_folder_that_cannot_be_written_is_told_in_french(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(PromptRefused, match="vérifiez les droits et la place libre"):
        prompts_in(tmp_path / "file" / "sounds").ensure([Prompt("Bonjour.", "fr")])


def test_a_full_disk_is_told_in_french_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(PromptRefused, match=r"No space left.*vérifiez les droits et la place libre"):
        prompts_in(tmp_path).ensure([Prompt("Bonjour.", "fr")])
    assert not list(tmp_path.iterdir())


def test_the_settings_name_the_folders_and_the_voices(tmp_path: Path) -> None:
    settings = TelephonySettings(_env_file=None, line=tmp_path, piper="", voices="", recordings="")
    prompts = Prompts.from_settings(settings, CONTENT)
    (identifier,) = prompts.ensure([Prompt("Bonjour.", "fr")]).values()

    assert (tmp_path / "sounds" / f"{identifier}.wav").is_file()


# --- Processes -----------------------------------------------------------------------------------------------------------

MAKING = """
import json, sys
from pathlib import Path
from telephony.speech.prompts import Prompt, Prompts
from telephony.speech.pronunciation import Pronunciation
from telephony.speech.recordings import Recordings
from telephony.speech.voices import Espeak
folder, count = Path(sys.argv[1]), int(sys.argv[2])
prompts = Prompts(folder, (Espeak(),), Pronunciation({}), Recordings())
wanted = [Prompt(f"Pour le service {letter} {other}, tapez un.", "fr") for letter in "abcdefgh" for other in "abcdefgh"][:count]
"""
ENSURING = MAKING + "print(json.dumps(list(prompts.ensure(wanted).values())))"
KILLING = (
    MAKING
    + """
import os, signal, threading
class Ready:
    name = "ready"
    pcm = Espeak().say("Bonjour.", "fr", "normal")
    def voice(self, language):
        return "ready"
    def say(self, text, language, rate):
        return self.pcm
def dying_at(step):
    left = [step]
    def tracing(frame, event, _):
        caller = frame
        while caller is not None and caller.f_code.co_name != "_write":
            caller = caller.f_back
        if caller is None:
            return None
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        return tracing
    return tracing
step, died = 0, True
while died:
    step += 1
    child = os.fork()
    if child == 0:
        threading.settrace(dying_at(step))
        Prompts(folder, (Ready(),), Pronunciation({}), Recordings()).ensure([Prompt(f"Bonjour {'a' * step}", "fr")])
        os._exit(0)
    died = os.waitpid(child, 0)[1] == signal.SIGKILL
    for path in folder.glob("*.wav"):
        prompts.check(path.stem)
print(json.dumps([str(step), *sorted(path.stem for path in folder.glob("*.wav"))]))
"""
)


def _started(program: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", program, *map(str, arguments)], stdout=subprocess.PIPE, text=True)


def _told(process: subprocess.Popen[str]) -> list[str]:
    told, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    ids: list[str] = json.loads(told)
    return ids


def test_two_processes_at_once_make_each_file_once_and_whole(tmp_path: Path) -> None:
    processes = [_started(ENSURING, tmp_path, 24) for _ in range(3)]
    told = [_told(process) for process in processes]

    assert told[0] == told[1] == told[2]
    assert Counter(path.name for path in tmp_path.iterdir()) == Counter(f"{identifier}.wav" for identifier in told[0])
    for identifier in told[0]:
        prompts_in(tmp_path).check(identifier)


def test_a_process_killed_at_any_moment_leaves_no_half_file(tmp_path: Path) -> None:
    """Killed at the first line executed while a file is written, then at the second, and so on until it survives."""
    steps, *made = _told(_started(KILLING, tmp_path, 0))

    assert int(steps) > 50
    assert 1 < len(made) < int(steps), "some died before the file, some after"
    for identifier in made:
        prompts_in(tmp_path).check(identifier)
