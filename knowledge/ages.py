"""The age that a text tells: "mon fils (8 ans)", "elle a quatorze ans", "j'ai 17 ans". Somebody who gives an age seldom adds "mineur".

A number of years is an age when words say so around it; "depuis 3 ans", "il y a 5 ans" and "carte de 10 ans" are none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

OF_AGE = 18
"""Years from which a person is an adult (article 388 of the Civil code)."""
OLDEST = 110
_UNITS = {"an": 1, "ans": 1, "mois": 12}
_GLUED = re.compile(r"(\d{1,3})(ans?|mois)")
_COUNTED = re.compile(r"\b\d*(?:ans?|mois)\b")
_NUMBERS = {
    word: number
    for number, word in enumerate("zero un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize".split())
} | {"vingt": 20, "trente": 30, "quarante": 40, "cinquante": 50, "soixante": 60}
_PERSONS = frozenset(
    "fils fille filles enfant enfants petit petite petits bebe bb gamin gamine gosse ado adolescent adolescente garcon niece neveu "
    "dernier derniere aine ainee cadet cadette benjamin benjamine frere soeur eleve lyceen lyceenne collegien collegienne mineur "
    "mineure jeune".split()
)
_SELF = frozenset("ai jai g ge je".split())
_REACHED = frozenset("avoir eu aura aurai aurait ses mes fete fetera".split())
_GOES_ON = frozenset("de d du des que qu".split())
"""After an age nothing of the kind comes: "j'ai 3 ans de présence"."""
AROUND = 12
"""Words before "a 9 ans" among which the person is named."""


def age(words: Sequence[str]) -> float | None:
    """The first age told by `words` (folded, in order), in years; None when they tell none."""
    if not _COUNTED.search(" ".join(words)):
        return None
    words = [piece for word in words for piece in _apart(word)]
    for position, word in enumerate(words):
        if word in _UNITS:
            start = position
            while start and (words[start - 1].isdecimal() or words[start - 1] in _NUMBERS):
                start -= 1
            number = _value(words[start:position])
            if number is not None and _is_age(words, start, position):
                return number / _UNITS[word]
    return None


def _apart(word: str) -> tuple[str, ...]:
    """The number and the unit of "8ans"; another word alone."""
    glued = _GLUED.fullmatch(word)
    return (glued[1], glued[2]) if glued else (word,)


def _value(words: Sequence[str]) -> int | None:
    if not words:
        return None
    number = sum(int(word[:4]) if word.isdecimal() else _NUMBERS[word] for word in words[-2:])
    return number if 0 < number <= OLDEST else None


def _is_age(words: Sequence[str], start: int, end: int) -> bool:
    """Whether the number of years at `words[start:end]` is that of somebody."""
    before = words[max(start - 3, 0) : start]
    after = words[end + 1] if end + 1 < len(words) else ""
    if not before or after in _GOES_ON:
        return False
    last = before[-1]
    named = not _PERSONS.isdisjoint(words[max(start - AROUND, 0) : start]) or not _PERSONS.isdisjoint(words[end + 1 : end + 4])
    if last in _PERSONS:
        return True
    if last == "de":
        return len(before) > 1 and (before[-2] in _PERSONS or before[-2] in ("age", "agee"))
    if last in _SELF or last in _REACHED:
        return named or words[end] != "mois"  # nobody who writes is a few months old
    return last == "a" and "y" not in before[-2:] and named
