"""Figures inside sentences, put into the words that a reader says: hours, dates, amounts, telephone numbers, ranges. Pure.

Each language is a list of rules applied in order, from the most particular ("24h/24") to any number left. A rule replaces what it fully
understands; afterwards no figure remains. Spaces are plain ones here: `telephony.speech.pronunciation` has replaced the others.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from re import Match

from telephony.speech.numbers import MOST, cardinal, digits, group, ordinal

Said = str | Callable[[Match[str]], str]
Rule = tuple[re.Pattern[str], Said]

_DASH = "[-–—]"
_WHOLE = r"[0-9]{1,3}(?: [0-9]{3})+(?![0-9])|[0-9]+"
_MONTHS = {
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split(),
    "en": "January February March April May June July August September October November December".split(),
}
_UNITS = {
    "km/h": "kilomètre par heure",
    "km": "kilomètre",
    "cm3": "centimètre cube",
    "cm³": "centimètre cube",
    "m2": "mètre carré",
    "m²": "mètre carré",
    "cm": "centimètre",
    "mm": "millimètre",
    "m": "mètre",
    "kg": "kilo",
    "kW": "kilowatt",
    "t": "tonne",
    "Mo": "mégaoctet",
    "Ko": "kilooctet",
    "min": "minute",
}
_FEMININE = (
    "heure minute seconde semaine année journée nuit fois personne photo photographie copie page pièce demande touche question réponse "
    "voiture remorque tonne étoile partie copie carte démarche adresse infraction amende"
).split()
_STREETS = "rue place avenue boulevard bd quai chemin allée allées impasse route cours esplanade square passage faubourg".split()
_SHORT_NUMBERS = "3018 3020 3101 3114 3117 3133 3237 3400 3615 3639 3646 3919 3928 3939 3949 3960 3970 3975 3977 3995".split()
"""National numbers that people also write without a space."""


def in_words(text: str, language: str) -> str:
    """`text` without any figure. French rules also serve a language that has none."""
    for pattern, said in _RULES.get(language, _FRENCH):
        text = pattern.sub(said, text)
    return text


def _number(written: str, language: str, feminine: bool = False) -> str:
    """A whole number, with or without spaces or commas between thousands."""
    figures = re.sub("[ ,]", "", written)
    if (figures.startswith("0") and len(figures) > 1) or int(figures[:10]) > MOST:
        return digits(figures, language)
    return cardinal(int(figures), language, feminine)


def _groups(written: str, language: str, size: int = 2) -> str:
    figures = re.sub("[^0-9]", "", written)
    return ", ".join(group(figures[at : at + size], language) for at in range(0, len(figures), size))


def _rules(*written: tuple[str, Said]) -> list[Rule]:
    """Patterns never start or end inside a word or a number."""
    return [(re.compile(rf"(?<![^\W_])(?:{pattern})(?![^\W_])"), said) for pattern, said in written]


def _last_rules(language: str, thousands: str) -> list[Rule]:
    """Figures stuck to letters ("48SI", "B1") are parted from them, then every number left is said."""
    return [
        (re.compile(r"(?<=[0-9])(?=[^\W\d_])|(?<=[^\W\d_])(?=[0-9])"), " "),
        (re.compile(thousands), lambda found: _number(found[0], language)),
    ]


# --- French --------------------------------------------------------------------------------------------------------------

_HOUR = r"(?:[01]?[0-9]|2[0-4])(?: ?[hH](?:eures?)?(?: ?[0-5][0-9](?: ?min)?)?|:[0-5][0-9])"


def _hour(written: str) -> str:
    parts = re.findall("[0-9]+", written)
    hour = int(parts[0])
    said = f"{cardinal(hour, 'fr', feminine=True)} heure{'s' * (hour > 1)}"
    return f"{said} {cardinal(int(parts[1]), 'fr')}" if int(parts[-1]) and len(parts) > 1 else said


def _hours(found: Match[str]) -> str:
    """A range of hours; the first may have no "h" of its own."""
    start = found["start"]
    first = _hour(start) if re.search("[hH:]", start) else cardinal(int(start), "fr", feminine=True)
    return f"de {first} à {_hour(found['end'])}"


def _date(day: str, month: str, year: str, otherwise: str) -> str:
    if not (1 <= int(day) <= 31 and 1 <= int(month) <= 12):
        return otherwise
    number = "premier" if int(day) == 1 else cardinal(int(day), "fr")
    return f"{number} {_MONTHS['fr'][int(month) - 1]} {_number(year, 'fr')}"


def _euros(found: Match[str]) -> str:
    whole, cents = _number(found["whole"], "fr"), (found["cents"] or "").ljust(2, "0")
    units = int(found["whole"].replace(" ", "")[:10])
    of = "d'" if whole.endswith(("million", "millions")) else ""
    euros = f"{whole} {of}euro{'s' * (units > 1)}"
    if not int(cents):
        return euros
    if not units:
        return f"{cardinal(int(cents), 'fr')} centime{'s' * (int(cents) > 1)}"
    return f"{euros} {cardinal(int(cents), 'fr')}"


def _unit(found: Match[str]) -> str:
    name = _UNITS[found["unit"]]
    head, _, tail = name.partition(" ")
    plural = found["number"] not in ("0", "1")
    agreed = f"{head}s {tail}s" if plural and tail in ("cube", "carré") else f"{head}{'s' * plural} {tail}"
    return f"{found['number']} {agreed}".strip()


def _decimals(found: Match[str]) -> str:
    whole, part = _number(found["whole"], "fr"), found["part"]
    mark = "virgule" if found["mark"] == "," else "point"
    return f"{whole} {mark} {group(part, 'fr') if len(part) <= 3 else digits(part, 'fr')}"


def _rank(found: Match[str]) -> str:
    said = ordinal(int(found["rank"]), "fr", feminine=found["mark"] in ("re", "ère", "ere", "res", "ères"))
    return f"{said}s" if found["mark"].endswith("s") else said


_FRENCH = _rules(
    (r"24 ?h(?:eures)? ?(?:/|sur) ?24(?: ?h)?", "vingt-quatre heures sur vingt-quatre"),
    (r"7 ?j(?:ours)? ?(?:/|sur) ?7(?: ?j)?", "sept jours sur sept"),
    (r"(cerfa (?:numéro )?)([0-9]{2})([0-9]{3})", lambda m: f"{m[1]}{group(m[2], 'fr')}, {group(m[3], 'fr')}"),
    (r"\+33 ?(?:\(0\) ?)?([1-9])((?:[ .-]?[0-9]{2}){4})", lambda m: f"plus trente-trois, {group(m[1], 'fr')}, {_groups(m[2], 'fr')}"),
    (r"0[1-9](?:[ .-]?[0-9]{2}){4}", lambda m: _groups(m[0], "fr")),
    (r"0 ?(8[0-9]{2} ?[0-9]{3} ?[0-9]{3})", lambda m: f"zéro {_groups(m[1], 'fr', 3)}"),
    (r"(3[0-9]) ([0-9]{2})(?! ?(?:[0-9]|€))", lambda m: f"{group(m[1], 'fr')} {group(m[2], 'fr')}"),
    (rf"({'|'.join(_SHORT_NUMBERS)})(?! ?(?:€|euros|personnes))", lambda m: f"{group(m[1][:2], 'fr')} {group(m[1][2:], 'fr')}"),
    (r"(11[68]) ([0-9]{3})", lambda m: f"{group(m[1], 'fr')}, {group(m[2], 'fr')}"),
    (r"([0-3]?[0-9])[/.]([01]?[0-9])[/.]((?:19|20)[0-9]{2})", lambda m: _date(m[1], m[2], m[3], m[0])),
    (r"((?:19|20)[0-9]{2})-([01][0-9])-([0-3][0-9])", lambda m: _date(m[3], m[2], m[1], m[0])),
    (rf"(?:de |d')?(?P<start>{_HOUR}|(?:[01]?[0-9]|2[0-4])) ?{_DASH} ?(?P<end>{_HOUR})", _hours),
    (_HOUR, lambda m: _hour(m[0])),
    (rf"([LRDA]|articles?)\.? ?([0-9]+){_DASH}([0-9]+)", r"\1 \2 tiret \3"),
    (rf"([0-9]{{1,4}}) ?{_DASH} ?([0-9]{{1,4}})(?!{_DASH})", r"\1 à \2"),
    (rf"(?P<whole>{_WHOLE})(?:,(?P<cents>[0-9]{{1,2}}))? ?(?:€|EUR|euros?)", _euros),
    (r"([0-9]+) ?[x×] ?([0-9]+)(?= ?(?:mm|cm|m)\b)", r"\1 sur \2"),
    (rf"(?P<number>{_WHOLE}) ?(?P<unit>{'|'.join(_UNITS)})", _unit),
    (r"(?P<rank>[1-9][0-9]{0,5})(?P<mark>ers?|res?|ères?|eres?|es?|èmes?|emes?)", _rank),
    (r"2nd(es?|s?)", r"second\1"),
    (r"([0-9]{2})([0-9]{3})(?= [A-ZÀ-Ý])", lambda m: f"{group(m[1], 'fr')} {group(m[2], 'fr')},"),
    (rf"([0-9]+)((?: bis| ter)?),?(?= (?:{'|'.join(_STREETS)})\b)", lambda m: f"{_number(m[1], 'fr')}{m[2]},"),
    (rf"(?P<whole>{_WHOLE})(?P<mark>[,.])(?P<part>[0-9]+)", _decimals),
    (rf"({_WHOLE})(?= (?:{'|'.join(_FEMININE)})s?\b)", lambda m: _number(m[1], "fr", feminine=True)),
) + _last_rules("fr", _WHOLE)


# --- English -------------------------------------------------------------------------------------------------------------

_WHOLE_EN = r"[0-9]{1,3}(?:[ ,][0-9]{3})+(?![0-9])|[0-9]+"
_CLOCK = r"(?:[01]?[0-9]|2[0-4])(?::[0-5][0-9])?(?: ?[ap]\.?m\.?)|(?:[01]?[0-9]|2[0-4]):[0-5][0-9]"
_MONTH_EN = "|".join(_MONTHS["en"])


def _clock(written: str) -> str:
    """ "1:30 pm" and "13:30": "one thirty in the afternoon", which no voice misreads."""
    parts = re.findall("[0-9]+", written)
    hour, minutes = int(parts[0]) % 24, int(parts[1]) if len(parts) > 1 else 0
    if "m" in written:
        hour = hour % 12 + (12 if "p" in written else 0)
    if minutes == 0 and hour in (0, 12):
        return "midnight" if hour == 0 else "noon"
    past = f" {'oh ' if minutes < 10 else ''}{cardinal(minutes, 'en')}" if minutes else ""
    moment = "in the morning" if hour < 12 else "in the afternoon" if hour < 18 else "in the evening"
    return f"{cardinal(hour % 12 or 12, 'en')}{past} {moment}"


def _year(written: str) -> str:
    century, rest = int(written[:2]), int(written[2:])
    if written[1:3] == "00" or rest == 0:
        return cardinal(int(written), "en") if written[1:3] == "00" else f"{cardinal(century, 'en')} hundred"
    return f"{cardinal(century, 'en')} {'oh ' if rest < 10 else ''}{cardinal(rest, 'en')}"


def _dated(found: Match[str]) -> str:
    the = "" if found["the"] else "the "
    return f"{found['the'] or ''}{the}{ordinal(int(found['day']), 'en')} of {found['month']}"


def _euros_en(found: Match[str]) -> str:
    whole, cents = _number(found["whole"], "en"), int((found["cents"] or "").ljust(2, "0"))
    euros = f"{whole} euro{'s' * (whole != 'one')}"
    if not cents:
        return euros
    said = f"{cardinal(cents, 'en')} cent{'s' * (cents > 1)}"
    return said if whole == "zero" else f"{euros} and {said}"


_ENGLISH = _rules(
    (r"24 ?(?:h|hours)? ?/ ?24(?: ?h)?|24/7", "day and night"),
    (r"\+33 ?(?:\(0\) ?)?([1-9])((?:[ .-]?[0-9]{2}){4})", lambda m: f"plus three three, {group(m[1], 'en')}, {_groups(m[2], 'en')}"),
    (r"0[1-9](?:[ .-]?[0-9]{2}){4}", lambda m: _groups(m[0], "en")),
    (r"0 ?8[0-9]{2} ?[0-9]{3} ?[0-9]{3}", lambda m: f"zero, {_groups(m[0].lstrip('0'), 'en', 3)}"),
    (r"(3[0-9]) ([0-9]{2})(?! ?(?:[0-9]|€))", lambda m: _groups(m[0], "en")),
    (rf"(?:{'|'.join(_SHORT_NUMBERS)})(?! ?(?:€|euros|people))", lambda m: _groups(m[0], "en")),
    (r"11[68] [0-9]{3}", lambda m: _groups(m[0], "en", 3)),
    (r"11[2459](?! ?(?:€|euros|people))", lambda m: digits(m[0], "en")),
    (r"12(?::00)? ?noon", "noon"),
    (rf"(?:from )?({_CLOCK}) ?{_DASH} ?({_CLOCK})", lambda m: f"from {_clock(m[1])} to {_clock(m[2])}"),
    (_CLOCK, lambda m: _clock(m[0])),
    (rf"([0-9]{{1,4}}) ?{_DASH} ?([0-9]{{1,4}})(?!{_DASH})", r"\1 to \2"),
    (rf"(?P<the>the )?(?P<day>[12]?[0-9]|3[01])(?:st|nd|rd|th)? (?P<month>{_MONTH_EN})", _dated),
    (rf"(?:€ ?)(?P<whole>{_WHOLE_EN})(?:[.,](?P<cents>[0-9]{{1,2}}))?", _euros_en),
    (rf"(?P<whole>{_WHOLE_EN})(?:[.,](?P<cents>[0-9]{{1,2}}))? ?(?:€|EUR|euros?)", _euros_en),
    (r"([1-9][0-9]{0,5})(?:st|nd|rd|th)", lambda m: ordinal(int(m[1]), "en")),
    (r"(?:19|20)[0-9]{2}", lambda m: _year(m[0])),
    (rf"({_WHOLE_EN})\.([0-9]+)", lambda m: f"{_number(m[1], 'en')} point {digits(m[2], 'en')}"),
) + _last_rules("en", _WHOLE_EN)

_RULES = {"fr": _FRENCH, "en": _ENGLISH}
