"""The sets of questions: the project's own (`tests/questions`), a folder of development questions, and the phrasings kept aside.

Every question is *tuned* (it was looked at while tuning, or may have been) or *aside* (nobody looks at it; it only measures).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot.errors import BatchRefused
from bot.messages import Candidate, Nature
from bot.policy import DECLINED
from bot.training import natures, shares
from knowledge.errors import PartMissing
from knowledge.fiches import PublishedFiche

OWN = Path(__file__).parents[2] / "tests" / "questions"
"""Where the sets stand in a checkout; an installed wheel has none."""
DEVELOPMENT = ("usager", "etranger", "spf_qr", "hors_perimetre")
JUDGED = "_judged"
TUNED, ASIDE = "tuned", "aside"
PARTS = (TUNED, ASIDE)
HANDED_OVER = frozenset({Nature.PERSONAL_FILE, Nature.COMPLAINT, Nature.WANTS_PERSON})
FORBIDDEN = frozenset({"handover", "decline"})
"""What is expected of a question that must not be answered."""


@dataclass(frozen=True)
class Asked:
    """One question and what is expected of it."""

    text: str
    set: str = ""
    relevant: frozenset[str] = frozenset()
    """National sheets and fiches that answer it; the answer is right when it is one of these fiches, or when its fiche, or the sheet
    quoted, stands for one of these sheets."""
    judged: frozenset[str] = frozenset()
    """Of the fiches that several systems proposed, those that a reader who did not know which one accepted; empty when nobody read them."""
    fiche: str | None = None
    """The fiche that answers it, for a phrasing: no other one is right."""
    kind: str = ""
    """How it is written (`sms`, `oral`…), or its language in the sets of foreign languages."""
    nature: str = ""
    expected: str = "any"
    emergency: str | None = None
    service: str | None = None
    """Where the request must be sent."""
    numbers_accepted: frozenset[str] = frozenset()
    """The emergency numbers that readers of the request alone would find right; empty when nobody read it."""
    services_accepted: frozenset[str] = frozenset()
    """The services that such readers would find right."""
    plain: bool = False
    """A general question of every day, which tells nobody's situation."""
    part: str = TUNED
    turns: tuple[str, ...] = ()
    """The whole conversation, this question included; empty when it stands alone."""

    @property
    def covered(self) -> bool:
        """Whether it is known which fiche or sheet answers it."""
        return bool(self.relevant) or self.fiche is not None

    @property
    def forbidden(self) -> bool:
        """Whether it must not be answered."""
        return self.expected in FORBIDDEN

    def is_right(self, candidate: Candidate) -> bool:
        """Whether `candidate` answers it."""
        if self.fiche is not None:
            return candidate.fiche == self.fiche
        return candidate.fiche in self.relevant or not self.relevant.isdisjoint(candidate.service_public)


Sets = Mapping[str, tuple[Asked, ...]]


def teaching(sets: Sets) -> list[Asked]:
    """The questions of people that teach the classifier of intents too (`bot.training.lesson`)."""
    return [one for name in shares.PEOPLE for one in sets.get(name, ()) if one.part == TUNED and one.covered]


def own(folder: Path) -> Sets:
    """Every set of a folder, by the name of its file; and, under its name with `JUDGED`, the questions of which somebody read the answers,
    with what that reader accepts and nothing else.

    Raises:
        PartMissing: the folder holds none.
        BatchRefused: a line cannot be read.
    """
    found = {path.stem: read(path) for path in sorted(folder.glob("*.jsonl"))}
    if not found:
        raise PartMissing(
            f"Aucun jeu de questions dans {folder}. Ils sont dans le dépôt (tests/questions), pas dans le paquet installé : "
            "indiquez leur dossier avec --sets DOSSIER."
        )
    strictly = {
        name: tuple(replace(one, set=name + JUDGED, relevant=one.judged) for one in asked if one.judged) for name, asked in found.items()
    }
    return found | {name + JUDGED: asked for name, asked in strictly.items() if asked}


def development(folder: Path) -> Sets:
    """The sets of the development folder: all of them may have been looked at.

    Raises:
        PartMissing: one of them is absent.
        BatchRefused: a line cannot be read.
    """
    missing = [name for name in DEVELOPMENT if not (folder / f"{name}.jsonl").is_file()]
    if missing:
        raise PartMissing(f"Dans {folder}, il manque {', '.join(f'{name}.jsonl' for name in missing)} : vérifiez --questions DOSSIER.")
    return {name: read(folder / f"{name}.jsonl") for name in DEVELOPMENT}


def phrasings(fiches: Sequence[PublishedFiche]) -> tuple[Asked, ...]:
    """The phrasings that nothing learned from: a fifth of them all."""
    kept = shares.of(fiches, shares.Share.ASIDE)
    return tuple(Asked(text, "phrasings", fiche=fiche.id, kind=language, part=ASIDE) for fiche, language, text in kept)


def examples() -> tuple[Asked, ...]:
    """The examples of natures that nothing learned from: a fifth of `training/natures`, written by those who wrote the others."""
    found = []
    for example in natures.all_examples():
        if example.aside:
            nature, _, number = example.label.partition(" ")
            expected = "decline" if nature in DECLINED else "handover" if nature in HANDED_OVER else "reply"
            found.append(
                Asked(example.text, "examples", kind=example.kind, nature=nature, expected=expected, emergency=number or None, part=ASIDE)
            )
    return tuple(found)


def read(path: Path) -> tuple[Asked, ...]:
    """The questions of a JSON-lines file; those that do not say their part are `tuned`.

    Raises:
        BatchRefused: a line is not of the expected shape; its number is said.
    """
    found = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        if line.strip():
            try:
                found.append(_asked(json.loads(line), path.stem))
            except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
                raise BatchRefused(f'{path.name}, ligne {number} : {error}. Attendu : {{"query" ou "turns", "part", …}}.') from error
    return tuple(found)


def _asked(row: Mapping[str, Any], name: str) -> Asked:
    turns = tuple(row.get("turns", ()))
    part, nature = row.get("part", TUNED), row.get("nature", "")
    if part not in PARTS or (nature and nature not in set(Nature)):
        raise ValueError(f"« {part} » ou « {nature} » n'est pas prévu")
    return Asked(
        text=row.get("query") or turns[-1],
        set=name,
        relevant=frozenset(row.get("relevant") or row.get("relevant_last") or ()),
        judged=frozenset(row.get("judged", ())),
        kind=row.get("lang") or row.get("kind", ""),
        nature=nature,
        expected=row.get("expected", "any"),
        emergency=str(row["emergency"]) if row.get("emergency") else None,
        service=row.get("service"),
        numbers_accepted=frozenset(row.get("numbers_accepted", ())),
        services_accepted=frozenset(row.get("services_accepted", ())),
        plain=bool(row.get("plain")),
        part=part,
        turns=turns,
    )


def of(asked: Sequence[Asked], part: str) -> list[Asked]:
    """The questions of one part."""
    return [one for one in asked if one.part == part]
