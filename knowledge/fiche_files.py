"""A fiche as a file that a person reads and reviews: front matter in YAML, then one section for each wording.

`parse` only judges the shape; `knowledge.proofreading` judges the text.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from knowledge.documents import Document, Strict, read_text, read_yaml, refusal, shaped
from knowledge.errors import ContentRefused, Remark

SHORT, DETAIL, STEPS = "court", "detail", "étapes"
FRENCH_SECTIONS = (SHORT, DETAIL, STEPS)
HELP = ("pan", "pan-etrangers", "france-services", "numero-34-00", "mairie", "standard", "relais")
"""Where a person can be helped, as the front matter names it."""

Line = Annotated[str, Field(min_length=1, pattern=r"^\S(.*\S)?$")]
Identifier = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,80}$")]
Address = Annotated[str, Field(pattern=r"^https?://[^\s\"'<>]+$")]
Language = Annotated[str, Field(pattern=r"^[a-z]{2}$")]


class SourceFront(Strict):
    url: Address
    rubric: Line


class ProcedureFront(Strict):
    online: bool
    url: Address | None = None
    exclusive: bool = False

    @model_validator(mode="after")
    def _an_online_procedure_has_an_address(self) -> ProcedureFront:
        if self.online and self.url is None:
            raise ValueError("une démarche en ligne a besoin de son adresse (url)")
        return self


class Front(Strict):
    """The front matter, in the order in which people write it."""

    id: Identifier
    title: Line
    topics: Annotated[tuple[Annotated[str, Field(pattern=r"^T\d{2,3}$")], ...], Field(min_length=1)]
    audience: Annotated[tuple[Literal["particulier", "professionnel", "association", "collectivite"], ...], Field(min_length=1)]
    service: Identifier
    owner: Line
    status: Literal["draft", "review", "published", "archived"]
    checked_on: date
    review_by: date
    valid_from: date | None = None
    valid_to: date | None = None
    certainty: Literal["A", "B", "C"]
    approved_by: Line | None = None
    competent: Line | None = None
    service_public: Annotated[tuple[Annotated[str, Field(pattern=r"^[FNR]\d+$")], ...], Field(max_length=3)] = ()
    sources: Annotated[tuple[SourceFront, ...], Field(min_length=1)]
    procedure: ProcedureFront | None = None
    help: tuple[str, ...] = ()
    related: tuple[Identifier, ...] = ()
    contrast: Line | None = None
    translated_on: Mapping[Language, date] = {}
    """Day on which a translation was last compared with the French; only needed when the French changed and it did not."""
    questions: Annotated[Mapping[Language, tuple[Line, ...]], Field(min_length=1)]


@dataclass(frozen=True)
class FicheFile:
    name: str
    """Place under the content folder: `fiches/permis/permis-perte.md`."""
    theme: str
    text: str
    front: Front
    sections: Mapping[str, str]
    """Wordings by section name, with their fact calls, without surrounding blank lines."""
    section_lines: Mapping[str, int]
    """Line of the file on which the text of each section begins."""
    document: Document
    """The front matter with the line of each of its parts."""

    @property
    def id(self) -> str:
        return self.front.id

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages of its translations, sorted."""
        return tuple(sorted(set(self.sections) - set(FRENCH_SECTIONS)))

    def remark(self, place: tuple[str | int, ...], rule: str, message: str, remedy: str) -> Remark:
        """A remark on a part of the front matter."""
        return self.document.refused(place, rule, message, remedy)


_FRONT = re.compile(r"---\r?\n(.*?\n)---[ \t]*\r?\n", re.DOTALL)
_ITEM = re.compile(r"^[ \t]*(?:\d+[.)]|-)[ \t]+", re.MULTILINE)
_HEADING = re.compile(r"^#[ \t]+(\S+)[ \t]*\r?$", re.MULTILINE)


def parse(text: str, name: str) -> FicheFile:
    """The fiche written in `text`; `name` is its place under the content folder (`fiches/<theme>/<id>.md`).

    Raises:
        ContentRefused: the front matter or the sections do not have the shape of a fiche.
    """
    match = _FRONT.match(text)
    if match is None:
        raise refusal(name, 1, "forme", "l'en-tête entre deux lignes « --- » manque", "commencez le fichier par l'en-tête YAML")
    document = read_yaml(match[1], name, first_line=2)
    front = shaped(Front, document, document.value)
    place = Path(name)
    if front.id != place.stem:
        raise ContentRefused(
            [document.refused(("id",), "forme", f"« {front.id} » n'est pas le nom du fichier", f"écrivez id: {place.stem}")]
        )
    if not re.fullmatch(r"[a-z0-9-]{1,60}", place.parent.name):
        raise refusal(name, 1, "forme", "le nom du dossier de thème est incorrect", "n'utilisez que a-z, 0-9 et -")
    sections, lines = _sections(text, match.end(), name)
    return FicheFile(name, place.parent.name, text, front, sections, lines, document)


def _sections(text: str, start: int, name: str) -> tuple[dict[str, str], dict[str, int]]:
    headings = list(_HEADING.finditer(text, start))
    first = headings[0].start() if headings else len(text)
    if text[start:first].strip():
        raise refusal(name, text.count("\n", 0, start) + 1, "forme", "texte avant la première section", "placez-le sous « # court »")
    sections: dict[str, str] = {}
    lines: dict[str, int] = {}
    for heading, following in zip(headings, [*headings[1:], None], strict=True):
        section = heading[1]
        line = text.count("\n", 0, heading.start()) + 1
        if section in sections:
            raise refusal(name, line, "forme", f"la section « {section} » est écrite deux fois", "gardez-en une seule")
        if section not in FRENCH_SECTIONS and not re.fullmatch(r"[a-z]{2}", section):
            raise refusal(
                name, line, "forme", f"la section « {section} » n'est pas connue", "utilisez court, detail, étapes ou une langue (en, ar…)"
            )
        body = text[heading.end() : following.start() if following else len(text)]
        sections[section] = body.strip()
        lines[section] = line + body[: len(body) - len(body.lstrip())].count("\n")
    for required in (SHORT, DETAIL):
        if not sections.get(required):
            raise refusal(
                name, text.count("\n") + 1, "forme", f"la section « {required} » manque", f"ajoutez « # {required} » et son texte"
            )
    return sections, lines


def steps(text: str) -> tuple[str, ...]:
    """The steps of a section étapes: one item for each `1.` or `-`, continued on the following lines."""
    items = _ITEM.split(text)
    return tuple(" ".join(item.split()) for item in items if item.strip())


def paragraphs(text: str) -> str:
    """`text` with a blank line after each list, so that Markdown does not take the next sentence into its last item."""
    lines: list[str] = []
    in_list = False
    for line in text.splitlines():
        if _ITEM.match(line):
            in_list = True
        elif in_list and line[:1].strip():
            lines.append("")
            in_list = False
        lines.append(line)
    return "\n".join(lines)


def read_all(content: Path) -> tuple[tuple[FicheFile, ...], tuple[Remark, ...]]:
    """Every fiche under `content/fiches/`, sorted by identifier, and the refusals of those whose shape is wrong."""
    files: dict[str, FicheFile] = {}
    remarks: list[Remark] = []
    for path in sorted((content / "fiches").glob("*/*.md")):
        name = path.relative_to(content).as_posix()
        try:
            fiche = parse(read_text(path, name), name)
        except ContentRefused as refused:
            remarks.extend(refused.remarks)
            continue
        if fiche.id in files:
            remarks.append(
                fiche.remark(("id",), "forme", f"« {fiche.id} » existe déjà dans {files[fiche.id].name}", "donnez-lui un autre nom")
            )
        files.setdefault(fiche.id, fiche)
    return tuple(files[identifier] for identifier in sorted(files)), tuple(remarks)
