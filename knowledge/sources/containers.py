"""Opening what others packed: zip and XML, with a ceiling on everything that can be inflated.

The ceilings are several times what the national feed holds (14 MB, 4,873 entries, 60 MB unpacked, entries of 0.4 MB, ratios of 36,
18 levels of elements), so that a feed that grows still passes and a bomb never does.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from knowledge.errors import SourceRefused

ARCHIVE_BYTES = 200 * 1024**2
_ENTRIES = 50_000
_ENTRY_BYTES = 8 * 1024**2
_TOTAL_BYTES = 1024**3
_RATIO = 200
_RATIO_FROM_BYTES = 64 * 1024
"""Small entries compress as they like: they cannot hurt."""
_LEVELS = 60
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_READ_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)


class Archive:
    """A zip file whose table of contents has been checked; entries are read one by one.

    Raises:
        SourceRefused: the file is not a whole zip, or its table announces something that no honest feed holds.
    """

    def __init__(self, path: Path) -> None:
        if path.stat().st_size > ARCHIVE_BYTES:
            raise SourceRefused(f"L'archive dépasse {ARCHIVE_BYTES // 1024**2} Mo : refusée.")
        try:
            self._zip = zipfile.ZipFile(path)
        except _READ_ERRORS as error:
            raise SourceRefused("L'archive est tronquée ou n'est pas un zip. Téléchargez-la de nouveau ; rien n'a été modifié.") from error
        try:
            self._entries = self._checked()
        except SourceRefused:
            self._zip.close()
            raise

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        """Name and bytes of each file, in the order of the archive.

        Raises:
            SourceRefused: an entry is damaged, or is not what the table of contents announced.
        """
        for entry in self._entries:
            try:
                with self._zip.open(entry) as opened:
                    data = opened.read(_ENTRY_BYTES + 1)
                    if opened.read(1) or len(data) != entry.file_size:
                        raise SourceRefused(f"L'entrée « {entry.filename} » n'a pas la taille annoncée. Rien n'a été modifié.")
            except _READ_ERRORS as error:
                raise SourceRefused(f"L'entrée « {entry.filename} » est abîmée. Téléchargez l'archive de nouveau.") from error
            yield entry.filename, data

    def _checked(self) -> list[zipfile.ZipInfo]:
        entries = [entry for entry in self._zip.infolist() if not entry.is_dir()]
        names = [entry.filename for entry in entries]
        if len(entries) > _ENTRIES:
            raise SourceRefused(f"L'archive annonce {len(entries)} fichiers : plus de {_ENTRIES}, refusée.")
        if len(set(names)) != len(names):
            raise SourceRefused("L'archive contient deux fois le même nom : refusée.")
        if sum(entry.file_size for entry in entries) > _TOTAL_BYTES:
            raise SourceRefused("L'archive décompressée dépasserait 1 Go : refusée.")
        for entry in entries:
            reason = _suspicion(entry)
            if reason:
                raise SourceRefused(f"Archive refusée : l'entrée « {entry.filename[:80]!r} » {reason}.")
        return entries


def _suspicion(entry: zipfile.ZipInfo) -> str | None:
    if not _PLAIN_NAME.fullmatch(entry.filename):
        return "n'a pas un nom simple"
    if entry.flag_bits & 0x1:
        return "est chiffrée"
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "n'est pas compressée de façon ordinaire"
    if (entry.external_attr >> 16) & 0o170000 == 0o120000:
        return "est un lien"
    if entry.file_size > _ENTRY_BYTES:
        return f"dépasse {_ENTRY_BYTES // 1024**2} Mo"
    if entry.file_size > _RATIO_FROM_BYTES and entry.file_size > _RATIO * max(1, entry.compress_size):
        return "est comprimée au-delà du vraisemblable"
    return None


def parse_xml(data: bytes) -> etree._Element:
    """The root of an UTF-8 XML text, without entities, DTD or network.

    Raises:
        SourceRefused: not well formed, not UTF-8, declares a document type, or nests too deep.
    """
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise SourceRefused("le XML déclare un type de document ou des entités")
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise SourceRefused(f"le XML est mal formé ({error})") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise SourceRefused("le XML déclare un type de document")
    level = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        level += 1 if event == "start" else -1
        if level > _LEVELS:
            raise SourceRefused("le XML est trop imbriqué")
    return root
