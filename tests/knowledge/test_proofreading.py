"""Every refusal of `check` has its case: the rule, the line, and the remedy in French."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from rapidfuzz import fuzz

from knowledge.errors import ContentRefused, Remark
from knowledge.fiche_files import parse
from knowledge.proofreading import check, collection
from knowledge.proofreading.vocabulary import is_premium
from tests.knowledge.builders import DAY, DOMAINS, FACTS, SERVICES, Content, a_fact, a_fiche, some_questions


def _remarks(content: Content, **options: Any) -> tuple[Remark, ...]:
    return check(content.folder, DAY, **options).remarks


def _rules(content: Content) -> list[str]:
    return [remark.rule for remark in _remarks(content)]


def _line(content: Content, text: str) -> int:
    return content.path().read_text("utf-8").split(text)[0].count("\n") + 1


def test_a_good_fiche_is_accepted(content: Content) -> None:
    checked = check(content.fiche().fiche("cni-vol", related=["cni-perte"]).folder, DAY)

    assert checked.remarks == checked.overdue == ()
    assert [fiche.id for fiche in checked.fiches] == ["cni-perte", "cni-vol"]


# --- Facts and certainty ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"valid_to": date(2026, 11, 20)}, "fait périmé"),
        ({"valid_from": date(2026, 11, 22)}, "fait futur"),
        ({"certainty": "K"}, "fait non vérifié"),
        ({"to_check": True}, "fait à vérifier"),
    ],
)
def test_a_fact_that_cannot_be_stated_is_refused_in_every_text(content: Content, changes: dict[str, Any], rule: str) -> None:
    content.facts([*FACTS[1:], a_fact(**changes)]).fiche(certainty="C")

    found = [remark for remark in _remarks(content) if remark.rule == rule]
    assert [remark.line for remark in found] == [_line(content, "# court\n") + 1, _line(content, "# en\n") + 1]


def test_a_delay_without_english_words_cannot_enter_an_english_text(content: Content) -> None:
    content.facts([*FACTS, a_fact("delai-fr", "delai", "3 mois")])
    content.fiche(sections={"en": 'You have {{ delai("delai-fr") }}, pay {{ montant("cni-perte") }}.'})

    (remark,) = _remarks(content)
    assert (remark.rule, "value_en" in remark.remedy) == ("fait sans traduction", True)


def test_a_fiche_is_not_surer_than_its_facts(content: Content) -> None:
    content.facts([*FACTS[1:], a_fact(certainty="C")]).fiche(certainty="B")

    (remark,) = _remarks(content)
    assert (remark.rule, remark.line, remark.remedy) == ("certitude", _line(content, "certainty:"), "écrivez certainty: C")
    assert _remarks(content.fiche(certainty="C")) == ()


# --- Front matter ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "rule", "line", "said"),
    [
        ({"service": "inconnu"}, "service", "service:", "le service « inconnu » n'existe pas"),
        ({"topics": ["T22", "T141"]}, "sujet", "- T141", "le sujet T141 n'existe pas"),
        ({"help": ["pan", "voisin"]}, "aide", "- voisin", "l'aide « voisin » n'existe pas"),
        ({"related": ["cni-inconnue"]}, "fiche voisine", "- cni-inconnue", "« cni-inconnue » n'existe pas"),
        ({"related": ["cni-perte"]}, "fiche voisine", "- cni-perte", "« cni-perte » n'existe pas"),
        (
            {"sources": [{"url": "https://ants-gouv.fr/a", "rubric": "x"}]},
            "domaine",
            "- url: https://ants-gouv",
            "n'est pas un site officiel",
        ),
        (
            {"sources": [{"url": "https://gouv.fr@pirate.com", "rubric": "x"}]},
            "domaine",
            "- url: https://gouv",
            "n'est pas un site officiel",
        ),
        ({"procedure": {"online": True, "url": "https://vite.com"}}, "domaine", "  url: https://vite", "n'est pas un site officiel"),
        ({"checked_on": date(2026, 11, 22)}, "dates", "checked_on:", "dans le futur"),
        ({"review_by": date(2026, 11, 20)}, "dates", "review_by:", "avant la vérification"),
        ({"valid_from": date(2026, 2, 1), "valid_to": date(2026, 1, 1)}, "dates", "valid_to:", "finit avant de commencer"),
        ({"translated_on": {"en": date(2026, 12, 1)}}, "dates", "  en: 2026", "dans le futur"),
    ],
)
def test_a_front_matter_is_refused_where_it_is_wrong(content: Content, changes: Mapping[str, Any], rule: str, line: str, said: str) -> None:
    content.fiche(**changes)

    found = [remark for remark in _remarks(content) if remark.rule == rule]
    assert found, _rules(content)
    assert said in found[0].message
    assert found[0].line == _line(content, line)


def test_a_review_date_that_has_passed_is_refused_apart(content: Content) -> None:
    content.fiche(checked_on=date(2026, 8, 1), review_by=date(2026, 11, 20))
    checked = check(content.folder, DAY)

    assert checked.remarks == ()
    assert [(remark.rule, remark.line) for remark in checked.overdue] == [("relecture", _line(content, "review_by:"))]


def test_a_fiche_without_a_date_or_a_source_is_refused_with_the_others(content: Content) -> None:
    content.fiche("cni-vol", checked_on=None).fiche("cni-prix", sources=None).fiche(service="inconnu")

    assert sorted(remark.message for remark in _remarks(content)) == [
        "le service « inconnu » n'existe pas",
        "« checked_on » manque",
        "« sources » manque",
    ]


def test_a_draft_is_read_for_its_shape_only(content: Content) -> None:
    assert _remarks(content.fiche(sections={"court": "Il y a tout sur le site."}, status="draft")) == ()


# --- Questions -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("questions", "said"),
    [
        ({"fr": some_questions("a", 19), "en": some_questions("b", 5)}, "19 question(s) en « fr », 20 au moins"),
        ({"fr": some_questions("a", 20), "en": some_questions("b", 4)}, "4 question(s) en « en », 5 au moins"),
        ({"fr": some_questions("a", 20)}, "0 question(s) en « en », 5 au moins"),
    ],
)
def test_too_few_questions_are_refused(content: Content, questions: dict[str, list[str]], said: str) -> None:
    (remark,) = _remarks(content.fiche(questions=questions))

    assert (remark.rule, remark.message) == ("questions", said)


def test_a_translated_language_has_its_questions(content: Content) -> None:
    questions = {"fr": some_questions("a", 20), "en": some_questions("b", 5), "es": some_questions("c", 5)}

    assert _remarks(content.fiche(questions=questions, sections={"es": "Pague en línea."})) == ()
    (remark,) = _remarks(content.fiche(sections={"es": "Pague en línea."}))
    assert remark.message == "0 question(s) en « es », 5 au moins"


def test_a_question_may_be_understood_in_a_language_that_is_answered_in_french(content: Content) -> None:
    questions = {"fr": some_questions("a", 20), "en": some_questions("b", 5), "es": some_questions("c", 2)}

    assert _remarks(content.fiche(questions=questions)) == ()


def test_a_fiche_without_english_is_refused(content: Content) -> None:
    assert [remark.message for remark in _remarks(content.fiche(sections={"en": None}))] == ["la traduction « # en » manque"]


@pytest.mark.parametrize(
    ("mine", "theirs", "said"),
    [
        ("J'ai perdu ma carte d'identité !", "j ai perdu ma carte d identite", "est aussi dans « cni-perte »"),
        ("j'ai perdu ma carte d'identité hier", "j'ai perdu ma carte d'identités hier", "est presque dans « cni-perte »"),
    ],
)
def test_a_question_asked_in_two_fiches_is_refused(content: Content, mine: str, theirs: str, said: str) -> None:
    english = some_questions("e", 5)
    content.fiche(questions={"fr": [*some_questions("a", 20), mine], "en": english})
    content.fiche("cni-vol", questions={"fr": [*some_questions("b", 20), theirs], "en": some_questions("f", 5)})

    (remark,) = _remarks(content)
    assert (remark.rule, remark.file) == ("question en double", "fiches/identite/cni-vol.md")
    assert said in remark.message


def test_questions_that_are_nearly_the_same_are_found_without_comparing_all_of_them() -> None:
    chance = random.Random(8)
    letters = "aeilnrstu é"
    texts = ["".join(chance.choice(letters) for _ in range(chance.randint(1, 90))) for _ in range(60)]
    for text in texts[:40]:
        changed = list(text)
        for _ in range(chance.randint(0, 5)):
            place = chance.randrange(len(changed) + 1)
            changed[place : place + chance.randint(0, 1)] = chance.choice(letters)
        texts.append("".join(changed))
    everything = [(first, second) for second in range(len(texts)) for first in range(second)]

    for threshold in (80.0, 95.0, 100.0):
        found = [(first, second) for first, second, _ in collection.alike(texts, threshold)]
        assert found == sorted(pair for pair in everything if fuzz.ratio(*(texts[number] for number in pair)) >= threshold)
        assert len(found) > 5


def test_a_question_written_twice_in_one_fiche_is_refused(content: Content) -> None:
    asked = some_questions("a", 20)

    (remark,) = _remarks(content.fiche(questions={"fr": [*asked, asked[3]], "en": some_questions("b", 5)}))
    assert "plus haut dans la même fiche" in remark.message


def test_two_questions_that_differ_by_a_figure_are_two_questions(content: Content) -> None:
    pair = ["certificat de résidence algérien de 1 an", "certificat de résidence algérien de 10 ans"]

    assert _remarks(content.fiche(questions={"fr": [*some_questions("a", 20), *pair], "en": some_questions("b", 5)})) == ()


def test_an_opening_that_comes_back_too_often_is_refused(content: Content) -> None:
    for number in range(8):
        asked = some_questions(f"fiche {number}", 25)
        asked[:2] = [f"Comment faire pour {text}" for text in asked[:2]]
        content.fiche(f"cni-{number}", questions={"fr": asked, "en": some_questions(f"en {number}", 5)})

    (remark,) = _remarks(content)
    assert (remark.rule, remark.message) == ("questions répétitives", "« comment faire pour… » ouvre 8.0% des questions, 5% au plus")


def test_the_ten_commonest_openings_are_told(content: Content) -> None:
    asked = ["Où est la mairie ?", "où est la poste", "où est la gare", *some_questions("a", 20)]
    checked = check(content.fiche(questions={"fr": asked, "en": some_questions("b", 5)}).folder, DAY)

    assert len(checked.openings) == 10
    first = checked.openings[0]
    assert (first.words, first.count, round(first.share, 4)) == ("ou est la", 3, round(3 / 23, 4))


# --- Twins and translations ------------------------------------------------------------------------------------------------


def test_a_near_twin_is_refused(content: Content) -> None:
    short = "Déclarez la {} en ligne, puis prenez rendez-vous en mairie avec une photo, un justificatif et le timbre fiscal."
    content.fiche(sections={"court": short.format("perte")}).fiche("cni-vol", sections={"court": short.format("casse")})

    (remark,) = _remarks(content)
    assert (remark.rule, remark.file) == ("fiche jumelle", "fiches/identite/cni-vol.md")
    assert "« cni-perte »" in remark.message


@pytest.mark.parametrize(
    ("contrasts", "rules"),
    [
        ((None, None), ["contraste manquant", "contraste manquant"]),
        (("après une perte", None), ["contraste manquant"]),
        (("après une perte", "Après une perte"), ["contraste en double"]),
        (("après une perte", "après un vol"), []),
    ],
)
def test_fiches_asked_about_with_the_same_words_must_be_told_apart(
    content: Content, contrasts: tuple[str | None, str | None], rules: list[str]
) -> None:
    same = some_questions("the same subject", 6)
    for fiche, contrast, order in zip(("cni-perte", "cni-vol"), contrasts, (1, -1), strict=True):
        asked = [" ".join(question.split()[::order]) for question in same]  # other sentences, the same words
        content.fiche(fiche, questions={"fr": asked}, contrast=contrast)

    assert [remark.rule for remark in _remarks(content) if remark.rule.startswith("contraste")] == rules


@dataclass
class _Loaded:
    sections: Mapping[str, str]
    front: Mapping[str, Any]


def _loaded(text: str) -> dict[str, _Loaded]:
    file = parse(text, "fiches/identite/cni-perte.md")
    return {file.id: _Loaded(file.sections, file.front.model_dump(mode="json", exclude_unset=True))}


def test_a_translation_older_than_its_french_is_refused(content: Content) -> None:
    previous = _loaded(a_fiche())
    content.fiche(sections={"court": "Tout autre chose à dire."})

    (remark,) = _remarks(content, previous=previous)
    assert (remark.rule, remark.line) == ("traduction ancienne", _line(content, "# en\n") + 1)
    assert "translated_on" in remark.remedy


def test_a_translation_that_follows_its_french_is_accepted(content: Content) -> None:
    content.fiche(sections={"court": "Tout autre chose à dire.", "en": "Something else to say."})

    assert _remarks(content, previous=_loaded(a_fiche())) == ()


def test_a_translation_read_again_since_is_accepted_once(content: Content) -> None:
    read_again: dict[str, Any] = {"translated_on": {"en": date(2026, 11, 21)}}
    content.fiche(sections={"court": "Tout autre chose à dire."}, **read_again)
    assert _remarks(content, previous=_loaded(a_fiche())) == ()

    loaded = _loaded(content.path().read_text("utf-8"))
    content.fiche(sections={"court": "Encore autre chose."}, **read_again)
    assert [remark.rule for remark in _remarks(content, previous=loaded)] == ["traduction ancienne"]


def test_a_translation_stays_right_when_only_the_layout_changes(content: Content) -> None:
    first = {"court": "Payez en ligne. Venez ensuite."}
    content.fiche(sections={"court": "Payez en ligne.\nVenez ensuite."})

    assert _remarks(content, previous=_loaded(a_fiche(sections=first))) == ()


# --- Numbers and foundations -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["08 10 12 34 56", "0820123456", "08.99.12.34.56", "+33 8 92 12 34 56", "32 99", "3299"])
def test_a_premium_number_is_known_in_any_spelling(number: str) -> None:
    assert is_premium(number)


@pytest.mark.parametrize("number", ["34 00", "39 39", "3114", "115", "116 006", "0 800 123 456", "08 05 12 34 56", "03 53 01 10 00", "17"])
def test_an_ordinary_number_is_not_premium(number: str) -> None:
    assert not is_premium(number)


def test_a_premium_number_is_refused_in_facts_and_services(content: Content) -> None:
    content.facts([*FACTS, a_fact("cher", "numero", "08 99 12 34 56")])
    (content.folder / "services.yml").write_text(SERVICES.replace("03 53 01 10 60", "08 20 12 34 56"), "utf-8")

    found = _remarks(content.fiche())
    assert [(remark.file, remark.rule) for remark in found] == [("facts/commun.yml", "numéro surtaxé"), ("services.yml", "numéro surtaxé")]
    assert found[1].line == 13


def test_foundations_that_cannot_be_read_are_all_told_at_once(content: Content) -> None:
    content.facts([a_fact(kind="prix")])
    (content.folder / "acronyms.yml").write_text("PAN: [un, deux]", "utf-8")
    (content.folder / "official_domains.yml").write_text(DOMAINS.replace("gouv.fr", "gouv fr"), "utf-8")

    with pytest.raises(ContentRefused) as refused:
        _remarks(content)
    assert [remark.file for remark in refused.value.remarks] == ["acronyms.yml", "facts/commun.yml", "official_domains.yml"]


def test_a_remark_says_where_what_and_what_to_do(content: Content) -> None:
    content.fiche(service="inconnu")

    assert str(_remarks(content)[0]) == (
        "fiches/identite/cni-perte.md:8 — le service « inconnu » n'existe pas → choisissez un id de services.yml"
    )


def test_two_hundred_and_fifty_fiches_are_read_in_a_few_seconds(content: Content) -> None:
    dice = random.Random(7)
    for number in range(250):
        asked = [" ".join(dice.choices("abcdefghijklm", k=dice.randint(10, 60))) + f" {number}" for _ in range(25)]
        content.fiche(f"cni-{number}", questions={"fr": asked, "en": some_questions(f"en {number}", 5)})
    begun = time.process_time()
    check(content.folder, DAY)

    assert time.process_time() - begun < 15
