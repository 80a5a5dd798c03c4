"""What proofreading knows besides the fiches: acronyms, official domains, numbers at an ordinary price."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, RootModel

from knowledge.documents import Strict, read_text, read_yaml, shaped

ORDINARY_SHORT_NUMBERS = re.compile(
    "3018|3020|3114|3117|3131|3133|3230|3400|3631|3646|3919|3928|3939|3949|3957|3960|3966|3977|3989",
)
"""Four-digit numbers of public services, free or at the price of an ordinary call (rules-and-indicators, section 4)."""

TOPICS = range(1, 141)
"""Subjects T01 to T140: the numbering of the committees' model answers."""


class _Acronyms(RootModel[dict[str, Annotated[str, Field(min_length=2)]]]):
    pass


class _Domain(Strict):
    domain: Annotated[str, Field(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$")]
    owner: Annotated[str, Field(min_length=2)]


class _Domains(RootModel[tuple[_Domain, ...]]):
    pass


@dataclass(frozen=True)
class Vocabulary:
    acronyms: Mapping[str, str]
    """Expansion by acronym."""
    domains: tuple[str, ...]
    """Official domains; each stands for its sub-domains too."""

    def is_official(self, host: str) -> bool:
        return any(host == domain or host.endswith(f".{domain}") for domain in self.domains)

    def is_official_address(self, address: str) -> bool:
        return self.is_official((urlsplit(address).hostname or "").lower())


def read_acronyms(content: Path) -> dict[str, str]:
    """Expansion by acronym, from `content/acronyms.yml`. Raises ContentRefused."""
    name = "acronyms.yml"
    document = read_yaml(read_text(content / name, name), name)
    return shaped(_Acronyms, document, document.value or {}).root


def read_domains(content: Path) -> tuple[str, ...]:
    """Official domains, from `content/official_domains.yml`. Raises ContentRefused."""
    name = "official_domains.yml"
    document = read_yaml(read_text(content / name, name), name)
    return tuple(entry.domain for entry in shaped(_Domains, document, document.value).root)


def is_premium(number: str) -> bool:
    """Whether calling `number` may cost more than an ordinary call: 081x, 082x, 089x and unknown four-digit numbers in 3."""
    digits = re.sub(r"^(\+33|0033)", "0", re.sub(r"[ .\-()\u00a0\u202f]", "", number))
    if re.fullmatch(r"3\d{3}", digits):
        return ORDINARY_SHORT_NUMBERS.fullmatch(digits) is None
    return re.match(r"08[129]\d{7}$", digits) is not None
