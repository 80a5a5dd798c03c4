"""Where the pages of a site are: its sitemap, or the links of its page "Plan du site"."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urljoin

from lxml import etree

from knowledge.errors import SourceRefused
from knowledge.sources.containers import parse_xml
from knowledge.sources.site_page import SitePage

SITEMAP_BYTES = 20 * 1024**2
_MOST_MAPS = 50
_DEEPEST = 2

Read = Callable[[str], bytes | None]
"""The body at an address; None when there is nothing there."""


@dataclass(frozen=True)
class Entry:
    url: str
    last_modified: str
    """As written; often empty."""


def entries(start: list[str], read: Read) -> Iterator[Entry]:
    """What the sitemaps list, through their indexes, each map read once.

    Raises:
        SourceRefused: a map is not a sitemap, or is made to exhaust the reader.
    """
    waiting = [(url, 0) for url in start]
    seen: set[str] = set()
    while waiting:
        url, depth = waiting.pop(0)
        if url in seen or len(seen) >= _MOST_MAPS:
            continue
        seen.add(url)
        body = read(url)
        if body is None:
            continue
        root = parse_xml(_unpacked(body))
        kind = _local(root)
        if kind not in ("urlset", "sitemapindex"):
            raise SourceRefused("le plan du site en XML n'en est pas un")
        for item in root:
            told = {_local(child): (child.text or "").strip() for child in item}
            if not told.get("loc"):
                continue
            if kind == "urlset":
                yield Entry(urljoin(url, told["loc"]), told.get("lastmod", ""))
            elif depth < _DEEPEST:
                waiting.append((urljoin(url, told["loc"]), depth + 1))


def link_to_plan(page: SitePage) -> str | None:
    """The address of the page "Plan du site", as the page links to it."""
    return next((address for address, words in page.links if words.lower() == "plan du site"), None)


def _local(element: etree._Element) -> str:
    return etree.QName(element).localname


def _unpacked(body: bytes) -> bytes:
    """A map may be a gzip file (`sitemap.xml.gz`)."""
    if not body.startswith(b"\x1f\x8b"):
        return body
    inflating = zlib.decompressobj(wbits=31)
    try:
        out = inflating.decompress(body, SITEMAP_BYTES + 1)
    except zlib.error as error:
        raise SourceRefused("le plan du site compressé est illisible") from error
    if len(out) > SITEMAP_BYTES or not inflating.eof:
        raise SourceRefused("le plan du site compressé est trop grand ou incomplet")
    return out
