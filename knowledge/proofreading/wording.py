"""What is judged in one text: length, acronyms, sites, literal figures, promises.

Every function takes a `Passage` and yields what it refuses. The rules come from the users' committees: architecture section 3,
rules-and-indicators sections 1.3, 3 and 4.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from knowledge.errors import Remark
from knowledge.fiche_files import SHORT
from knowledge.proofreading.vocabulary import Vocabulary, is_premium

MOST_WORDS_SHORT = 60
MOST_WORDS_TRANSLATION = 75
MOST_WORDS_SENTENCE = {SHORT: 20}
MOST_WORDS_SENTENCE_ELSEWHERE = 25

_ACCENTS = re.compile("[\u0300-\u036f]")
WORD = re.compile(r"[\w€]+(?:[-'’.][\w]+)*")
_SENTENCE_END = re.compile(r"[.!?:;](?=\s)|\n")
_DOMAIN = re.compile(
    r"(?<![\w.-])(?:[a-z0-9-]+\.)+(?:fr|com|org|eu|net|info|biz|io|app|co|me|re|mq|gp|yt|nc|pf|be|ch|de|es|it|pt|uk)(?![\w-])", re.I
)
_ACRONYM = re.compile(r"(?<![\w-])[A-ZÉÈ]{2,8}(?:-[A-Z]{2,})*(?![\w-])")
_NOT_ACRONYMS = re.compile("II|III|IV|VI|VII|VIII|IX|XI|XII|SMS|PDF|WW|UE|AFM|RER|TGV|SUV|GPS|CD|DVD|USB|RIB|OK")
"""Roman numerals and words that everyone reads."""


@dataclass(frozen=True)
class Passage:
    """One wording of a fiche, ready to be read."""

    file: str
    section: str
    line: int
    """Line of the file on which it begins."""
    text: str
    """With its facts filled in; the lines are those of the file."""
    bare: str
    """With each fact call replaced by `▢`: whatever figure is left was written by hand."""
    sites: frozenset[str]
    """Hosts that the front matter gives with their section."""

    @property
    def french(self) -> bool:
        return len(self.section) != 2

    def remark(self, offset: int, rule: str, message: str, remedy: str, text: str | None = None) -> Remark:
        line = self.line + (self.text if text is None else text).count("\n", 0, offset)
        return Remark(self.file, line, rule, f"{message} (section {self.section})", remedy)

    def sentences(self) -> Iterator[tuple[int, str]]:
        """Each sentence with its offset in `text`; a colon, a semicolon and a line end are pauses too."""
        start = 0
        for end in [*(match.end() for match in _SENTENCE_END.finditer(self.text)), len(self.text)]:
            if self.text[start:end].strip():
                yield start, self.text[start:end]
            start = end


def refusals(passage: Passage, vocabulary: Vocabulary) -> Iterator[Remark]:
    """Everything that this passage must change."""
    yield from _too_long(passage)
    yield from _long_sentences(passage)
    yield from _hidden_sites(passage)
    yield from _domains(passage, vocabulary)
    yield from _literals(passage)
    yield from _promises(passage)
    if passage.section == SHORT or not passage.french:
        yield from _not_for_the_ear(passage)


def words(text: str) -> int:
    return len(WORD.findall(text))


def folded(text: str) -> str:
    """Lower case without accents nor punctuation: how two texts are compared."""
    return " ".join(re.findall(r"\w+", _ACCENTS.sub("", unicodedata.normalize("NFKD", text.casefold()))))


def _too_long(passage: Passage) -> Iterator[Remark]:
    most = MOST_WORDS_SHORT if passage.section == SHORT else None if passage.french else MOST_WORDS_TRANSLATION
    count = words(passage.text)
    if most and count > most:
        yield passage.remark(
            0, "longueur", f"{count} mots, {most} au plus pour l'oreille", "gardez l'essentiel, le reste va dans « # detail »"
        )


def _long_sentences(passage: Passage) -> Iterator[Remark]:
    if not passage.french:
        return
    most = MOST_WORDS_SENTENCE.get(passage.section, MOST_WORDS_SENTENCE_ELSEWHERE)
    for offset, sentence in passage.sentences():
        if words(sentence) > most:
            yield passage.remark(
                _start(offset, sentence),
                "phrase longue",
                f"phrase de {words(sentence)} mots, {most} au plus : « {_short(sentence)} »",
                "coupez-la : une idée par phrase",
            )


def _start(offset: int, sentence: str) -> int:
    return offset + len(sentence) - len(sentence.lstrip())


def _short(sentence: str) -> str:
    flat = " ".join(sentence.split())
    return flat if len(flat) <= 60 else f"{flat[:59]}…"


def acronyms(passages: list[Passage], vocabulary: Vocabulary) -> Iterator[Remark]:
    """Acronyms that are not spelled out at their first use in passages read one after the other."""
    read = ""
    seen: set[str] = set()
    for passage in passages:
        for match in _ACRONYM.finditer(passage.text):
            acronym = match[0]
            if acronym in seen or _NOT_ACRONYMS.fullmatch(acronym) or _is_quoted(passage.text, match.start()):
                continue
            seen.add(acronym)
            expansion = vocabulary.acronyms.get(acronym)
            if expansion is None:
                yield passage.remark(
                    match.start(), "sigle", f"sigle « {acronym} » inconnu", "écrivez-le en toutes lettres, ou ajoutez-le à acronyms.yml"
                )
            elif not _spelled_out(expansion, read + passage.text[: match.start()], passage.text[match.end() :]):
                yield passage.remark(
                    match.start(),
                    "sigle",
                    f"sigle « {acronym} » non expliqué à sa première apparition",
                    f"écrivez « {expansion} ({acronym}) »",
                )
        read += passage.text + "\n"


def _is_quoted(text: str, offset: int) -> bool:
    """Inside « … » stand the exact words of a site, which cannot be spelled out."""
    return text.rfind("«", 0, offset) > text.rfind("»", 0, offset)


def _spelled_out(expansion: str, before: str, after: str) -> bool:
    """Whether the words of the expansion, singular or plural, precede the acronym or follow it in brackets."""
    pattern = r"\W+".join(f"{re.escape(word.rstrip('sx'))}[sx]?" for word in folded(expansion).split())
    following = re.match(r"\s*\(([^)]*)\)", after)
    return bool(re.search(pattern, folded(before)) or (following and re.search(pattern, folded(following[1]))))


_VAGUE_SITE = re.compile(
    r"\b(?:(?:voir|voyez|consultez|visitez|regardez)\s+|(?:allez|rendez-vous|connectez-vous|cherchez)\s+(?:voir\s+)?sur\s+|sur\s+)"
    r"(?:le|notre|leur|son|les|nos|leurs)\s+sites?\b(?! (?:concernés?|de la démarche|habituels?))",
    re.I,
)
_EVERYTHING = re.compile(
    r"\b(?:tout|toutes? les informations?|tous les renseignements)\b[^.!?\n]{0,40}"
    r"\bsur\s+(?:internet|le net|le web|(?:le|notre|leur|son)\s+sites?)\b",
    re.I,
)


def _hidden_sites(passage: Passage) -> Iterator[Remark]:
    for offset, sentence in passage.sentences():
        named = "rubrique" in sentence or _DOMAIN.search(passage.text, 0, offset + len(sentence))
        vague = _EVERYTHING.search(sentence) or (None if named else _VAGUE_SITE.search(sentence))
        if vague:
            yield passage.remark(
                offset + vague.start(),
                "site sans rubrique",
                f"« {_short(vague[0])} » n'aide personne à trouver",
                "nommez l'adresse et la rubrique : « sur ants.gouv.fr, rubrique « Mon permis » »",
            )


def _domains(passage: Passage, vocabulary: Vocabulary) -> Iterator[Remark]:
    for offset, sentence in passage.sentences():
        for match in _DOMAIN.finditer(sentence):
            host = match[0].lower()
            if not vocabulary.is_official(host):
                yield passage.remark(
                    offset + match.start(), "domaine", f"« {host} » n'est pas un site officiel", "citez un site de official_domains.yml"
                )
            elif passage.french and not _has_section(host, sentence, passage.sites):
                yield passage.remark(
                    offset + match.start(),
                    "site sans rubrique",
                    f"« {host} » est nommé sans dire où chercher",
                    "ajoutez « rubrique « … » » dans la phrase, ou ce site avec sa rubrique dans « sources »",
                )


def _has_section(host: str, sentence: str, sites: frozenset[str]) -> bool:
    if "«" in sentence or "rubrique" in sentence.lower():
        return True
    return any(host == site or site.endswith(f".{host}") or host.endswith(f".{site.removeprefix('www.')}") for site in sites)


_UNITS = "deux|trois|quatre|cinq|six|sept|huit|neuf"
_NUMBERS = (
    rf"(?<![\w-])(?:{_UNITS}|dix(?:-(?:sept|huit|neuf))?|onze|douze|treize|quatorze|quinze|seize|cent"
    rf"|(?:vingt|trente|quarante|cinquante|soixante(?:-dix)?|quatre-vingts?)(?:-(?:dix|onze|douze|quinze|{_UNITS}))?)"
)
_AGE_BEFORE = re.compile(
    r"(?:(?<!depuis )(?:moins|plus) de|à partir de|avant(?: ses| leurs| les)?|dès(?: ses| leurs)?|âgée?s? (?:de|d'au moins)"
    r"|(?:jeunes?|enfants?|mineure?s?|majeure?s?|personnes?|adultes?|élèves?|fils|filles?) de|jusqu'(?:à|aux)(?: ses)?|entre|\bà"
    r"|\bet|\ba|\bont|\bses|après(?: ses)?|(?:under|over|aged?|from|turn|before|least|between|and|below|above)(?: the age of)?|age of)\s*$",
    re.I,
)
_FIGURES: tuple[tuple[str, re.Pattern[str], str], ...] = (
    ("montant écrit", re.compile(r"\d[\d\s.,]*(?:€|\beuros?\b)|(?:€|EUR)\s?\d|\d\s*(?:欧元|євро|يورو)", re.I), "montant"),
    (
        "délai écrit",
        re.compile(
            rf"(?:\b\d+|{_NUMBERS})\s*(?:jours?|mois|semaines?|heures?)\b|\b(?:\d+|un)\s+an\b|\bun\s+mois\b"
            r"|\b\d+\s*(?:days?|months?|weeks?|hours?|días?|dias?|meses|semanas?|horas?|gün|ay|hafta|saat)\b"
            r"|\d+\s*(?:дн|місяц|тиж|годин|يوم|أيام|شهر|أشهر|天|个月|周|小时)",
            re.I,
        ),
        "delai",
    ),
    ("délai écrit", re.compile(rf"(?:\b\d+|{_NUMBERS})\s*(?:ans|années|years?)\b", re.I), "delai"),
    ("horaire écrit", re.compile(r"\b\d{1,2}\s?h(?:\s?\d{2})?\b|\b\d{1,2}(?::\d{2})?\s?[ap]\.?m\b", re.I), "horaire"),
    (
        "numéro écrit",
        re.compile(
            r"(?<!\d)(?:\+33\s?|0)[1-9](?:[\s.]?\d{2}){4}(?!\d)|(?<![\d/.-])3\d[\s.]?\d{2}(?![\d/])(?!\s*(?:€|euros))|\b116\s?\d{3}\b"
            r"|\b(?:appele[zr]|compose[zr]|call|dial)\s+(?:le\s+|au\s+)?\d[\d ]{,12}\d\b",
            re.I,
        ),
        "numero",
    ),
    (
        "adresse écrite",
        re.compile(r"\b\d{1,4}(?:\s?bis|\s?ter)?,?\s+(?:rue|avenue|place|boulevard|quai|impasse|chemin|allée)\b|\b\d{5}\s+[A-ZÉ][a-zé]+"),
        "adresse",
    ),
)


def _literals(passage: Passage) -> Iterator[Remark]:
    for what, pattern, function in _FIGURES:
        for match in pattern.finditer(passage.bare):
            if re.search(r"(?:ans|années|years?)$", match[0], re.I) and _is_age(passage.bare, match):
                continue
            yield passage.remark(
                match.start(),
                "valeur en dur",
                f"{what} à la main : « {' '.join(match[0].split())} »",
                f'déclarez-le dans content/facts/ et écrivez {{{{ {function}("…") }}}}',
                passage.bare,
            )
            if function == "numero" and (number := re.search(r"[\d+][\d .]+", match[0])) and is_premium(number[0]):
                yield passage.remark(
                    match.start(),
                    "numéro surtaxé",
                    f"« {number[0].strip()} » peut être surtaxé",
                    "donnez un numéro au prix normal",
                    passage.bare,
                )


def _is_age(text: str, match: re.Match[str]) -> bool:
    """Ages may be written: the law sets them, and no fee table changes them."""
    return bool(_AGE_BEFORE.search(text[max(0, match.start() - 40) : match.start()])) or text[match.end() :].lstrip(
        " -"
    ).lower().startswith(("old", "révolus", "et plus"))


_WILL_CALL = "répond(?:ra|rons)?|rappell?e(?:ra|rons)?|recontacte(?:ra|rons)?|contacte(?:ra|rons)?"
_PROMISES: tuple[re.Pattern[str], ...] = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        r"(?<!si )\bvotre dossier (?:est|sera) (?:bien )?(?:complet|accepté|validé)\b",
        r"\bvotre (?:demande|titre|carte) (?:est|sera) (?:acceptée?|accordée?|validée?|garantie?)\b",
        rf"\b(?:un agent|on|nous|le service|la préfecture) vous (?:{_WILL_CALL})\s+(?:sous|dans|avant|en moins|d'ici)\b",
        r"\bsous (?:\d+|quarante-huit|vingt-quatre) ?h(?:eures?)?\b",
        r"\bsous ▢[^.!?\n]{0,30}\b(?:agent|réponse|rappel\w*)\b",
        r"\bvous (?:aurez|recevrez|obtiendrez) (?:une réponse|votre \w+|un rendez-vous)[^.!?\n]{0,30}\b(?:sous|dans les|d'ici)\b",
        r"\b(?:nous vous garantissons|c'est garanti|sans aucun risque|vous obtiendrez (?:forcément|certainement))\b",
        r"\byour (?:file|application) (?:is|will be) (?:complete|accepted|approved)\b",
    )
)


def _promises(passage: Passage) -> Iterator[Remark]:
    for pattern in _PROMISES:
        for match in pattern.finditer(passage.bare):
            yield passage.remark(
                match.start(),
                "promesse",
                f"« {_short(match[0])} » promet une décision ou un délai",
                "dites seulement ce que la personne peut faire",
                passage.bare,
            )


def _not_for_the_ear(passage: Passage) -> Iterator[Remark]:
    checks: tuple[tuple[Callable[[str], re.Match[str] | None], str], ...] = (
        (re.compile(r"https?://|[a-z]\.(?:fr|com|org|eu)/\w").search, "adresse longue"),
        (re.compile(r"[*_`\[\]]|^[ \t]*(?:-|\d+\.)[ \t]", re.M).search, "mise en forme"),
    )
    for search, what in checks:
        match = search(passage.text)
        if match:
            yield passage.remark(
                match.start(), "oreille", f"{what} dans un texte lu à voix haute", "écrivez des phrases, et l'adresse seule : ants.gouv.fr"
            )
