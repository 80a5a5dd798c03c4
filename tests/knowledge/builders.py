"""A small content folder to change at will: one préfecture, a few facts, fiches written as people write them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import yaml

DAY = date(2026, 11, 21)

SERVICES = """\
prefecture:
  name: préfecture du Val-d'Ambre
  chief: préfet du Val-d'Ambre
  department: Val-d'Ambre
  fictional: true
  site: https://www.val-dambre.gouv.fr
services:
  - id: citoyennete
    name: Bureau de la citoyenneté
    short: le bureau de la citoyenneté
    spoken: le service de la citoyenneté
    hours: {lun-ven: "9h-12h, 13h30-16h", sam: "9h-12h"}
    phone: "03 53 01 10 60"
    email: citoyennete@val-dambre.gouv.fr
    address: 1 place de la Préfecture, 00100 Ambreville
    languages: [fr]
"""

ACRONYMS = "PAN: point d'accueil numérique\nANTS: Agence nationale des titres sécurisés\n"
DOMAINS = "- {domain: gouv.fr, owner: State}\n- {domain: caf.fr, owner: Caisse nationale}\n"


def a_fact(key: str = "cni-perte", kind: str = "montant", value: str = "25 €", **changes: Any) -> dict[str, Any]:
    return {
        "key": key,
        "kind": kind,
        "label": f"Fait {key}",
        "value": value,
        "valid_from": None,
        "valid_to": None,
        "source": {"url": "https://ants.gouv.fr", "label": "France Titres"},
        "checked_on": date(2026, 11, 20),
        "certainty": "B",
        "to_check": False,
        **changes,
    }


FACTS: Sequence[Mapping[str, Any]] = (
    a_fact(),
    a_fact("34-00", "numero", "34 00"),
    a_fact("recours", "delai", "2 mois", value_en="2 months", certainty="A"),
)


def some_questions(seed: str, count: int) -> list[str]:
    """Questions that look like no others."""
    dice = random.Random(seed)
    return [" ".join("".join(dice.choices("abcdefghilmnoprstuv", k=8)) for _ in range(5)) for _ in range(count)]


def a_fiche(identifier: str = "cni-perte", sections: Mapping[str, str | None] | None = None, **changes: Any) -> str:
    """The text of a fiche that proofreading accepts; a change to None removes that line."""
    front = {
        "id": identifier,
        "title": f"Titre de {identifier}",
        "topics": ["T22"],
        "audience": ["particulier"],
        "service": "citoyennete",
        "owner": "bureau-relation-usager",
        "status": "published",
        "checked_on": date(2026, 11, 20),
        "review_by": date(2027, 2, 20),
        "certainty": "B",
        "service_public": ["F1344"],
        "sources": [{"url": "https://www.service-public.gouv.fr/particuliers/vosdroits/F1344", "rubric": "Papiers > Perte"}],
        "procedure": {"online": True, "url": "https://passeport.ants.gouv.fr", "exclusive": False},
        "help": ["pan", "france-services"],
        "questions": {"fr": some_questions(identifier, 20), "en": some_questions(f"{identifier} en", 5)},
        **changes,
    }
    words = some_questions(f"{identifier} court", 1)[0]
    texts: dict[str, str | None] = {
        "court": f'Sujet {words}. Comptez {{{{ montant("cni-perte") }}}} de timbre fiscal.',
        "detail": "Apportez une photo récente.\nApportez aussi un justificatif de domicile.",
        "étapes": "1. Réunissez les documents.\n2. Prenez rendez-vous en mairie.",
        "en": f'Subject {words}. It costs {{{{ montant("cni-perte") }}}}.',
        **(sections or {}),
    }
    head = yaml.safe_dump({name: value for name, value in front.items() if value is not None}, allow_unicode=True, sort_keys=False)
    return f"---\n{head}---\n" + "".join(f"# {name}\n{text}\n" for name, text in texts.items() if text is not None)


class Content:
    """A content folder on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "facts").mkdir(parents=True)
        (folder / "services.yml").write_text(SERVICES, "utf-8")
        (folder / "acronyms.yml").write_text(ACRONYMS, "utf-8")
        (folder / "official_domains.yml").write_text(DOMAINS, "utf-8")
        self.facts(FACTS)

    def facts(self, facts: Sequence[Mapping[str, Any]], file: str = "commun") -> Content:
        text = yaml.safe_dump([dict(fact) for fact in facts], allow_unicode=True, sort_keys=False)
        (self.folder / "facts" / f"{file}.yml").write_text(text, "utf-8")
        return self

    def fiche(self, identifier: str = "cni-perte", sections: Mapping[str, str | None] | None = None, **changes: Any) -> Content:
        return self.write(identifier, a_fiche(identifier, sections, **changes))

    def write(self, identifier: str, text: str, theme: str = "identite") -> Content:
        path = self.path(identifier, theme)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        return self

    def path(self, identifier: str = "cni-perte", theme: str = "identite") -> Path:
        return self.folder / "fiches" / theme / f"{identifier}.md"
