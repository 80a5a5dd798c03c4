"""Texts with fact calls, and what may not be in them (threat T19)."""

from __future__ import annotations

import os
import time
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.errors import ContentRefused, FactMissing
from knowledge.facts import Fact, Facts
from knowledge.rendering import FactCall, Text, compiled
from tests.knowledge.builders import DAY

REFUSED = [
    "{{ 1 }}",
    "{{ 7 * 7 }}",
    "{{ 9**9**9 }}",
    "{{ 'a' * 10000000000 }}",
    "{{ montant }}",
    "{{ montant() }}",
    "{{ montant(cle) }}",
    "{{ montant(1) }}",
    "{{ montant('a', 'b') }}",
    "{{ montant('a' ~ 'b') }}",
    "{{ montant('a' + 'b') }}",
    "{{ montant(key='a') }}",
    "{{ montant(*['a']) }}",
    "{{ montant(**{'key': 'a'}) }}",
    "{{ montant('a').__class__ }}",
    "{{ montant('a')[0] }}",
    "{{ montant('a')() }}",
    "{{ montant('a') | upper }}",
    "{{ montant('a') | safe }}",
    "{{ montant('a') * 3 }}",
    "{{ montant('a') if true else '' }}",
    "{{ montant('a') and delai('b') }}",
    "{{ not montant('a') }}",
    "{{ montant('A b') }}",
    "{{ montant('') }}",
    "{{ montant('../../etc/passwd') }}",
    "{{ montant('{{ delai(1) }}') }}",
    "{{ prix('a') }}",
    "{{ lipsum(n=1000000) }}",
    "{{ range(1000000000) }}",
    "{{ cycler('a') }}",
    "{{ joiner() }}",
    "{{ namespace() }}",
    "{{ dict() }}",
    "{{ self }}",
    "{{ self.__init__.__globals__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ [].__class__ }}",
    "{{ config }}",
    "{{ environ }}",
    "{{ request.application.__globals__ }}",
    "{{ url_for.__globals__ }}",
    "{{ cycler.__init__.__globals__.os.environ }}",
    "{{ x|attr('__class__') }}",
    "{{ '%s' % x }}",
    "{{ 'abc'.format() }}",
    "{{ [1, 2, 3] }}",
    "{{ {'a': 1} }}",
    "{{ (1, 2) }}",
    "{{ true }}",
    "{{ none }}",
    "{{ 'texte' }}",
    "{{ a.b.c }}",
    "{{ a == b }}",
    "{{ a in b }}",
    "{{ a is defined }}",
    "{{ }}",
    "{{ montant('a') ",
    "{{ montant('a' }}",
    "{{{ montant('a') }}}",
    "{{ {{ montant('a') }} }}",
    "{{ '" + "a" * 300 + "' }}",
    "{{ " + "(" * 20000 + "1" + ")" * 20000 + " }}",
    "{{ " + "-" * 20000 + "1 }}",
    "{{ " + "1" * 30000 + " }}",
    "{{ " + "not " * 10000 + "a }}",
    "{{ " + "a." * 20000 + "a }}",
    "{{ '\\ud800' }}",
    "{{ '\\N{nothing}' }}",
    "{% for i in range(9999999) %}a{% endfor %}",
    "{% if true %}a{% endif %}",
    "{% if montant('a') %}a{% endif %}",
    "{% set a = 1 %}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}",
    "{% extends 'a' %}",
    "{% macro a() %}{% endmacro %}",
    "{% raw %}{{ montant('a') }}{% endraw %}",
    "{% block a %}{% endblock %}",
    "{% filter upper %}a{% endfilter %}",
    "{% call a() %}{% endcall %}",
    "{%- print 1 -%}",
    "{# caché #}",
    "{#" * 1000,
    "{{" * 1000,
    "é" * 33_000,
]

FACTS = Facts(
    [
        Fact("montant", "cni-perte", "", (("fr", "25 €"),), None, None, (), DAY, "B", False, "commun.yml"),
        Fact("delai", "recours", "", (("en", "2 months"), ("fr", "2 mois")), None, None, (), DAY, "A", False, "commun.yml"),
    ]
)


@pytest.mark.parametrize("payload", REFUSED)
def test_anything_else_than_a_fact_call_is_refused_at_once_and_in_french(payload: str) -> None:
    begun = time.process_time()
    with pytest.raises(ContentRefused) as refused:
        compiled(payload)

    assert time.process_time() - begun < 1
    (remark,) = refused.value.remarks
    assert remark.rule == "gabarit"
    assert any(word in remark.remedy for word in ("écrivez", "n'utilisez", "coupez"))
    assert not any(value in str(refused.value) for value in os.environ.values() if len(value) > 8)


def test_a_text_reads_with_the_facts_of_the_day() -> None:
    text = compiled("Comptez {{ montant(\"cni-perte\") }} ;\nvous avez {{delai('recours')}}.")

    assert text.render(FACTS, DAY) == "Comptez 25 € ;\nvous avez 2 mois."
    assert text.render(FACTS, DAY, "en") == "Comptez 25 € ;\nvous avez 2 months."
    assert text.calls == (FactCall("montant", "cni-perte", 1), FactCall("delai", "recours", 2))


def test_a_text_without_call_is_left_as_it_is() -> None:
    for text in ("", "Simple.\n", "Un } ou deux }} et un { seul.", "100 % sûr < 3 & \\n"):
        assert compiled(text).render(FACTS, DAY) == text


def test_the_refusal_points_at_the_line() -> None:
    with pytest.raises(ContentRefused) as refused:
        compiled("un\ndeux {{ montant('a') }}\ntrois {{ 1 }}")

    assert refused.value.remarks[0].line == 3


def test_an_unknown_fact_is_never_read_as_a_hole() -> None:
    with pytest.raises(FactMissing):
        compiled("{{ montant('autre') }}").render(FACTS, date(2026, 1, 1))


def test_a_value_is_never_read_as_a_template() -> None:
    facts = Facts([Fact("montant", "a", "", (("fr", "{{ 7 * 7 }}"),), None, None, (), DAY, "B", False, "x.yml")])

    assert compiled("{{ montant('a') }}").render(facts, DAY) == "{{ 7 * 7 }}"


_NAMES = st.sampled_from(["montant", "delai", "prix", "self", "lipsum", "environ", "__import__", "a.b", "true"])
_PIECES = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["{{", "}}", "{%", "%}", "{#", "#}", "|", "(", ")", '"', "'", "[", "]", "~", "if", "for", "in", "*", "\\", "\x00"]),
    st.builds("{{{{ {}({}) }}}}".format, _NAMES, st.sampled_from(['"cni-perte"', "'recours'", "1", "x", ""])),
    st.builds("{{{{ {} }}}}".format, _NAMES),
)


@settings(max_examples=600, deadline=1000)
@given(st.lists(_PIECES, max_size=12).map("".join))
def test_whatever_is_written_is_text_and_calls_or_a_refusal(source: str) -> None:
    try:
        text = compiled(source)
    except ContentRefused:
        return
    assert isinstance(text, Text)
    assert all(isinstance(part, str) or part.kind in {"montant", "delai"} for part in text.parts)
    assert "cni-perte" not in text.filled(lambda _: "") or "cni-perte" in source.replace('"cni-perte"', "")


def test_a_thousand_texts_are_ready_in_well_under_a_second() -> None:
    sources = [
        f'Sujet {number}. Comptez {{{{ montant("cni-perte") }}}}, puis {{{{ delai("recours") }}}}. ' + "Mot " * 80 for number in range(1000)
    ]
    begun = time.process_time()
    for source in sources:
        compiled(source).render(FACTS, DAY)

    assert time.process_time() - begun < 0.8
