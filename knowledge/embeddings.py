"""The language model: texts become vectors, and texts that mean the same come near. The only door to it.

The shipped encoder (`encoder/`) is a table of word pieces, averaged: read without torch, some hundredths of a millisecond for a question.
`KNOWLEDGE_ENCODER` puts any sentence-transformers model in its place.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load
from tokenizers import Tokenizer

from knowledge.errors import EncoderUnusable, PartMissing

Floats = npt.NDArray[np.float32]
Vectors = Floats
"""(texts, dimensions): one row a text, of length 1, or of zeros when nothing of the text is known."""
OURS = "sentence_transformers."
"""Where the classes of a model may come from: code brought by the model itself is never run."""
PICKLED = frozenset((".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle"))
"""Formats that run code when they are opened."""


class Embedder(Protocol):
    name: str
    """Changes when the vectors may change: vectors of two names are not compared."""
    dimensions: int

    def embed(self, texts: Sequence[str]) -> Vectors: ...


class StaticEmbedder:
    """A sentence-transformers model made of a `StaticEmbedding`: the mean of the vectors of the word pieces."""

    def __init__(self, name: str, tokenizer: Tokenizer, weights: Floats) -> None:
        self.name = name
        self.dimensions = int(weights.shape[1])
        self._tokenizer = tokenizer
        self._weights = weights
        """(vocabulary, dimensions)."""

    @classmethod
    def load(cls, folder: Path) -> StaticEmbedder:
        """Read the folder that `SentenceTransformer(folder)` loads.

        Raises:
            EncoderUnusable: a file is missing or damaged, or it is another kind of model.
        """
        try:
            first = json.loads((folder / "modules.json").read_text("utf-8"))[0]
            if not first["type"].startswith(OURS) or not first["type"].endswith(".StaticEmbedding"):
                raise EncoderUnusable(f"L'encodeur {folder} n'est pas une table de morceaux de mots : nommez-le dans KNOWLEDGE_ENCODER.")
            pieces, table = ((folder / first["path"] / name).read_bytes() for name in ("tokenizer.json", "model.safetensors"))
            tokenizer = Tokenizer.from_str(pieces.decode("utf-8"))
            weights = load(table)["embedding.weight"].astype(np.float32)
        except EncoderUnusable:
            raise
        except Exception as error:  # `tokenizers` raises bare exceptions
            raise EncoderUnusable(f"L'encodeur {folder} manque ou est abîmé : reprenez une copie complète du projet.") from error
        if weights.ndim != 2 or len(weights) < tokenizer.get_vocab_size() or not np.isfinite(weights).all():
            raise EncoderUnusable(f"L'encodeur {folder} est abîmé : sa table ne va pas avec son vocabulaire. Reprenez une copie du projet.")
        return cls(f"{folder.name}-{hashlib.sha256(pieces + table).hexdigest()[:12]}", tokenizer, weights)

    def embed(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        for row, text in zip(vectors, texts, strict=True):
            pieces = self._tokenizer.encode(text, add_special_tokens=False).ids
            if pieces:
                self._weights[pieces].mean(axis=0, out=row)
        return _of_length_one(vectors)


class NamedEmbedder:
    """Any sentence-transformers model, by its name or its folder. Needs the extra `encoders`."""

    def __init__(self, name: str) -> None:
        """Load the model, downloaded if it is a name never seen: safetensors only, without code of its own.

        Raises:
            PartMissing: the extra is not installed.
            EncoderUnusable: the model cannot be found or read, or only in a format that runs code.
        """
        try:
            from huggingface_hub import snapshot_download
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise PartMissing(
                "KNOWLEDGE_ENCODER demande sentence-transformers : lancez « pip install torch sentence-transformers », puis relancez."
            ) from error
        refused = [f"*{suffix}" for suffix in PICKLED]
        try:
            folder = Path(name) if Path(name).is_dir() else Path(snapshot_download(name, ignore_patterns=[*refused, "*.py", "*.onnx"]))
            _refuse_code(name, folder)
            self._model: Any = SentenceTransformer(str(folder), device="cpu", trust_remote_code=False, local_files_only=True)
        except EncoderUnusable:
            raise
        except Exception as error:  # whatever the libraries raise, the person who set the name reads one line
            raise EncoderUnusable(f"L'encodeur {name} ne peut pas être chargé ({error}). Vérifiez KNOWLEDGE_ENCODER.") from error
        self.name = name
        self.dimensions = len(self.embed(["préfecture"])[0])

    def embed(self, texts: Sequence[str]) -> Vectors:
        vectors = self._model.encode(list(texts), show_progress_bar=False, convert_to_numpy=True)
        return _of_length_one(np.asarray(vectors, np.float32))


def _refuse_code(name: str, folder: Path) -> None:
    kept = [file for file in folder.rglob("*") if file.is_file()]
    if any(file.suffix in PICKLED for file in kept) or not any(file.suffix == ".safetensors" for file in kept):
        raise EncoderUnusable(f"L'encodeur {name} est refusé : ses poids doivent être au format safetensors, et à aucun autre.")
    modules = json.loads((folder / "modules.json").read_text("utf-8"))
    if not all(module["type"].startswith(OURS) for module in modules):
        raise EncoderUnusable(f"L'encodeur {name} est refusé : il demande d'exécuter son propre code.")


def _of_length_one(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0), np.float32)


def shipped_encoder() -> Path:
    """The folder of the encoder that comes with the project."""
    return Path(str(files("knowledge"))) / "encoder"


@lru_cache
def default_embedder() -> Embedder:
    """The encoder of this process: the shipped one, or that of `KNOWLEDGE_ENCODER`.

    Raises:
        PartMissing: the extra `encoders` is not installed.
        EncoderUnusable: the model cannot be read.
    """
    from knowledge.settings import settings  # not at the top: Rasa's Python reads this module without the settings

    named = settings().encoder
    return NamedEmbedder(named) if named else StaticEmbedder.load(shipped_encoder())
