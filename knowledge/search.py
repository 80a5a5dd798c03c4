"""The search: which fiches and official sheets may answer a question, and by how much each evidence says so.

A *subject* is what a question can be about: a fiche with the national sheets it covers, or a sheet that no fiche covers. Several evidences
are measured for every subject; how they are combined and trusted is the assistant's business (`bot.engines`).
"""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from os.path import samestat
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from knowledge.embeddings import Embedder, Vectors, default_embedder
from knowledge.errors import IndexMissing
from knowledge.meanings import Meanings
from knowledge.postings import Floats, Postings, bm25, cosine, shares
from knowledge.wordforms import CONCEPT, Lexicon, Reading, character_grams, folded_words

if TYPE_CHECKING:  # Rasa's Python reads this module without the database
    from knowledge.fiches import PublishedFiche

PASSAGE_WORDS = 110
FIELDS = ("head", "asked", "typical", "body", "words", "grams")
MEANINGS = ("asking", "telling")
"""What has vectors: the titles and phrasings of a subject, and its texts."""
MOST_EMBEDDED = 1200
"""Characters of a text that are embedded: further on, a mean of words says nothing."""
INDEX_FORMAT = 5
Progress = Callable[[int, int], None]
"""Told (done, total) as the index is built."""
Documents = dict[str, list[tuple[int, Sequence[str]]]]
"""By field: (subject, terms) of each document, in the order of the subjects."""


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
    words: Floats
    grams: Floats
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
        self.head, self.asked, self.typical, self.body, self.words, self.grams = (fields[name] for name in FIELDS)
        self.title_weights = tuple(tuple((term, self.asked.weight_of(term)) for term in subject.title_terms) for subject in self.subjects)
        """For each subject, the terms of its title and their weights."""
        self.by_fiche = {subject.fiche: number for number, subject in enumerate(self.subjects) if subject.fiche}

    def read(self, text: str) -> Reading:
        """`text` as this index reads it."""
        return self.lexicon.read(text)

    def evidence(self, reading: Reading) -> Evidence:
        """Measure every subject against a question already read."""
        terms = _tally(reading.terms)
        words = " ".join(reading.words)
        vector = self.embedder.embed([(reading.text or words)[:MOST_EMBEDDED], words[:MOST_EMBEDDED]])
        (meaning, meaning_read), several = self.asking.nearest(vector)
        return Evidence(
            head=self.head.score(terms),
            asked=self.asked.score(terms),
            typical=self.typical.score(terms),
            body=self.body.score(terms),
            words=self.words.score(terms, normalised=True),
            grams=self.grams.score(self.gram_weights(reading), normalised=True),
            meaning=meaning,
            meaning_read=meaning_read,
            meaning_several=several,
            vector=vector,
        )

    def gram_weights(self, reading: Reading, most: int = 160) -> dict[str, float]:
        """Character n-grams of a question; a long mail keeps its rarest ones, which bounds the time of an answer."""
        weights = _tally(character_grams(reading.words))
        if len(weights) <= most:
            return weights
        known = sorted(weights, key=lambda gram: self.grams.weight_of(gram) if gram in self.grams.vocabulary else 0.0, reverse=True)
        return {gram: weights[gram] for gram in known[:most]}

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
        except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
            raise IndexMissing(f"L'index est absent ou abîmé ({folder}). Lancez : python -m knowledge index") from error
        trusted = manifest["trusted"]
        return cls(subjects, fields, meanings, embedder, manifest["digest"], lexicon.trusting(trusted), trusted, manifest["known"])


def _stored_subject(row: Mapping[str, Any]) -> Subject:
    return Subject(**{**row, "service_public": tuple(row["service_public"]), "title_terms": tuple(row["title_terms"])})


def build(
    fiches: Sequence[PublishedFiche],
    sheets: Sequence[Sheet],
    lexicon: Lexicon,
    digest: str = "",
    progress: Progress = lambda _done, _total: None,
    embedder: Embedder | None = None,
) -> Index:
    """Build the index of `fiches` and `sheets`. A sheet covered by fiches strengthens them instead of standing apart.

    Args:
        embedder: that of the installation by default.
    """
    embedder = embedder or default_embedder()
    by_id = {sheet.id: sheet for sheet in sheets}
    covered = {number for fiche in fiches for number in fiche.service_public}
    alone = [sheet for sheet in sheets if sheet.id not in covered]
    total = len(fiches) + len(alone)
    trusted = _trusted_words(fiches, sheets)
    lexicon = lexicon.trusting(trusted)
    priors = _theme_priors(sheets, covered)
    documents: Documents = {name: [] for name in FIELDS}
    typical: list[tuple[int, Mapping[str, float]]] = []
    subjects: list[Subject] = []
    asking: list[tuple[int, str]] = []
    telling: list[tuple[int, str]] = []
    for number, fiche in enumerate(fiches):
        linked = [by_id[sheet] for sheet in fiche.service_public if sheet in by_id]
        asking += [(number, text) for text in _asked(fiche, linked)]
        telling += [(number, text[:MOST_EMBEDDED]) for text in _told(fiche)]
        readings = _add_fiche(number, fiche, linked, lexicon, documents)
        typical.append((number, _shares(readings)))
        url = fiche.sources[0].url if fiche.sources else ""
        title = lexicon.read(fiche.title).terms
        subjects.append(Subject(fiche.id, fiche.service_public, url, fiche.title, title_terms=title, concepts=_concepts(readings)))
        progress(number + 1, total)
    for number, sheet in enumerate(alone, start=len(fiches)):
        reading = _add_sheet(number, sheet, lexicon, documents)
        asking.append((number, sheet.title))
        telling += [
            (number, f"{sheet.title} {text}"[:MOST_EMBEDDED]) for text in (sheet.introduction, *(title for title, _ in sheet.sections))
        ]
        typical.append((number, _shares([reading])))
        subjects.append(
            Subject(
                fiche=None,
                service_public=(sheet.id,),
                url=sheet.url,
                title=sheet.title,
                quotation=sheet.introduction,
                breadcrumb=sheet.breadcrumb,
                date=sheet.date,
                title_terms=reading.terms,
                concepts=_concepts([reading]),
                prior=priors[_theme(sheet)],
            )
        )
        progress(number + 1, total)
    return Index(
        subjects,
        {
            "head": bm25(documents["head"], total, length=0.4),
            "asked": bm25(documents["asked"], total, length=0.4),
            "typical": shares(typical, total),
            "body": bm25(documents["body"], total),
            "words": cosine(documents["words"], total),
            "grams": cosine(documents["grams"], total),
        },
        {"asking": Meanings.of(asking, total, embedder), "telling": Meanings.of(telling, total, embedder)},
        embedder,
        digest,
        lexicon,
        trusted,
        _known(fiches),
    )


def _known(fiches: Sequence[PublishedFiche]) -> dict[str, int]:
    owners: dict[str, set[int]] = {}
    for number, fiche in enumerate(fiches):
        for texts in fiche.questions.values():
            for text in texts:
                owners.setdefault(" ".join(folded_words(text)), set()).add(number)
    return {words: numbers.pop() for words, numbers in owners.items() if len(numbers) == 1}


def _trusted_words(fiches: Sequence[PublishedFiche], sheets: Sequence[Sheet]) -> dict[str, int]:
    tally: dict[str, int] = {}
    official = [text for fiche in fiches for text in (fiche.title, fiche.court, fiche.detail, *fiche.steps, *fiche.translations.values())]
    official += [text for fiche in fiches for code, texts in fiche.questions.items() if code != "fr" for text in texts]
    official += [text for sheet in sheets for text in (sheet.title, sheet.introduction)]
    for text in official:
        for word in folded_words(text):
            tally[word] = tally.get(word, 0) + 1
    return tally


def _add_fiche(number: int, fiche: PublishedFiche, linked: Sequence[Sheet], lexicon: Lexicon, documents: Documents) -> list[Reading]:
    readings = [lexicon.read(text) for text in _asked(fiche, linked)]
    texts = [fiche.court, fiche.detail, *fiche.steps, *fiche.translations.values()]
    head = [fiche.title, fiche.title, fiche.court, *(sheet.title for sheet in linked), *(sheet.introduction for sheet in linked)]
    head += [title for sheet in linked for title, _ in sheet.sections]
    documents["head"].append((number, lexicon.read(" . ".join(head)).terms))
    documents["asked"].append((number, [term for reading in readings for term in reading.terms]))
    for text in texts:
        documents["body"].append((number, lexicon.read(text).terms))
    for sheet in linked:
        documents["body"].extend((number, terms) for terms in _passages(sheet, lexicon))
    _add_phrasings(number, readings, documents)
    return readings


def _asked(fiche: PublishedFiche, linked: Sequence[Sheet]) -> list[str]:
    """The ways of asking for a fiche: its title, those of its sheets, its phrasings."""
    return [fiche.title, *(sheet.title for sheet in linked), *(text for texts in fiche.questions.values() for text in texts)]


def _told(fiche: PublishedFiche) -> list[str]:
    return [fiche.court, f"{fiche.title} {fiche.detail}", *fiche.translations.values()]


def _add_sheet(number: int, sheet: Sheet, lexicon: Lexicon, documents: Documents) -> Reading:
    theme = sheet.breadcrumb.rpartition(">")[2]
    section_titles = [title for title, _ in sheet.sections]
    head = [sheet.title, sheet.title, theme, sheet.introduction, *section_titles]
    documents["head"].append((number, lexicon.read(" . ".join(head)).terms))
    readings = [lexicon.read(sheet.title), lexicon.read(f"{sheet.title} {theme}")]
    documents["asked"].append((number, readings[1].terms))
    documents["body"].extend((number, terms) for terms in _passages(sheet, lexicon))
    _add_phrasings(number, readings[:1], documents)
    return readings[0]


def _add_phrasings(number: int, readings: Iterable[Reading], documents: Documents) -> None:
    for reading in readings:
        documents["words"].append((number, reading.terms))
        documents["grams"].append((number, character_grams(reading.words)))


def _passages(sheet: Sheet, lexicon: Lexicon) -> Iterable[Sequence[str]]:
    """The sheet cut where its sections end, and again every `PASSAGE_WORDS` words; each passage keeps the title."""
    title = lexicon.read(sheet.title).terms
    for heading, text in (("", sheet.introduction), *sheet.sections):
        words = f"{heading} . {text}".split()
        for start in range(0, max(len(words), 1), PASSAGE_WORDS):
            yield (*title, *lexicon.read(" ".join(words[start : start + PASSAGE_WORDS])).terms)


def _shares(readings: Sequence[Reading]) -> dict[str, float]:
    """For each term, the share of the titles and phrasings that hold it."""
    tally: dict[str, float] = {}
    for reading in readings:
        for term in dict.fromkeys(reading.terms):
            tally[term] = tally.get(term, 0.0) + 1.0 / len(readings)
    return tally


def _concepts(readings: Sequence[Reading]) -> dict[str, float]:
    return {term: round(share, 3) for term, share in _shares(readings).items() if term.startswith(CONCEPT)}


def _theme(sheet: Sheet) -> str:
    return ">".join(part.strip() for part in sheet.breadcrumb.split(">")[:2])


def _theme_priors(sheets: Sequence[Sheet], covered: Set[str]) -> dict[str, float]:
    """Share of the sheets of each theme that fiches cover, smoothed towards rare."""
    held: dict[str, list[bool]] = {}
    for sheet in sheets:
        held.setdefault(_theme(sheet), []).append(sheet.id in covered)
    return {theme: round((sum(flags) + 0.1) / (len(flags) + 1.0), 3) for theme, flags in held.items()}


def _tally(items: Iterable[str]) -> dict[str, float]:
    tally: dict[str, float] = {}
    for item in items:
        tally[item] = tally.get(item, 0.0) + 1.0
    return {item: count**0.5 for item, count in tally.items()}
