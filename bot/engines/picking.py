"""Which choice of a clarification a person names: "la deuxième", "renouvellement", "plutôt pour mon fils". Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from knowledge.wordforms import CONCEPT, Lexicon, folded_words

MOST_WORDS = 10
"""Words of a message that may be a choice; a longer one is a question of its own."""
MOST_BY_RANK = 5
"""Words of a message that may name a choice by its rank."""
NEITHER = frozenset("aucun aucune ni non autre rien none neither no ninguno ninguna nenhum nenhuma нет 都不是".split())
YES = frozenset("oui ouais yes si sim da evet نعم 是 так да exact exactement".split())
BOTH = frozenset("deux both ambos ambas".split())
RANKS = {
    word: rank
    for rank, words in (
        (0, "1 un une premier premiere 1er 1ere first one primero primera primeiro primeira"),
        (1, "2 deux deuxieme second seconde 2e 2eme two segundo segunda"),
        (2, "3 trois troisieme 3e 3eme third three tercero tercera terceiro terceira"),
        (-1, "dernier derniere last"),
    )
    for word in words.split()
}
"""Place of the choice that a word names, -1 for the last."""
_AROUND_A_RANK = frozenset(
    "le la les l c est choix option numero n no reponse proposition cas je prends veux voudrais plutot donc alors oui ok svp stp merci s "
    "il vous plait pour moi the please choice number answer el o a opcion opcao".split()
)


def by_rank(words: Sequence[str], choices: Sequence[str]) -> str | None:
    """The choice named by its place, among `choices` in the order they were said; None when the words say something else.

    Args:
        words: folded words of the message.
    """
    ranks = {RANKS[word] for word in words if word in RANKS}
    others = [word for word in words if word not in RANKS and word not in _AROUND_A_RANK]
    both = bool(BOTH & set(words)) and words[0] in ("les", "toutes", "tous", "both", "los", "las", "os", "as")
    if len(ranks) != 1 or others or both or len(words) > MOST_BY_RANK:
        return None
    rank = ranks.pop()
    return choices[rank] if -len(choices) <= rank < len(choices) else None


def by_words(words: Sequence[str], named: Mapping[str, str], lexicon: Lexicon) -> str | None:
    """The choice whose own words the message says; None when it fits several as well, or speaks of something else.

    Args:
        words: folded words of the message.
        named: by choice, the words it is known by (its contrast and its title).
    """
    if not words or len(words) > MOST_WORDS or NEITHER & set(words[:2]):
        return None
    said = lexicon.read(" ".join(words))
    if not [word for word in said.words if word not in lexicon.fillers]:
        return None
    terms = {choice: frozenset(lexicon.read(text).terms) for choice, text in named.items()}
    shared = frozenset.intersection(*terms.values()) if len(terms) > 1 else frozenset()
    scores = {choice: len(set(said.terms) & (own - shared)) for choice, own in terms.items()}
    ranked = sorted(scores, key=lambda choice: -scores[choice])
    first = ranked[0]
    if not scores[first] or (len(ranked) > 1 and scores[first] == scores[ranked[1]]):
        return None
    other = {term for term in said.terms if not term.startswith(CONCEPT)} - terms[first]
    told = len(said.concepts & (terms[first] - shared))
    return None if said.concepts - terms[first] or len(other) > scores[first] + told else first


def picked(text: str, named: Mapping[str, str], lexicon: Lexicon) -> str | None:
    """The choice that `text` names among `named`, in the order they were offered; None when it names none.

    Args:
        named: by choice, the words it is known by.
    """
    words = folded_words(text)
    if not words or not named:
        return None
    if len(named) == 1:  # words that fit it say nothing: no other choice was there to be fitted
        return next(iter(named)) if words[0] in YES and len(words) <= MOST_BY_RANK else None
    return by_rank(words, list(named)) or by_words(words, named, lexicon)
