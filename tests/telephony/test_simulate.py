"""`python -m telephony check` and `simulate`: the shipped script, reread and lived in the terminal."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import pytest

from telephony.__main__ import main
from tests.knowledge.scripts.builders import a_script

OPEN = ["--at", "2026-11-24T10:00"]
NIGHT = ["--at", "2026-11-24T21:00"]

Lines = list[str]


def simulate(capsys: pytest.CaptureFixture[str], *arguments: str) -> Lines:
    """What is printed, when all goes well."""
    capsys.readouterr()
    assert main(["simulate", *arguments]) == 0
    return capsys.readouterr().out.splitlines()


# --- check ---------------------------------------------------------------------------------------------------------------


def test_the_shipped_script_is_accepted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--day", "2026-11-24"]) == 0
    assert "Aucun refus." in capsys.readouterr().out


def test_a_refused_script_is_told_with_its_line_and_its_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "essai.yml"
    file.write_text(a_script().changed("carte", fiche="carte-perdue").text(), "utf-8")
    line = file.read_text("utf-8").split("\n").index("    fiche: carte-perdue") + 1

    assert main(["check", "--script", str(file), "--day", "2026-11-24"]) == 1
    out = capsys.readouterr().out
    assert f"[fiche] essai.yml:{line} — carte : la fiche « carte-perdue » n'existe pas ou n'est pas publiée → publiez-la" in out
    assert "Accueil de la préfecture : 1 refus." in out


def test_a_refused_script_is_not_played(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "essai.yml"
    file.write_text(a_script().changed("agent", service="travaux").text(), "utf-8")

    assert main(["simulate", "--script", str(file), "--keys", "1", *OPEN]) == 1
    assert "corrigez le script" in capsys.readouterr().err


def test_a_file_that_does_not_exist_is_said_in_french(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--script", "absent.yml"]) == 1
    assert "absent.yml:1 — fichier illisible" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--keys", "1,x"], "« x » n'est pas une touche"),
        (["--at", "demain"], "« demain » n'est pas une date et une heure"),
        (["--language", "it", "--keys", ""], "n'est pas une langue de ce script : choisissez parmi fr, en"),
    ],
)
def test_wrong_usage_is_said_in_french(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = main(["simulate", *arguments])
    except SystemExit as ended:
        code = int(ended.code or 0)
    assert code == 2
    assert said in capsys.readouterr().err


# --- simulate ------------------------------------------------------------------------------------------------------------


def test_an_english_caller_asks_for_a_person(capsys: pytest.CaptureFixture[str]) -> None:
    lines = simulate(capsys, "--keys", "2,1,0", *OPEN)
    announce = lines.index("  I am transferring your call to the switchboard of the préfecture.")

    assert lines[:3] == ["[bonjour · fr]", "  Bonjour, vous êtes à la préfecture du Val-d'Ambre.", "[langues · fr]"]
    assert "  An automatic assistant is answering you." in lines
    assert lines[announce:] == [
        "  I am transferring your call to the switchboard of the préfecture.",
        "  Thank you for your patience.",
        "  Please hold, you keep your place.",
        "→ attend : file de standard, 300 s, 10 personnes au plus",
        "> une personne répond",
        "■ fin de l'appel",
    ]


def test_the_language_chosen_beforehand_takes_no_key(capsys: pytest.CaptureFixture[str]) -> None:
    french = simulate(capsys, "--language", "fr", "--keys", "1,1", *OPEN)
    english = simulate(capsys, "--language", "en", "--keys", "1,1", *OPEN)

    assert "[carte_identite · fr]" in french
    assert "[carte_identite · en]" in english


def test_a_silent_caller_reaches_the_switchboard(capsys: pytest.CaptureFixture[str]) -> None:
    lines = simulate(capsys, "--keys", ",,", *OPEN)

    assert lines.count("> silence") == 3
    assert "  Je transfère votre appel vers le standard de la préfecture." in lines


def test_at_night_the_hours_are_said_and_answers_and_call_backs_are_still_offered(capsys: pytest.CaptureFixture[str]) -> None:
    lines = simulate(capsys, "--language", "fr", "--keys", "3,1,5,1", *NIGHT)

    assert "  Nos bureaux sont fermés en ce moment." in lines
    assert "  Le service des titres de séjour répond du lundi au vendredi de 9 h à 12 h." in lines
    assert "● note le numéro pour migrations" in lines
    assert not any(line.startswith("→") for line in lines)


def test_a_public_holiday_is_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    assert "  Nos bureaux sont fermés aujourd'hui." in simulate(capsys, "--language", "fr", "--keys", "1", "--at", "2026-11-11T10:00")


def test_a_full_queue_offers_a_call_back_and_a_masked_number_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    lines = simulate(capsys, "--language", "fr", "--keys", "3,1,5,p,1,m,1", *OPEN)

    assert "  Beaucoup de personnes attendent déjà pour le service des titres de séjour." in lines
    assert "  Votre numéro est masqué : nous ne pouvons pas le noter." in lines
    assert "● enregistre un message pour standard" in lines
    assert lines[-1] == "■ fin de l'appel"


def test_a_line_that_nobody_answers_offers_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    lines = simulate(capsys, "--language", "fr", "--keys", "2,1,5,n,2", *OPEN)

    assert "→ sonne : permis, poste 1040, 25 s" in lines
    assert "  Le service des permis de conduire n'a pas pu prendre votre appel." in lines
    assert "● enregistre un message pour permis" in lines


def test_a_crisis_message_then_a_forced_closure_come_first(capsys: pytest.CaptureFixture[str]) -> None:
    lines = simulate(capsys, "--crisis", "Une crue arrive. Montez à l'étage.", "--closed", "--keys", "", *OPEN)

    assert lines[1:4] == ["  Une crue arrive.", "  Montez à l'étage.", "  La préfecture est fermée de façon exceptionnelle."]
    assert lines[-1] == "■ fin de l'appel"


def test_keys_have_no_effect_while_a_department_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    lines = simulate(capsys, "--language", "fr", "--keys", "2,1,5,#,n,", *OPEN)

    assert lines.count("→ sonne : permis, poste 1040, 25 s") == 2
    assert "> personne ne répond" in lines


def test_slower_says_the_same_menu_again(capsys: pytest.CaptureFixture[str]) -> None:
    lines = simulate(capsys, "--language", "fr", "--keys", "9,1", *OPEN)

    assert "[menu_principal · fr · lentement]" in lines
    assert "[menu_identite · fr · lentement]" in lines


SUBJECTS = {
    "identity card": "1,1",
    "passport": "1,2",
    "driving licence": "2,1,1",
    "vehicle registration": "2,2,1",
    "residence permit": "3,1,1",
    "naturalisation": "3,2,1",
    "appointment": "4,1,1",
    "hours": "4,2",
    "access": "4,3",
    "follow a file": "4,4",
    "elections": "4,5,1",
    "association": "4,5,2",
    "complaint": "4,5,4",
}


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("keys", SUBJECTS.values(), ids=SUBJECTS)
def test_each_subject_is_answered_in_three_keys_at_most(keys: str, language: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = simulate(capsys, "--language", language, "--keys", keys, *OPEN)
    headings = [line for line in lines if line.startswith("[")]

    assert keys.count(",") < 3
    assert Counter(headings)[headings[-1]] == 2  # the answer, then the menu it came from
    assert not any(line.startswith("→") for line in lines)


def test_a_person_at_the_keyboard_presses_the_keys(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal("\nA\n2\nq\n"))
    lines = simulate(capsys, *OPEN)

    assert any("p : la file est pleine" in line for line in lines)
    assert "[menu_route · fr]" in lines
    assert lines[-1].endswith("… l'appelant ne fait plus rien")
