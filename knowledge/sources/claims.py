"""Which service answers for which part of a site: `content/site_claims.yml`.

A list of `{path: /Demarches/Etrangers, service: migrations}`; the longest path wins. A page that nobody claims appears in the report:
it is the sign that nobody would notice when it becomes wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit

from pydantic import Field

from knowledge import directory
from knowledge.documents import Strict, read_text, read_yaml, shaped
from knowledge.errors import ContentRefused, Remark

FILE = "site_claims.yml"


class _Claim(Strict):
    path: Annotated[str, Field(pattern=r"^/")]
    service: str


class _Claims(Strict):
    claims: tuple[_Claim, ...]


def read(content: Path) -> Callable[[str], str | None]:
    """Gives the service that claims an address. Without the file, nothing is claimed.

    Raises:
        ContentRefused: the file is not of that shape, or names an unknown service.
    """
    if not (content / FILE).exists():
        return lambda _: None
    document = read_yaml(read_text(content / FILE, FILE), FILE)
    listed = shaped(_Claims, document, {"claims": document.value or ()}).claims
    services = directory.read(content)
    remarks: list[Remark] = [
        document.refused((index, "service"), "service", f"le service « {claim.service} » n'existe pas", "choisissez un id de services.yml")
        for index, claim in enumerate(listed)
        if claim.service not in services
    ]
    if remarks:
        raise ContentRefused(remarks)
    by_path = {claim.path.rstrip("/"): claim.service for claim in listed}
    return lambda address: _claimed(by_path, address)


def _claimed(by_path: dict[str, str], address: str) -> str | None:
    path = unquote(urlsplit(address).path).rstrip("/")
    while path and path not in by_path:
        path = path.rpartition("/")[0]
    return by_path.get(path)
