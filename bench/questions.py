"""The sets of questions: the development sample (by path) and the project's own, whose half is never tuned on."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

OWN = Path(__file__).parent.parent / "tests" / "questions"


@dataclass(frozen=True)
class Asked:
    """One question and what is expected of it."""

    text: str
    relevant: frozenset[str] = frozenset()
    kind: str = ""
    nature: str = ""
    expected: str = "any"
    emergency: str | None = None
    part: str = "tuned"
    """`tuned` or `aside`: looked at while tuning, or never."""
    turns: tuple[str, ...] = ()


def read(path: Path, part: str = "tuned") -> list[Asked]:
    """The questions of a JSON-lines file; `part` is used for those that do not say theirs."""
    if not path.is_file():
        refuse(f"Missing questions: {path}. Give the folder of the development questions with --questions FOLDER.")
    found = []
    for line in path.read_text("utf-8").splitlines():
        if line.strip():
            row = json.loads(line)
            turns = tuple(row.get("turns", ()))
            found.append(
                Asked(
                    text=row.get("query") or turns[-1],
                    relevant=frozenset(row.get("relevant") or row.get("relevant_last") or ()),
                    kind=row.get("lang") or row.get("kind", ""),
                    nature=row.get("nature", ""),
                    expected=row.get("expected", "any"),
                    emergency=str(row["emergency"]) if row.get("emergency") else None,
                    part=row.get("part", part),
                    turns=turns,
                )
            )
    return found


def refuse(message: str) -> NoReturn:
    """Stop with one clear line."""
    sys.stderr.write(message + "\n")
    raise SystemExit(2)
