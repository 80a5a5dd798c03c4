"""The national sheets of service-public.gouv.fr: a zip of XML, one publication a file, published by the DILA.

Three kinds of publication travel together: sheets (F), folders (N) and resources (R: forms, online services). Only sheets are stored.
Folders and resources are checked like the rest, then left: every sheet carries its whole breadcrumb and the titles of what it links to.
"Recherches guidées" are left too: they are trees of navigation with working titles, not texts.

The shape is that of schema 3.3 (read on the feed of November 2020). Unknown elements are read through for their text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

from lxml import etree
from sqlalchemy.orm import Session

from knowledge.clock import Clock, now
from knowledge.errors import SourceRefused
from knowledge.loading import current_versions
from knowledge.sources.containers import ARCHIVE_BYTES, Archive, parse_xml
from knowledge.sources.guard import Guard, Rule
from knowledge.sources.pages import Changes, OfficialPage, Section, Status, known, merge, plain

ORIGIN = "service-public"
_SITE = "https://www.service-public.gouv.fr"
_DC = "{http://purl.org/dc/elements/1.1/}"
_PUBLICATION = re.compile(r"(?:.*/)?([FNR]\d{1,7})\.xml")
_ADDRESS = re.compile(r"https?://www\.service-public\.(?:gouv\.)?fr(/[a-z-]+/vosdroits/F\d+)")
_FEED_HOSTS = ("lecomarquage.service-public.fr", "lecomarquage.service-public.gouv.fr")
_DOWNLOAD_SECONDS = 900.0
_GONE_AT_ONCE = 20
"""More sheets than this, and more than a tenth of them, never leave the feed on one day."""
_DEPENDS = "selon votre situation"
"""Added to the title of a passage that the site shows only after questions about the reader's situation."""

_SILENT = {"Condition", "TitreAlternatif", "Image", "Illustration", "PivotLocal", "RessourceWeb", "Source", "NoticeLiee", "Complement"}
"""Not read: tests on the situation, pictures, and addresses that only make sense as links."""
_BRANCHES = {"Chapitre", "SousChapitre", "Cas", "Situation", "Avertissement"}
"""Their title adds a level to the path of what they hold."""
_REMARKS = {"Attention", "ANoter", "ASavoir", "Rappel"}

Progress = Callable[[int, int], None]
"""Told (done, total)."""


@dataclass(frozen=True)
class Feed:
    """A whole feed, read and checked; nothing is stored yet."""

    pages: tuple[OfficialPage, ...]
    refused: Mapping[str, str]
    """Sheets whose XML is sound but which cannot be quoted, with the reason in French."""
    left: int
    """Folders, resources and guided searches."""


def guard_for(url: str) -> Guard:
    """The guard of production for a feed: the host that was asked for, and those of the national feed.

    Raises:
        SourceRefused: the address names no host.
    """
    host = urlsplit(url).hostname or ""
    return Guard(Rule(hosts=frozenset({host, *_FEED_HOSTS}), seconds=_DOWNLOAD_SECONDS))


def download(guard: Guard, url: str, path: Path) -> None:
    """Write the archive at `url` in the file `path`.

    Raises:
        SourceRefused: not allowed, too large, too long, or no archive there.
    """
    with path.open("wb") as opened:
        try:
            answer = guard.get(url, ARCHIVE_BYTES, into=opened)
        except SourceRefused as error:
            raise SourceRefused(f"Le flux {url} n'a pas été lu : {error}. Rien n'a été modifié.") from error
    if answer.status != 200:
        raise SourceRefused(f"Le flux {url} répond {answer.status}. Vérifiez KNOWLEDGE_SERVICE_PUBLIC_FEED. Rien n'a été modifié.")


def read(path: Path, progress: Progress = lambda _done, _total: None) -> Feed:
    """Read and check every entry of a feed.

    Raises:
        SourceRefused: the archive or one of its entries is damaged or dangerous, or it holds no sheet.
        FileNotFoundError: no such file.
    """
    pages: dict[str, OfficialPage] = {}
    refused: dict[str, str] = {}
    left = 0
    with Archive(path) as archive:
        for number, (name, data) in enumerate(archive, start=1):
            found = _PUBLICATION.fullmatch(name)
            if found:
                identifier = found[1]
                if identifier in pages or identifier in refused:
                    raise SourceRefused(f"L'archive contient deux fois la publication {identifier} : refusée.")
                root = _root(name, data, identifier)
                if not identifier.startswith("F") or root.get("type") == "Recherche guidée":
                    left += 1
                else:
                    try:
                        pages[identifier] = _page(identifier, root)
                    except SourceRefused as error:
                        refused[identifier] = str(error)
            progress(number, len(archive))
    if not pages:
        raise SourceRefused("L'archive ne contient aucune fiche lisible : ce n'est pas le flux attendu. Rien n'a été modifié.")
    return Feed(tuple(pages.values()), refused, left)


def store(session: Session, feed: Feed, *, accept_withdrawals: bool = False, clock: Clock = now) -> Changes:
    """Make the database hold the sheets of `feed`, in the caller's transaction.

    A sheet that is no longer in the feed is withdrawn; a refused one keeps its previous text. A sheet is claimed by the service of a
    fiche on the same subject.

    Raises:
        SourceRefused: the feed lacks many sheets that are known, and `accept_withdrawals` is false.
    """
    in_place = {name for name, row in known(session, ORIGIN).items() if row.status != Status.WITHDRAWN}
    gone = in_place - {page.external_id for page in feed.pages} - set(feed.refused)
    if len(gone) > max(_GONE_AT_ONCE, len(in_place) // 10) and not accept_withdrawals:
        raise SourceRefused(
            f"Le flux ne contient plus {len(gone)} des {len(in_place)} fiches connues : il est sans doute incomplet. Rien n'a été "
            "modifié. Si c'est voulu, relancez avec --accept-withdrawals."
        )
    claims = {
        sheet: row.front["service"]
        for row in current_versions(session).values()
        if row.status != "archived"
        for sheet in row.front.get("service_public", ())
    }
    return merge(session, ORIGIN, feed.pages, gone=gone, refused=feed.refused, claims=claims.get, clock=clock)


def _root(name: str, data: bytes, identifier: str) -> etree._Element:
    try:
        root = parse_xml(data)
    except SourceRefused as error:
        raise SourceRefused(f"L'entrée « {name} » est refusée : {error}. Rien n'a été modifié.") from error
    if root.get("ID") != identifier:
        raise SourceRefused(f"L'entrée « {name} » contient une autre publication que {identifier}. Rien n'a été modifié.")
    return root


def _page(identifier: str, root: etree._Element) -> OfficialPage:
    title = plain(root.findtext(f"{_DC}title") or "")
    if not title:
        raise SourceRefused("titre absent")
    sections = tuple(_sections(root))
    if not sections:
        raise SourceRefused("texte absent")
    address = _ADDRESS.fullmatch(root.get("spUrl") or "")
    return OfficialPage(
        external_id=identifier,
        url=_SITE + (address[1] if address else f"/particuliers/vosdroits/{identifier}"),
        title=title,
        breadcrumb=_breadcrumb(identifier, root),
        updated_on=_date(root.findtext(f"{_DC}date") or ""),
        sections=sections,
    )


def _date(written: str) -> date:
    """ "modified 2020-08-26" """
    try:
        return date.fromisoformat(written.split()[-1])
    except (IndexError, ValueError) as error:
        raise SourceRefused("date absente ou illisible") from error


def _breadcrumb(identifier: str, root: etree._Element) -> str:
    levels = root.iterfind("FilDAriane/Niveau")
    rubrics = [plain(_text(level)) for level in levels if level.get("ID") not in ("Particuliers", identifier)]
    folder = plain(root.findtext("SousDossierPere") or "")
    return " > ".join(rubric for rubric in [*rubrics, folder] if rubric)


def _sections(root: etree._Element) -> Iterator[Section]:
    """The introduction, then the text in reading order; consecutive lines under one path make one section."""
    introduction = "\n".join(line for element in root.iterfind("Introduction") for _, line in _lines(element, ()))
    introduction = introduction or plain(root.findtext(f"{_DC}description") or "")
    if introduction:
        yield Section("", introduction)
    path: tuple[str, ...] = ()
    gathered: list[str] = []
    for place, line in _body(root):
        if place != path and gathered:
            yield Section(" > ".join(path) or "Réponse", "\n".join(gathered))
            gathered = []
        path = place
        gathered.append(line)
    if gathered:
        yield Section(" > ".join(path) or "Réponse", "\n".join(gathered))


def _body(root: etree._Element) -> Iterator[tuple[tuple[str, ...], str]]:
    for element in root:
        if element.tag in ("Avertissement", "Texte", "ListeSituations"):
            yield from _lines(element, ())
        elif element.tag == "LienExterneCommente":
            yield from ((("Liens",), line) for _, line in _lines(element, ()))


def _lines(element: etree._Element, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each line of text under `element`, with the titles above it."""
    if element.tag in _SILENT:
        return
    conditional = element.find("Condition") is not None
    if element.tag in _BRANCHES:
        title = _title(element)
        if title:
            depends = conditional and element.tag in ("Chapitre", "SousChapitre")  # a case says so by its title
            path = (*path, f"{title} ({_DEPENDS})" if depends else title)
    elif conditional and element.tag == "FragmentConditionne":
        path = (*path, _DEPENDS.capitalize())
    if element.tag in ("Paragraphe", "LienExterne", "Titre"):
        line = plain(_text(element))
        if line:
            yield path, line
    elif element.tag == "Item":
        yield from _marked(element, path, "- ")
    elif element.tag in _REMARKS:
        yield from _marked(element, path, f"{_title(element) or 'À noter'} : ")
    elif element.tag == "Rangée":
        cells = [" ; ".join(line.removeprefix("- ") for _, line in _lines(cell, ())) for cell in element.iterfind("Cellule")]
        if any(cells):
            yield path, " | ".join(cells)
    else:
        for child in element:
            if child.tag != "Titre" or element.tag not in _BRANCHES:
                yield from _lines(child, path)


def _marked(element: etree._Element, path: tuple[str, ...], mark: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """The lines of an item or of a remark: the first one carries its mark."""
    for child in element:
        if child.tag == "Titre":
            continue
        for place, line in _lines(child, path):
            yield place, mark + line
            mark = ""


def _title(element: etree._Element) -> str:
    title = element.find("Titre")
    return "" if title is None else plain(_text(title))


def _text(element: etree._Element) -> str:
    """All the words of a paragraph; pictures and their credits are not words of it."""
    parts = [element.text or ""]
    for child in element:
        if child.tag not in ("Image", "Variable"):
            parts.append(_text(child))
        parts.append(child.tail or "")
    return "".join(parts)
