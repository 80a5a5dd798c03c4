"""The search index is built here: what fiches and official sheets say, and the ways people ask for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import TYPE_CHECKING

from knowledge.embeddings import Embedder, default_embedder
from knowledge.meanings import Meanings
from knowledge.postings import bm25, shares
from knowledge.search import FIELDS, MOST_EMBEDDED, Index, Progress, Sheet, Subject
from knowledge.wordforms import CONCEPT, Lexicon, Reading, folded_words

if TYPE_CHECKING:
    from knowledge.fiches import PublishedFiche

PASSAGE_WORDS = 110
Documents = dict[str, list[tuple[int, Sequence[str]]]]
"""By field: (subject, terms) of each document, in the order of the subjects."""


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
    trusted = trusted_words(fiches, sheets)
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


def trusted_words(fiches: Sequence[PublishedFiche], sheets: Sequence[Sheet]) -> dict[str, int]:
    """The folded words of the official texts, with their number: what misspelled words are corrected towards."""
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
    return readings[0]


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
