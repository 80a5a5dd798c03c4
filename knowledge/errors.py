"""Errors of the knowledge base.

KnowledgeError
├── ContentRefused      a file of content breaks a rule: carries every remark, each with its place and remedy
├── FactMissing         a text quotes a fact that is not in force on that day
├── FicheUnknown        no fiche of that identifier
├── SourceRefused       an official source could not be read safely (bad archive, host not allowed, too large)
├── EncoderUnusable     the language model is missing, damaged, or of a kind that is refused
├── PhrasingRefused     a way of asking cannot be attached to this fiche, or taken back
├── PublicationBlocked  the change would lose answers that people confirmed: says which
├── IndexMissing        the search index has not been built, or not for this knowledge
├── ScriptUnknown       no version of a phone script has this number
├── DraftOutdated       a newer version of the script exists than the one this was written or read from
├── VersionSettled      what is asked is no longer, or not yet, possible for this version (approved already, withdrawn…)
├── SecondReaderNeeded  the author of a draft may not approve it here
├── OrderRefused        an order for a change does not exist, or is closed already
├── StateRefused        a crisis message or a closure without an end, too long, or that cannot be said
├── SettingRefused      a setting cannot be understood: it is named
├── DatabaseUnready     the database cannot be reached, or its schema is not the one of this program
└── PartMissing         an optional part (an extra, a system library) is not installed: says which

Messages are in French: an agent, an editor or the person who installs reads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class KnowledgeError(Exception):
    """Something the knowledge base could not do. The message says what to do about it."""


@dataclass(frozen=True)
class Remark:
    """One refusal of a check: where, what is wrong, and what to do."""

    file: str
    line: int
    rule: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} — {self.message} → {self.remedy}"


class ContentRefused(KnowledgeError):
    def __init__(self, remarks: Sequence[Remark]) -> None:
        self.remarks = tuple(remarks)
        super().__init__(f"{len(self.remarks)} refus dans les contenus :\n" + "\n".join(str(remark) for remark in self.remarks))


class FactMissing(KnowledgeError):
    pass


class FicheUnknown(KnowledgeError):
    pass


class SourceRefused(KnowledgeError):
    pass


class EncoderUnusable(KnowledgeError):
    pass


class PhrasingRefused(KnowledgeError):
    pass


class PublicationBlocked(KnowledgeError):
    pass


class IndexMissing(KnowledgeError):
    pass


class ScriptUnknown(KnowledgeError):
    pass


class DraftOutdated(KnowledgeError):
    pass


class VersionSettled(KnowledgeError):
    pass


class SecondReaderNeeded(KnowledgeError):
    pass


class OrderRefused(KnowledgeError):
    pass


class StateRefused(KnowledgeError):
    pass


class SettingRefused(KnowledgeError):
    pass


class DatabaseUnready(KnowledgeError):
    pass


class PartMissing(KnowledgeError):
    pass
