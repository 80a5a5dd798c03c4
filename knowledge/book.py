"""The book of replies: every published fiche once, by theme, to be read, printed and approved by a users' committee.

An edition is remembered by what it holds. Printing the same contents again gives the same edition; other contents give the next one,
which says what changed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import Session

from knowledge import directory
from knowledge.clock import Clock, local, now
from knowledge.directory import Prefecture, Service, hours_text
from knowledge.errors import PartMissing
from knowledge.fiches import PublishedFiche, published
from knowledge.loading import one_at_a_time
from knowledge.models import Edition, FicheVersion
from knowledge.proofreading.wording import folded

THEMES = {
    "accueil": "Accueil, contacts et aide",
    "identite": "Carte d'identité et passeport",
    "permis": "Permis de conduire",
    "immatriculation": "Carte grise et véhicules",
    "sejour": "Titres de séjour",
    "nationalite": "Nationalité française et asile",
    "citoyennete": "État civil, élections et citoyenneté",
    "associations": "Associations, armes et chasse",
    "divers": "Autres démarches",
}
"""Titles of the themes (folders of the fiches), in the order of the book; another folder comes after them under its own name."""

HELP_NAMES = {
    "pan": "le point d'accueil numérique de la préfecture",
    "pan-etrangers": "le point d'accueil numérique des étrangers",
    "france-services": "un espace France services",
    "numero-34-00": "le 34 00",
    "mairie": "la mairie",
    "standard": "le standard de la préfecture",
    "relais": "le relais téléphonique pour personnes sourdes ou malentendantes",
}
LANGUAGE_NAMES = {
    "en": "anglais",
    "ar": "arabe",
    "es": "espagnol",
    "pt": "portugais",
    "uk": "ukrainien",
    "tr": "turc",
    "zh": "chinois",
}
RIGHT_TO_LEFT = frozenset({"ar"})


@dataclass(frozen=True)
class Changes:
    """What differs from the previous edition, by title."""

    previous: int | None
    """Number of the previous edition; None for the first one."""
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def only_values(self) -> bool:
        """The same versions read differently: an amount, a delay, an hour or a service changed."""
        return self.previous is not None and not (self.added or self.changed or self.removed)


@dataclass(frozen=True)
class Theme:
    id: str
    title: str
    fiches: tuple[PublishedFiche, ...]


@dataclass(frozen=True)
class Book:
    edition: int
    edited_on: date
    day: date
    """Day on which the amounts and delays are those printed."""
    prefecture: Prefecture
    services: Mapping[str, Service]
    themes: tuple[Theme, ...]
    acronyms: Mapping[str, str]
    """Those that the replies use, sorted."""
    changes: Changes

    @property
    def count(self) -> int:
        return sum(len(theme.fiches) for theme in self.themes)


def compose(session: Session, day: date, acronyms: Mapping[str, str], clock: Clock = now) -> Book:
    """The book of `day`; writes an `Edition` when its contents are not those of the last one.

    Raises:
        DatabaseUnready: nothing has been loaded yet.
    """
    one_at_a_time(session)
    services = directory.stored(session)
    fiches = published(session, day)
    editions = session.scalars(select(Edition).order_by(Edition.id)).all()
    digest = _digest(fiches, services)
    last = editions[-1] if editions else None
    earlier = list(editions)
    if last is None or last.digest != digest:
        last = Edition(created_at=clock(), digest=digest, contents={fiche.id: fiche.number for fiche in fiches})
        session.add(last)
        session.flush()
    else:
        earlier.pop()
    return Book(
        edition=len(earlier) + 1,
        edited_on=local(last.created_at).date(),
        day=day,
        prefecture=services.prefecture,
        services={service.id: service for service in services},
        themes=_themes(fiches),
        acronyms=_used(acronyms, fiches),
        changes=_changes(session, earlier, fiches),
    )


def _digest(fiches: tuple[PublishedFiche, ...], services: directory.Directory) -> str:
    contents = [asdict(replace(fiche, questions={})) for fiche in fiches]
    return hashlib.sha256(json.dumps([contents, services.data], sort_keys=True, default=str).encode()).hexdigest()


def _themes(fiches: tuple[PublishedFiche, ...]) -> tuple[Theme, ...]:
    order = list(THEMES)
    names = sorted({fiche.theme for fiche in fiches}, key=lambda name: (order.index(name) if name in THEMES else len(order), name))
    return tuple(
        Theme(
            name,
            THEMES.get(name, name.replace("-", " ").capitalize()),
            tuple(sorted((fiche for fiche in fiches if fiche.theme == name), key=lambda fiche: folded(fiche.title))),
        )
        for name in names
    )


def _used(acronyms: Mapping[str, str], fiches: tuple[PublishedFiche, ...]) -> dict[str, str]:
    text = "\n".join("\n".join((fiche.title, fiche.court, fiche.detail, *fiche.steps)) for fiche in fiches)
    return {acronym: acronyms[acronym] for acronym in sorted(acronyms) if re.search(rf"(?<!\w){re.escape(acronym)}(?!\w)", text)}


def _changes(session: Session, earlier: list[Edition], fiches: tuple[PublishedFiche, ...]) -> Changes:
    if not earlier:
        return Changes(None)
    before = earlier[-1].contents
    present = {fiche.id for fiche in fiches}
    removed = {identifier: number for identifier, number in before.items() if identifier not in present}
    return Changes(
        previous=len(earlier),
        added=tuple(fiche.title for fiche in fiches if fiche.id not in before),
        changed=tuple(fiche.title for fiche in fiches if before.get(fiche.id, fiche.number) != fiche.number),
        removed=tuple(_title(session, identifier, number) for identifier, number in sorted(removed.items())),
    )


def _title(session: Session, identifier: str, number: int) -> str:
    wanted = select(FicheVersion.front).where(FicheVersion.fiche_id == identifier, FicheVersion.number == number)
    front = session.scalars(wanted).one_or_none()
    return str(front["title"]) if front else identifier


# --- On paper ------------------------------------------------------------------------------------------------------------

_MARKDOWN = MarkdownIt("zero").enable(["list", "emphasis"])
"""Paragraphs, lists and emphasis; no HTML, no link, no image can come from a text."""

_MONTHS = ["janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"]


def long_date(day: date) -> str:
    """ "1er mai 2026"."""
    return f"{'1er' if day.day == 1 else day.day} {_MONTHS[day.month - 1]} {day.year}"


def typeset(text: str) -> str:
    """`text` with the unbreakable spaces of French printing: in quotation marks, before high punctuation, inside numbers."""
    text = re.sub(r"(?<=«) | (?=[»;:?!€%])", "\u00a0", text)
    return re.sub(r"(?<=\d) (?=\d|h\b)|(?<=\dh) (?=\d)|(?<= h) (?=\d)", "\u00a0", text)


def html(book: Book) -> str:
    """The book as one accessible page, without any outside file."""
    environment = Environment(
        loader=PackageLoader("knowledge"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(long_date=long_date, typeset=typeset, paragraphs=_paragraphs, hours=hours_text)
    names: dict[str, Any] = {"help_names": HELP_NAMES, "language_names": LANGUAGE_NAMES, "right_to_left": RIGHT_TO_LEFT}
    return environment.get_template("book.html").render(book=book, **names)


def _paragraphs(text: str) -> Markup:
    return Markup(_MARKDOWN.render(typeset(text)))


def write_pdf(book: Book, path: Path) -> None:
    """The book as a tagged PDF (PDF/UA-1).

    Raises:
        PartMissing: WeasyPrint or the system library Pango is not installed.
    """
    try:
        from weasyprint import HTML
    except ImportError as error:
        raise PartMissing("Le PDF demande WeasyPrint : lancez « deploy/setup.sh requirements-dev.lock », puis relancez.") from error
    except OSError as error:
        raise PartMissing(
            "Le PDF demande la bibliothèque Pango : installez le paquet système libpango-1.0-0 et libpangoft2-1.0-0, puis relancez."
        ) from error
    unfinished = path.with_name(f"{path.name}.partial")
    try:
        HTML(string=html(book), url_fetcher=_nothing_from_outside).write_pdf(unfinished, pdf_variant="pdf/ua-1")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _nothing_from_outside(url: str, **_: object) -> dict[str, Any]:
    raise ValueError(f"le livre ne charge rien : {url}")
