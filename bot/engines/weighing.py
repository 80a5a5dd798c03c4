"""The nature of a request, weighed: what its words, their order and its meaning say, clause by clause too, and how well a fiche answers it.

The classifier of words knows nothing of the fiches: "j'ai perdu mon passeport, je prends l'avion demain" looks like a file, although a
fiche answers it wholly. A danger told after "c'est pour un renouvellement" hides among the words of a procedure; alone, its clause shows.
One multinomial logistic regression weighs all of it, learned on requests that the three classifiers had not read (`bot.training.weighing`;
stacked generalization, Wolpert, 1992).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bot.engines.probabilities import log_odds, logistic, softmax
from bot.engines.shipped import SHIPPED, whole
from bot.messages import Nature
from bot.policy import DECLINED, Thresholds

Floats = npt.NDArray[np.float64]
Shares = Mapping[Nature, float]
NATURES = tuple(Nature)
ANSWERABLE = (Nature.GENERAL, Nature.MIXED)
"""Natures of which a fiche answers all or a part."""
LIKENED = (
    Nature.EMERGENCY, Nature.PERSONAL_FILE, Nature.GENERAL, Nature.MIXED, Nature.OTHER_ADMINISTRATION, Nature.OUT_OF_SCOPE,
    Nature.COMPLAINT, Nature.LEGAL_OPINION, Nature.FALSE_PAPERS, Nature.SMALL_TALK,
)  # fmt: skip
"""Natures whose share means something else when a fiche resembles the request."""
CLAUSES = (Nature.EMERGENCY, Nature.PERSONAL_FILE, Nature.GENERAL)
"""Natures that one clause may have alone."""
MOST_CLAUSES = 8
"""Of a long message, the clauses that are judged alone."""
SIGNS = (
    *(f"words_{nature}" for nature in NATURES),
    *(f"meaning_{nature}" for nature in NATURES),
    *(f"order_{nature}" for nature in NATURES),
    "likeness_odds",
    "likeness",
    "asks_a_way",
    "length",
    "foreign",
    *(f"clause_{nature}" for nature in CLAUSES),
    "calmest_clause",
    "clauses",
    "several",
    *(f"several_clause_{nature}" for nature in CLAUSES),
    *(f"like_{nature}" for nature in LIKENED),
    "like_clause_emergency",
    "like_clause_personal_file",
    "like_asks",
    "asks_personal_file",
    "foreign_words_emergency",
    "foreign_meaning_emergency",
    "foreign_order_emergency",
    "follows",
    "continues",
    "follows_likeness",
    "follows_words_emergency",
    "follows_meaning_emergency",
    "follows_order_emergency",
    "continues_words_general",
    "continues_words_personal_file",
    "continues_likeness",
)
"""Shares as log-odds. `clause_`: the greatest of the clauses; `like_`: times the likeness; `several_`, `foreign_`, `follows_` and
`continues_`: only of a message of several clauses, in another language, of a turn after others, of one that continues them."""
LEAST_EMERGENCY = 0.25
"""Share from which a request in French is an emergency, whatever else it may be: it comes before anything else (chosen on requests of other
people that nothing had learned from)."""
LEAST_EMERGENCY_ELSEWHERE = 0.35
"""The same in another language: calm texts are rarer there, and more words look like a danger."""
LEAST_EMERGENCY_UNTAUGHT = 0.5
"""The same in a language that no glossary and no example holds: under, words only resemble an emergency by chance."""
CERTAIN_EMERGENCY, CERTAIN_RULED = 0.8, 0.05
"""Share of an emergency from which nothing else is said, where the shares decide and where a pattern does. Under, what the request would
have been given otherwise follows the number (of 840 calm messages that tell something grave, written beside their dangerous twins, 55 are
given a number alone, and 83 with a share of .5; of 420 dangers, 52 read something after the number, and 18 with .5; neither had taught)."""
LEAST_DECLINED, LEAST_DECLINED_ELSEWHERE = 0.6, 0.7
"""Share, of all the natures that are declined together, from which a request is, in French and in another language that is taught. Under,
it is what it would be otherwise: asked back about or given to a person (chosen likewise: of 1,047 examples between .3 and .6 in French, 574
were not to be declined; 10 of 130 of other people's between .6 and .8)."""
LEAST_DOUBT = 0.25
"""Share of doubt about a personal file, alone or mixed, from which a question is not answered as a general one (chosen likewise)."""


@dataclass(frozen=True)
class Clues:
    """What is known of a request when its nature is weighed."""

    words: Shares
    """By the classifier of words; of a turn that continues others, with theirs."""
    meaning: Shares | None
    """By the network over the vectors; None when it knows neither this encoder nor this language."""
    order: Shares | None
    """By the network of windows of words; None when it does not know this language."""
    clauses: Sequence[Shares]
    """By the classifier of words, for each clause of a message that has several."""
    likeness: float
    """Probability that the first fiche answers, were the request a general question."""
    asks_a_way: bool
    length: int
    """Words."""
    foreign: bool
    follows: bool = False
    """A turn after others."""
    continues: bool = False
    """It may be read as their continuation (`conversation.judged`)."""


def signs(clues: Clues) -> Floats:
    """The signs of `clues`, shape (len(SIGNS),); NaN for what the meaning and the order do not say."""
    words = {nature: log_odds(clues.words.get(nature, 0.0)) for nature in NATURES}
    meaning = {nature: log_odds(clues.meaning.get(nature, 0.0)) if clues.meaning is not None else math.nan for nature in NATURES}
    order = {nature: log_odds(clues.order.get(nature, 0.0)) if clues.order is not None else math.nan for nature in NATURES}
    alone = clues.clauses or (clues.words,)
    greatest = {nature: log_odds(max(clause.get(nature, 0.0) for clause in alone)) for nature in CLAUSES}
    calmest = log_odds(min(clause.get(Nature.EMERGENCY, 0.0) for clause in alone))
    likeness, several = clues.likeness, float(bool(clues.clauses))
    asks, follows, continues = float(clues.asks_a_way), float(clues.follows), float(clues.continues)
    return np.array(
        (
            *words.values(),
            *meaning.values(),
            *order.values(),
            log_odds(likeness),
            likeness,
            asks,
            math.log1p(clues.length),
            float(clues.foreign),
            *greatest.values(),
            calmest,
            math.log1p(len(clues.clauses)),
            several,
            *(several * greatest[nature] for nature in CLAUSES),
            *(words[nature] * likeness for nature in LIKENED),
            greatest[Nature.EMERGENCY] * likeness,
            greatest[Nature.PERSONAL_FILE] * likeness,
            asks * likeness,
            asks * words[Nature.PERSONAL_FILE],
            clues.foreign * words[Nature.EMERGENCY],
            clues.foreign * meaning[Nature.EMERGENCY],
            clues.foreign * order[Nature.EMERGENCY],
            follows,
            continues,
            follows * likeness,
            follows * words[Nature.EMERGENCY],
            follows * meaning[Nature.EMERGENCY],
            follows * order[Nature.EMERGENCY],
            continues * words[Nature.GENERAL],
            continues * words[Nature.PERSONAL_FILE],
            continues * likeness,
        )
    )


@dataclass(frozen=True)
class Weigher:
    """Multinomial logistic regression over the signs."""

    natures: tuple[Nature, ...]
    weights: Floats
    """(len(SIGNS), natures)."""
    bias: Floats
    """(natures,)."""
    means: Floats
    """(len(SIGNS),)."""
    deviations: Floats
    """(len(SIGNS),)."""
    trust: tuple[float, float] | None = None
    """Of the confidence: weight of the log-odds of likeness times share, and constant; None: not learned."""

    @classmethod
    def load(cls, models: Path = SHIPPED) -> Weigher:
        """The weights of a folder of models; a sign that was not learned yet weighs nothing."""
        with whole(models, "weighing.json"):
            stored = json.loads((models / "weighing.json").read_text("utf-8"))
            natures = tuple(Nature(name) for name in stored["weights"])
            columns = zip(stored["means"], stored["deviations"], *stored["weights"].values(), strict=True)
            learned = dict(zip(stored["signs"], columns, strict=True))
            means, deviations, *weights = np.array([learned.get(name, (0.0, 1.0, *[0.0] * len(natures))) for name in SIGNS]).T
            trust = tuple(stored["trust"]) if stored["trust"] else None
            return cls(natures, np.array(weights).T, np.array(stored["bias"]), means, deviations, trust)

    def confidence(self, likeness: float, shares: Shares) -> float:
        """Probability that the first fiche answers: it answers the question, and a fiche may.

        Args:
            likeness: probability that it answers, were the request a general question.
            shares: those of the natures.
        """
        both = likeness * answerable(shares)
        if self.trust is None:
            return both
        weight, constant = self.trust
        return logistic(weight * log_odds(both) + constant)

    def shares(self, clues: Clues) -> Shares:
        """The probability of each nature."""
        read = signs(clues)
        scaled = np.where(np.isnan(read), 0.0, (read - self.means) / self.deviations)
        return dict(zip(self.natures, softmax(scaled @ self.weights + self.bias).tolist(), strict=True))


def answerable(shares: Shares) -> float:
    """The share of the natures that a fiche may answer."""
    return sum(shares.get(nature, 0.0) for nature in ANSWERABLE)


def calm(shares: Shares) -> Shares:
    """The shares of the natures, were the request no emergency (of which there must be a doubt: a share under 1)."""
    left = 1.0 - shares[Nature.EMERGENCY]
    return {nature: share / left for nature, share in shares.items() if nature is not Nature.EMERGENCY}


def thresholds(models: Path) -> Thresholds:
    """The thresholds of a folder of models."""
    with whole(models, "weighing.json"):
        return Thresholds(**json.loads((models / "weighing.json").read_text("utf-8"))["thresholds"])


def likeliest(shares: Shares, foreign: bool = False, taught: bool = True) -> Nature:
    """The nature of a request: an emergency as soon as there is a doubt, nothing declined while there is one, a general question only when
    there is little about a file.

    Args:
        foreign: it is in another language than French.
        taught: there are words and examples of its language.
    """
    elsewhere = LEAST_EMERGENCY_ELSEWHERE if taught else LEAST_EMERGENCY_UNTAUGHT
    if shares.get(Nature.EMERGENCY, 0.0) >= (elsewhere if foreign else LEAST_EMERGENCY):
        return Nature.EMERGENCY
    least = 1.0 if not taught else LEAST_DECLINED_ELSEWHERE if foreign else LEAST_DECLINED
    declined = sum(shares.get(nature, 0.0) for nature in DECLINED) >= least
    others = [nature for nature in shares if nature is not Nature.EMERGENCY and (declined or nature not in DECLINED)]
    best = max(others, key=lambda nature: shares[nature])
    personal, mixed = shares.get(Nature.PERSONAL_FILE, 0.0), shares.get(Nature.MIXED, 0.0)
    if best is Nature.GENERAL and personal + mixed >= LEAST_DOUBT:
        return Nature.PERSONAL_FILE if personal >= mixed else Nature.MIXED
    return best
