"""`ask`: put a question to the assistant from the command line, or a file of questions. Nothing is kept in the journal."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import IO, Any

import orjson

from bot.assistant import Assistant
from bot.errors import BatchRefused
from bot.messages import Answer, Channel, Context, Handover, Question, Reply
from knowledge.commands import Subparsers
from knowledge.commands.screen import counted, say
from knowledge.database import require_schema


def register(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "ask",
        help="poser une question",
        description="Pose une question à l'assistant, ou un fichier de questions (une par ligne, JSON). Rien n'est gardé dans le journal.",
    )
    parser.add_argument("question", nargs="?", metavar="QUESTION", help="la question, entre guillemets")
    parser.add_argument(
        "--channel", type=Channel, choices=list(Channel), default=Channel.CHAT, metavar="CANAL", help="chat, phone, mail ou desk"
    )
    parser.add_argument("--explain", action="store_true", help="montrer l'interprétation, les candidats et la décision")
    parser.add_argument(
        "--batch", type=Path, metavar="FICHIER.jsonl", help='une question par ligne : {"id", "query" ou "turns", "channel"}'
    )
    parser.add_argument("--corpus", type=Path, metavar="CORPUS.jsonl.gz", help="ajouter ces fiches officielles à l'index, pour cette fois")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    if not arguments.question and not arguments.batch:
        say("Écrivez une question entre guillemets, ou --batch FICHIER.jsonl.")
        return 2
    assistant = load(arguments.corpus)
    if arguments.batch:
        source = nullcontext(sys.stdin.buffer) if str(arguments.batch) == "-" else arguments.batch.open("rb")
        with source as lines:
            for result in batch(assistant, lines):
                sys.stdout.buffer.write(orjson.dumps(result) + b"\n")
        sys.stdout.buffer.flush()
        return 0
    _show(assistant.answer(Question(arguments.question, arguments.channel)), arguments.explain)
    return 0


def load(corpus: Path | None = None) -> Assistant:
    """The assistant of this installation, with the sheets of `corpus` in its index for this run only.

    Raises:
        DatabaseUnready: the database is not that of this program.
        IndexMissing: the corpus cannot be read.
        NothingToAnswerWith: no fiche is published.
    """
    require_schema()
    with counted("Index de recherche") as step:
        assistant = Assistant.from_settings(progress=step)
    if corpus is None:
        return assistant
    from knowledge.indexing import corpus as read_corpus

    sheets = read_corpus(corpus)
    with counted("Index avec le corpus") as step:
        return Assistant.over(assistant.catalogue.with_sheets(sheets, step), assistant.clock)


def batch(assistant: Assistant, lines: IO[bytes]) -> Iterator[dict[str, Any]]:
    """Answers of a batch file, one object a question, one per turn for conversations.

    Raises:
        BatchRefused: a line is not of the expected shape; its number is said.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = orjson.loads(line)
            channel = Channel(row.get("channel") or "chat")
            identifier = row.get("id", number)
            texts = [row["query"]] if "query" in row else list(row["turns"])
            if not all(isinstance(text, str) for text in texts) or isinstance(row.get("turns"), str):
                raise TypeError("une question n'est pas un texte, ou « turns » n'est pas une liste")
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise BatchRefused(
                f'Ligne {number} : {error}. Attendu : {{"id": …, "query": "…"}} ou {{"id": …, "turns": ["…", "…"]}}.'
            ) from error
        context = Context()
        for turn, text in enumerate(texts, start=1):
            answer = assistant.answer(Question(text, channel), context, turn)
            yield as_row(identifier, turn if "turns" in row else None, answer)
            context = context.after(text, answer)


def as_row(identifier: object, turn: int | None, answer: Answer) -> dict[str, Any]:
    """One answer in the stable shape that others measure through."""
    understood = answer.interpretation
    return {
        "id": identifier,
        **({"turn": turn} if turn is not None else {}),
        "decision": answer.decision.value,
        "nature": understood.nature.value,
        "emergency": understood.emergency,
        "competent": understood.competent,
        "language": understood.language,
        "service": answer.service,
        "confidence": understood.confidence,
        "text": answer.text,
        "candidates": [
            {"fiche": candidate.fiche, "service_public": list(candidate.service_public), "url": candidate.url, "score": candidate.score}
            for candidate in understood.candidates
        ],
        "latency_ms": round(answer.latency_ms, 3),
    }


def _show(answer: Answer, explain: bool) -> None:
    for sentence in answer.sentences:
        origin = sentence.provenance
        version = f" v{origin.version}" if origin.version else ""
        section = f" {origin.section}" if origin.section else ""
        say(sentence.text + (f"   [{origin.source.value} {origin.reference}{version}{section}]" if explain else ""))
    for choice in (*getattr(answer, "choices", ()), *getattr(answer, "suggestions", ())):
        say(f"  → {choice.label}")
    if isinstance(answer, Reply):
        for source in answer.sources:
            say(f"  {source.rubric} — {source.url}")
    if isinstance(answer, Handover) and explain:
        say(f"  contexte transmis : {answer.context}")
    if not explain:
        return
    understood = answer.interpretation
    say(f"\nlu : {understood.text}")
    service = answer.service or "—"
    say(f"langue {understood.language} · nature {understood.nature} · confiance {understood.confidence:.2f} · service {service}")
    for line in understood.explanation:
        say(line)
    for candidate in understood.candidates:
        say(f"  {candidate.score:.3f}  {candidate.fiche or '—':32} {','.join(candidate.service_public):24} {candidate.title}")
    say(f"décision : {answer.decision} ({answer.reason}) en {answer.latency_ms:.1f} ms")
