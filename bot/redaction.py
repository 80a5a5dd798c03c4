"""Masks personal data before anything is kept. Pure.

What identifies a person (numbers, addresses, names given by the person) is replaced by a word that says what stood there, so that the
question stays readable: "où en est mon dossier [numéro]". Amounts, years, articles and form numbers are kept: they carry the subject.
Every pattern is bounded: the time taken grows with the length of the text, never with its square.
"""

from __future__ import annotations

import re

_NAME = r"[A-ZÀ-ÖØ-Þ][\w'’-]+"
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"[\w.+-]{1,64}\s?(?:@|\(at\)|\[at\])\s?[\w-]{1,63}(?:\s?\.\s?[\w-]{1,63}){1,4}", re.I), "[adresse électronique]"),
    (re.compile(r"https?://\S*[?=&]\S+"), "[adresse internet]"),
    (re.compile(r"\b(?:[A-Z]{2}|[Ff][Rr])\d{2}(?:[ ]?[A-Z0-9]{4}){3,7}(?:[ ]?[A-Z0-9]{1,3})?\b"), "[compte bancaire]"),
    (
        re.compile(r"\b[12][ .]?\d{2}[ .]?(?:0[1-9]|1[0-2]|[2-9]\d)[ .]?(?:\d{2}|2[AB])[ .]?\d{3}[ .]?\d{3}(?:[ .]?\d{2})?\b"),
        "[numéro de sécurité sociale]",
    ),
    (re.compile(r"(?<![\d,.])(?:(?:\+|00)\s?\d{1,3}[\s.-]?(?:\(0\)\s?)?|0)[1-9](?:[\s./-]?\d{2}){4}(?!\d)"), "[téléphone]"),
    (re.compile(r"(?<!\w)(?:\+|00)\d[\d\s.-]{7,16}\d(?!\w)"), "[téléphone]"),
    (  # "ma 206 le" is a car and a word
        re.compile(r"\b(?!(?-i:ma|ta|sa|la|le|de|en|ce)\s)[A-HJ-NP-TV-Z]{2}[\s-]?\d{3}[\s-]?[A-HJ-NP-TV-Z]{2}\b", re.I),
        "[immatriculation]",
    ),
    (re.compile(r"\b\d{1,4}[\s-]?[A-Z]{2,3}[\s-]?(?:\d{2}|2[AB])\b"), "[immatriculation]"),
    (re.compile(r"\b\d{2,4}-?[a-z]{2,3}-?(?:\d{2}|2[ab])\b"), "[immatriculation]"),
    (
        re.compile(r"\b(?:né|née|ne|nee|naissance|born)\b[^.\d]{0,20}\d{1,2}[\s/.-](?:\d{1,2}|[a-zéû]+)[\s/.-]\d{2,4}", re.I),
        "[date de naissance]",
    ),
    (re.compile(r"\b\d{1,2}[/.-]\d{1,2}[/.-](?:19|20)\d{2}\b"), "[date]"),
    (
        re.compile(
            r"\b\d{1,4}\s?(?:bis|ter|quater)?\s?,?\s(?:rue|avenue|av\.?|bd|boulevard|impasse|allée|allee|place|chemin|route|quai|cours|square|passage|lotissement|résidence)"
            r"\s(?:d[eu]s?\s|de la\s|l')?[\w'’-]+(?:\s[A-ZÀ-Þ][\w'’-]+){0,3}",
            re.I,
        ),
        "[adresse]",
    ),
    (re.compile(r"\b\d{5}\s+[A-ZÀ-Þ][\w'’-]+(?:[\s-][A-ZÀ-Þ][\w'’-]+)*"), "[commune]"),
    (
        re.compile(
            r"(?P<lead>\b(?:je m'appelle|je m’appelle|je mappelle|mon nom est|mon nom c'est|my name is|"
            r"je suis (?:m\.|mr|mme|monsieur|madame)|"
            r"au nom de|nom\s*:|prénom\s*:|me llamo|meu nome é|mi chiamo)\s*)"
            r"(?P<name>[\w'’-]+(?:\s+[A-ZÀ-Þ][\w'’-]+){0,3})",
            re.I,
        ),
        r"\g<lead>[nom]",
    ),
    (
        re.compile(
            r"(?P<lead>\b(?i:m(?:on|a) (?:fils|fille|mari|femme|épouse|époux|conjointe?|compagnon|compagne|frère|sœur|soeur|père|mère|"
            rf"amie?|bébé|enfant|neveu|nièce|cousine?)|moi c'est|de la part de|signé)\s*:?\s+){_NAME}(?:\s+{_NAME}){{0,2}}"
        ),
        r"\g<lead>[nom]",
    ),
    (re.compile(rf"(?P<lead>\b(?i:je suis)\s+){_NAME}(?:\s+{_NAME}){{1,2}}"), r"\g<lead>[nom]"),
    (
        re.compile(rf"\b(?P<title>M\.|Mr\.?|Mme\.?|Mlle|[Mm]onsieur|[Mm]adame|[Dd]octeur|[Mm]aître)\s+{_NAME}(?:\s+{_NAME}){{0,2}}"),
        r"\g<title> [nom]",
    ),
    (re.compile(r"\b(?=[A-Z0-9]{8,}\b)(?=[A-Z0-9]*\d)[A-Z0-9]+\b"), "[numéro]"),
    (re.compile(r"\b(?=\S{0,40}\d{4})[\dA-Z]{2,20}(?:[-/][\dA-Z]{2,20}){1,6}\b"), "[numéro]"),
    (re.compile(r"(?<![\w,.])\d(?:[\s.]?\d){6,}(?!\w)"), "[numéro]"),
)
_DIGIT = re.compile(r"\d")
_WITHOUT_DIGITS = tuple((pattern, mask) for pattern, mask in _RULES if r"\d" not in pattern.pattern)
"""The rules that may hold for a text without any digit: nearly all questions are read by these alone."""
_NAME_GREETINGS = re.compile(
    r"(?P<lead>\b(?:cordialement|salutations|respectueusement|regards|merci d'avance)\b[\s,.!]*\n+\s*)(?P<name>[^\n]{2,40})\s*$", re.I
)
_NAME_ON_THE_LINE = re.compile(
    rf"(?P<lead>\b(?i:cordialement|salutations|respectueusement|regards|merci d'avance)\b[\s,.!]+){_NAME}(?:\s+{_NAME}){{0,2}}\s*$"
)


def redact(text: str) -> str:
    """`text` with what identifies a person masked."""
    for pattern, replacement in _RULES if _DIGIT.search(text) else _WITHOUT_DIGITS:
        text = pattern.sub(replacement, text)
    for signature in (_NAME_GREETINGS, _NAME_ON_THE_LINE):
        text = signature.sub(r"\g<lead>[nom]", text)
    return text
