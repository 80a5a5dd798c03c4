"""The whole command, on a few fiches and a few questions: what it prints, what it writes, what it refuses."""

from __future__ import annotations

import json
import re
import shutil
from contextlib import nullcontext
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from bot.evaluation import questions
from bot.evaluation.page import html
from bot.evaluation.report import FORMAT, PARTS, Evaluation, Report
from bot.evaluation.tables import Part, Table
from knowledge.clock import now
from knowledge.database import session
from knowledge.loading import load
from knowledge.settings import settings
from tests.bot.conftest import Run

Row = dict[str, Any]
KEPT = "cg-"
"""How the identifiers of the fiches kept begin: those of the vehicle registration certificate."""
HOSTILE = "<script>alert('x')</script> carte grise perdue & volée"
CITIZENS: list[Row] = [
    {"query": "ma carte grise est perdue je fais quoi", "relevant": ["F1726"], "kind": "courant", "part": "tuned"},
    {"query": "changer adresse carte grise", "relevant": ["F12118"], "kind": "mots-cles", "part": "aside"},
    {"query": HOSTILE, "relevant": ["F1726"], "kind": "courant", "part": "aside"},
    {"query": "acheter une voiture d'occasion les papiers", "relevant": ["F1050"], "kind": "courant", "part": "tuned"},
]
NATURES: list[Row] = [
    {"query": "il y a le feu chez moi", "nature": "emergency", "emergency": 18, "expected": "reply", "part": "tuned"},
    {"query": "où en est mon dossier de carte grise", "nature": "personal_file", "expected": "handover", "part": "aside"},
    {"query": "où en est ma demande de carte grise", "nature": "personal_file", "expected": "handover", "service": "pan", "part": "tuned"},
    {"query": "quel temps fera-t-il demain", "nature": "out_of_scope", "expected": "decline", "part": "aside"},
]
FOLLOWUPS: list[Row] = [{"turns": ["changer adresse carte grise", "et combien ça coûte"], "relevant_last": ["F12118"], "part": "aside"}]
FOREIGN: list[Row] = [{"query": "I lost my vehicle registration certificate", "relevant": ["F1726"], "lang": "en", "part": "aside"}]


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The content with the fiches of one subject only."""
    content = tmp_path_factory.mktemp("few") / "content"
    shutil.copytree(settings().content, content, ignore=_others)
    for file in content.glob("fiches/*/*.md"):  # their neighbours of other subjects are not there
        file.write_text(re.sub("^related: .*\n", "", file.read_text("utf-8"), flags=re.MULTILINE), "utf-8")
    return content


def _others(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name.endswith(".md") and not name.startswith(KEPT)] if "fiches" in folder else []


@pytest.fixture
def over_few(engine: Engine, few: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command over the database of those fiches; of the examples of natures kept aside, one in fifty is asked."""
    with session(engine) as opened:
        load(opened, few)
    some = questions.examples()[::50]
    monkeypatch.setattr(questions, "examples", lambda: some)
    return run


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    folder = tmp_path / "sets"
    folder.mkdir()
    for name, rows in {"citizens": CITIZENS, "natures": NATURES, "followups": FOLLOWUPS, "foreign": FOREIGN}.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return folder


def numbers(written: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(written.read_text("utf-8"))
    return found


def cells(report: dict[str, Any], part: str, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = report["parts"][part]["tables"][table]["rows"]
    return found


# --- The report ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_one_command_measures_everything_and_writes_it_twice(
    over_few: Run, sets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    as_json, as_html = tmp_path / "report.json", tmp_path / "report.html"

    assert over_few("evaluate", "--sets", sets, "--json", as_json, "--html", as_html) == 0

    printed, report = capsys.readouterr().out, numbers(as_json)
    assert report["format"] == FORMAT and list(report["parts"]) == list(PARTS)
    assert report["sets"]["citizens"] == {"tuned": 2, "aside": 2} and report["sets"]["phrasings"]["aside"] > 20
    systems = {row["system"] for row in cells(report, "systems", "systems")}
    assert systems == {"Accueil", "bm25s", "n-grams + LR", "Rasa DIET"}
    assert "Rasa DIET: not measured, give its answers with --rasa FILE." in " ".join(printed.split())
    assert {row["system"]: row["memory"]["value"] for row in cells(report, "speed", "speed") if "memory" in row}["Accueil"] > 50
    assert {row["noise"] for row in cells(report, "robustness", "losses")} >= {"missing accents", "two questions in one"}
    for part in report["parts"].values():
        assert part["title"] in printed and part["title"] in as_html.read_text("utf-8")


def test_every_figure_has_its_interval_and_its_number(over_few: Run, sets: Path, tmp_path: Path) -> None:
    over_few("evaluate", "--sets", sets, "--part", "natures", "conversations", "--json", tmp_path / "report.json")

    report = numbers(tmp_path / "report.json")
    assert list(report["parts"]) == ["natures", "conversations"]
    rows = {row["key"]: row for row in cells(report, "natures", "grave")}
    assert rows["emergency"]["tuned"] == {"value": 1.0, "low": pytest.approx(0.2065, abs=1e-4), "high": 1.0, "n": 1, "unit": "share"}
    assert rows["emergency"]["aside"] == {"value": None, "low": None, "high": None, "n": 0, "unit": "share"}
    assert rows["personal_answered"]["aside"]["value"] == 0.0


def test_the_file_of_figures_holds_no_word_of_a_question(over_few: Run, sets: Path, tmp_path: Path) -> None:
    over_few("evaluate", "--sets", sets, "--part", "risk", "natures", "--json", tmp_path / "report.json")

    written = (tmp_path / "report.json").read_text("utf-8")
    assert not [row["query"] for row in (*CITIZENS, *NATURES) if row["query"] in written]


def test_the_page_escapes_what_people_write_and_runs_nothing(over_few: Run, sets: Path, tmp_path: Path) -> None:
    over_few("evaluate", "--sets", sets, "--part", "risk", "--html", tmp_path / "report.html")
    worst = Table("worst", "Worst", {"question": HOSTILE}, [{"question": HOSTILE}], verbatim=True)
    report = Report(now(), "embedded", 1, 1, 0, {HOSTILE: {"tuned": 1, "aside": 0}}, (Part("ranks", HOSTILE, HOSTILE, (worst,)),))

    hostile = html(report)
    for page in (hostile, (tmp_path / "report.html").read_text("utf-8")):
        seen = Tags()
        seen.feed(page)
        assert "script" not in seen.names and not seen.loaded
    assert hostile.count("&lt;script&gt;") == 6


class Tags(HTMLParser):
    """The elements of a page, and what they would load or run."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.loaded += [f"{name}={value}" for name, value in attrs if name == "src" or name.startswith("on")]
        self.loaded += [f"{name}={value}" for name, value in attrs if name == "href" and not str(value).startswith("#")]


# --- What it stands on ---------------------------------------------------------------------------------------------------


def test_a_phrasing_kept_aside_is_asked_to_an_index_that_never_met_it(over_few: Run, engine: Engine) -> None:
    from bot.assistant import Assistant

    catalogue = Assistant.from_settings().catalogue
    evaluation = Evaluation.of(catalogue, (), {}, None, lambda _title: nullcontext(lambda _done, _total: None))

    known = {text for fiche in evaluation.unread.catalogue.fiches.values() for texts in fiche.questions.values() for text in texts}
    aside = evaluation.sets["phrasings"]
    assert aside and not known & {one.text for one in aside}
    assert all(one.part == "aside" for one in aside)
    met = {text for fiche in evaluation.assistant.catalogue.fiches.values() for texts in fiche.questions.values() for text in texts}
    assert {one.text for one in aside} < met


def test_the_answers_of_rasa_stand_beside_ours(over_few: Run, sets: Path, tmp_path: Path) -> None:
    rasa = {"system": "Rasa DIET", "version": "3.6.21", "seconds_training": 137, "turns_per_second": 40, "memory_mb": 900}
    answers = {"citizens": [["cg-perte-vol"], [], ["cg-perte-vol"], ["inconnue", "cg-perte-vol"]]}
    (tmp_path / "rasa.json").write_text(json.dumps({**rasa, "answers": answers}), "utf-8")

    assert (
        over_few("evaluate", "--sets", sets, "--part", "systems", "--rasa", tmp_path / "rasa.json", "--json", tmp_path / "report.json") == 0
    )

    rows = {(row["set"], row["system"]): row for row in cells(numbers(tmp_path / "report.json"), "systems", "systems")}
    assert rows["citizens", "Rasa DIET 3.6.21"]["aside_rank_1"]["value"] == 0.5
    assert rows["foreign", "Rasa DIET 3.6.21"]["aside_rank_1"] is None


# --- Refusals ------------------------------------------------------------------------------------------------------------


def test_without_its_questions_it_says_where_they_are(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("evaluate", "--sets", tmp_path) == 2

    assert "--sets DOSSIER" in capsys.readouterr().err


def test_an_unknown_part_is_refused_with_those_that_exist(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("evaluate", "--part", "ranks", "beauty") == 2

    assert "beauty" in (said := capsys.readouterr().out) and "robustness" in said


@pytest.mark.parametrize("line", ['{"part": "aside"}', "[1]", "{", '{"query": "x", "part": "seen"}', '{"query": "x", "nature": "odd"}'])
def test_a_damaged_line_is_told_by_its_file_and_number(line: str, tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "citizens.jsonl").write_text(f"{json.dumps(CITIZENS[0])}\n{line}\n", "utf-8")

    assert run("evaluate", "--sets", tmp_path) == 1

    assert "citizens.jsonl, ligne 2" in capsys.readouterr().err


def test_a_development_folder_that_is_not_whole_names_what_is_missing(
    run: Run, sets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("evaluate", "--sets", sets, "--questions", tmp_path) == 2

    assert "usager.jsonl" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content", ["{}", "[]", '{"answers": {"citizens": [["cg-perte-vol"]]}, "system": "Rasa DIET", "seconds_training": 1}']
)
def test_answers_of_rasa_that_do_not_fit_are_refused(
    content: str, over_few: Run, sets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rasa.json").write_text(content, "utf-8")

    assert over_few("evaluate", "--sets", sets, "--part", "systems", "--rasa", tmp_path / "rasa.json") == 1

    assert "rasa" in capsys.readouterr().err.lower()


def test_our_own_sets_are_where_the_command_looks_for_them() -> None:
    assert {"citizens", "foreign", "followups", "natures"} <= questions.own(questions.OWN).keys()
