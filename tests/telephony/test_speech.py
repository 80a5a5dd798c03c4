"""Voices: the real espeak-ng, and programs that remember how they were called."""

from __future__ import annotations

import json
import stat
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from knowledge.scripts.model import RATES
from telephony.errors import SpeechUnavailable
from telephony.settings import TelephonySettings
from telephony.speech import sound
from telephony.speech.voices import SLOWNESS, Espeak, Pico, Piper, Rate, Speaker, installed

SENTENCE = "Bienvenue à la préfecture du Val-d'Ambre. Pour une carte d'identité, tapez un."
HOSTILE = (
    "$(touch {trap})",
    "`touch {trap}`",
    "; touch {trap}",
    "-w {trap}",
    "--stdin -w {trap}",
    "-f /etc/hostname",
    "bonjour\n-w {trap}\n",
    "bonjour\0 -w {trap}",
    '<audio src="{trap}"/> bonjour',
    "[[kkk]] | tee {trap}",
    "\ud800 bonjour \u2028 😀",
    "bonjour " * 1250,
)


def a_program(folder: Path, body: str) -> str:
    """A program that remembers its arguments and its input in `called.json`, then does `body`."""
    program = folder / "voice"
    lines = (
        f"#!{sys.executable}",
        "import json, os, sys, time",
        f"with open({str(folder / 'called.json')!r}, 'w') as opened:",
        "    json.dump({'arguments': sys.argv[1:], 'input': sys.stdin.read()}, opened)",
        body,
    )
    program.write_text("\n".join(lines), "utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return str(program)


def saying(option: str) -> str:
    """A body that has espeak-ng write the file named after `option`."""
    return f"os.execvp('espeak-ng', ['espeak-ng', '-w', sys.argv[sys.argv.index({option!r}) + 1], '--', 'bonjour'])"


def called(folder: Path) -> dict[str, object]:
    remembered: dict[str, object] = json.loads((folder / "called.json").read_text("utf-8"))
    return remembered


def test_espeak_is_always_there_and_says_both_languages_the_same_way_every_time() -> None:
    for language in ("fr", "en"):
        said = Espeak().say(SENTENCE, language, Rate.NORMAL)
        again = Espeak().say(SENTENCE, language, Rate.NORMAL)

        assert said.dtype == np.int16
        assert 3 * sound.RATE < len(said) < 8 * sound.RATE
        assert np.array_equal(said, again)
    assert Espeak().voice("fr") != Espeak().voice("en")


def test_the_slow_rate_lasts_a_quarter_longer() -> None:
    normal, slow = (len(sound.finished(Espeak().say(SENTENCE, "fr", rate))) for rate in Rate)

    assert slow / normal == pytest.approx(SLOWNESS, abs=0.08)


def test_the_rates_are_those_of_the_scripts() -> None:
    assert tuple(Rate) == RATES


def test_a_voice_that_is_not_there_or_does_not_speak_a_language_says_so() -> None:
    assert Espeak("espeak-of-nobody").voice("fr") is None
    assert Espeak().voice("ar") is None
    with pytest.raises(SpeechUnavailable, match="ne démarre pas"):
        Espeak("espeak-of-nobody").say("bonjour", "fr", Rate.NORMAL)
    for speaker in (Espeak(), Pico()):
        with pytest.raises(SpeechUnavailable, match="ne parle pas la langue « ar »"):
            speaker.say("bonjour", "ar", Rate.NORMAL)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_is_said_or_refused_and_nothing_else_happens(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    trap = tmp_path / "trap"

    said = Espeak().say(text.replace("{trap}", str(trap)), "fr", Rate.NORMAL)

    assert len(said) > sound.RATE // 10
    assert list(tmp_path.iterdir()) == []


def test_a_text_that_looks_like_an_option_is_read_as_words() -> None:
    assert len(Espeak().say("-f /etc/hostname", "fr", Rate.NORMAL)) > len(Espeak().say("f", "fr", Rate.NORMAL))
    assert np.array_equal(Espeak().say("[[bo~Zur]]", "fr", Rate.NORMAL), Espeak().say("bo~Zur", "fr", Rate.NORMAL))


@pytest.mark.parametrize("text", ["", " \n\t ", "\0"])
def test_a_voice_that_says_nothing_is_an_error(text: str) -> None:
    with pytest.raises(SpeechUnavailable, match="n'a rien dit"):
        Espeak().say(text, "fr", Rate.NORMAL)


def test_piper_receives_the_text_on_its_input_and_the_model_of_the_language(tmp_path: Path) -> None:
    voices = tmp_path / "voices"
    voices.mkdir()
    (voices / "fr_FR-siwis-medium.onnx").write_bytes(b"a model")
    piper = Piper(a_program(tmp_path, saying("--output_file")), voices)

    said = piper.say("-w x\nbonjour", "fr", Rate.SLOW)

    assert len(said)
    arguments = called(tmp_path)["arguments"]
    assert isinstance(arguments, list)
    assert arguments[:5] == ["--model", str(voices / "fr_FR-siwis-medium.onnx"), "--length_scale", "1.25", "--output_file"]
    assert len(arguments) == 6
    assert called(tmp_path)["input"] == "-w x bonjour"
    with pytest.raises(SpeechUnavailable, match="ne parle pas"):
        piper.say("hello", "en", Rate.NORMAL)


def test_another_model_under_the_same_name_is_another_voice(tmp_path: Path) -> None:
    program = a_program(tmp_path, "")
    model = tmp_path / "fr.onnx"
    model.write_bytes(b"a model")
    first = Piper(program, tmp_path).voice("fr")
    model.write_bytes(b"another")

    assert first is not None
    assert first != Piper(program, tmp_path).voice("fr")
    assert Piper(program, tmp_path).voice("en") is None


def test_pico_receives_the_text_after_its_options_and_without_markup(tmp_path: Path) -> None:
    pico = Pico(a_program(tmp_path, saying("-w")))

    assert pico.voice("fr") == "pico2wave fr-FR"
    assert len(pico.say('-l <volume level="0"> & bonjour', "fr", Rate.NORMAL))
    arguments = called(tmp_path)["arguments"]
    assert isinstance(arguments, list)
    assert arguments[:3] == ["-l", "fr-FR", "-w"]
    assert arguments[4:] == ["--", '-l volume level="0" bonjour']

    pico.say("bonjour", "fr", Rate.SLOW)
    slow = called(tmp_path)["arguments"]
    assert isinstance(slow, list)
    assert slow[5] == '<speed level="80">bonjour</speed>'


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("sys.exit('plus de mémoire')", r"s'est arrêtée sur une erreur \(1\) : plus de mémoire"),
        ("pass", "n'a rien dit"),
        ("open(sys.argv[4], 'wb').write(b'RIFF')", "n'a rien dit"),
        ("os.kill(os.getpid(), 11)", r"erreur \(-11\)"),
    ],
)
def test_a_failing_program_is_told_in_french(tmp_path: Path, body: str, said: str) -> None:
    with pytest.raises(SpeechUnavailable, match=said):
        Pico(a_program(tmp_path, body)).say("bonjour", "fr", Rate.NORMAL)


def test_a_program_that_never_ends_is_stopped_with_what_it_started(tmp_path: Path) -> None:
    program = a_program(
        tmp_path, f"open({str(tmp_path / 'child')!r}, 'w').write(str(os.spawnvp(os.P_NOWAIT, 'sleep', ['sleep', '600'])))\ntime.sleep(600)"
    )

    with pytest.raises(SpeechUnavailable, match=r"n'a pas fini sa phrase en 1\.5 secondes"):
        Pico(program, patience=1.5).say("bonjour", "fr", Rate.NORMAL)

    child = int((tmp_path / "child").read_text("utf-8"))
    until = time.monotonic() + 5
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE and time.monotonic() < until:
        time.sleep(0.02)
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


def test_the_best_installed_voice_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fr.onnx").write_bytes(b"a model")
    program = a_program(tmp_path, "")
    plain = TelephonySettings(_env_file=None, piper="", voices="")

    assert names(installed(plain))[-1] == "espeak-ng"
    assert names(installed(TelephonySettings(_env_file=None, piper=program, voices=str(tmp_path))))[0] == "piper"
    with pytest.raises(SpeechUnavailable, match="TELEPHONY_VOICES"):
        installed(TelephonySettings(_env_file=None, piper=program, voices=str(tmp_path / "nowhere")))
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    with pytest.raises(SpeechUnavailable, match="installez le paquet espeak-ng"):
        installed(plain)


def names(speakers: tuple[Speaker, ...]) -> list[str]:
    return [speaker.name for speaker in speakers]
