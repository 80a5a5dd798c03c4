"""What teaches and what only chooses the threshold; the threshold that a share of wrong answers allows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bot.assistant import Assistant
from bot.engines.convolution import NATURES, Convolution
from bot.engines.embedded import EmbeddedEngine
from bot.engines.sense import Sense
from bot.engines.shipped import SHIPPED
from bot.engines.weighing import Weigher, signs, thresholds
from bot.messages import Nature
from bot.policy import Thresholds
from bot.training import convolution, intents, learning, natures, sense, weighing
from bot.training.learning import Phrasings
from bot.training.lesson import Lesson
from bot.training.ranking import Guide
from bot.training.shares import Blind, Share, half, without
from bot.training.weighing import MOST_WRONG, Origin, Request, least_sure
from knowledge.wordforms import default_lexicon, folded_words

FICHES = ("cni-perte", "cni-vol", "passeport-perte", "passeport-renouvellement", "permis-perte", "cg-perte-vol")
LOST_CARD = frozenset({"F1344"})
STRANGE = Request("le zbrulik a mordu toute la famille", "emergency 15", Origin.REQUEST)


@pytest.fixture(scope="module")
def engine(assistant: Assistant) -> EmbeddedEngine:
    assert isinstance(assistant.engine, EmbeddedEngine)
    return assistant.engine


@pytest.fixture(scope="module")
def few() -> dict[str, list[str]]:
    return {label: texts[:12] for label, texts in natures.examples().items()}


@pytest.fixture(scope="module")
def lesson(engine: EmbeddedEngine, few: dict[str, list[str]]) -> weighing.OutOfFold:
    requests = [Request(text, label, Origin.EXAMPLE) for label, texts in few.items() for text in texts]
    requests += [Request("combien coûte un passeport", "general", Origin.REQUEST), STRANGE]
    general = Phrasings(["refaire une carte d'identité", "vendre sa voiture", "changer d'adresse"], ["lost passport"])
    with pytest.MonkeyPatch.context() as patience:
        patience.setattr(convolution, "PASSES", 60)  # of a few examples, eight passes teach the network little
        patience.setattr(natures, "STEPS", 20)
        taught = weighing.OutOfFold(engine.catalogue.index, general, requests)
    taught.weigh([Blind((engine, engine))], requests)
    return taught


def test_no_wrong_answer_allows_any_threshold_and_wrong_ones_raise_it() -> None:
    right = [(0.9, True)] * 98
    assert least_sure(right, [0.1]) <= 0.9
    assert least_sure([*right, (0.95, False), (0.96, False)], [0.1]) > 0.95


@pytest.mark.parametrize("strangers", [[], [0.97, 0.5]])
def test_wrong_answers_above_the_threshold_stay_within_the_share(strangers: list[float]) -> None:
    covered = [(number / 500, number % 7 != 0) for number in range(500)]
    threshold = least_sure(covered, strangers)

    wrong = sum(not right for confidence, right in covered if confidence >= threshold) / len(covered) * 2 / 3
    wrong += sum(confidence >= threshold for confidence in strangers) / max(len(strangers), 1) / 3
    assert wrong <= MOST_WRONG


def test_questions_that_judge_raise_the_threshold_when_they_are_answered_wrongly(engine: EmbeddedEngine) -> None:
    rightly = [Guide(text, LOST_CARD) for text in ("j'ai égaré ma carte d'identité", "plus de carte d'identité depuis hier, que faire")]
    wrongly = [Guide("carte grise perdue", LOST_CARD), Guide("mon permis a été perdu", LOST_CARD)]  # answered by something else

    sure = [weighing.choose(engine.weigher, weighing.trials([engine], asked, [])).sure for asked in (rightly, [*rightly, *wrongly])]
    assert sure[0] < sure[1]


def test_requests_that_must_not_be_answered_raise_the_threshold_too() -> None:
    answered = weighing.Trial(0.9, {Nature.GENERAL: 0.9}, answerable=True, right=True, covered=True)
    forbidden = replace(answered, right=False, covered=False)
    unlike = replace(forbidden, likeness=0.2)
    weigher = Weigher.load()

    sure = [weighing.choose(weigher, [answered, unlike, *more]).sure for more in ([], [forbidden], [replace(forbidden, answerable=False)])]
    assert sure[0] < sure[1]
    assert sure[2] == sure[0], "what its nature forbids is not answered, however sure"


def test_the_confidence_grows_with_the_likeness_and_with_what_a_fiche_may_answer() -> None:
    shares = [{Nature.GENERAL: share, Nature.OUT_OF_SCOPE: 1 - share} for share in (0.1, 0.5, 0.9)]
    tried = [
        weighing.Trial(likeness, one, answerable=True, right=likeness * one[Nature.GENERAL] > 0.3, covered=likeness > 0.2)
        for likeness in (0.1, 0.5, 0.9)
        for one in shares
    ]
    weigher = replace(Weigher.load(), trust=weighing.fit_trust(tried))

    for one in shares:
        told = [weigher.confidence(likeness, one) for likeness in (0.1, 0.5, 0.9)]
        assert told == sorted(told) and told[0] >= 0 and told[-1] <= 1
    assert weigher.confidence(0.8, shares[0]) < weigher.confidence(0.8, shares[2])


def test_the_same_contents_teach_the_same_words_order_and_confidence(
    assistant: Assistant, few: dict[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(natures, "examples", lambda: few)
    monkeypatch.setattr(natures, "STEPS", 20)
    fiches = [assistant.catalogue.fiches[name] for name in FICHES]
    asked = [Guide(text, LOST_CARD) for text in ("j'ai égaré ma carte d'identité", "plus de carte d'identité depuis hier, que faire")]
    folders = [tmp_path / name for name in ("once", "again")]
    for folder in folders:
        folder.mkdir()
        known = without(fiches, frozenset({Share.ORDER}))
        unread = intents.train(known, (), default_lexicon())
        taught = [
            (fiche, text) for fiche, text, _ in intents.attributed([(guide, 0) for guide in asked], fiches, default_lexicon(), unread)
        ]
        blind = Blind((unread, intents.train(known, (), default_lexicon(), taught)))
        learning.train(fiches, (), default_lexicon(), asked, (), blind, taught, folder, lambda _said: None)

    written = sorted(file.name for file in folders[0].iterdir())
    both = {"intents.json", "intents.npy", "intents_order.json", "intents_order.npz"}
    assert {"natures.json", "natures.npy", *both, "ranking.json", "confidence.json"} == set(written)
    assert all((folders[0] / name).read_bytes() == (folders[1] / name).read_bytes() for name in written)


def test_a_request_is_weighed_by_classifiers_that_have_not_read_it(engine: EmbeddedEngine, lesson: weighing.OutOfFold) -> None:
    blind = lesson.blind(engine, STRANGE)
    vectors = engine.catalogue.index.vectors(engine.catalogue.lexicon.read(STRANGE.text))

    assert lesson.sense.judge(vectors).natures[Nature.EMERGENCY] > blind.sense.judge(vectors).natures[Nature.EMERGENCY]
    for number, (words, _, order) in enumerate(lesson.classifiers):
        if number != STRANGE.fold:
            for reader, stranger in ((words, blind.natures), (order, blind.order)):
                assert reader.judge(STRANGE.text).natures[Nature.EMERGENCY] > stranger.judge(STRANGE.text).natures[Nature.EMERGENCY]


def test_the_networks_and_the_weights_come_back_from_their_files_as_they_were(
    engine: EmbeddedEngine, lesson: weighing.OutOfFold, tmp_path: Path
) -> None:
    weigher = replace(lesson.fit(), trust=(1.5, -0.25))
    sense.save(lesson.sense, tmp_path)
    convolution.save(lesson.order, NATURES, tmp_path)
    weighing.save(weigher, Thresholds(0.8, 0.2, 0.7), tmp_path)
    stored = replace(engine, sense=Sense.load(tmp_path), order=Convolution.load(NATURES, tmp_path))
    clues = stored.clues("mon dossier est bloqué, que faire ?")
    assert clues is not None

    read = Weigher.load(tmp_path)
    assert thresholds(tmp_path) == Thresholds(0.8, 0.2, 0.7)
    assert read.shares(clues) == pytest.approx(weigher.shares(clues), abs=1e-2)
    assert read.trust == (1.5, -0.25)
    assert lesson.sense.judge(engine.catalogue.index.vectors(engine.catalogue.lexicon.read("au feu"))).natures == pytest.approx(
        Sense.load(tmp_path).judge(engine.catalogue.index.vectors(engine.catalogue.lexicon.read("au feu"))).natures, abs=0.05
    )


def test_what_a_pattern_decides_teaches_no_weight(engine: EmbeddedEngine, lesson: weighing.OutOfFold) -> None:
    before = len(lesson.rows)
    lesson.weigh([Blind((engine, engine))], [Request("je veux parler à un agent", "wants_person", Origin.EXAMPLE)])
    assert len(lesson.rows) == before
    assert all(len(row) == len(signs(clues)) for _, row in lesson.rows[:3] if (clues := engine.clues("passeport perdu")))


def test_phrasings_are_weighed_by_a_search_that_has_never_seen_them(assistant: Assistant) -> None:
    fiches = tuple(assistant.catalogue.fiches[name] for name in FICHES)
    lesson = Lesson(replace(assistant.catalogue, fiches={fiche.id: fiche for fiche in fiches}), (), None)
    phrased = weighing.phrased(fiches, [])
    assert phrased
    assert weighing.phrased(fiches, phrased) == []

    (blind,) = lesson.engines_without_order(SHIPPED)
    known = blind.halves[0].catalogue.index.known
    assert not [one.text for one in phrased if " ".join(folded_words(one.text)) in known]
    assert any(" ".join(folded_words(one.text)) in assistant.catalogue.index.known for one in phrased)


def test_what_people_ask_teaches_the_intents_but_not_those_that_judge_it(assistant: Assistant, tmp_path: Path) -> None:
    """A word that no other text holds shows who has read the question."""
    asked = [(text, "cni-vol") for text in ("mon zbrulik a disparu", "le wazdoum des voisins", "fjotkig envolé", "adieu grompfel")]
    told = [(("j'ai perdu mon passeport", "et le krompf avec"), "cg-perte-vol")]
    rows = [{"query": text, "relevant": [fiche], "part": "tuned"} for text, fiche in asked]
    rows += [
        {"query": "wapitchou", "relevant": ["permis-perte"], "part": "aside"},
        {"query": "impôts", "relevant": ["F1"], "part": "tuned"},
    ]
    dialogues = [{"turns": turns, "relevant_last": [fiche], "part": "tuned"} for turns, fiche in told]
    for name, lines in {"citizens": rows, "followups": dialogues, "foreign": [], "natures": []}.items():
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    fiches = {name: assistant.catalogue.fiches[name] for name in FICHES}
    lesson = Lesson(replace(assistant.catalogue, fiches=fiches), (), tmp_path)

    last = told[0][0][-1]
    assert lesson.taught == [
        *((fiche, text, half(text)) for text, fiche in asked),
        *((fiche, ". ".join(turns), half(turns[-1])) for turns, fiche in told),
    ]
    for text, fiche in [*asked, (last, told[0][1])]:
        reading = assistant.catalogue.lexicon.read(text)
        blind, other = lesson.blind.to(text), lesson.blind.halves[1 - half(text)]
        place = blind.fiches.index(fiche)
        assert other.scores(reading.terms)[place] > blind.scores(reading.terms)[place], text
        seen, unseen = (one.ordered(reading) for one in (other, blind))
        assert seen[place] - np.logaddexp.reduce(seen) > unseen[place] - np.logaddexp.reduce(unseen), text


def test_a_question_that_several_fiches_answer_teaches_the_likeliest(assistant: Assistant) -> None:
    fiches = [assistant.catalogue.fiches[name] for name in FICHES]
    unread = intents.train(fiches, (), default_lexicon())
    guides = [
        Guide("on m'a volé ma carte d'identité dans le train", frozenset({"cni-perte", "cni-vol"})),
        Guide("la TVA", frozenset({"F1"})),
    ]

    found = intents.attributed([(guide, 1) for guide in guides], fiches, default_lexicon(), unread)
    assert found == [("cni-vol", guides[0].text, 1)]
