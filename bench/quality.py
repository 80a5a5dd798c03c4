"""Does the right sheet come first? Ours beside bm25s, on questions looked at while tuning and on questions never looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from bench.figures import rate, show
from bench.questions import OWN, Asked, read
from bot.assistant import Assistant
from bot.messages import Answer, Context, Question, Turn
from knowledge.postings import cosine
from knowledge.search import Sheet
from knowledge.wordforms import character_grams, folded_words

Ranks = list[int]
"""Position of the first right candidate, from 0; 99 when it is not among the ten."""


def rank(found: Sequence[Sequence[str]], relevant: frozenset[str]) -> int:
    """Position of the first candidate that holds a relevant sheet."""
    return next((position for position, ids in enumerate(found) if relevant & set(ids)), 99)


def ours(assistant: Assistant) -> Callable[[Asked], list[tuple[str, ...]]]:
    """The ten candidates of the assistant."""
    return lambda asked: [candidate.service_public for candidate in replied(assistant, asked).interpretation.candidates]


def replied(assistant: Assistant, asked: Asked) -> Answer:
    """The answer to the last turn of a question."""
    context, answer = Context(), None
    for number, text in enumerate(asked.turns or (asked.text,), start=1):
        answer = assistant.answer(Question(text), context, number)
        choices = tuple(choice.fiche for choice in getattr(answer, "choices", ()))
        understood = answer.interpretation
        turn = Turn(text, getattr(answer, "fiche", None), understood.nature, answer.decision, choices, understood.language)
        context = Context((*context.turns, turn)[-3:])
    assert answer is not None
    return answer


def bm25s_baseline(sheets: Sequence[Sheet]) -> Callable[[Asked], list[tuple[str, ...]]]:
    """bm25s over whole sheets, with its French stop words and the Snowball stemmer."""
    import bm25s
    import Stemmer

    stemmer = Stemmer.Stemmer("french")
    texts = [" ".join((sheet.title, sheet.introduction, *(text for section in sheet.sections for text in section))) for sheet in sheets]
    retriever = bm25s.BM25()
    retriever.index(bm25s.tokenize(texts, stopwords="fr", stemmer=stemmer, show_progress=False), show_progress=False)

    def search(asked: Asked) -> list[tuple[str, ...]]:
        tokens = bm25s.tokenize([asked.text], stopwords="fr", stemmer=stemmer, show_progress=False)
        numbers, _ = retriever.retrieve(tokens, k=10, show_progress=False)
        return [(sheets[int(number)].id,) for number in numbers[0]]

    return search


def run(assistant: Assistant, sheets: Sequence[Sheet], questions: Path) -> None:
    """Print the tables of ranking, and the ten worst answers verbatim."""
    systems = {"Accueil": ours(assistant), "bm25s": bm25s_baseline(sheets)}
    development = {name: read(questions / f"{name}.jsonl", "tuned") for name in ("usager", "etranger", "spf_qr")}
    own = {name: read(OWN / f"{name}.jsonl") for name in ("citizens", "foreign", "followups")}
    rows = []
    for system, search in systems.items():
        for name, asked in {**development, **own}.items():
            if system == "bm25s" and name == "followups":
                continue
            rows.append([system, name, *_columns(search, asked)])
    show("Right sheet first, and among the first three (corpus and fiches)", ["", "set", "tuned @1", "@3", "kept aside @1", "@3"], rows)
    kinds = []
    for name, asked in (("usager", development["usager"]), ("citizens", own["citizens"]), ("foreign", own["foreign"])):
        for kind in sorted({one.kind for one in asked}):
            kinds.append([name, kind, *_columns(systems["Accueil"], [one for one in asked if one.kind == kind])])
    show("By kind", ["set", "kind", "tuned @1", "@3", "kept aside @1", "@3"], kinds)
    _worst(assistant, [*development["usager"], *own["citizens"]])
    _copied(assistant, development["usager"])
    _coverage(assistant)


def _columns(search: Callable[[Asked], list[tuple[str, ...]]], asked: Sequence[Asked]) -> list[str]:
    cells = []
    for part in ("tuned", "aside"):
        ranks = [rank(search(one), one.relevant) for one in asked if one.part == part]
        cells += [rate([found == 0 for found in ranks]), rate([found < 3 for found in ranks])]
    return cells


def _worst(assistant: Assistant, asked: Sequence[Asked]) -> None:
    """Replies that are wrong, the most confident first."""
    wrong = []
    for one in asked:
        answer = replied(assistant, one)
        found = [candidate.service_public for candidate in answer.interpretation.candidates]
        if rank(found, one.relevant) > 0:
            wrong.append((answer.interpretation.confidence, one, answer))
    wrong.sort(key=lambda item: -item[0])
    rows = [[f"{confidence:.2f}", one.part, one.text, answer.decision.value, answer.text[:300]] for confidence, one, answer in wrong[:10]]
    show("The ten worst answers, verbatim", ["confidence", "part", "question", "decision", "answer"], rows)


def _copied(assistant: Assistant, asked: Sequence[Asked]) -> None:
    """Share of development questions that stand nearly word for word among the phrasings: must stay small, or they were copied."""
    texts = [text for fiche in assistant.catalogue.fiches.values() for texts in fiche.questions.values() for text in texts]
    phrasings = cosine([(number, character_grams(folded_words(text))) for number, text in enumerate(texts)], len(texts))
    near = []
    for one in asked:
        tally: dict[str, float] = {}
        for gram in character_grams(folded_words(one.text)):
            tally[gram] = tally.get(gram, 0.0) + 1.0
        scores = phrasings.per_document({gram: count**0.5 for gram, count in tally.items()}, normalised=True)
        near.append(scores is not None and float(scores.max()) >= 0.9)
    show("Development questions with a phrasing at similarity ≥ .9", ["share", "target"], [[rate(near), "≤ .03"]])


def _coverage(assistant: Assistant) -> None:
    fiches = assistant.catalogue.fiches.values()
    counts = [len(fiche.service_public) for fiche in fiches]
    rows = [[str(many), str(counts.count(many))] for many in sorted(set(counts))]
    show(f"National sheets a fiche stands for ({len(counts)} fiches, {sum(counts)} links)", ["sheets", "fiches"], rows)
