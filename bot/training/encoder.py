"""Trains the shipped encoder: `python -m bot train encoder`. Only this needs torch and sentence-transformers.

The model is a `StaticEmbedding`: a text is the mean of the vectors of its word pieces. It learns by contrast (InfoNCE, van den Oord and
others, 2018, with several positives, of which only the total likelihood counts: the search keeps the best phrasing of a fiche). All the
fiches stand in every batch, so that neighbours of one topic are always among the wrong answers. The lengths that the pieces learn weigh
them: frequent words end short.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from bot.training.families import Bending, Family, concept_families, fiche_families, sheet_families
from knowledge.errors import PartMissing
from knowledge.fiches import PublishedFiche
from knowledge.search import Sheet
from knowledge.wordforms import Lexicon

Pieces = npt.NDArray[np.int64]
"""The numbers of the word pieces of one text."""
KIND = "sentence_transformers.models.StaticEmbedding"
"""The name of the class that every version of sentence-transformers since 3.3 knows; the newest ones would write another."""
FILES = ("config_sentence_transformers.json", "model.safetensors", "modules.json", "tokenizer.json")


@dataclass(frozen=True)
class Recipe:
    """What was chosen by measuring (docs/decisions/0008)."""

    seed: int = 20261128
    vocabulary: int = 16_000
    dimensions: int = 160
    steps: int = 900
    rate: float = 0.02
    """Highest learning rate (AdamW, one cycle)."""
    temperature: float = 0.07
    texts: int = 2
    """Texts of each fiche in a batch."""
    sheets: int = 160
    """Sheets in a batch."""
    concepts: int = 96
    """Concepts in a batch."""
    told: float = 0.3
    """Chance that a text comes from the official side of its family."""
    foreign: float = 0.3
    """Chance that it is in another language, where phrasings in others are there."""
    renamed: float = 0.15
    """Chance, otherwise, that it is told by its concepts in another language."""
    dropped: float = 0.12
    """Chance that a word piece is left out of a text: no word then carries the meaning alone."""
    bent: int = 3
    """Misspelled copies of each phrasing, beside the plain one."""
    longest: int = 64
    """Word pieces read of one text while learning."""


@dataclass(frozen=True)
class Shelf:
    """A family in word pieces; each text in several copies."""

    asked: list[list[Pieces]]
    told: list[list[Pieces]]
    foreign: list[list[Pieces]]
    renamed: list[list[Pieces]]


def train(
    fiches: Sequence[PublishedFiche],
    sheets: Sequence[Sheet],
    lexicon: Lexicon,
    named: Mapping[str, Mapping[str, Sequence[str]]],
    folder: Path,
    tell: Callable[[str], None],
    recipe: Recipe = Recipe(),
) -> None:
    """Learn the encoder and write it in `folder`, in the layout of sentence-transformers. The same contents give the same bytes.

    Args:
        named: by language, the ways of naming each concept (`families.named_concepts`).

    Raises:
        PartMissing: torch or sentence-transformers is not installed.
    """
    try:
        import sentence_transformers  # noqa: F401 - asked for before minutes of preparation
    except ImportError as error:
        raise PartMissing(
            "L'encodeur s'apprend avec torch et sentence-transformers : voyez docs/decisions/0008, installez-les, puis relancez."
        ) from error
    tell("Découpage des textes en morceaux de mots…")
    tokenizer, shelves = prepare(fiches, sheets, lexicon, named, recipe)
    write(learn(tokenizer, shelves, recipe, tell), folder)
    tell(f"Encodeur écrit : {sum(file.stat().st_size for file in folder.iterdir()) / 1e6:.1f} Mo.")


def prepare(
    fiches: Sequence[PublishedFiche],
    sheets: Sequence[Sheet],
    lexicon: Lexicon,
    named: Mapping[str, Mapping[str, Sequence[str]]],
    recipe: Recipe,
) -> tuple[Tokenizer, list[list[Shelf]]]:
    """The tokenizer learned from all the families, and the families of fiches, of sheets and of concepts in its pieces."""
    kinds = [fiche_families(fiches, sheets, lexicon, named), sheet_families(fiches, sheets), concept_families(lexicon)]
    tokenizer = word_pieces([family for families in kinds for family in families], recipe)
    bend = Bending(lexicon, random.Random(recipe.seed))
    return tokenizer, [_shelves(families, tokenizer, bend, recipe) for families in kinds]


def word_pieces(families: Sequence[Family], recipe: Recipe) -> Tokenizer:
    """A tokenizer of our own: lower case, no accents, byte pair encoding; what people ask counts three times."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFKD(),
            normalizers.Lowercase(),
            normalizers.StripAccents(),
            normalizers.Replace("œ", "oe"),
            normalizers.Replace("æ", "ae"),
            normalizers.Replace(Regex(r"[^\w\s]|_"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    texts = [text for family in families for text in (*family.asked, *family.foreign) for _ in range(3)]
    texts += [text for family in families for text in (*family.told, *family.renamed)]
    trainer = trainers.BpeTrainer(vocab_size=recipe.vocabulary, min_frequency=3, limit_alphabet=2500, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def _shelves(families: Sequence[Family], tokenizer: Tokenizer, bend: Bending, recipe: Recipe) -> list[Shelf]:
    """The families in word pieces, once and for all: cutting texts would take most of the time of a step."""

    def cut(texts: Sequence[str], bent: int = 0) -> list[list[Pieces]]:
        copies = ([text, *(bend(text) for _ in range(bent))] for text in texts)
        pieces = ([tokenizer.encode(copy, add_special_tokens=False).ids[: recipe.longest] for copy in ways] for ways in copies)
        kept = ([np.array(numbers, np.int64) for numbers in ways if numbers] for ways in pieces)
        return [ways for ways in kept if ways]

    shelves = [
        Shelf(
            asked=cut(one.asked, recipe.bent),
            told=cut(one.told),
            foreign=cut(one.foreign, recipe.bent),
            renamed=cut(one.renamed),
        )
        for one in families
    ]
    return [shelf for shelf in shelves if shelf.asked]


def learn(tokenizer: Tokenizer, shelves: Sequence[Sequence[Shelf]], recipe: Recipe, tell: Callable[[str], None]) -> Any:
    """The trained `StaticEmbedding`. One thread and one seed: the order of the sums, hence the last bit, never changes."""
    import torch
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    torch.manual_seed(recipe.seed)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    chance = random.Random(recipe.seed)
    module = StaticEmbedding(tokenizer, embedding_dim=recipe.dimensions)
    torch.nn.init.normal_(module.embedding.weight, std=0.1)
    optimiser = torch.optim.AdamW(module.parameters(), lr=recipe.rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, total_steps=recipe.steps, pct_start=0.1)
    fiches, sheets, concepts = shelves
    for step in range(1, recipe.steps + 1):
        optimiser.zero_grad()
        total = 0.0
        for families, many, texts in ((fiches, len(fiches), recipe.texts), (sheets, recipe.sheets, 2), (concepts, recipe.concepts, 2)):
            chosen = chance.sample(families, min(many, len(families)))
            drawn = [pieces for family in chosen for pieces in draw(family, texts, chance, recipe)]
            if not drawn:
                continue
            starts = np.cumsum([0, *(len(pieces) for pieces in drawn[:-1])])
            features = {"input_ids": torch.from_numpy(np.concatenate(drawn)), "offsets": torch.from_numpy(starts)}
            loss = contrast(torch.nn.functional.normalize(module(features)["sentence_embedding"]), texts, recipe.temperature)
            loss.backward()
            total += loss.item()
        optimiser.step()
        schedule.step()
        if step % 100 == 0:
            tell(f"Apprentissage : {step} pas sur {recipe.steps}, perte {total:.2f}.")
    return module


def draw(family: Shelf, many: int, chance: random.Random, recipe: Recipe) -> Iterator[Pieces]:
    """`many` texts of a family, each without some of its pieces: the first one as it is asked, the others asked or told."""
    for number in range(many):
        kind = family.asked
        if number and family.told and chance.random() < recipe.told:
            kind = family.told
        elif family.foreign and chance.random() < recipe.foreign:
            kind = family.foreign
        elif family.renamed and chance.random() < recipe.renamed:
            kind = family.renamed
        pieces = chance.choice(chance.choice(kind))
        kept = pieces[[chance.random() >= recipe.dropped for _ in pieces]]
        yield kept if len(kept) else pieces


def contrast(vectors: Any, texts: int, temperature: float) -> Any:
    """Mean over the texts of -log of the share of likelihood that goes to their own family.

    Args:
        vectors: torch tensor (texts of the batch, dimensions), of length 1; each `texts` rows in turn are one family.
    """
    import torch

    itself = torch.eye(len(vectors), dtype=torch.bool)
    likeness = (vectors @ vectors.T / temperature).masked_fill(itself, -1e9)
    family = torch.arange(len(vectors)) // texts
    kin = family[:, None] == family[None, :]
    return (likeness.logsumexp(1) - likeness.masked_fill(~kin, -1e9).logsumexp(1)).mean()


def write(module: Any, folder: Path) -> None:
    """Write the model in `folder`, two bytes a weight, with a page that says what it is."""
    from sentence_transformers import SentenceTransformer

    module.embedding.weight.data = module.embedding.weight.data.half()
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as scratch:
        SentenceTransformer(modules=[module], device="cpu").save(scratch, create_model_card=False)
        module.tokenizer.save(f"{scratch}/tokenizer.json", pretty=False)
        modules = [{"idx": 0, "name": "0", "path": "", "type": KIND}]
        (Path(scratch) / "modules.json").write_text(json.dumps(modules, indent=1) + "\n", "utf-8")
        for name in FILES:
            (folder / name).write_bytes((Path(scratch) / name).read_bytes())
    (folder / "README.md").write_text(CARD.format(*module.embedding.weight.shape), "utf-8")


CARD = """\
# The shipped encoder

Written by `python -m bot train encoder`; nobody edits it. A table of {0} × {1} numbers of two bytes: one row a piece of word, a text is the
mean of its rows. `SentenceTransformer(folder)` loads it as it is; `knowledge/embeddings.py` reads it without torch.

Learned from the fiches of this project (phrasings, titles, short forms, translations), its lexicon, and the national sheets. No model made
elsewhere was used. Source of the sheets: service-public.fr (DILA), November 2020, Licence Ouverte 2.0 (Etalab). Their texts are not in
these files and cannot be read back from them.

Why and how well: docs/decisions/0008.
"""
