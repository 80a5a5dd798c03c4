"""Is it answered when it should be, and never when it must not be? Natures, abstention, emergencies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bench.figures import auroc, rate, show
from bench.quality import rank, replied
from bench.questions import OWN, Asked, read
from bot.assistant import Assistant
from bot.messages import Answer, Decision

STRANGERS = ("out_of_scope", "other_administration")


def run(assistant: Assistant, questions: Path) -> None:
    """Print the tables of decisions."""
    sample = read(questions / "hors_perimetre.jsonl", "tuned")
    natures = read(OWN / "natures.jsonl")
    covered = {"usager (development)": read(questions / "usager.jsonl"), "citizens (own)": read(OWN / "citizens.jsonl")}
    answers = {one: replied(assistant, one) for one in {*sample, *natures, *(one for asked in covered.values() for one in asked)}}
    rows = []
    for name, asked in covered.items():
        for part in ("tuned", "aside"):
            inside = [answers[one].interpretation.confidence for one in asked if one.part == part]
            outside = [answers[one].interpretation.confidence for one in natures if one.nature in STRANGERS and one.part == part]
            extra = [answers[one].interpretation.confidence for one in sample if one.nature in STRANGERS and part == "tuned"]
            rows.append([name, part, auroc(inside, outside + extra)])
    show("Abstention: area under the ROC curve of the confidence, covered questions against strangers", ["covered", "part", "AUROC"], rows)
    _by_nature([*natures, *sample], answers)
    _risk([one for asked in covered.values() for one in asked], [one for one in natures if one.expected != "reply"], answers)


def _by_nature(asked: Sequence[Asked], answers: dict[Asked, Answer]) -> None:
    rows = []
    for nature in sorted({one.nature for one in asked}):
        for part in ("tuned", "aside"):
            chosen = [one for one in asked if one.nature == nature and one.part == part]
            if chosen:
                named = [answers[one].interpretation.nature.value == nature for one in chosen]
                fits = [one.expected in ("any", answers[one].decision.value) for one in chosen]
                said = Counter(answers[one].decision.value for one in chosen)
                number = [answers[one].interpretation.emergency == one.emergency for one in chosen if one.emergency]
                rows.append([nature, part, rate(named), rate(fits), rate(number), " ".join(f"{key}:{many}" for key, many in said.items())])
    show("Natures", ["nature", "part", "recognised", "expected decision", "right number", "decisions"], rows)
    wrong = [one for one in asked if one.nature == "personal_file" and answers[one].decision in (Decision.REPLY, Decision.CLARIFY)]
    rows = [[one.part, one.text, answers[one].decision.value, answers[one].text[:200]] for one in wrong[:10]]
    show("Personal-file requests that were answered or asked back (must be none)", ["part", "question", "decision", "answer"], rows)


def _risk(covered: Sequence[Asked], forbidden: Sequence[Asked], answers: dict[Asked, Answer]) -> None:
    """Answered at once, and wrongly, among covered questions and questions that must not be answered."""
    rows = []
    for part in ("tuned", "aside"):
        inside = [one for one in covered if one.part == part]
        outside = [one for one in forbidden if one.part == part]
        replies = [one for one in inside if answers[one].decision is Decision.REPLY]
        wrong = [one for one in replies if rank([c.service_public for c in answers[one].interpretation.candidates], one.relevant) > 0]
        helped = [one for one in inside if answers[one].decision is Decision.CLARIFY and _offered(answers[one], one)]
        leaked = [one for one in outside if answers[one].decision is Decision.REPLY and not answers[one].interpretation.competent]
        answered = rate([one in set(replies) - set(wrong) for one in inside])
        after = rate([one in (set(replies) - set(wrong)) | set(helped) for one in inside])
        bad = rate([True] * (len(wrong) + len(leaked)) + [False] * (len(inside) + len(outside) - len(wrong) - len(leaked)))
        rows.append([part, answered, after, bad])
    show("Coverage and risk", ["part", "answered rightly at once", "or after one clarification", "wrong answers of all"], rows)


def _offered(answer: Answer, one: Asked) -> bool:
    offered = {choice.fiche for choice in getattr(answer, "choices", ())}
    return any(
        candidate.fiche in offered and one.relevant & set(candidate.service_public) for candidate in answer.interpretation.candidates
    )
