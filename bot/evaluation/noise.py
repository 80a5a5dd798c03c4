"""Noise as people and machines make it: the same question, written or heard badly. Pure: the same text and kind give the same noise.

Each kind is one function (text, chance) -> text. The lists are everyday French, written for this purpose; they are not those of the
lexicon that repairs questions.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable
from enum import StrEnum

SEED = 20261128


class Noise(StrEnum):
    ACCENTS = "missing accents"
    SLIPS = "keyboard slips"
    LETTERS = "doubled and dropped letters"
    PHONETIC = "phonetic spelling"
    SMS = "text message"
    HEARD_10 = "recogniser, 10 % word errors"
    HEARD_20 = "recogniser, 20 % word errors"
    LEARNER = "learner's French"
    MAIL = "long polite mail"
    TWO = "two questions in one"


def noisy(text: str, kind: Noise, other: str = "") -> str:
    """`text` with this noise.

    Args:
        other: the second question, for two questions in one.
    """
    chance = random.Random(f"{SEED} {kind} {text}")
    if kind is Noise.TWO:
        return _two(text, other, chance)
    return _KINDS[kind](text, chance)


# --- Written -------------------------------------------------------------------------------------------------------------

_LIGATURES = str.maketrans({"œ": "oe", "Œ": "OE", "æ": "ae", "’": "'"})
_ROWS = ("azertyuiop", "qsdfghjklm", "wxcvbn")
SLIP_SHARE = 0.04
"""Of the letters, those hit beside."""
LETTER_SHARE = 0.05
"""Of the letters, those doubled, dropped or exchanged with the next."""


def _without_accents(text: str, _chance: random.Random) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFD", text.translate(_LIGATURES)) if not unicodedata.combining(letter))


def _neighbours() -> dict[str, str]:
    """The keys that touch each letter on a French keyboard."""
    near: dict[str, str] = {}
    for row, keys in enumerate(_ROWS):
        for column, key in enumerate(keys):
            beside = [
                (row, column - 1),
                (row, column + 1),
                (row - 1, column),
                (row - 1, column + 1),
                (row + 1, column),
                (row + 1, column - 1),
            ]
            near[key] = "".join(_ROWS[y][x] for y, x in beside if 0 <= y < len(_ROWS) and 0 <= x < len(_ROWS[y]))
    return near


_NEAR = _neighbours()


def _places(text: str, share: float, chance: random.Random) -> list[int]:
    """Places of letters to spoil, one at least when there are letters."""
    letters = [place for place, letter in enumerate(text) if letter.isalpha()]
    return sorted(chance.sample(letters, min(len(letters), max(1, round(share * len(letters))))), reverse=True)


def _slips(text: str, chance: random.Random) -> str:
    typed = list(text)
    for place in _places(text, SLIP_SHARE, chance):
        typed[place] = chance.choice(_NEAR.get(typed[place].lower(), typed[place]))
    return "".join(typed)


def _letters(text: str, chance: random.Random) -> str:
    for place in _places(text, LETTER_SHARE, chance):
        here, after = text[place], text[place + 1 : place + 2]
        spoiled = chance.choice((here * 2 + after, after, after + here))
        text = text[:place] + spoiled + text[place + 1 + len(after) :]
    return text


_SOUNDS = (
    (r"\bqu'est[- ]ce que?\b", "keske"), (r"\best[- ]ce que?\b", "esseke"), (r"\bc'est\b", "cé"), (r"\bj'ai\b", "jé"), (r"\best\b", "é"),
    (r"qu", "k"), (r"ph", "f"), (r"eaux?\b", "o"), (r"eau", "o"), (r"aux?\b", "o"), (r"au", "o"), (r"tion\b", "sion"), (r"oi", "oua"),
    (r"(?<=\w)ent\b", "e"), (r"(?<=\w\w)er\b", "é"), (r"ez\b", "é"), (r"ai[st]?\b", "è"), (r"ç", "s"), (r"c(?=[eiéèy])", "s"),
    (r"g(?=[eiéè])", "j"), (r"(?<=[aeiouéè])s(?=[aeiouéè])", "z"), (r"([bcdfglmnprst])\1", r"\1"), (r"\bh", ""),
    (r"(?<=\w\w)[sxtdp]\b", ""), (r"(?<=\w\w)e\b", ""), (r"am(?=[bp])|em(?=[bp])|en(?=[cdfgjqstv])", "an"), (r"y", "i"),
)  # fmt: skip
SOUND_SHARE = 0.6
"""Of the places where writing differs from sound, those written as they sound."""


def _phonetic(text: str, chance: random.Random) -> str:
    def kept(replacement: str) -> Callable[[re.Match[str]], str]:
        return lambda found: found.expand(replacement) if chance.random() < SOUND_SHARE else found[0]

    text = text.lower().replace("’", "'")
    for pattern, sound in _SOUNDS:
        text = re.sub(pattern, kept(sound), text)
    return text


_SHORT = {
    "bonjour": "bjr", "bonsoir": "bsr", "merci": "mrc", "s'il vous plaît": "svp", "est-ce que": "esq", "qu'est-ce que": "kesk",
    "c'est": "c", "j'ai": "g", "je suis": "jsuis", "je ne sais pas": "jsp", "il y a": "ya", "pour": "pr", "vous": "vs", "nous": "ns",
    "dans": "ds", "avec": "ac", "comment": "cmt", "quand": "qd", "combien": "cb", "pourquoi": "pk", "parce que": "pcq", "toujours": "tjs",
    "aujourd'hui": "ajd", "rendez-vous": "rdv", "beaucoup": "bcp", "quelque chose": "qqch", "quelqu'un": "qqn", "maintenant": "mtn",
    "même": "mm", "temps": "tps", "faire": "fr", "refaire": "rfr", "dois": "doi", "besoin": "bsn", "demander": "dmder", "demande": "dmd",
    "problème": "pb", "après": "ap", "tout": "tt", "tous": "ts", "être": "etr", "suis": "sui", "sont": "st", "que": "ke", "qui": "ki",
    "quoi": "koi", "mon": "mn", "dossier": "doss", "voiture": "vtr", "permis": "permi", "papiers": "papié", "enfant": "enf",
    "téléphone": "tel", "numéro": "num", "semaine": "sem", "mois": "moi",
}  # fmt: skip
_SHORT_WORDS = re.compile(r"\b(?:" + "|".join(sorted(map(re.escape, _SHORT), key=len, reverse=True)) + r")\b")


def _sms(text: str, chance: random.Random) -> str:
    short = _SHORT_WORDS.sub(lambda found: _SHORT[found[0]] if chance.random() < 0.85 else found[0], text.lower().replace("’", "'"))
    bare = re.sub(r"[.,;:!?«»()]+", " ", _without_accents(short, chance)).replace("'", chance.choice((" ", "")))
    return " ".join(bare.split())


# --- Heard ---------------------------------------------------------------------------------------------------------------

_ALIKE = (
    ("et", "est", "ai", "hé"), ("a", "à", "ah"), ("ses", "ces", "c'est", "sait"), ("mes", "mais", "met"), ("son", "sont"),
    ("ou", "où", "août"), ("on", "ont"), ("leur", "l'heure", "leurs"), ("sans", "cent", "sang"), ("dans", "d'en", "dent"),
    ("quand", "qu'en", "camp"), ("permis", "permit", "père mis"), ("titre", "tire"), ("séjour", "ces jours", "c'est jour"),
    ("carte", "quatre", "cartes"), ("fait", "fais", "fée"), ("faire", "fer"), ("mer", "mère", "maire"), ("mairie", "marie"),
    ("père", "perd", "paire"), ("perdu", "perdue", "père du"), ("vol", "vole"), ("volé", "voler", "voulez"),
    ("papier", "papiers", "pas pied"), ("pièce", "pièces", "pierre"), ("grise", "cerise", "grises"),
    ("passeport", "passe port", "passe par"), ("dossier", "dos scié", "dossiers"), ("demande", "demandes", "de mande"),
    ("pour", "poure", "pur"), ("visa", "vissa", "vise à"), ("étranger", "étrangers", "et ranger"), ("prix", "pris", "prie"),
    ("coûte", "écoute", "coute"), ("délai", "des lais", "délais"), ("renouveler", "renouvelé", "nous voler"),
    ("changer", "changé", "danger"), ("adresse", "adresses", "à dresse"), ("nationalité", "nationalités", "rationalité"),
    ("français", "française", "franc c'est"), ("fils", "fisse", "file"), ("fille", "filles", "fil"), ("mineur", "mineure", "meilleur"),
    ("moto", "mot tôt", "métro"), ("voiture", "voitures", "toiture"), ("photo", "photos", "faux taux"), ("acte", "actes", "pacte"),
    ("mariage", "mariages", "m'arrange"), ("association", "associations", "assaut sa scission"),
)  # fmt: skip
_HOMOPHONES = {word: tuple(other for other in group if other != word) for group in _ALIKE for word in group if " " not in word}
_ENDINGS = (
    (r"er$", "é"),
    (r"é$", "er"),
    (r"ée$", "é"),
    (r"ées$", "er"),
    (r"s$", ""),
    (r"tion$", "sion"),
    (r"ement$", "e ment"),
    (r"eur$", "heure"),
)
_HESITATIONS = ("euh", "ben", "alors", "donc", "voilà", "hein")


def _heard(share: float) -> Callable[[str, random.Random], str]:
    """What a speech recogniser writes: no punctuation, and a share of the words replaced, dropped, joined, cut or added."""

    def heard(text: str, chance: random.Random) -> str:
        words = re.sub(r"[^\w' -]+", " ", text.lower().replace("’", "'")).split()
        if not words:
            return text
        exact = share * len(words)
        errors = int(exact) + (chance.random() < exact - int(exact))
        for place in sorted(chance.sample(range(len(words)), min(errors, len(words))), reverse=True):
            _mishear(words, place, chance)
        return " ".join(words)

    return heard


def _mishear(words: list[str], place: int, chance: random.Random) -> None:
    word, kind = words[place], chance.random()
    if kind < 0.6:
        words[place] = chance.choice(_HOMOPHONES[word]) if word in _HOMOPHONES else _sounding_like(word, chance)
    elif kind < 0.75 and len(words) > 1:
        del words[place]
    elif kind < 0.9 and place + 1 < len(words):
        words[place : place + 2] = [word + words[place + 1]]
    else:
        words.insert(place, chance.choice(_HESITATIONS))


def _sounding_like(word: str, chance: random.Random) -> str:
    """A word of almost the same sound: another ending, or cut in two."""
    endings = [(pattern, ending) for pattern, ending in _ENDINGS if re.search(pattern, word)]
    if endings:
        pattern, ending = chance.choice(endings)
        return re.sub(pattern, ending, word)
    if len(word) > 5:
        middle = chance.randrange(2, len(word) - 2)
        return f"{word[:middle]} {word[middle:]}"
    return word + chance.choice(("e", "s", "t"))


# --- Learned, wrapped, joined --------------------------------------------------------------------------------------------

_ARTICLE = re.compile(r"\b(?:les?|la|une?|des|du|de la)\s+|\b[ld]'", re.IGNORECASE)
_INFINITIVES = {
    "ai": "avoir", "as": "avoir", "avons": "avoir", "suis": "être", "est": "être", "sommes": "être", "sont": "être", "peux": "pouvoir",
    "peut": "pouvoir", "dois": "devoir", "doit": "devoir", "veux": "vouloir", "veut": "vouloir", "fais": "faire", "fait": "faire",
    "vais": "aller", "va": "aller", "perdu": "perdre", "reçu": "recevoir", "pris": "prendre", "mis": "mettre", "vient": "venir",
    "sais": "savoir", "trouve": "trouver", "cherche": "chercher", "demande": "demander", "habite": "habiter", "travaille": "travailler",
    "acheté": "acheter", "vendu": "vendre", "volé": "voler", "changé": "changer", "arrivé": "arriver", "marié": "marier",
    "déménagé": "déménager", "besoin": "besoin",
}  # fmt: skip
_PRONOUNS = {"j": "je ", "n": "", "m": "moi ", "t": "toi ", "s": ""}
_GENDERS = {"mon": "ma", "ma": "mon", "son": "sa", "sa": "son", "ce": "cette", "cette": "ce", "quel": "quelle", "quelle": "quel"}


def _learner(text: str, chance: random.Random) -> str:
    def word(found: re.Match[str]) -> str:
        plain = found[0].lower()
        other = _INFINITIVES.get(plain) if chance.random() < 0.7 else None
        other = other or (_GENDERS.get(plain) if chance.random() < 0.5 else None)
        return other or found[0]

    bare = _ARTICLE.sub(lambda found: "" if chance.random() < 0.75 else found[0], text.replace("’", "'"))
    bare = re.sub(r"\b([jnmts])'(?=\w)", lambda found: _PRONOUNS[found[1].lower()], bare, flags=re.IGNORECASE)
    return " ".join(re.sub(r"\w+", word, bare).split())


_GREETINGS = ("Madame, Monsieur,", "Bonjour Madame, bonjour Monsieur,", "À l'attention du service concerné,", "Bonsoir,")
_OPENINGS = (
    "Je me permets de vous écrire car je n'ai pas réussi à joindre votre standard ce matin, et je vous prie de bien vouloir m'en excuser.",
    "J'espère que ce message vous trouvera en bonne santé. Un voisin m'a conseillé de m'adresser à vous, qui lui aviez si bien répondu.",
    "Je vous remercie par avance de l'attention que vous porterez à ma demande, je sais combien vous êtes sollicités en ce moment.",
    "Tout d'abord, permettez-moi de saluer le travail de vos équipes, que j'ai toujours trouvées à la hauteur.",
    "J'ai longuement hésité avant de me tourner vers vous, mais mes enfants m'assurent que c'est la bonne adresse.",
    "Voilà plusieurs jours que je cherche sur internet sans trouver, et mon entourage se contredit.",
)
_CLOSINGS = (
    "Dans l'attente de votre retour, je vous prie d'agréer, Madame, Monsieur, l'expression de mes salutations distinguées.",
    "Je vous remercie infiniment du temps que vous voudrez bien m'accorder et vous souhaite une excellente journée.",
    "Restant à votre disposition pour tout complément, je vous adresse mes sentiments les meilleurs.",
    "Votre éclairage me serait très précieux, et je ne manquerai pas de dire autour de moi le bien que j'en pense.",
    "Prenez soin de vous, par ces temps si froids.",
)
_SIGNATURES = (
    "Cordialement,\n\nCamille Lefort\n12 rue des Tilleuls\n06 39 98 00 12\n\nEnvoyé depuis mon téléphone",
    "Bien à vous,\n\n--\nDominique Marchal\nAssistante de direction\nTél. : 03 53 01 00 45\n"
    "Ce message est confidentiel ; s'il ne vous est pas destiné, détruisez-le.",
    "Bien cordialement\n\nM. et Mme Vasseur\n4 impasse du Moulin",
)
_QUOTED = (
    "Le lun. 23 nov. 2026 à 09:14, Accueil <accueil@prefecture.example> a écrit :\n> Bonjour,\n> Nous avons bien reçu votre message "
    "et nous vous répondrons\n> dans les meilleurs délais. Pour une carte grise, un permis ou un passeport,\n> pensez aussi à consulter "
    "notre site.",
    "-----Message d'origine-----\nDe : Mairie\nEnvoyé : vendredi 20 novembre 2026 16:02\nObjet : RE: renseignement\n\nBonjour, cette "
    "question ne relève pas de la mairie, il faut écrire à la préfecture. Bonne fin de semaine.",
)


def _mail(text: str, chance: random.Random) -> str:
    parts = [chance.choice(_GREETINGS), f"{chance.choice(_OPENINGS)} {text}", chance.choice(_CLOSINGS), chance.choice(_SIGNATURES)]
    if chance.random() < 0.6:
        parts.append(chance.choice(_QUOTED))
    return "\n\n".join(parts)


_LINKS = ("{first} Et aussi : {second}", "{first} {second}", "Deux questions. {first} Ensuite, {second}", "{first} J'en profite : {second}")


def _two(first: str, second: str, chance: random.Random) -> str:
    ended = first if first.rstrip().endswith((".", "?", "!")) else f"{first.rstrip()}."
    return chance.choice(_LINKS).format(first=ended, second=second)


_KINDS: dict[Noise, Callable[[str, random.Random], str]] = {
    Noise.ACCENTS: _without_accents,
    Noise.SLIPS: _slips,
    Noise.LETTERS: _letters,
    Noise.PHONETIC: _phonetic,
    Noise.SMS: _sms,
    Noise.HEARD_10: _heard(0.1),
    Noise.HEARD_20: _heard(0.2),
    Noise.LEARNER: _learner,
    Noise.MAIL: _mail,
}
