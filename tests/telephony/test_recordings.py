"""Sentences recorded by a person: accepted, refused with a remedy, or out of date."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from telephony.speech import sound
from telephony.speech.prompts import Prompt, Prompts
from telephony.speech.pronunciation import Pronunciation
from telephony.speech.recordings import Recordings
from telephony.speech.voices import Espeak, Rate

SENTENCE = "Bonjour, vous êtes à la préfecture du Val-d'Ambre."
STUDIO_RATE = 48_000


def a_voice(seconds: float = 2.0, height: float = 0.3) -> NDArray[np.float64]:
    """Something like a voice: a hum whose level moves."""
    at = np.arange(round(STUDIO_RATE * seconds)) / STUDIO_RATE
    return np.asarray(height * np.sin(2 * np.pi * 180 * at) * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * at)))


def a_recording(
    folder: Path, name: str = "accueil", said: NDArray[np.float64] | None = None, width: int = 3, channels: int = 2, **sidecar: str
) -> Path:
    """A studio file (48 kHz, stereo, 24 bits) and its sidecar."""
    folder.mkdir(parents=True, exist_ok=True)
    samples = np.repeat(a_voice() if said is None else said, channels)
    whole = np.clip(samples * 2 ** (8 * width - 1), -(2 ** (8 * width - 1)), 2 ** (8 * width - 1) - 1).astype("<i4")
    with wave.open(str(folder / f"{name}.wav"), "wb") as opened:
        opened.setnchannels(channels)
        opened.setsampwidth(width)
        opened.setframerate(STUDIO_RATE)
        opened.writeframes(whole.view(np.uint8).reshape(-1, 4)[:, :width].tobytes())
    written = {"sentence": f'"{SENTENCE}"', "language": "fr", "speaker": "Camille Martin", "recorded_on": "2026-11-20", **sidecar}
    (folder / f"{name}.yml").write_text("".join(f"{key}: {value}\n" for key, value in written.items()), "utf-8")
    return folder / f"{name}.wav"


def prompts_of(tmp_path: Path) -> Prompts:
    return Prompts(tmp_path / "sounds", (Espeak(),), Pronunciation({}), Recordings.read(tmp_path / "recordings"))


@pytest.mark.parametrize(("width", "channels"), [(2, 1), (2, 2), (3, 2), (4, 1)])
def test_a_recorded_sentence_is_heard_instead_of_the_voice(tmp_path: Path, width: int, channels: int) -> None:
    a_recording(tmp_path / "recordings", width=width, channels=channels)
    prompts = prompts_of(tmp_path)
    prompt = Prompt(f"  {SENTENCE.replace(' ', chr(10))} ", "fr")

    (identifier,) = prompts.ensure([prompt]).values()

    assert prompts.recordings.remarks == ()
    assert identifier != prompts.sound_id(prompt, Espeak())
    heard, lent = sound.waved(prompts.load(identifier)), sound.waved(sound.finished(sound.for_the_line(a_voice(), STUDIO_RATE)))
    assert len(heard) == len(lent)
    assert np.corrcoef(heard, lent)[0, 1] > 0.99
    assert prompts.recordings.outdated([(SENTENCE, "fr")]) == ()


def test_another_sentence_language_or_rate_is_said_by_the_voice(tmp_path: Path) -> None:
    a_recording(tmp_path / "recordings")
    prompts = prompts_of(tmp_path)

    for prompt in (Prompt(f"{SENTENCE} Bienvenue.", "fr"), Prompt(SENTENCE, "en"), Prompt(SENTENCE, "fr", Rate.SLOW)):
        assert prompts.ensure([prompt]) == {prompt: prompts.sound_id(prompt, Espeak())}


def test_a_new_recording_of_the_same_sentence_is_another_file(tmp_path: Path) -> None:
    a_recording(tmp_path / "recordings")
    (before,) = prompts_of(tmp_path).ensure([Prompt(SENTENCE, "fr")]).values()
    a_recording(tmp_path / "recordings", said=a_voice(1.5))
    (after,) = prompts_of(tmp_path).ensure([Prompt(SENTENCE, "fr")]).values()

    assert before != after


def test_when_the_sentence_changes_the_team_is_told_and_the_voice_says_the_new_one(tmp_path: Path) -> None:
    a_recording(tmp_path / "recordings")
    prompts = prompts_of(tmp_path)
    now = Prompt("Bonjour, vous êtes à la préfecture de la Brune.", "fr")

    assert prompts.ensure([now]) == {now: prompts.sound_id(now, Espeak())}
    (remark,) = prompts.recordings.outdated([(now.text, "fr"), ("Au revoir.", "fr")])
    assert str(remark).startswith("accueil.yml:1 — la phrase a changé : « Bonjour, vous êtes à la préfecture de la Brune. »")
    assert "enregistrez la nouvelle phrase ou retirez ce fichier" in remark.remedy
    (gone,) = prompts.recordings.outdated([("Au revoir.", "fr"), (SENTENCE, "en")])
    assert "plus aucune phrase" in gone.message


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (a_voice(0.2), "il dure 0.2 s, au lieu de 0.3 à 30 s"),
        (a_voice(31), "il dure 31.0 s"),
        (a_voice(height=2.0), "le son sature"),
        (a_voice(height=0.0001), "on n'y entend rien"),
    ],
)
def test_a_recording_that_callers_would_not_hear_well_is_refused(tmp_path: Path, said: NDArray[np.float64], message: str) -> None:
    a_recording(tmp_path / "recordings", said=said)
    prompts = prompts_of(tmp_path)

    (remark,) = prompts.recordings.remarks
    assert remark.file == "accueil.wav"
    assert message in remark.message
    prompt = Prompt(SENTENCE, "fr")
    assert prompts.ensure([prompt]) == {prompt: prompts.sound_id(prompt, Espeak())}


def test_a_damaged_unnamed_or_unsigned_recording_is_refused_with_a_remedy(tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    for name in ("coupe", "Sans Nom", "sans-fiche", "incomplet", "avant"):
        a_recording(folder, name)
    cut = folder / "coupe.wav"
    cut.write_bytes(cut.read_bytes()[:-1000])
    (folder / "sans-fiche.yml").unlink()
    (folder / "incomplet.yml").write_text(f'sentence: "{SENTENCE}"\nlanguage: fr\nrecorded_on: hier\n', "utf-8")
    a_recording(folder, "z-double", said=a_voice(1.0))

    remarks = {remark.file: remark for remark in Recordings.read(folder).remarks}

    assert "coupé" in remarks["coupe.wav"].message
    assert remarks["Sans Nom.wav"].rule == "nom"
    assert "illisible" in remarks["sans-fiche.yml"].message
    assert "recorded_on" in remarks["incomplet.yml"].message or "speaker" in remarks["incomplet.yml"].message
    assert "déjà enregistrée par avant" in remarks["z-double.yml"].message
    assert all(remark.remedy for remark in remarks.values())
    accepted = Recordings.read(folder).of(SENTENCE, "fr", Rate.NORMAL)
    assert accepted is not None
    assert (accepted.name, accepted.speaker) == ("avant", "Camille Martin")


def test_a_folder_that_does_not_exist_holds_no_recording(tmp_path: Path) -> None:
    recordings = Recordings.read(tmp_path / "nowhere")

    assert recordings.remarks == ()
    assert recordings.of(SENTENCE, "fr", Rate.NORMAL) is None
