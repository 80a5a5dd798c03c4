"""A written sentence, as it is said: figures in words, addresses part by part, acronyms as the dictionary says. Pure once it is read.

Nothing but letters, spaces and ordinary punctuation comes out: whatever else was in the text (markup, commands, emoji) no voice will see.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from re import Match
from typing import Annotated

from pydantic import Field

from knowledge.documents import Strict, read_text, read_yaml, shaped
from telephony.speech.figures import in_words

FILE = "pronunciation.yml"

_ADDRESS = re.compile(
    r"(?:https?://)?(?P<user>[a-z0-9][a-z0-9._+-]{0,63}@)?(?P<host>(?:[a-z0-9-]{1,63}\.){1,5}(?:fr|eu|com|org|net|gouv))"
    r"(?P<path>/(?:[a-z0-9._~/?=&%#-]*[a-z0-9])?)?(?![^\W_]|[.@-][a-z0-9])",
    re.IGNORECASE,
)
_CAPITALS = re.compile(r"(?:(?<![^\W_])|(?<=[^\W_])-)([A-Z]{2,6})(?![^\W_])")
_LONG_OR_ACCENTED = re.compile(r"(?<![^\W_])(?:[^\W\d_]{7,}|[^\W\d_]+[À-Þ][^\W\d_]*|[À-Þ][^\W\d_]+)(?![^\W_])")
"""No acronym, even in capitals."""
_FOREIGN = re.compile(r"[^\x00-\xac\xae-\xffŒœŸ‘’“”…–—•€№]")
_SMALL_FIGURES = re.compile("[ª²³µ¹º¼½¾]")
_UNSAID = re.compile(r"[^A-Za-zÀ-ÖØ-öø-ÿŒœŸ',.;:!? -]")
_SYMBOLS = {
    "fr": {".": "point", "-": "tiret", "_": "tiret bas", "@": "arobase", "/": "barre oblique", "+": "plus", "?": "point d'interrogation"}
    | {"=": "égale", "&": "et", "%": "pour cent", "#": "dièse", "*": "étoile", "€": "euros", "°": "degrés", "~": "tilde"},
    "en": {".": "dot", "-": "dash", "_": "underscore", "@": "at", "/": "slash", "+": "plus", "?": "question mark"}
    | {"=": "equals", "&": "and", "%": "percent", "#": "hash", "*": "star", "€": "euros", "°": "degrees", "~": "tilde"},
}
"""Spoken names of signs, in an address; those of `_IN_SENTENCES`, anywhere."""
_IN_SENTENCES = "@+=&%#*€°"
_NUMBER_SIGN = re.compile(r"(?<![^\W_])[nN][°º](s?) ?|№ ?|(?<![^\W_])No\. ?(?=[0-9])")
_NUMBER_WORD = {"fr": "numéro", "en": "number"}


class _Entries(Strict):
    fr: dict[str, Annotated[str, Field(min_length=1)]] = Field(default_factory=dict)
    en: dict[str, Annotated[str, Field(min_length=1)]] = Field(default_factory=dict)


class Pronunciation:
    """How words are said, by language: acronyms as they are written, other words whatever their capitals."""

    def __init__(self, words: Mapping[str, Mapping[str, str]]) -> None:
        self._words = {language: {**entries} for language, entries in words.items()}
        self._patterns = {language: _pattern(entries) for language, entries in words.items()}
        self._known = lru_cache(maxsize=4096)(self._said)
        """A script is said at two rates, and checked again at each publication."""

    @classmethod
    def read(cls, content: Path) -> Pronunciation:
        """The dictionary of the folder `content`.

        Raises:
            ContentRefused: the file is missing or malformed.
        """
        document = read_yaml(read_text(content / FILE, FILE), FILE)
        return cls(shaped(_Entries, document, document.value or {}).model_dump())

    def spoken(self, text: str, language: str) -> str:
        """The words that say `text` aloud in `language`: "de neuf heures à douze heures", "val tiret d'ambre point gouv point fr"."""
        return self._known(text, language)

    def _said(self, text: str, language: str) -> str:
        text = _plain(text)
        if _is_shouted(text):
            text = text.lower()
        text = _ADDRESS.sub(lambda found: _address(found, language), text)
        text = self._replaced(text, language)
        text = _NUMBER_SIGN.sub(lambda found: f"{_NUMBER_WORD.get(language, 'numéro')}{found[1] or ''} ", text)
        text = in_words(text, language)
        text = _SMALL_FIGURES.sub(" ", text)
        text = _CAPITALS.sub(lambda found: " " + ", ".join(found[1].lower()), _lowered(text))
        for sign in _IN_SENTENCES:
            text = text.replace(sign, f" {_signs(language)[sign]} ")
        return _tidy(text)

    def _replaced(self, text: str, language: str) -> str:
        words, pattern = self._words.get(language, {}), self._patterns.get(language)
        return pattern.sub(lambda found: words.get(found[0]) or words[found[0].lower()], text) if pattern else text


def _address(found: Match[str], language: str) -> str:
    """A web or e-mail address, part by part; "https://" and "www." are left out: nobody needs them."""
    host = re.sub(r"^www\.", "", found["host"], flags=re.IGNORECASE)
    path = (found["path"] or "").rstrip("/")
    signs = _signs(language)
    return re.sub(r"[^a-zA-Z0-9]", lambda sign: f" {signs.get(sign[0], '')} ", (found["user"] or "") + host + path)


def _signs(language: str) -> Mapping[str, str]:
    return _SYMBOLS.get(language, _SYMBOLS["fr"])


def _pattern(entries: Mapping[str, str]) -> re.Pattern[str] | None:
    """The longest words first; those written in lower case are found whatever their capitals."""
    if not entries:
        return None
    longest = sorted(entries, key=lambda word: (-len(word), word))
    written = "|".join(re.escape(word) if word != word.lower() else f"(?i:{re.escape(word)})" for word in longest)
    return re.compile(rf"(?<![^\W_])(?:{written})(?![^\W_])")


def _latin(character: str) -> str:
    """A letter without the accent that our voices do not know ("č" is "c"); nothing for an invisible mark, a space for the rest."""
    if unicodedata.category(character) == "Cf":
        return ""
    return "".join(part for part in unicodedata.normalize("NFKD", character) if part.isascii()) or " "


def _plain(text: str) -> str:
    """One line of ordinary characters: no emphasis, one kind of apostrophe and of space."""
    text = _FOREIGN.sub(lambda found: _latin(found[0]), unicodedata.normalize("NFC", text.encode("utf-8", "ignore").decode()))
    text = re.sub(r"\*\*|__|`", "", re.sub("[’ʼ]", "'", text))
    return re.sub(r"[\s\x00-\x1f\x7f-\xa0]+", " ", text)


def _is_shouted(text: str) -> bool:
    """A whole sentence in capitals is no row of acronyms: one of its words is no acronym, and small letters are rare."""
    capitals = sum(character.isupper() for character in text)
    small = sum(character.islower() for character in text)
    return capitals > 2 * small and any(word.isupper() for word in _LONG_OR_ACCENTED.findall(text))


def _lowered(text: str) -> str:
    return _LONG_OR_ACCENTED.sub(lambda found: found[0].lower() if found[0].isupper() else found[0], text)


def _tidy(text: str) -> str:
    """Brackets and quotes become pauses or nothing; punctuation is not doubled."""
    text = re.sub(r"[«»“”\"]", " ", text)
    text = re.sub(r"\s[–—-]\s|[()\[\]{}|/–—•]", ", ", text.replace("…", "."))
    text = _UNSAID.sub(" ", text)
    text = re.sub(r"(?<![^\W_])['-]+|-+(?![^\W_])", " ", text)
    text = re.sub(r"(?<![^\W_])(l|d|j|m|n|s|t|c|qu)' +(?=[^\W\d_])", r"\1'", text, flags=re.IGNORECASE)
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r" ?([,.;:!?])(?: ?[,.;:!?])*", _mark, text)
    return re.sub(r"\s+", " ", text).strip(" ,;:").lstrip(" .!?,;:")


def _mark(found: Match[str]) -> str:
    """Of several marks in a row, the strongest; then a space."""
    return f"{min(found[0].replace(' ', ''), key='?!.:;,'.index)} "
