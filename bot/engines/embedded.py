"""The engine inside the program: language, nature, retrieval, confidence. Everything is in memory; nothing is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bot.catalogue import Catalogue
from bot.engines.nature import NatureClassifier, Rules, shipped_rules
from bot.engines.ranking import Calibration, Ranked, Ranker, confidence_signs, share_of_trust
from bot.language import Languages, default_languages
from bot.messages import NO_CONTEXT, Candidate, Context, Decision, Interpretation, Nature
from bot.phrases import INTERFACE_LANGUAGES
from bot.policy import DECLINED
from knowledge.wordforms import Reading, clean, folded_words

MOST_CANDIDATES = 10
LONGEST_CONTINUATION = 14
"""Words of a message that may lean on the previous ones; a longer one stands alone."""
CLEAR_ALONE = 0.6
"""Confidence from which a short message is not completed by the previous ones."""
SPOKEN_OF = 0.5
"""Score of a passage, per weight of the words asked, from which it speaks of them."""
UNLIKE = 0.2
"""Likeness under which no fiche speaks of the question."""
LEAST_SHARE = {Nature.EMERGENCY: 0.3, Nature.FALSE_PAPERS: 0.6, Nature.ABUSE: 0.5, Nature.INJECTION: 0.5, Nature.LEGAL_OPINION: 0.4}
"""What the classifier alone must be sure of, and more so when a fiche resembles the question: nobody is told of false papers for a wet
passport. The patterns of `rules.yml` need no share."""
_SITUATIONS = frozenset({"~perte", "~vol", "~deterioration", "~renouvellement", "~premiere_demande"})
MOST_READ = 6000
"""Characters of a message that are read; beyond, a mail repeats itself or attacks."""
ANSWERABLE = (Nature.GENERAL, Nature.MIXED)
DOUBT_ABOUT_A_FILE = 0.3
"""Share of doubt from which a question is handed over as being about one person's file (chosen on the tuned half of `natures.jsonl`)."""
_NEITHER = frozenset({"aucun", "aucune", "ni", "pas", "non", "autre", "rien", "none", "neither", "no"})
_CLAUSE = re.compile(r"[.?!;\n]+|,? (?:et|mais|aussi|and) ", re.I)
_ORDINALS = {
    "1": 0, "un": 0, "premier": 0, "premiere": 0, "first": 0,
    "2": 1, "deux": 1, "deuxieme": 1, "second": 1, "seconde": 1,
    "3": 2, "trois": 2, "troisieme": 2, "third": 2, "dernier": -1, "derniere": -1,
}  # fmt: skip


@dataclass(frozen=True)
class EmbeddedEngine:
    """`Engine` (see `contract`) over a catalogue and three small learned models."""

    catalogue: Catalogue
    ranker: Ranker
    calibration: Calibration
    natures: NatureClassifier
    languages: Languages
    rules: Rules
    name: str = "embedded"

    @classmethod
    def load(cls, catalogue: Catalogue) -> EmbeddedEngine:
        """The engine with the models shipped in the package."""
        return cls(catalogue, Ranker.load(), Calibration.load(), NatureClassifier.load(), default_languages(), shipped_rules())

    def interpret(self, text: str, context: Context = NO_CONTEXT) -> Interpretation:
        """Understand `text` in the light of the previous turns. Never raises: what cannot be read is `nonsense`."""
        cleaned = clean(text).strip()
        text = cleaned[:MOST_READ]
        language = self.languages.identify(text) if len(folded_words(text)) > 1 else (context.last.language if context.last else "fr")
        words = folded_words(text)
        if not words:
            return Interpretation("", language, Nature.NONSENSE, 0.0, explanation=("message vide ou sans mot",))
        decided = self.rules.decide(text)
        chosen = self._choice(words, context) if decided is None else None  # "un agent" is a person, not the first choice
        if chosen:
            return self._about(chosen, language, text)
        reading = self.catalogue.lexicon.read(text)
        ranked = self._rank(reading)
        probabilities, number = self.natures.judge(text)
        general = sum(probabilities.get(nature, 0.0) for nature in ANSWERABLE)
        confidence = self._confidence(ranked, reading, general)
        carried = False
        if context.last and decided is None and len(words) <= LONGEST_CONTINUATION:
            joined = self._joined(context, text, reading)
            joined_ranked = self._rank(joined)
            joined_confidence = self._confidence(joined_ranked, joined, 1.0)
            alone = self._confidence(ranked, reading, 1.0)
            helped = alone < CLEAR_ALONE and joined_confidence > alone and not self._repeats(joined_ranked, reading, context)
            if self._continues(words) or helped:
                reading, ranked, confidence, carried, general = joined, joined_ranked, joined_confidence, True, 1.0
        likeness = self._confidence(ranked, reading, 1.0)
        nature, emergency = decided or (self._nature(probabilities, likeness, carried, language), None)
        if nature is Nature.EMERGENCY:
            emergency = emergency or number or "112"
        if nature is Nature.MIXED:
            reading = self.catalogue.lexicon.read(self._general_part(text))
            ranked = self._rank(reading)
            confidence = self._confidence(ranked, reading, 1.0)
            likeness = confidence
        if nature not in ANSWERABLE:
            confidence = min(confidence * general, 0.2)
        candidates = self._candidates(ranked, confidence)
        return Interpretation(
            text=" ".join(reading.words),
            language=language,
            nature=nature,
            confidence=round(confidence, 4),
            candidates=candidates,
            likeness=round(likeness, 4),
            emergency=emergency,
            competent=self._competent(nature, text, candidates, likeness),
            service=self._service(candidates),
            cut_short=len(cleaned) > MOST_READ,
            carried_over=carried,
            explanation=self._explain(decided is not None, probabilities, reading, carried),
        )

    def _rank(self, reading: Reading) -> Ranked:
        return self.ranker.rank(self.catalogue.index, reading, self.catalogue.index.evidence(reading))

    def _confidence(self, ranked: Ranked, reading: Reading, general: float) -> float:
        if not len(ranked.scores):
            return 0.0
        return self.calibration.probability(confidence_signs(ranked, reading, self.catalogue.index, general))

    def _candidates(self, ranked: Ranked, confidence: float) -> tuple[Candidate, ...]:
        if not len(ranked.scores):
            return ()
        shares = share_of_trust(ranked.scores)
        top = float(shares[0]) or 1.0
        found = []
        for number, share in zip(ranked.subjects[:MOST_CANDIDATES], shares[:MOST_CANDIDATES], strict=True):
            subject = self.catalogue.index.subjects[int(number)]
            score = round(confidence * float(share) / top, 4)
            found.append(Candidate(subject.fiche, subject.service_public, subject.url, score, subject.title))
        return tuple(found)

    def _general_part(self, text: str) -> str:
        """Of a message that asks two things, the clauses a fiche may answer."""
        clauses = [clause for clause in _CLAUSE.split(text) if len(folded_words(clause)) > 2]
        general = [clause for clause in clauses if self.natures.judge(clause)[0].get(Nature.PERSONAL_FILE, 0.0) < 0.5]
        return " ".join(general) or text

    def _nature(self, probabilities: Mapping[Nature, float], likeness: float, carried: bool, language: str) -> Nature:
        """The likeliest nature: the less a fiche resembles the question, the less it is general; a doubt about a file is not answered."""
        weighed = {nature: share * (max(likeness, 0.05) if nature is Nature.GENERAL else 1.0) for nature, share in probabilities.items()}
        for nature, least in LEAST_SHARE.items():
            if probabilities.get(nature, 0.0) < least + 0.35 * likeness:
                weighed.pop(nature, None)
        total = sum(weighed.values())
        best = max(weighed, key=lambda nature: weighed[nature])
        if carried and best is not Nature.EMERGENCY:
            return Nature.PERSONAL_FILE if probabilities.get(Nature.PERSONAL_FILE, 0.0) > 0.8 else Nature.GENERAL
        if best in DECLINED and language not in INTERFACE_LANGUAGES:
            return Nature.GENERAL  # the examples of what is declined are in French and English: elsewhere a person decides
        about_a_file = (weighed.get(Nature.PERSONAL_FILE, 0.0) + weighed.get(Nature.MIXED, 0.0)) / total
        if best is Nature.GENERAL and about_a_file >= DOUBT_ABOUT_A_FILE:
            best = Nature.PERSONAL_FILE
        if best is Nature.PERSONAL_FILE and likeness < UNLIKE and probabilities[Nature.GENERAL] > probabilities[best]:
            return Nature.GENERAL  # handed over all the same, as a question not understood: "no access to your file" would surprise
        return best

    def _competent(self, nature: Nature, text: str, candidates: tuple[Candidate, ...], likeness: float) -> str | None:
        first = self.catalogue.fiches.get(candidates[0].fiche or "") if candidates else None
        if nature is Nature.OTHER_ADMINISTRATION:
            body = self.catalogue.competence.find(text)
            speaks = first.competent if first and likeness >= 0.5 else None
            return speaks or (body.name if body else None)
        return first.competent if first and nature in ANSWERABLE else None

    def _service(self, candidates: tuple[Candidate, ...]) -> str | None:
        """The service of the first fiche among the nearest candidates."""
        for candidate in candidates[:4]:
            fiche = self.catalogue.fiches.get(candidate.fiche or "")
            if fiche:
                return fiche.service
        return None

    def _continues(self, words: list[str]) -> bool:
        """Whether a short message leans on the previous turns."""
        plain = " ".join(words)
        return bool(self.rules.named["continues"].match(plain))

    def _repeats(self, ranked: Ranked, reading: Reading, context: Context) -> bool:
        """Whether the first candidate is what was just answered and says nothing of the new words: they were about something else."""
        given = next((turn.fiche for turn in reversed(context.turns) if turn.fiche), None)
        first = int(ranked.subjects[0]) if len(ranked.subjects) else -1
        if given is None or first < 0 or self.catalogue.index.subjects[first].fiche != given:
            return False
        spoken = self.catalogue.index.evidence(reading).body[first]
        return bool(spoken < SPOKEN_OF * sum(self.catalogue.index.body.weight_of(term) for term in set(reading.terms)))

    def _joined(self, context: Context, text: str, reading: Reading) -> Reading:
        """The question completed by what was said before; "et si elle a été volée ?" takes the place of the loss, it is not added to it."""
        lexicon = self.catalogue.lexicon
        earlier = lexicon.expand(folded_words(self._earlier(context)))
        if reading.concepts & _SITUATIONS:
            earlier = [word for word in earlier if not lexicon.read_words([word]).concepts & _SITUATIONS]
        return lexicon.read_words([*earlier, *lexicon.expand(folded_words(text))])

    def _earlier(self, context: Context) -> str:
        """What the conversation is about: the title of the fiche given last, then what was said since."""
        said: list[str] = []
        for turn in reversed(context.turns):
            fiche = self.catalogue.fiches.get(turn.fiche or "")
            if fiche:
                said.append(fiche.title)
                break
            said.append(turn.text)
        return " ".join(reversed(said))

    def _choice(self, words: list[str], context: Context) -> str | None:
        """The fiche meant by "la première", "2", or the words of one choice, after a clarification."""
        last = context.last
        if last is None or last.decision is not Decision.CLARIFY or not last.choices or len(words) > 8:
            return None
        if _NEITHER & set(words):
            return None
        for word in words if len(words) <= 4 else ():
            position = _ORDINALS.get(word)
            if position is not None and -len(last.choices) <= position < len(last.choices):
                return last.choices[position]
        kept = {self.catalogue.lexicon.stem(word) for word in words} - {
            self.catalogue.lexicon.stem(word) for word in self.catalogue.lexicon.fillers
        }
        scores = {}
        for choice in last.choices:
            fiche = self.catalogue.fiches.get(choice)
            if fiche:
                named = {self.catalogue.lexicon.stem(word) for word in folded_words(f"{fiche.contrast or ''} {fiche.title}")}
                scores[choice] = len(kept & named)
        ranked = sorted(scores, key=lambda choice: scores[choice], reverse=True)
        if ranked and scores[ranked[0]] and (len(ranked) == 1 or scores[ranked[0]] > scores[ranked[1]]):
            return ranked[0]
        return None

    def _about(self, fiche_id: str, language: str, text: str) -> Interpretation:
        fiche = self.catalogue.fiches[fiche_id]
        subject = self.catalogue.index.subjects[self.catalogue.index.by_fiche[fiche_id]]
        return Interpretation(
            text=text,
            language=language,
            nature=Nature.GENERAL,
            confidence=0.99,
            candidates=(Candidate(fiche_id, subject.service_public, subject.url, 0.99, subject.title),),
            competent=fiche.competent,
            service=fiche.service,
            carried_over=True,
            explanation=("choix parmi les propositions de la question précédente",),
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
