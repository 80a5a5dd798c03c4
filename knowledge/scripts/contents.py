"""A phone script with all that it quotes, read from the content folder: no database is needed to reread it or to listen to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from knowledge import directory, facts, fiches
from knowledge.documents import read_text
from knowledge.errors import Remark
from knowledge.fiche_files import FicheFile
from knowledge.proofreading.vocabulary import Vocabulary, read_acronyms, read_domains
from knowledge.scripts import model
from knowledge.scripts.checks import check
from knowledge.scripts.telling import tell
from knowledge.scripts.told import Told


@dataclass(frozen=True)
class Contents:
    """What a script file needs to be judged and told on a day."""

    file: model.ScriptFile
    directory: directory.Directory
    facts: facts.Facts
    fiches: Mapping[str, fiches.PublishedFiche]
    vocabulary: Vocabulary
    day: date

    def refusals(self) -> tuple[Remark, ...]:
        return check(self.file, self.directory, self.facts, self.fiches, self.vocabulary, self.day)

    def told(self) -> Told:
        """Every sentence of the day. Raises ContentRefused."""
        return tell(self.file.script, self.directory, self.facts, self.fiches, self.day, self.file.document)


def read(content: Path, script: str, day: date) -> Contents:
    """The contents of a folder as they are on `day`. `script`: a name of `content/scripts/`, or the path of a `.yml` file.

    Raises:
        ContentRefused: a file is absent or malformed.
    """
    path = Path(script)
    file = model.parse(read_text(path, path.name), path.name) if path.suffix == ".yml" else model.read(content, script)
    stock = facts.Facts(facts.read(content))
    quoted = {node.fiche for node in file.script.nodes.values() if isinstance(node, model.FicheAnswer)}
    served = {fiche.id: fiche for fiche in fiches.in_files(_files(content, quoted), stock, day)}
    vocabulary = Vocabulary(read_acronyms(content), read_domains(content))
    return Contents(file, directory.read(content), stock, served, vocabulary, day)


def _files(content: Path, identifiers: Iterable[str]) -> Iterator[FicheFile]:
    """The fiches of these identifiers that exist: reading all the others would only take time."""
    for identifier in sorted(identifiers):
        for path in sorted((content / "fiches").glob(f"*/{identifier}.md")):
            name = path.relative_to(content).as_posix()
            yield fiches.parse(read_text(path, name), name)
