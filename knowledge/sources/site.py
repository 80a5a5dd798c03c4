"""Reading the préfecture's own site: robots.txt first, then the pages of its sitemap, slowly, and only what has changed.

Nothing is written while the network is awaited: `read` gathers, `store` writes in one transaction. A page that answers 404 or 410 is
withdrawn; one that fails otherwise stays as it was.
"""

from __future__ import annotations

import codecs
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from email.message import Message
from pathlib import Path, PurePosixPath
from urllib.parse import urljoin, urlsplit

from protego import Protego
from sqlalchemy.orm import Session

from knowledge.clock import Clock, now, today
from knowledge.errors import SourceRefused
from knowledge.settings import settings
from knowledge.sources import claims, sitemap
from knowledge.sources.guard import USER_AGENT, Answer, Guard, Unreachable
from knowledge.sources.pages import HIDDEN, Changes, OfficialPage, Status, known, merge
from knowledge.sources.site_page import SitePage, day_of, read_page

PAGE_BYTES = 2 * 1024**2
_ROBOTS_BYTES = 500 * 1024
_MOST_SECONDS = 4 * 3600.0
_MOST_CHARACTERS = 100_000_000
"""Of text kept in memory before it is stored."""
_MOST_SILENCES = 5
"""Failures in a row after which a site is left in peace."""
_LONGEST_PACE = 30.0
_LONGEST_ADDRESS = 500
_GONE = frozenset({404, 410})
_BUSY = frozenset({429, 503})
_DOCUMENTS = frozenset(
    ".pdf .doc .docx .odt .xls .xlsx .ods .ppt .pptx .odp .zip .csv .jpg .jpeg .png .gif .svg .webp .mp3 .mp4 .ics".split()
)
_ENCODINGS = frozenset({"utf-8", "ascii", "iso8859-1", "iso8859-15", "cp1252"})
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([\w-]{2,30})", re.I)

Progress = Callable[[int, int], None]
"""Told (done, total)."""


@dataclass(frozen=True)
class Reading:
    """What one visit brought. A page that is in none of these was not reached: it stays as it was."""

    pages: tuple[OfficialPage, ...]
    same: tuple[str, ...]
    """The site said that they have not changed."""
    gone: tuple[str, ...]
    refused: Mapping[str, str]
    """Reason in French, by address."""
    stopped: str | None
    """Why the visit ended early."""


def remembered(session: Session, host: str) -> dict[str, dict[str, str]]:
    """The pages of `host` that are still in place, with what lets us ask whether they changed."""
    return {name: row.validators for name, row in known(session, host).items() if row.status != Status.WITHDRAWN}


def read(
    guard: Guard,
    host: str,
    memory: Mapping[str, Mapping[str, str]],
    progress: Progress = lambda _done, _total: None,
    clock: Clock = now,
    pause: Callable[[float], None] = time.sleep,
) -> Reading:
    """Visit the pages of `host`.

    Args:
        memory: what `remembered` gives: these pages are visited too, so that dead ones are noticed.

    Raises:
        SourceRefused: robots.txt cannot be known, or nothing says where the pages are.
    """
    visit = _Visit(guard, host, memory, today(clock), pause)
    try:
        visit.robots(visit.root)
        dates = visit.places()
    except SourceRefused as error:
        raise SourceRefused(f"{host} n'a pas été lu : {error}. Rien n'a été modifié.") from error
    waiting = list(dict.fromkeys([*dates, *memory]))
    stopped = f"plus de {settings().site_pages} pages" if len(waiting) > settings().site_pages else None
    waiting = waiting[: settings().site_pages]
    started = time.monotonic()
    for number, url in enumerate(waiting, start=1):
        try:
            visit.page(url, dates.get(url, ""))
        except _Leave as leaving:
            stopped = str(leaving)
            break
        if time.monotonic() - started > _MOST_SECONDS or visit.characters > _MOST_CHARACTERS:
            stopped = "trop de temps ou de texte pour une seule visite"
            break
        progress(number, len(waiting))
    return Reading(tuple(visit.pages.values()), tuple(visit.same), tuple(visit.gone), visit.refused, stopped)


def store(session: Session, host: str, reading: Reading, content: Path, clock: Clock = now) -> Changes:
    """Make the database hold what was read, in the caller's transaction.

    Raises:
        ContentRefused: `site_claims.yml` cannot be read.
    """
    claimed = claims.read(content)
    read_now = {"gone": reading.gone, "same": reading.same}
    return merge(session, host, reading.pages, **read_now, refused=reading.refused, claims=claimed, clock=clock)


class _Leave(Exception):
    """The visit must end here."""


@dataclass
class _Visit:
    guard: Guard
    host: str
    memory: Mapping[str, Mapping[str, str]]
    day: date
    pause: Callable[[float], None]
    pages: dict[str, OfficialPage] = field(default_factory=dict)
    same: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    characters: int = 0
    _robots: dict[str, Protego] = field(default_factory=dict)
    _last_asked: float | None = None
    _silences: int = 0

    @property
    def root(self) -> str:
        rule = self.guard.rule
        return rule.checked(f"{rule.scheme}://{self.host}:{rule.port}/")

    def robots(self, url: str) -> Protego:
        """The robots.txt that governs `url`. Absent, it forbids nothing; unreadable, it forbids everything (RFC 9309)."""
        place = urljoin(url, "/robots.txt")
        if place not in self._robots:
            self._wait()
            try:
                answer = self.guard.get(place, _ROBOTS_BYTES)
            except SourceRefused as error:
                raise SourceRefused(f"{place} ne se lit pas ({error})") from error
            if answer.status != 200 and not 400 <= answer.status < 500:
                raise SourceRefused(f"{place} répond {answer.status}")
            self._robots[place] = Protego.parse(answer.body.decode("utf-8", "replace") if answer.status == 200 else "")
        return self._robots[place]

    def places(self) -> dict[str, str]:
        """Addresses to visit, with their date as the sitemap tells it."""
        listed = list(self.robots(self.root).sitemaps) or [urljoin(self.root, "/sitemap.xml")]
        found: dict[str, str] = {}
        try:
            for entry in sitemap.entries(listed, self._map):
                self._add(entry.url, entry.last_modified, found)
                if len(found) > settings().site_pages:
                    break
        except SourceRefused as error:
            self.refused["sitemap"] = str(error)
        return found or self._plan()

    def page(self, url: str, told_date: str) -> None:
        """Visit one page and file what it says."""
        validators = self.memory.get(url, {})
        headers = {"Accept": "text/html", "Accept-Language": "fr"}
        headers |= {"If-None-Match": validators["etag"]} if validators.get("etag") else {}
        headers |= {"If-Modified-Since": validators["last_modified"]} if validators.get("last_modified") else {}
        try:
            answer = self._get(url, headers)
            self._file(url, answer, told_date)
        except Unreachable as error:
            self.refused[url] = str(error)
            self._silences += 1
            if self._silences >= _MOST_SILENCES:
                raise _Leave(f"{_MOST_SILENCES} échecs de suite ({error})") from error
        except SourceRefused as error:
            self.refused[url] = str(error)
        else:
            self._silences = 0

    def _file(self, url: str, answer: Answer, told_date: str) -> None:
        if answer.status in _BUSY:
            raise _Leave(f"le site demande d'attendre ({answer.status})")
        if answer.status >= 500:
            raise Unreachable(f"erreur {answer.status} du site")
        if answer.status == 304 and url in self.memory:
            self.same.append(url)
        elif answer.status in _GONE and url in self.memory:
            self.gone.append(url)
        elif answer.status != 200:
            raise SourceRefused(f"réponse {answer.status}")
        else:
            if answer.url != url and url in self.memory and not answer.moved:
                raise SourceRefused(f"renvoie pour l'instant vers {answer.url[:200]}")
            found = self._official(answer, told_date)
            if answer.url != url and url in self.memory:
                self.gone.append(url)
            self.pages[found.external_id] = found
            self.characters += sum(len(section.text) for section in found.sections)

    def _official(self, answer: Answer, told_date: str) -> OfficialPage:
        page = read_page(_text(answer), self.day)
        printed = self._printed(answer, page)
        hidden = page.hidden or printed.hidden
        told = {"etag": answer.headers.get("etag"), "last_modified": answer.headers.get("last-modified"), HIDDEN: hidden}
        if len(answer.url) > _LONGEST_ADDRESS:
            raise SourceRefused("adresse trop longue")
        return OfficialPage(
            external_id=answer.url,
            url=answer.url,
            title=page.title,
            breadcrumb=page.breadcrumb or printed.breadcrumb,
            updated_on=page.updated_on or printed.updated_on or day_of(told_date, self.day),
            sections=printed.sections,
            validators={name: value for name, value in told.items() if value and len(value) <= _LONGEST_ADDRESS},
        )

    def _printed(self, answer: Answer, page: SitePage) -> SitePage:
        """The print version of a page when it offers one that can be read, else the page itself."""
        if page.print_link is None:
            return page
        try:
            printed = self._get(self.guard.rule.checked(urljoin(answer.url, page.print_link)), {"Accept": "text/html"})
            return read_page(_text(printed), self.day) if printed.status == 200 else page
        except SourceRefused:
            return page

    def _plan(self) -> dict[str, str]:
        home = read_page(_text(self._get(self.root, {})), self.day)
        plan = sitemap.link_to_plan(home)
        if plan is None:
            raise SourceRefused("ni sitemap.xml lisible, ni page « Plan du site » pour dire où sont ses pages")
        answer = self._get(urljoin(self.root, plan), {})
        found: dict[str, str] = {self.root: ""}
        for address, _ in read_page(_text(answer), self.day).links:
            if urlsplit(urljoin(answer.url, address)).hostname == self.host:
                self._add(urljoin(answer.url, address), "", found)
        return found

    def _add(self, url: str, told_date: str, found: dict[str, str]) -> None:
        """Keep an address to visit: a page of this host, in its canonical form."""
        try:
            address = self.guard.rule.checked(url)
        except SourceRefused as error:
            self.refused[url[:_LONGEST_ADDRESS]] = str(error)
            return
        parts = urlsplit(address)
        if parts.hostname == self.host and PurePosixPath(parts.path).suffix.lower() not in _DOCUMENTS:
            found.setdefault(address, told_date)

    def _map(self, url: str) -> bytes | None:
        answer = self._get(url, {}, sitemap.SITEMAP_BYTES)
        return answer.body if answer.status == 200 else None

    def _get(self, url: str, headers: Mapping[str, str], most_bytes: int = PAGE_BYTES) -> Answer:
        if not self._may_visit(self.guard.rule.checked(url)):
            raise SourceRefused("interdit par robots.txt")
        self._wait()
        return self.guard.get(url, most_bytes, headers, self._may_visit)

    def _may_visit(self, url: str) -> bool:
        return self.robots(url).can_fetch(url, USER_AGENT)

    def _wait(self) -> None:
        """Leave the site some rest between two requests: our pace, or its own if slower."""
        asked = next((delay for rules in self._robots.values() if (delay := rules.crawl_delay(USER_AGENT))), 0.0)
        pace = max(settings().site_pace, min(asked, _LONGEST_PACE))
        if self._last_asked is not None:
            self.pause(max(0.0, self._last_asked + pace - time.monotonic()))
        self._last_asked = time.monotonic()


def _text(answer: Answer) -> str:
    """The characters of a page, in the encoding it announces.

    Raises:
        SourceRefused: it is not a web page.
    """
    header = Message()
    header["content-type"] = answer.headers.get("content-type", "")
    if header.get_content_type() not in ("text/html", "application/xhtml+xml"):
        raise SourceRefused(f"ce n'est pas une page ({header.get_content_type()})")
    meta = _META_CHARSET.search(answer.body[:4096])
    name = str(header.get_param("charset") or (meta[1].decode("ascii") if meta else "utf-8"))
    try:
        encoding = codecs.lookup(name).name
    except LookupError:
        encoding = "utf-8"
    return answer.body.decode(encoding if encoding in _ENCODINGS else "utf-8", "replace")
