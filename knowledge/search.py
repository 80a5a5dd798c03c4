"""The search: which fiches and official sheets may answer a question, and by how much each evidence says so.

A *subject* is what a question can be about: a fiche with the national sheets it covers, or a sheet that no fiche covers. Several evidences
are measured for every subject; how they are combined and trusted is the assistant's business (`bot.engines`).
"""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from os.path import samestat
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import numpy.typing as npt

from knowledge.embeddings import Embedder, Vectors, default_embedder
from knowledge.errors import IndexMissing
from knowledge.meanings import Meanings
from knowledge.postings import Floats, Postings
from knowledge.titles import Titles
from knowledge.wordforms import Lexicon, Reading

FIELDS = ("head", "asked", "typical", "body")
MEANINGS = ("asking", "telling")
"""What has vectors: the titles and phrasings of a subject, and its texts."""
PLAUSIBLE = 30
"""Subjects whose every phrasing is compared: as many by their words, by their mean vector as written, and as read."""
MOST_EMBEDDED = 1200
"""Characters of a text that are embedded: further on, a mean of words says nothing."""
INDEX_FORMAT = 7
Progress = Callable[[int, int], None]
"""Told (done, total) as the index is built."""


@dataclass(frozen=True)
class Sheet:
    """An official sheet or page, ready to be indexed and quoted."""

    id: str
    title: str
    breadcrumb: str
    introduction: str
    sections: tuple[tuple[str, str], ...]
    """(title, text) in reading order."""
    url: str
    date: str
    """Last change, ISO format."""


@dataclass(frozen=True)
class Subject:
    """What a candidate is made from."""

    fiche: str | None
    service_public: tuple[str, ...]
    url: str
    title: str
    quotation: str = ""
    """First sentences of a sheet without fiche, to be quoted as they are; empty for a fiche."""
    breadcrumb: str = ""
    date: str = ""
    title_terms: tuple[str, ...] = ()
    """Stems of the title, then its concepts."""
    concepts: Mapping[str, float] = field(default_factory=dict)
    """Concepts of its title and phrasings, with the share of them that name it."""
    prior: float = 1.0
    """How much a préfecture is asked about its theme: 1 for a fiche, the share of its theme that fiches cover for a sheet."""


@dataclass(frozen=True)
class Evidence:
    """What each field says of every subject: arrays of shape (subjects,)."""

    head: Floats
    asked: Floats
    typical: Floats
    body: Floats
    meaning: Floats
    """Cosine of the nearest phrasing with the question as written."""
    meaning_read: Floats
    """The same with the question as it was read: in French, spelling corrected, fillers removed."""
    meaning_several: Floats
    """Mean cosine of the three nearest phrasings."""
    vector: Vectors
    """(2, dimensions): of the question as written, and as read."""


class Index:
    """The search index of one state of the knowledge. Reading it takes no lock: processes swap whole indexes."""

    def __init__(
        self,
        subjects: Sequence[Subject],
        fields: Mapping[str, Postings],
        meanings: Mapping[str, Meanings],
        embedder: Embedder,
        digest: str,
        lexicon: Lexicon,
        trusted: Mapping[str, int],
        known: Mapping[str, int],
    ) -> None:
        self.lexicon = lexicon
        """How texts and questions are read for this index."""
        self.trusted = trusted
        self.known = known
        """The subject of each way of asking that one fiche alone has, by its folded words."""
        self.subjects = tuple(subjects)
        self.digest = digest
        self.embedder = embedder
        self.asking, self.telling = (meanings[name] for name in MEANINGS)
        self.head, self.asked, self.typical, self.body = (fields[name] for name in FIELDS)
        self.titles = Titles(self.subjects, self.asked.weight_of)
        self.by_fiche = {subject.fiche: number for number, subject in enumerate(self.subjects) if subject.fiche}

    def read(self, text: str) -> Reading:
        """`text` as this index reads it."""
        return self.lexicon.read(text)

    def vectors(self, reading: Reading) -> Vectors:
        """The vectors of a text, shape (2, dimensions): as written, and as read."""
        words = " ".join(reading.words)
        return self.embedder.embed([(reading.text or words)[:MOST_EMBEDDED], words[:MOST_EMBEDDED]])

    def evidence(self, reading: Reading) -> Evidence:
        """Measure every subject against a question already read."""
        terms = _tally(reading.terms)
        vector = self.vectors(reading)
        said = {
            "head": self.head.score(terms),
            "asked": self.asked.score(terms),
            "typical": self.typical.score(terms),
            "body": self.body.score(terms),
        }
        chosen = np.union1d(self.asking.plausible(vector, PLAUSIBLE), _leading(said.values(), PLAUSIBLE))
        (meaning, meaning_read), several = self.asking.nearest(vector, chosen)
        return Evidence(
            **said,
            meaning=meaning,
            meaning_read=meaning_read,
            meaning_several=several,
            vector=vector,
        )

    def save(self, folder: Path) -> None:
        """Write the index beside the old one, then take its place in one rename: a reader never sees half an index.

        Each process writes in a folder of its own; of those that save at the same time, the last one stays.
        """
        folder.parent.mkdir(parents=True, exist_ok=True)
        own = Path(mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
        try:
            fresh = own / "new"
            fresh.mkdir()
            for name in FIELDS:
                getattr(self, name).save(fresh, name)
            for name in MEANINGS:
                getattr(self, name).save(fresh, name)
            subjects = [asdict(subject) for subject in self.subjects]
            manifest = {
                "format": INDEX_FORMAT,
                "digest": self.digest,
                "encoder": self.embedder.name,
                "trusted": dict(self.trusted),
                "known": dict(self.known),
                "subjects": subjects,
            }
            (fresh / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False), "utf-8")
            while fresh.exists():
                with suppress(FileNotFoundError):
                    folder.rename(Path(mkdtemp(dir=own)) / "old")
                try:
                    fresh.rename(folder)
                except OSError as error:
                    if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):  # another process has just taken the place
                        raise
        finally:
            shutil.rmtree(own, ignore_errors=True)

    @classmethod
    def open(cls, folder: Path, lexicon: Lexicon, digest: str | None = None, embedder: Embedder | None = None) -> Index:
        """Open a stored index; `embedder`: that of the installation by default.

        Raises:
            IndexMissing: there is none, it is damaged, or it was built for another state of the knowledge than `digest`.
        """
        stored = folder / "manifest.json"
        embedder = embedder or default_embedder()
        try:
            before = stored.stat()
            manifest = json.loads(stored.read_text("utf-8"))
            same = manifest["format"] == INDEX_FORMAT and manifest["encoder"] == embedder.name
            if not same or digest not in (None, manifest["digest"]):
                raise IndexMissing("L'index ne correspond plus aux contenus. Lancez : python -m knowledge index")
            subjects = [_stored_subject(row) for row in manifest["subjects"]]
            fields = {name: Postings.open(folder, name, len(subjects)) for name in FIELDS}
            meanings = {name: Meanings.open(folder, name, len(subjects)) for name in MEANINGS}
            if not samestat(before, stored.stat()):
                raise IndexMissing("L'index vient d'être remplacé pendant sa lecture. Recommencez.")
        except (OSError, EOFError, ValueError, LookupError, TypeError) as error:
            raise IndexMissing(f"L'index est absent ou abîmé ({folder}). Lancez : python -m knowledge index") from error
        trusted = manifest["trusted"]
        return cls(subjects, fields, meanings, embedder, manifest["digest"], lexicon.trusting(trusted), trusted, manifest["known"])


def _stored_subject(row: Mapping[str, Any]) -> Subject:
    return Subject(**{**row, "service_public": tuple(row["service_public"]), "title_terms": tuple(row["title_terms"])})


def _leading(fields: Iterable[Floats], most: int) -> npt.NDArray[np.int64]:
    """The subjects with the greatest sum of shares of the best score of each field."""
    total = np.sum([field / max(float(field.max(initial=0.0)), 1e-9) for field in fields], axis=0)
    kept = min(most, len(total))
    return np.argpartition(-total, kept - 1)[:kept] if kept else np.zeros(0, np.int64)


def _tally(items: Iterable[str]) -> dict[str, float]:
    tally: dict[str, float] = {}
    for item in items:
        tally[item] = tally.get(item, 0.0) + 1.0
    return {item: count**0.5 for item, count in tally.items()}
