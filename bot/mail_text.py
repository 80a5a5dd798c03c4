"""The request of a long message, without what surrounds it: quoted messages, signature, notices, greetings. Pure, but for the
cues that tell of a danger.

Line by line, for French and English mails: a quotation ends the message (answers are written above it); a signature ends it too, from the
closing formula down. When nothing would be left, the message is kept whole: better too long than emptied.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.engines.cues import shipped_cues
from knowledge.wordforms import folded_words

LONG = 25
"""Words from which a message is read as a mail, whatever its channel."""
FEWEST = 3
"""Words under which what is left is not a request: the message is then kept whole."""
FEWEST_BEFORE_A_FORWARD = 8
"""Words above a forwarded message under which that message is the request."""
CLOSEST_TO_THE_END = 12
"""Lines after a closing formula that still are a signature; beyond, the mail goes on."""


def _ways(*ways: str, begin: str = "", end: str = "") -> re.Pattern[str]:
    return re.compile(f"{begin}(?:{'|'.join(ways)}){end}", re.IGNORECASE)


_QUOTED = re.compile(r"^\s*(?:>|\|\s)")
_QUOTE_OPENS = _ways(
    r"le .{4,80} a écrit\s*:?",
    r"on .{4,80} wrote\s*:?",
    r".{3,80} (?:a écrit|wrote)\s*:",
    r"-{2,}\s*(?:message (?:d'origine|original|transféré|transmis)|réponse|original message|forwarded message|début du message).*",
    r"début du message (?:transféré|réexpédié).*",
    r"begin forwarded message.*",
    r"_{8,}",
    r"(?:de|from|expéditeur)\s*:\s.*(?:@|<|\[).*",
    begin=r"^\s*",
    end=r"\s*$",
)
_FORWARDS = _ways(r"transf|forward|transmis|réexpédi")
_HEADER = _ways(
    "de|à|a|cc|cci|objet|sujet|date|envoyé|envoyé le|importance|pièces jointes|répondre à",
    "from|to|sent|subject",
    begin=r"^\s*\*?",
    end=r"\s*\*?\s*:",
)
_SUBJECT = re.compile(r"^\s*(?:objet|sujet|subject)\s*:\s*(?:(?:re|tr|fwd?|rép)\s*:\s*)*", re.IGNORECASE)
_SIGNATURE_MARK = re.compile(r"^\s*(?:--|—|__|\*{3,})\s*$")
_CLOSING = _ways(
    r"cordialement|cdt|cdlt|bien à vous|amicalement|sincèrement|respectueusement|[àa] bientôt",
    r"(?:cordiales |sincères |meilleures |mes )?salutations|mes respects|(?:avec|en) (?:mes|nos) (?:remerciements|salutations)",
    r"bonne (?:journée|soirée|réception|fin de journée)",
    r"(?:je vous prie|nous vous prions|veuillez)\b.{0,40}\b(?:agréer|recevoir|croire|accepter)",
    r"dans l'attente de (?:votre|vous|vos)|(?:je reste|restant) à votre disposition",
    r"en vous remerciant|vous en remerciant|merci à vous|(?:d'avance|par avance) merci|merci (?:d'avance|par avance|beaucoup|infiniment)",
    r"merci (?:de|pour) votre (?:aide|réponse|retour|attention|compréhension)",
    r"(?:kind |best )?regards|sincerely|yours (?:sincerely|faithfully|truly)|best wishes",
    r"many thanks|thank you(?: very much| in advance)?|thanks(?: in advance)?",
    begin=r"^\s*(?:bien |très )*",
    end=r"\b",
)
_BARE_THANKS = re.compile(r"^\W*merci\W*$", re.IGNORECASE)
_SENT_FROM = _ways(
    r"envoyé (?:de|depuis|à partir de|avec|par|via) .*",
    r"sent from .*",
    r"(?:télécharger|get|obtenir) outlook.*",
    begin=r"^\s*",
    end="$",
)
_NOTICE = _ways(
    r"ce (?:message|courriel|mail|e-?mail)\b.{0,60}\b(?:confidentiel|destinataire|destiné|exclusi)",
    r"this (?:e-?mail|message)\b.{0,60}\b(?:confidential|intended|privileged)",
    r"si vous (?:n'êtes pas|avez reçu ce).{0,40}(?:destinataire|par erreur)",
    r"n'imprimez (?:ce|que)|pensez à l'environnement|consider the environment",
    r"avast|exempt de virus|virus-free|l'absence de virus|confidentiality notice|avis de confidentialité",
)
_CONTACT = _ways(
    r"(?:tél|tel|téléphone|phone|mobile|portable|port|fax|mob|gsm|e-?mail|mail|courriel|site|web|adresse|address)\b\.?\s*[:.]?.*",
    r"(?:\+33|0033|0)\s?[1-9](?:[\s.\-]?\d{2}){4}\W*",
    r"\S+@\S+\.\w{2,}\W*",
    r"(?:https?://|www\.)\S+",
    r"\d{5}\s+[A-ZÀ-Ý][\w\s'-]+",
    r"\d{1,4}\s?(?:bis|ter)?,?\s+(?:rue|avenue|av|bd|boulevard|place|impasse|chemin|allée|route|quai|lotissement|résidence)\b.*",
    begin=r"^\W*",
    end="$",
)
_GREETING = _ways(
    r"bonjour|bonsoir|salut|madame|monsieur|mesdames|messieurs|mademoiselle|chère? (?:madame|monsieur)|à l'attention d(?:e|u|es|')\b.*",
    r"hello|hi|dear (?:sir|madam|sirs|all).*|good (?:morning|afternoon|evening)",
    r"à (?:tous|toutes|vous)|et|ou|[\s,.!/;-]+",
    begin=r"^(?:",
    end=r")+$",
)
_COURTESY = _ways(
    r"j'espère que vous (?:allez|vous portez) bien",
    r"i hope (?:this (?:e-?mail|message) finds you well|you are well)",
    r"je me permets de vous (?:contacter|écrire|solliciter)(?: (?:pour|car|afin de|au sujet de))?",
    r"je vous (?:écris|contacte) (?:ce (?:mail|message|courriel) )?(?:pour|car|afin de)",
    r"merci (?:d'avance|par avance|de votre (?:aide|réponse|retour))(?: (?:de|pour) votre (?:aide|réponse|retour))?",
    begin=r"\b",
    end=r"\b[\s,.!]*",
)

_POLITE = _ways(
    r"(?:je|nous) (?:vous|te) remerci\w+|(?:d'avance|par avance|encore) merci",
    r"merci (?:d'avance|par avance|infiniment|beaucoup|pour|de) (?:votre|vos|l)\b",
    r"reconnaissante?s?|gratitude|obligeance|bienveillance|dévouement",
    r"(?:m'(?:en )?|nous |)excuser|mes excuses|pardon(?:nez)?\b|(?:sans|de|pour) vous (?:déranger|importuner)",
    r"(?:j'espère|nous espérons|espérant) que (?:vous|ce (?:message|mail|courriel)|tout)",
    r"vous êtes (?:très |si |bien )?(?:occupé|sollicité|débordé)\w*",
    r"(?:pas|jamais) (?:pu|réussi à|arrivée? à|parven\w+ à) (?:vous )?joindre",
    r"(?:standard|téléphone) (?:ne répond|sonne|était occupé)|personne ne (?:répond|décroche)",
    r"m'a (?:conseillé|recommandé|dit|suggéré) de (?:m'adresser|vous (?:écrire|contacter|appeler|demander))",
    r"(?:je me permets|nous nous permettons|je me suis permise?) de",
    r"hésité (?:avant de|à) (?:vous (?:écrire|contacter|déranger|solliciter|appeler)|me tourner vers vous|m'adresser à vous)",
    r"(?:agréer|l'expression de|l'assurance de|sentiments|salutations|dans l'attente|(?:à|de) votre disposition)",
    r"prenez (?:bien )?soin de vous|portez[- ]vous bien|ne manquer\w+ pas (?:de|d)",
    r"(?:serai(?:t|ent)|est|sont) (?:très |bien |d'une aide )?précieu\w+",
    r"vous souhait\w+ (?:une|un) (?:très |excellente? |belle |bon(?:ne)? )",
    begin=r"\b",
    end=r"\b",
)
_ASKS = _ways(
    r"quel(?:le)?s?|comment|où|combien (?:de|ça|cela|coût\w+|fau\w+|dois)|quand|pourquoi|est-ce|s'il (?:faut|est possible)",
    r"si (?:je|on|nous|il|elle)|what|which|how|where|when",
    r"indiquer|préciser|(?:me|nous) dire|savoir|connaître|communiquer|transmettre|envoyer|confirmer|expliquer|informer|répondre à|aider à",
    r"carte|passeport|permis|titre|visa|récépissé|nationalité|naturalisation|certificat|attestation|procuration|association",
    r"véhicule|voiture|moto|arme|mariage|naissance|décès|médaille|étranger|étrangère|français(?:e|es)?|acte|examen|amende|points?|stage",
    r"(?:renseign|condition|obten|obtien|procéd|démarch|pièce|papier|justificatif|délai|tarif|changement|renouvel|inscri|déclar|immatricul)\w*",
    r"rendez-vous|rdv|dossier|courrier|lettre|décision|refus\w*|perdu\w*|volée?s?|demandée?s?|déposée?s?|reçue?s?",
    r"(?:il|elle|ils|elles|on|mon|ma|mes) (?!y\b|demande|message|mail|courriel|question|requête|part\b|salutations|excuses|respects"
    r"|plus|vifs?|vives?|sincères?|meilleur|profond|sentiments|remerciements|gratitude|reconnaissance|considération|hommages)\w+",
    begin=r"\b",
    end=r"\b",
)
"""What keeps a polite clause: it asks for something, names what a préfecture treats, or speaks of somebody."""
DANGERS = frozenset(
    "fire smoke gas blast flood drown trapped lost_outdoors crash hurt blood breath heart faint stroke seizure poison burned_body birth "
    "allergy fever blue fall pain dying hit sexual threat weapon follow break_in rob fight missing suspicious forced_marriage suicide "
    "not_live farewell despair cry_help emergency_word rescue deaf control all_ill_together".split()
)
"""Cues of `cues.yml` that keep a polite clause: what may be an emergency is never left out."""
_CLAUSE = re.compile(r"((?<=[.!?…])\s+|[,;:]\s+|\s+(?=(?:mais|car|parce que|cependant|but|because)\b))", re.IGNORECASE)
_GOES_ON = re.compile(r"^\W*(?:qui|que|dont|auxquel)", re.IGNORECASE)
"""A clause that only goes on about the one before."""


def request(text: str) -> str:
    """What is asked in `text`: the subject line and the body, without quotation, signature, notices, greetings and polite clauses.

    A message of fewer than `LONG` words that quotes nothing is given back as it is.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    quoting = any(_QUOTED.match(line) or _QUOTE_OPENS.match(line) for line in lines)
    if len(text.split()) < LONG and not quoting:
        return text
    kept = _above_the_quotation(lines)
    kept = [line for line in kept if not _SENT_FROM.match(line)]
    kept = _above_the_signature(kept)
    kept = [
        line for line in kept if not (_GREETING.match(line) or _NOTICE.search(line) or (_HEADER.match(line) and not _SUBJECT.match(line)))
    ]
    left = "\n".join(_plain(_SUBJECT.sub("", line)) for line in kept)
    left = re.sub(r"\n{3,}", "\n\n", left).strip()
    return left if len(left.split()) >= FEWEST else text


def _plain(line: str) -> str:
    """A line without its polite clauses. What else stands in their sentence is kept: "excusez-moi, mon fils est tombé" asks for help."""
    kept, polite = "", False
    for number, piece in enumerate(_CLAUSE.split(_COURTESY.sub("", line))):
        if number % 2 == 0:
            polite = bool(_POLITE.search(piece) or (polite and _GOES_ON.match(piece))) and not _says_more(piece)
        if not polite:
            kept += piece
    return kept.strip(" ,;:")


def _says_more(clause: str) -> bool:
    """Whether a polite clause also asks, names what a préfecture treats, or tells of a danger ("excusez-moi, je ne respire plus")."""
    return "?" in clause or bool(_ASKS.search(clause)) or not DANGERS.isdisjoint(shipped_cues().read(folded_words(clause)))


def _above_the_quotation(lines: Sequence[str]) -> list[str]:
    """The lines before the message that is answered; when it comes first, those after it."""
    kept: list[str] = []
    quoting = False
    for number, line in enumerate(lines):
        if _QUOTED.match(line):
            continue
        if _QUOTE_OPENS.match(line) or _is_wrapped_opening(lines, number) or (_headers_from(lines, number) and _says(kept)):
            passed_on = bool(_FORWARDS.search(line)) and sum(len(above.split()) for above in kept) < FEWEST_BEFORE_A_FORWARD
            if _says(kept) and not passed_on and not quoting:
                break
            quoting = True  # the request is under the quotation
            continue
        if quoting and (_HEADER.match(line) or not line.strip()):
            continue
        kept.append(line)
    return kept if _says(kept) else [line for line in lines if not _QUOTED.match(line)]


def _is_wrapped_opening(lines: Sequence[str], number: int) -> bool:
    """Whether "Le mardi 3 mars, X <x@y.fr>" and "a écrit :" stand on two lines."""
    return (
        number + 1 < len(lines)
        and bool(re.match(r"^\s*(?:le|on)\b", lines[number], re.I))
        and bool(re.match(r"^.{0,60}\b(?:a écrit|wrote)\s*:\s*$", lines[number + 1].strip(), re.I))
    )


def _headers_from(lines: Sequence[str], number: int) -> bool:
    """Whether a block of mail headers begins at a line (De, Envoyé, À, Objet)."""
    return sum(bool(_HEADER.match(line)) for line in lines[number : number + 5]) >= 3 and bool(_HEADER.match(lines[number]))


def _above_the_signature(lines: Sequence[str]) -> list[str]:
    """The lines before the closing formula, the signature mark, or the coordinates that end a message."""
    for number, line in enumerate(lines):
        rest = [later for later in lines[number + 1 :] if later.strip()]
        if _SIGNATURE_MARK.match(line) and _says(lines[:number]):
            return list(lines[:number])
        closes = _CLOSING.match(line) or _BARE_THANKS.match(line)
        if (
            closes
            and "?" not in line
            and _says(lines[:number])
            and len(rest) <= CLOSEST_TO_THE_END
            and not any("?" in later for later in rest)
        ):
            return list(lines[:number])
    kept = list(lines)
    while kept and (not kept[-1].strip() or _CONTACT.match(kept[-1]) or _NOTICE.search(kept[-1])):
        kept.pop()
    return kept if _says(kept) else list(lines)


def _says(lines: Sequence[str]) -> bool:
    """Whether lines say something besides a greeting."""
    return (
        sum(len(line.split()) for line in lines if not (_GREETING.match(line) or (_HEADER.match(line) and not _SUBJECT.match(line))))
        >= FEWEST
    )
