"""The engine inside the program: language, nature, retrieval, confidence. Everything is in memory; nothing is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bot.engines.conversation import LONGEST_CONTINUATION, Conversation, Learned, judged, shipped_manners
from bot.engines.convolution import NATURES, Convolution
from bot.engines.intents import Classes, Intents
from bot.engines.nature import Judged, NatureClassifier, Rules, clauses_of, shipped_rules
from bot.engines.picking import picked
from bot.engines.probabilities import softmax
from bot.engines.questions import questions
from bot.engines.ranking import Calibration, Ranked, Ranker, confidence_signs
from bot.engines.sense import Sense
from bot.engines.services import Services
from bot.engines.shipped import SHIPPED
from bot.engines.weighing import ANSWERABLE, CERTAIN_EMERGENCY, CERTAIN_RULED, MOST_CLAUSES, Clues, Shares, Weigher, calm, likeliest
from bot.language import DEFAULT, Languages, default_languages
from bot.mail_text import request
from bot.messages import NO_CONTEXT, Candidate, Context, Decision, Interpretation, Nature, Turn
from knowledge.wordforms import Reading, clean, folded_words

if TYPE_CHECKING:  # Rasa's Python reads this module without the database
    from bot.catalogue import Catalogue

MOST_CANDIDATES = 10
NEAREST = 4
"""Candidates whose services are looked at."""
RESEMBLES = 0.3
"""Likeness from which the first fiche says which service a general question goes to."""
SPEAKS = 0.6
"""Likeness from which a fiche about what another body treats says where to go (of 40 requests for another body whose first candidate is
such a fiche, read one by one, 37 are sent to the right door)."""
SURE_OF_BOTH = 0.6
"""Confidence of each of two questions from which both are answered."""
UNTOLD = 0.45
"""Most confidence in a fiche that the clarification did not offer, when the words after it ("euh je ne sais pas") name nothing: only those
before it speak, and they are not asked back a second time (`policy.LIKELY`)."""
CHOSEN = "choix parmi les propositions de la question précédente"
WORD_FOR_WORD = "formulation rattachée à la fiche, mot pour mot"
BARE = "un seul mot : les souhaits usuels sont proposés"
NEVER_NAMED = {Nature.EMERGENCY: 0.12, Nature.PERSONAL_FILE: 0.8}
"""Share from which a question is read whole, even when it stands word for word among the phrasings of a fiche."""
SHORTEST_KNOWN = 3
"""Words from which a question that stands word for word among the phrasings of one fiche alone is a question about that fiche."""
MOST_READ = 6000
"""Characters of a message that are read; beyond, a mail repeats itself or attacks."""
SECOND_ABOUT_A_FILE = 0.1
"""Share of personal file, for the words of one question of two, from which the message is read whole."""


@dataclass(frozen=True)
class Searched:
    """What was found for a turn, before its nature is decided."""

    reading: Reading
    """The reading that holds the first candidate best."""
    ranked: Ranked
    leans: bool
    """The previous turns made the first candidate likelier."""
    clues: Clues
    number: str | None
    """The likeliest number to call, should it be an emergency."""


@dataclass(frozen=True)
class EmbeddedEngine:
    """`Engine` (see `contract`) over a catalogue and small learned models."""

    catalogue: Catalogue
    classes: Classes
    ranker: Ranker
    calibration: Calibration
    natures: NatureClassifier
    sense: Sense
    order: Convolution
    """Reads the nature in the words in their order."""
    weigher: Weigher
    services: Services
    languages: Languages
    rules: Rules
    conversation: Conversation
    name: str = "embedded"

    @classmethod
    def load(cls, catalogue: Catalogue, languages: Languages | None = None, models: Path = SHIPPED) -> EmbeddedEngine:
        """The engine with the models of a folder, and the languages of the content unless others are given."""
        languages = languages or default_languages()
        conversation = Conversation(catalogue, shipped_manners(), Learned.load(models))
        ranker, calibration, natures = Ranker.load(models), Calibration.load(models), NatureClassifier.load(models)
        classes = Classes.over(Intents.load(models), catalogue.index)
        sense, order = Sense.load(models), Convolution.load(NATURES, models)
        learned = (natures, sense, order, Weigher.load(models), Services.load(models))
        return cls(catalogue, classes, ranker, calibration, *learned, languages, shipped_rules(), conversation)

    def interpret(self, text: str, context: Context = NO_CONTEXT) -> Interpretation:
        """Understand `text` in the light of the previous turns. Never raises: what cannot be read is `nonsense`."""
        cleaned = clean(text).strip()
        text = request(cleaned[:MOST_READ])
        words = folded_words(text)
        language = self._language(text, words, context)
        if not words:
            return Interpretation("", language, Nature.NONSENSE, 0.0, explanation=("message vide ou sans mot",))
        decided = self.rules.decide(text)
        chosen = self._choice(text, context) if decided is None else None  # "un agent" is a person, not the first choice
        if chosen:
            return self._about(chosen, language, text)
        said = self.natures.judge(text)
        named = self._named(words, said.natures) if decided is None else None
        if named:
            return self._about(named, language, text, WORD_FOR_WORD, carried=False)
        reading = self.catalogue.lexicon.read(text)
        wished = self._wished(reading, said.natures, context) if decided is None else ()
        if wished:
            return self._asked_back(wished, language, text)
        heard = self._search(text, words, language, said, reading, context)
        reading, ranked, leans, likeness = heard.reading, heard.ranked, heard.leans, heard.clues.likeness
        weighed = shares = self.weigher.shares(heard.clues)
        felt = self._nature(shares, language)
        if felt is Nature.EMERGENCY and decided and decided[0] is not felt:
            decided = None  # "parler à quelqu'un avant de me pendre" is no call for an agent
        nature, emergency = decided or (felt, None)
        otherwise = None
        if nature is Nature.EMERGENCY:
            emergency = emergency or self.rules.reachable(" ".join(words), heard.number or "112")
            if shares[Nature.EMERGENCY] < (CERTAIN_RULED if decided else CERTAIN_EMERGENCY):
                shares = calm(shares)
                otherwise = self._nature(shares, language)
        wanted = otherwise or nature
        second = None
        if wanted is Nature.MIXED:
            reading = self.catalogue.lexicon.read(self._general_part(text))
            ranked = self.rank(reading)
            likeness = self.certain(ranked, reading)
        two = self._two_questions(text) if wanted is Nature.GENERAL and not leans else None
        if two:
            reading, ranked, likeness, second = two
        confidence = self.weigher.confidence(likeness, shares)
        if wanted not in ANSWERABLE:
            confidence = min(confidence, 0.2)
        candidates = self._candidates(ranked, confidence)
        return Interpretation(
            text=" ".join(reading.words),
            language=language,
            nature=nature,
            confidence=round(confidence, 4),
            candidates=candidates,
            second=second,
            likeness=round(likeness, 4),
            emergency=emergency,
            otherwise=otherwise,
            competent=self._competent(wanted, text, candidates, likeness),
            redirects=wanted is Nature.OTHER_ADMINISTRATION and self._redirected(candidates, likeness) is not None,
            service=self._service(wanted, text, candidates, likeness),
            cut_short=len(cleaned) > MOST_READ,
            carried_over=leans,
            explanation=self._explain(decided is not None, weighed, reading, leans),
        )

    def clues(self, text: str, context: Context = NO_CONTEXT) -> Clues | None:
        """What the nature of a turn is weighed with; None when it holds no word."""
        text = request(clean(text).strip()[:MOST_READ])
        words = folded_words(text)
        if not words:
            return None
        reading = self.catalogue.lexicon.read(text)
        return self._search(text, words, self._language(text, words, context), self.natures.judge(text), reading, context).clues

    def _search(self, text: str, words: Sequence[str], language: str, said: Judged, reading: Reading, context: Context) -> Searched:
        """Search for what answers a turn, in the light of the previous ones, and gather what tells its nature."""
        evidence = self.catalogue.index.evidence(reading)
        ranked = self.ranker.rank(self.catalogue.index, reading, evidence, self.classes)
        known = self.sense.encoder == self.catalogue.index.embedder.name
        taught = self._taught(language)
        meant = self.sense.judge(evidence.vector) if known and taught else None
        ordered = self.order.judge(text) if taught else None
        clauses = clauses_of(text)[:MOST_CLAUSES]
        natures, likeness = said.natures, self.certain(ranked, reading)
        follows, leans, continues = bool(context.last) and len(words) <= LONGEST_CONTINUATION, False, False
        if context.last and follows:
            topic = self.conversation.topic(context)
            heard = self.conversation.hear(topic, text, reading, ranked, self.rank, self.certain)
            reading, ranked, leans, likeness = heard.reading, heard.ranked, heard.leans, heard.confidence
            if leans:
                untied = self.conversation.without_links(text)
                alone = self.natures.judge(untied).natures if untied else natures
                speaks = bool(self.catalogue.lexicon.read(text).concepts)
                if not speaks and context.last.decision is Decision.CLARIFY and not self._offered(context.last, ranked):
                    likeness = min(likeness, UNTOLD)
                natures, continues = judged(alone, self.natures.judge(topic.followed_by(text)).natures, speaks)
        danger = said.natures.get(Nature.EMERGENCY, 0.0)  # judged by the words of the turn alone, whatever was said before
        natures = {**natures, Nature.EMERGENCY: danger}
        clues = Clues(
            words=natures,
            meaning=meant.natures if meant else None,
            order=ordered.natures if ordered else None,
            clauses=tuple(self.natures.judge(clause).natures for clause in clauses) if len(clauses) > 1 else (),
            likeness=likeness,
            asks_a_way=self.rules.asks_a_way(words),
            length=len(words),
            foreign=language != DEFAULT,
            follows=follows,
            continues=continues,
        )
        return Searched(reading, ranked, leans, clues, said.joined(*(one for one in (ordered, meant) if one)).number)

    def _language(self, text: str, words: Sequence[str], context: Context) -> str:
        before = context.last.language if context.last else DEFAULT
        return self.languages.identify(text, before) if len(words) > 1 or not "".join(words).isascii() else before

    def _two_questions(self, text: str) -> tuple[Reading, Ranked, float, Candidate] | None:
        """What answers each of two questions about two objects, when both are sure; None otherwise: the message is read whole."""
        parts = questions(text)
        if len(parts) != 2:
            return None
        readings = [self.catalogue.lexicon.read(part) for part in parts]
        objects = [reading.concepts & self.conversation.manners.objects for reading in readings]
        if not all(objects) or objects[0] & objects[1]:
            return None
        found = []
        for part, reading in zip(parts, readings, strict=True):
            ranked = self.rank(reading)
            confidence = self.certain(ranked, reading)
            candidates = self._candidates(ranked, confidence)
            personal = self.natures.judge(part).natures.get(Nature.PERSONAL_FILE, 0.0)
            if confidence < SURE_OF_BOTH or personal >= SECOND_ABOUT_A_FILE or not candidates[0].fiche:
                return None
            found.append((reading, ranked, confidence, candidates[0]))
        if found[0][3].fiche == found[1][3].fiche:
            return None
        return (*found[0][:3], found[1][3])

    def rank(self, reading: Reading) -> Ranked:
        """The candidates of a reading, best first."""
        return self.ranker.rank(self.catalogue.index, reading, self.catalogue.index.evidence(reading), self.classes)

    def certain(self, ranked: Ranked, reading: Reading) -> float:
        """Calibrated probability that the first candidate answers, were the question a general one."""
        if not len(ranked.scores):
            return 0.0
        return self.calibration.probability(confidence_signs(ranked, reading, self.catalogue.index, general=1.0))

    def _candidates(self, ranked: Ranked, confidence: float) -> tuple[Candidate, ...]:
        if not len(ranked.scores):
            return ()
        shares = softmax(ranked.scores)
        top = float(shares[0]) or 1.0
        found = []
        for number, share in zip(ranked.subjects[:MOST_CANDIDATES], shares[:MOST_CANDIDATES], strict=True):
            subject = self.catalogue.index.subjects[int(number)]
            score = round(confidence * float(share) / top, 4)
            found.append(Candidate(subject.fiche, subject.service_public, subject.url, score, subject.title))
        return tuple(found)

    def _general_part(self, text: str) -> str:
        """Of a message that asks two things, the clauses a fiche may answer."""
        general = []
        for clause in clauses_of(text):
            decided = self.rules.decide(clause)
            doubt = self.natures.judge(clause).natures.get(Nature.PERSONAL_FILE, 0.0)
            about_a_file = decided[0] is Nature.PERSONAL_FILE if decided else doubt >= 0.5
            if not about_a_file:
                general.append(clause)
        return " ".join(general) or text

    def _nature(self, shares: Shares, language: str) -> Nature:
        return likeliest(shares, foreign=language != DEFAULT, taught=self._taught(language))

    def _taught(self, language: str) -> bool:
        """Whether there are words and examples of a language."""
        return language == DEFAULT or language in self.catalogue.lexicon.glossaries.languages

    def _competent(self, nature: Nature, text: str, candidates: tuple[Candidate, ...], likeness: float) -> str | None:
        first = self.catalogue.fiches.get(candidates[0].fiche or "") if candidates else None
        if nature is Nature.OTHER_ADMINISTRATION:
            words = self.catalogue.lexicon.words(text)
            body = self.catalogue.competence.find(text) or self.catalogue.competence.find(" ".join(words))
            return self._redirected(candidates, likeness) or (body.name if body else None)
        return first.competent if first and nature in ANSWERABLE else None

    def _redirected(self, candidates: tuple[Candidate, ...], likeness: float) -> str | None:
        """The other body that the first fiche is about, when it is near enough to be told."""
        first = self.catalogue.fiches.get(candidates[0].fiche or "") if candidates else None
        return first.competent if first and likeness >= SPEAKS else None

    def _service(self, nature: Nature, text: str, candidates: tuple[Candidate, ...], likeness: float) -> str | None:
        """The service of the fiche that answers; of what a person must treat, the one that holds the file (see `services`)."""
        first = next((fiche for one in candidates[:NEAREST] if (fiche := self.catalogue.fiches.get(one.fiche or ""))), None)
        if first and nature is Nature.GENERAL and likeness >= RESEMBLES:
            return first.service
        return self.services.find(text, self.near(candidates, likeness))

    def near(self, candidates: Sequence[Candidate], likeness: float) -> Mapping[str, float]:
        """The services of the fiches that resemble a request most, with how much: the likeness at most in all."""
        close = [(fiche, one.score) for one in candidates[:NEAREST] if (fiche := self.catalogue.fiches.get(one.fiche or ""))]
        everything = sum(score for _, score in close) or 1.0
        shares: dict[str, float] = {}
        for fiche, score in close:
            shares[fiche.service] = shares.get(fiche.service, 0.0) + likeness * score / everything
        return shares

    def _offered(self, last: Turn, ranked: Ranked) -> bool:
        """Whether the first candidate is one of the choices of the previous turn."""
        return len(ranked.subjects) > 0 and self.catalogue.index.subjects[int(ranked.subjects[0])].fiche in last.choices

    def _choice(self, text: str, context: Context) -> str | None:
        """The fiche meant by "la première", "2", or the words of one choice, after a clarification."""
        last = context.last
        if last is None or last.decision is not Decision.CLARIFY:
            return None
        offered = [self.catalogue.fiches[choice] for choice in last.choices if choice in self.catalogue.fiches]
        return picked(text, {fiche.id: f"{fiche.contrast or ''} {fiche.title}" for fiche in offered}, self.catalogue.lexicon)

    def _named(self, words: Sequence[str], probabilities: Mapping[Nature, float]) -> str | None:
        """The fiche that alone has this question word for word; None when the words may be those of an emergency or of a file."""
        number = self.catalogue.index.known.get(" ".join(words)) if len(words) >= SHORTEST_KNOWN else None
        if number is None or any(probabilities.get(nature, 0.0) >= least for nature, least in NEVER_NAMED.items()):
            return None
        return self.catalogue.index.subjects[number].fiche

    def _about(self, fiche_id: str, language: str, text: str, why: str = CHOSEN, carried: bool = True) -> Interpretation:
        fiche = self.catalogue.fiches[fiche_id]
        return Interpretation(
            text=text,
            language=language,
            nature=Nature.GENERAL,
            confidence=0.99,
            candidates=(self.candidate(fiche_id, 0.99),),
            competent=fiche.competent,
            service=fiche.service,
            carried_over=carried,
            explanation=(why,),
        )

    def candidate(self, fiche_id: str, score: float) -> Candidate:
        """A fiche as a candidate."""
        subject = self.catalogue.index.subjects[self.catalogue.index.by_fiche[fiche_id]]
        return Candidate(fiche_id, subject.service_public, subject.url, score, subject.title)

    def _wished(self, reading: Reading, probabilities: Mapping[Nature, float], context: Context) -> Sequence[str]:
        """The fiches usually wanted by who says one thing only, outside of a conversation about something; none in what may be a danger."""
        wished = [fiche for fiche in self.catalogue.lexicon.wished(reading) if fiche in self.catalogue.fiches]
        calm = probabilities.get(Nature.EMERGENCY, 0.0) < NEVER_NAMED[Nature.EMERGENCY]
        return wished if wished and calm and not self.conversation.topic(context).words else ()

    def _asked_back(self, wished: Sequence[str], language: str, text: str) -> Interpretation:
        share = round(1 / (len(wished) + 1), 4)
        return replace(
            self._about(wished[0], language, text, BARE, carried=False),
            confidence=share,
            likeness=share,
            candidates=tuple(self.candidate(fiche, share) for fiche in wished),
        )

    def about(self, fiche_id: str, language: str) -> Interpretation:
        """The interpretation of a button pressed: the person named the fiche."""
        return self._about(fiche_id, language, self.catalogue.fiches[fiche_id].title)

    def _explain(self, by_rule: bool, probabilities: Mapping[Nature, float], reading: Reading, carried: bool) -> tuple[str, ...]:
        first = sorted(probabilities.items(), key=lambda item: -item[1])[:3]
        lines = [
            "nature décidée par une règle" if by_rule else "natures : " + ", ".join(f"{nature} {share:.2f}" for nature, share in first)
        ]
        concepts = sorted(concept[1:] for concept in reading.concepts)
        if concepts:
            lines.append("notions reconnues : " + ", ".join(concepts))
        if carried:
            lines.append("complété par la question précédente")
        return tuple(lines)
