"""Dated facts: what may be stated on a day."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine

from knowledge import facts
from knowledge.database import session
from knowledge.errors import ContentRefused, FactMissing
from tests.knowledge.builders import DAY, FACTS, Content, a_fact


def _two_periods() -> list[dict[str, Any]]:
    return [
        a_fact("nationalite", value="55 €", valid_to=date(2026, 4, 30)),
        a_fact("nationalite", value="255 €", valid_from=date(2026, 5, 1)),
    ]


def test_a_fact_is_read_with_its_wordings_and_its_line(content: Content) -> None:
    found = {(fact.kind, fact.key): fact for fact in facts.read(content.folder)}

    delay = found["delai", "recours"]
    assert (delay.text("fr"), delay.text("en"), delay.certainty, delay.file) == ("2 mois", "2 months", "A", "commun.yml")
    assert found["montant", "cni-perte"].text("en") == "25 €"
    assert delay.line > found["montant", "cni-perte"].line == 1


def test_a_new_amount_holds_from_its_first_day(content: Content) -> None:
    stock = facts.read(content.facts(_two_periods()).folder)

    assert facts.in_force(stock, "montant", "nationalite", date(2026, 4, 30)) == "55 €"
    assert facts.in_force(stock, "montant", "nationalite", date(2026, 5, 1)) == "255 €"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"key": "autre"}, "n'existe pas"),
        ({"valid_to": date(2026, 11, 20)}, "n'est pas en vigueur le 21/11/2026"),
        ({"valid_from": date(2026, 11, 22)}, "n'est pas en vigueur"),
        ({"certainty": "K"}, "à vérifier"),
        ({"to_check": True}, "à vérifier"),
    ],
)
def test_a_fact_that_cannot_be_stated_is_missing(content: Content, changes: dict[str, Any], said: str) -> None:
    stock = facts.read(content.facts([a_fact(**changes)]).folder)

    with pytest.raises(FactMissing, match=said):
        facts.in_force(stock, "montant", "cni-perte", DAY)


def test_two_periods_that_overlap_are_refused(content: Content) -> None:
    content.facts([a_fact(), a_fact(valid_from=date(2026, 1, 1))], "autre")

    with pytest.raises(ContentRefused) as refused:
        facts.read(content.folder)
    assert {remark.rule for remark in refused.value.remarks} == {"fait en double"}


@pytest.mark.parametrize(
    ("changes", "line", "said"),
    [
        ({"certainty": "D"}, 11, "« D » n'est pas prévu"),
        ({"source": {"url": "ants", "label": "x"}}, 8, "source.url"),
        ({"checked_on": "hier"}, 10, "n'est pas une date"),
        ({"price": 3}, 13, "n'est pas un champ connu"),
        ({"kind": "prix"}, 2, "n'a pas la forme attendue"),
        ({"valid_from": date(2026, 2, 1), "valid_to": date(2026, 1, 1)}, 6, "finit avant de commencer"),
    ],
)
def test_a_malformed_fact_is_refused_with_its_line(content: Content, changes: dict[str, Any], line: int, said: str) -> None:
    with pytest.raises(ContentRefused) as refused:
        facts.read(content.facts([a_fact(**changes)]).folder)

    (remark,) = refused.value.remarks
    assert (remark.file, remark.line) == ("facts/commun.yml", line)
    assert said in remark.message


def test_a_fact_without_value_is_refused(content: Content) -> None:
    entry = a_fact()
    del entry["value"]

    with pytest.raises(ContentRefused, match="la ligne « value » manque"):
        facts.read(content.facts([entry]).folder)


def test_stored_facts_are_those_that_were_read(engine: Engine, content: Content) -> None:
    stock = facts.read(content.folder)
    with session(engine) as opened:
        assert facts.store(opened, stock)
        opened.flush()
        assert set(facts.stored(opened)) == set(stock)
        assert facts.in_force(opened, "delai", "recours", DAY, "en") == "2 months"
        assert not facts.store(opened, stock)

    changed = facts.read(content.facts([*FACTS, a_fact("nouveau")]).folder)
    with session(engine) as opened:
        assert facts.store(opened, changed)
        opened.flush()
        assert len(list(facts.stored(opened))) == len(FACTS) + 1
