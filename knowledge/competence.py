"""Which other administration a question belongs to, from the words of `content/competent.yml`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from knowledge.parsing import parsed
from knowledge.wordforms import folded_words

FILE = "competent.yml"


@dataclass(frozen=True)
class Body:
    """A competent body that is not the préfecture, and where its contact stands."""

    name: str
    url: str
    rubric: str


@dataclass(frozen=True)
class Competence:
    """Words that point at each body."""

    bodies: tuple[tuple[Body, tuple[tuple[str, ...], ...]], ...]

    @classmethod
    def load(cls, content: Path) -> Competence:
        rows = parsed((content / FILE).read_text("utf-8"))
        return cls(
            tuple(
                (Body(row["body"], row["url"], row["rubric"]), tuple(tuple(folded_words(str(words))) for words in row["keywords"]))
                for row in rows
            )
        )

    def named(self, name: str) -> Body | None:
        """The body of that name; None when the list does not hold it."""
        return next((body for body, _ in self.bodies if body.name == name), None)

    def find(self, text: str) -> Body | None:
        """The body that most words of `text` point at; None when none does."""
        words = folded_words(text)
        longest = max((len(phrase) for _, phrases in self.bodies for phrase in phrases), default=0)
        held = {*_phrases(words, longest), *_phrases([word.rstrip("sx") for word in words], longest)}
        best: tuple[int, Body] | None = None
        for body, phrases in self.bodies:
            weight = sum(len(phrase) for phrase in phrases if phrase in held)
            if weight and (best is None or weight > best[0]):
                best = (weight, body)
        return best[1] if best else None


def _phrases(words: Sequence[str], longest: int) -> Iterator[tuple[str, ...]]:
    """The runs of up to `longest` words."""
    return (tuple(words[start:end]) for start in range(len(words)) for end in range(start + 1, min(start + longest, len(words)) + 1))
