"""Numbers in words, in French and in English. Pure: figures inside sentences are found by `telephony.speech.figures`."""

from __future__ import annotations

MOST = 999_999_999
"""The largest number said as one; beyond, digits are said one by one."""

_FRENCH = (
    "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept dix-huit dix-neuf"
).split()
_FRENCH_TENS = {2: "vingt", 3: "trente", 4: "quarante", 5: "cinquante", 6: "soixante", 7: "soixante", 8: "quatre-vingt", 9: "quatre-vingt"}
_ENGLISH = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
).split()
_ENGLISH_TENS = {2: "twenty", 3: "thirty", 4: "forty", 5: "fifty", 6: "sixty", 7: "seventy", 8: "eighty", 9: "ninety"}
_ENGLISH_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}


def cardinal(number: int, language: str, feminine: bool = False) -> str:
    """`number` in words: "quatre-vingt-onze", "vingt et une" (feminine), "two hundred and six".

    Raises:
        ValueError: it is negative or above `MOST`, or the language is neither French nor English.
    """
    if not 0 <= number <= MOST:
        raise ValueError(f"number out of reach: {number}")
    match language:
        case "fr":
            words = _french(number)
            ends_with_one = number % 10 == 1 and number % 100 not in (11, 71, 91)
            return f"{words}e" if feminine and ends_with_one else words
        case "en":
            return _english(number)
    raise ValueError(f"no numbers in this language: {language}")


def ordinal(number: int, language: str, feminine: bool = False) -> str:
    """The rank in words: "première" (feminine), "vingt et unième", "twenty-first". Raises ValueError as `cardinal`, and for 0."""
    if number == 0:
        raise ValueError("nothing ranks zeroth")
    words = cardinal(number, language)
    if language == "fr":
        return ("première" if feminine else "premier") if number == 1 else _french_rank(words)
    head, separator, last = words.rpartition("-") if "-" in words.split()[-1] else words.rpartition(" ")
    return head + separator + _ENGLISH_ORDINALS.get(last, f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th")


def digits(figures: str, language: str) -> str:
    """Each figure said alone: "zéro zéro sept". `figures` holds only 0–9."""
    return " ".join(cardinal(int(figure), language) for figure in figures)


def group(figures: str, language: str) -> str:
    """A group of a telephone number or postal code. French says a number ("quarante", "zéro un"), English each digit ("four zero")."""
    zeros = len(figures) - len(figures.lstrip("0"))
    if language == "en" or zeros == len(figures):
        return digits(figures, language)
    return " ".join(["zéro"] * zeros + [cardinal(int(figures), language)])


def _french(number: int) -> str:
    if number < 20:
        return _FRENCH[number]
    if number < 100:
        return _french_tens(number)
    if number < 1000:
        hundreds, rest = divmod(number, 100)
        head = "cent" if hundreds == 1 else f"{_FRENCH[hundreds]} cent"
        return f"{head} {_french(rest)}" if rest else head + "s" * (hundreds > 1)
    if number < 1_000_000:
        thousands, rest = divmod(number, 1000)
        head = "mille" if thousands == 1 else f"{_unmarked(_french(thousands))} mille"
    else:
        millions, rest = divmod(number, 1_000_000)
        head = f"{_french(millions)} million" + "s" * (millions > 1)
    return f"{head} {_french(rest)}" if rest else head


def _french_tens(number: int) -> str:
    tens, unit = divmod(number, 10)
    if tens in (7, 9):
        unit += 10
    if unit == 0:
        return "quatre-vingts" if tens == 8 else _FRENCH_TENS[tens]
    link = " et " if unit in (1, 11) and tens < 8 else "-"
    return _FRENCH_TENS[tens] + link + _FRENCH[unit]


def _unmarked(words: str) -> str:
    """Before "mille", which is no noun, "vingt" and "cent" lose their plural: "quatre-vingt mille", "deux cent mille"."""
    return words[:-1] if words.endswith(("vingts", "cents")) else words


def _french_rank(words: str) -> str:
    words = _unmarked(words)
    if words.endswith("millions"):
        words = words[:-1]
    if words.endswith("cinq"):
        return f"{words}uième"
    if words.endswith("neuf"):
        return f"{words[:-1]}vième"
    return f"{words[:-1]}ième" if words.endswith("e") else f"{words}ième"


def _english(number: int) -> str:
    if number < 20:
        return _ENGLISH[number]
    if number < 100:
        tens, unit = divmod(number, 10)
        return f"{_ENGLISH_TENS[tens]}-{_ENGLISH[unit]}" if unit else _ENGLISH_TENS[tens]
    for size, name in ((1_000_000, "million"), (1000, "thousand"), (100, "hundred")):
        if number >= size:
            count, rest = divmod(number, size)
            link = " and " if rest < 100 else " "
            return f"{_english(count)} {name}{link}{_english(rest)}" if rest else f"{_english(count)} {name}"
    raise AssertionError(number)
