"""Two questions in one message: the parts that ask something by themselves. Pure."""

from __future__ import annotations

import re

from knowledge.wordforms import folded_words

FEWEST_WORDS = 4
"""Words under which a part of a message is not a question of its own."""
_QUESTION_WORDS = (
    "comment|combien|quel|quelle|quels|quelles|où|ou|quand|est-ce|faut|puis|peut|dois|je|j'|pour|how|where|what|when|can|do|is|i"
)
_BETWEEN = re.compile(
    rf"[?!;\n]+|\.(?=\s|$)|,?\s+(?:et|puis|aussi|ensuite|and|also|then|y|e)\s+(?=(?:aussi |ensuite |also )?(?:{_QUESTION_WORDS})\b)",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"\b(?:comment|combien|quels?|quelles?|ou|quand|est ce|qu est ce|faut il|il faut|puis je|peut on|dois je"
    r"|je (?:veux|voudrais|souhaite|cherche|dois)"
    r"|how|where|what|which|when|can i|do i|i (?:want|need|would like)|como|donde|cuanto|onde|quanto|wie)\b"
)


def questions(text: str) -> tuple[str, ...]:
    """The parts of `text` that ask something by themselves, in order; what only tells a story goes with none."""
    parts = [part.strip(" ,") for part in _BETWEEN.split(text)]
    return tuple(part for part in parts if len(folded_words(part)) >= FEWEST_WORDS and _ASKS.search(" ".join(folded_words(part))))
