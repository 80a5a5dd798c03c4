"""One page of a préfecture site: its title, breadcrumb, date and text, as a person sees them.

Menus, scripts and forms are left out. So is what a reader would not see: it is dropped, and reported when there is more of it than a label.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from selectolax.lexbor import LexborHTMLParser, LexborNode

from knowledge.errors import SourceRefused
from knowledge.sources.pages import Section, plain
from knowledge.sources.visibility import hidden_by_style, is_hidden

_MOST_LEVELS = 1_000
"""The parser's time grows with the square of the nesting: a page made of 100,000 open boxes takes it 20 s."""
_REPORTED_FROM = 40
"""Characters of hidden text: fewer are labels for screen readers ("nouvelle fenêtre")."""
_KEPT_HIDDEN = 300

_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/>]*)")
_UNCOUNTED = frozenset(
    "area base br col embed hr img input link meta param source track wbr p li td th tr dt dd option tbody thead "
    "path use circle ellipse line polygon polyline rect stop image".split()
)
"""Elements that close by themselves, and drawings: they cost the parser nothing."""
_MAIN = ("main", '[role="main"]', "#main", "#contenu", "#content", "article", "body")
_TITLES = ("main h1", "h1", 'meta[property="og:title"]', "title")
_LEFT_OUT = frozenset(
    "script style noscript template nav footer aside form button select iframe object svg canvas video audio dialog head".split()
)
_LEFT_OUT_NAMES = re.compile(
    r"(?:^|[\s_-])(?:breadcrumb|fil-?d?-?ariane|menu|share|partage|reseaux-sociaux|pagination|sommaire|skip-?links?|cookies?)(?:$|[\s_-])",
    re.I,
)
_UNREAD = frozenset("script style noscript template head".split())
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_CELLS = frozenset({"td", "th"})
_BLOCKS = frozenset(
    "p div section article ul ol li table tr dl dt dd blockquote pre figure figcaption header main br hr address details summary".split()
)

_MONTHS = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()
_DAY = rf"(?:(\d{{1,2}})/(\d{{1,2}})/(\d{{4}})|(\d{{1,2}})(?:er)?\s+({'|'.join(_MONTHS)})\s+(\d{{4}})|(\d{{4}})-(\d{{2}})-(\d{{2}}))"
_UPDATED = re.compile(rf"(?:mise?s? à jour|modifiée?s?|actualisée?s?)\s*(?:le|du)?\s*:?\s*{_DAY}", re.I)
_PUBLISHED = re.compile(rf"publiée?s?\s*(?:le)?\s*:?\s*{_DAY}", re.I)
_WRITTEN_DAY = re.compile(_DAY, re.I)
_MODIFIED_TAGS = (
    ('meta[property="article:modified_time"]', "content"),
    ('meta[name="dcterms.modified"]', "content"),
    ('[itemprop="dateModified"]', "datetime"),
)
_DATE_LINE = re.compile(rf".{{0,20}}(?:mise?s? à jour|modifiée?s?|actualisée?s?|publiée?s?).{{0,10}}{_DAY}.{{0,12}}", re.I)
_BUTTONS = frozenset(
    {"imprimer", "imprimer la page", "imprimer cette page", "version imprimable", "partager", "partager la page", "haut de page"}
)
_PRINT_NAME = re.compile(r"(?:^|[\s_-])(?:print|imprimer|imprimable)(?:$|[\s_-])", re.I)
_BREADCRUMBS = (
    '[aria-label*="riane"]',
    ".fr-breadcrumb",
    ".breadcrumb",
    "#breadcrumb",
    "#ariane",
    ".fil-ariane",
    ".filariane",
    '[itemtype*="BreadcrumbList"]',
)
_NOT_RUBRICS = frozenset({"accueil", "vous êtes ici", "voir le fil d'ariane", ""})


@dataclass(frozen=True)
class SitePage:
    title: str
    breadcrumb: str
    updated_on: date | None
    sections: tuple[Section, ...]
    hidden: str
    """Beginning of the text that a reader does not see; empty when there is none worth a report."""
    print_link: str | None
    links: tuple[tuple[str, str], ...]
    """Address as written and words of each link of the page, menus and footer included."""


def read_page(html: str, day: date) -> SitePage:
    """What a person reads on a page.

    Args:
        day: today; a date after it is not believed.

    Raises:
        SourceRefused: no title, no text, or a structure made to exhaust the reader.
    """
    _refuse_deep(html)
    tree = LexborHTMLParser(html)
    main = next((node for selector in _MAIN if (node := tree.css_first(selector))), None)
    title = _title(tree)
    if main is None or not title:
        raise SourceRefused("page sans titre ou vide")
    reader = _Reader(hidden_by_style(tree), title, banner_left_out=main.tag == "body")
    sections = reader.sections(main)
    if not sections:
        raise SourceRefused("page sans texte")
    hidden = plain(" ".join(reader.hidden))
    return SitePage(
        title=title,
        breadcrumb=_breadcrumb(tree, title),
        updated_on=_updated_on(tree, reader, main, day),
        sections=sections,
        hidden=hidden[:_KEPT_HIDDEN] if len(hidden) >= _REPORTED_FROM else "",
        print_link=_print_link(tree),
        links=tuple(((node.attributes.get("href") or "").strip(), plain(node.text())) for node in tree.css("a[href]")),
    )


class _Reader:
    """Reads the visible text of a page in order: headings open sections, the rest fills them."""

    def __init__(self, styled_away: set[int], title: str, *, banner_left_out: bool) -> None:
        self.hidden: list[str] = []
        self._styled_away = styled_away
        self._title = title
        self._banner_left_out = banner_left_out
        self._path: list[tuple[int, str]] = []
        self._found: list[Section] = []
        self._lines: list[str] = []
        self._words: list[str] = []

    def sections(self, main: LexborNode) -> tuple[Section, ...]:
        heading = cells = 0
        for node, entering in _walk(main, self._left_out):
            tag = node.tag or ""
            if node.is_text_node:
                self._words.append(node.text_content or "" if entering else "")
            elif tag in _HEADINGS and not cells:
                if entering and not heading:
                    self._end_line()
                    heading = node.mem_id
                elif not entering and node.mem_id == heading:
                    self._open(_HEADINGS[tag])
                    heading = 0
            elif tag in _CELLS:
                cells += 1 if entering else -1
                self._words.append("" if entering else " | ")
            elif tag in _BLOCKS:
                if heading or (cells and tag != "table"):
                    self._words.append(" ")
                    continue
                self._end_line()
                if tag == "li" and entering:
                    self._words.append("- ")
        self._end_section()
        return tuple(self._found)

    def visible(self, node: LexborNode) -> str:
        """All the words of `node` that a reader sees, menus included."""

        def unseen(inner: LexborNode) -> bool:
            return inner.tag in _UNREAD or self._is_hidden(inner)

        return plain(" ".join(inner.text_content or "" for inner, entering in _walk(node, unseen) if entering and inner.is_text_node))

    def _left_out(self, node: LexborNode) -> bool:
        if node.is_text_node:
            return False
        if not node.is_element_node or node.tag in _LEFT_OUT or (node.tag == "header" and self._banner_left_out):
            return True
        if self._is_hidden(node):
            self.hidden.append(node.text(separator=" "))
            return True
        return bool(_LEFT_OUT_NAMES.search(f"{node.attributes.get('class') or ''} {node.attributes.get('id') or ''}"))

    def _is_hidden(self, node: LexborNode) -> bool:
        return node.is_element_node and (node.mem_id in self._styled_away or is_hidden(node))

    def _open(self, level: int) -> None:
        words, self._words = plain("".join(self._words)), []
        if not words:
            return
        self._end_section()
        above = [(higher, name) for higher, name in self._path if higher < level]
        self._path = [] if level == 1 or words == self._title else [*above, (level, words)]

    def _end_line(self) -> None:
        line = plain("".join(self._words)).strip("| ")
        self._words = []
        if line not in ("", "-") and not _DATE_LINE.fullmatch(line) and line.removeprefix("- ").lower() not in _BUTTONS:
            self._lines.append(line)

    def _end_section(self) -> None:
        self._end_line()
        if self._lines:
            self._found.append(Section(" > ".join(name for _, name in self._path), "\n".join(self._lines)))
        self._lines = []


def _walk(root: LexborNode, left_out: Callable[[LexborNode], bool]) -> Iterator[tuple[LexborNode, bool]]:
    """Each node under `root`, entering then leaving, in reading order; without recursion."""
    node = root.child
    while node is not None:
        if not left_out(node):
            yield node, True
            if node.child is not None:
                node = node.child
                continue
            yield node, False
        while node.next is None:
            above = node.parent
            if above is None or above.mem_id == root.mem_id:
                return
            node = above
            yield node, False
        node = node.next


def _refuse_deep(html: str) -> None:
    level = 0
    for closing, tag in _TAG.findall(html):
        if tag.lower() not in _UNCOUNTED:
            level = max(0, level - 1) if closing else level + 1
            if level > _MOST_LEVELS:
                raise SourceRefused("page trop imbriquée")


def _title(tree: LexborHTMLParser) -> str:
    for selector in _TITLES:
        for node in tree.css(selector):
            found = plain(node.attributes.get("content") or "" if node.tag == "meta" else node.text())
            if found and not is_hidden(node):
                return found
    return ""


def _breadcrumb(tree: LexborHTMLParser, title: str) -> str:
    for selector in _BREADCRUMBS:
        place = tree.css_first(selector)
        if place is not None:
            steps = place.css("li") or place.css("a")
            rubrics = [plain(step.text()).strip("<>/›»| ") for step in steps]
            kept = [rubric for rubric in rubrics if rubric.lower() not in _NOT_RUBRICS and rubric != title]
            return " > ".join(dict.fromkeys(kept))
    return ""


def _updated_on(tree: LexborHTMLParser, reader: _Reader, main: LexborNode, day: date) -> date | None:
    """The day a page says it was last changed: in its words, else in its tags, else the day it was published."""
    texts = [reader.visible(main), reader.visible(tree.body) if tree.body is not None else ""]
    tags = [node.attributes.get(attribute) or "" for selector, attribute in _MODIFIED_TAGS for node in tree.css(selector)]
    told = [*((_UPDATED, text) for text in texts), *((_WRITTEN_DAY, tag) for tag in tags), *((_PUBLISHED, text) for text in texts)]
    found = (_day(mention) for pattern, text in told for mention in pattern.finditer(text))
    return next((written for written in found if written is not None and written <= day), None)


def day_of(written: str, today: date) -> date | None:
    """The day of `2026-11-03T08:00:00+01:00`, or of a French date; None when there is none, or after `today`."""
    mention = _WRITTEN_DAY.search(written)
    found = _day(mention) if mention else None
    return found if found and found <= today else None


def _day(mention: re.Match[str]) -> date | None:
    figures: Mapping[int, str] = dict(enumerate(mention.groups()))
    day, month, year = (figures[0], figures[1], figures[2]) if figures[0] else (figures[3], "", figures[5])
    if figures[6]:
        year, month, day = figures[6], figures[7], figures[8]
    try:
        return date(int(year), int(month or _MONTHS.index(figures[4].lower()) + 1), int(day))
    except ValueError:
        return None


def _print_link(tree: LexborHTMLParser) -> str | None:
    for link in [*tree.css('link[rel="alternate"][media="print"]'), *tree.css("a[href]")]:
        address = (link.attributes.get("href") or "").strip()
        names = f"{link.attributes.get('class') or ''} {link.attributes.get('rel') or ''} {link.attributes.get('id') or ''}"
        offered = link.tag == "link" or _PRINT_NAME.search(names) or plain(link.text()).lower() in _BUTTONS - {"partager", "haut de page"}
        if offered and address and not re.match(r"#|javascript:|mailto:", address, re.I):
            return address
    return None
