"""`python -m bot ask`: a question at the keyboard, or a file of questions in the stable shape that others measure through."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from bot import journal
from bot.__main__ import main
from bot.assistant import Assistant
from bot.commands.ask import batch
from bot.errors import BatchRefused
from knowledge import database
from knowledge.database import reading
from tests.bot.conftest import Run

KEYS = [
    "id",
    "decision",
    "nature",
    "emergency",
    "competent",
    "language",
    "service",
    "confidence",
    "text",
    "candidates",
    "latency_ms",
]
LOST_CARD = "J'ai perdu ma carte d'identité, que faire ?"
Ask = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def ask(assistant: Assistant) -> Ask:
    """The rows that answer the given rows."""

    def ask(*rows: object) -> list[dict[str, Any]]:
        lines = b"\n".join(json.dumps(row).encode() for row in rows)
        return list(batch(assistant, io.BytesIO(lines)))

    return ask


@pytest.fixture
def run_stocked(stocked: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run a command over the real content."""
    monkeypatch.setattr(database, "default_engine", lambda: stocked)
    yield lambda *arguments: main([str(argument) for argument in arguments])


def test_a_question_gets_one_row_with_exactly_the_keys_of_the_interface(ask: Ask) -> None:
    (row,) = ask({"id": "q1", "query": LOST_CARD, "channel": "chat"})

    assert list(row) == KEYS
    assert (row["id"], row["decision"], row["nature"], row["language"], row["service"]) == ("q1", "reply", "general", "fr", "citoyennete")
    assert row["emergency"] is None
    assert 0 < row["confidence"] <= 1
    assert row["latency_ms"] > 0
    assert json.loads(json.dumps(row)) == row


def test_candidates_are_ten_at_most_best_first_whatever_the_decision(ask: Ask) -> None:
    rows = ask(*({"id": query, "query": query} for query in (LOST_CARD, "bonjour", "où en est mon dossier", "ma fille ne respire plus")))

    for row in rows:
        candidates = row["candidates"]
        assert 1 <= len(candidates) <= 10
        assert [candidate["score"] for candidate in candidates] == sorted((candidate["score"] for candidate in candidates), reverse=True)
        assert all(list(candidate) == ["fiche", "service_public", "url", "score"] for candidate in candidates)
    first = rows[0]["candidates"][0]
    assert first["fiche"] == "cni-perte"
    assert "F1344" in first["service_public"]


def test_emergency_and_competent_are_told_only_when_they_apply(ask: Ask) -> None:
    emergency, other, neither = ask(
        {"id": 1, "query": "il y a le feu dans mon immeuble"},
        {"id": 2, "query": "demander une allocation à la CAF"},
        {"id": 3, "query": "bonjour"},
    )

    assert emergency["emergency"] == "18"
    assert "allocations familiales" in other["competent"]
    assert (neither["emergency"], neither["competent"]) == (None, None)


def test_a_conversation_gets_one_row_a_turn_numbered_from_one(ask: Ask) -> None:
    rows = ask({"id": "c1", "turns": [LOST_CARD, "et pour mon fils mineur ?"]}, {"id": "q2", "query": "bonjour"})

    assert [(row["id"], row.get("turn")) for row in rows] == [("c1", 1), ("c1", 2), ("q2", None)]
    assert list(rows[0]) == ["id", "turn", *KEYS[1:]]
    assert any((candidate["fiche"] or "").startswith("cni") for candidate in rows[1]["candidates"][:3])


def test_conversations_do_not_leak_into_one_another(ask: Ask) -> None:
    alone, after = (
        ask({"id": 1, "query": "et pour un mineur ?"})[0],
        ask({"id": 0, "turns": [LOST_CARD]}, {"id": 1, "query": "et pour un mineur ?"})[1],
    )

    assert {**alone, "latency_ms": 0} == {**after, "latency_ms": 0}


def test_the_channel_is_that_of_the_line(ask: Ask) -> None:
    chat, mail = ask({"id": 1, "query": LOST_CARD}, {"id": 2, "query": LOST_CARD, "channel": "mail"})

    assert len(mail["text"]) > len(chat["text"])


def test_a_line_without_identifier_takes_its_number_and_blank_lines_are_skipped(assistant: Assistant) -> None:
    rows = list(batch(assistant, io.BytesIO(b'\n{"query": "bonjour"}\n\n   \n{"query": "merci"}\n')))

    assert [row["id"] for row in rows] == [2, 5]


@pytest.mark.parametrize(
    "line",
    [
        "pas du JSON",
        "[]",
        '"bonjour"',
        "{}",
        '{"id": 1}',
        '{"id": 1, "query": 3}',
        '{"id": 1, "query": null}',
        '{"id": 1, "turns": "bonjour"}',
        '{"id": 1, "turns": ["bonjour", 2]}',
        '{"id": 1, "turns": 4}',
        '{"id": 1, "query": "x", "channel": "fax"}',
        '{"id": 1, "query": "\\ud800"}',
    ],
)
def test_a_line_of_another_shape_is_refused_with_its_number(assistant: Assistant, line: str) -> None:
    with pytest.raises(BatchRefused, match=r"^Ligne 2 : .*Attendu"):
        list(batch(assistant, io.BytesIO(f'{{"id": 0, "query": "bonjour"}}\n{line}\n'.encode())))


def test_a_file_is_answered_line_by_line_on_the_output(run_stocked: Run, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text('{"id": "a", "query": "bonjour"}\n{"id": "b", "turns": ["bonjour", "merci"]}\n', "utf-8")

    assert run_stocked("ask", "--batch", file) == 0

    rows = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    assert [(row["id"], row.get("turn")) for row in rows] == [("a", None), ("b", 1), ("b", 2)]


def test_a_bad_line_ends_the_command_with_its_number(run_stocked: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text("{\n", "utf-8")

    assert run_stocked("ask", "--batch", file) == 1
    assert "Ligne 1" in capsys.readouterr().err


def test_the_sheets_of_a_corpus_are_candidates_for_that_run_only(
    run_stocked: Run, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    corpus, file = tmp_path / "corpus.jsonl.gz", tmp_path / "questions.jsonl"
    sheet = {
        "id": "F99999",
        "title": "Élevage de lamas en montagne",
        "theme": "Loisirs > Lamas",
        "intro": "L'élevage de lamas est déclaré.",
        "sections": [{"title": "Où", "text": "En mairie."}],
        "url": "https://www.service-public.gouv.fr/particuliers/vosdroits/F99999",
        "date": "2026-01-02",
    }
    corpus.write_bytes(gzip.compress(json.dumps(sheet).encode()))
    file.write_text('{"id": 1, "query": "élevage de lamas en montagne"}\n', "utf-8")

    def sheets() -> set[str]:
        (line,) = capfdbinary.readouterr().out.splitlines()
        return {number for candidate in json.loads(line)["candidates"] for number in candidate["service_public"]}

    assert run_stocked("ask", "--batch", file, "--corpus", corpus) == 0
    assert "F99999" in sheets()
    assert run_stocked("ask", "--batch", file) == 0
    assert "F99999" not in sheets()


def test_a_missing_corpus_or_file_is_told_in_one_line(run_stocked: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_stocked("ask", "bonjour", "--corpus", tmp_path / "absent.jsonl.gz") == 1
    assert "n'existe pas" in capsys.readouterr().err
    assert run_stocked("ask", "--batch", tmp_path / "absent.jsonl") == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_question_at_the_keyboard_is_answered_and_explained(run_stocked: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_stocked("ask", LOST_CARD, "--explain") == 0

    told = capsys.readouterr().out
    for shown in ("cni-perte", "nature general", "décision : reply (sure)", "F1344", "[fixed notice]"):
        assert shown in told


def test_asking_nothing_is_a_wrong_use(run_stocked: Run) -> None:
    assert run_stocked("ask") == 2


def test_nothing_asked_from_the_keyboard_is_kept(run_stocked: Run, stocked: Engine) -> None:
    with reading(stocked) as opened:
        before = journal.count(opened)

    run_stocked("ask", "bonjour")

    with reading(stocked) as opened:
        assert journal.count(opened) == before


@pytest.mark.parametrize("command", [("ask", "bonjour"), ("train",)])
def test_an_empty_database_says_what_to_run(run: Run, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]) -> None:
    assert run(*command) == 1
    assert "python -m knowledge load" in capsys.readouterr().err
