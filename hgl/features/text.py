"""Text to vectors without a download: signed feature hashing of words."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pyarrow as pa
from sklearn.feature_extraction.text import HashingVectorizer

from hgl.errors import MissingExtra


class TextEmbedder(Protocol):
    """Turns distinct strings into vectors.

    Attributes:
        name: identifies the embedder in cache keys.
        channels: width of a vector.
    """

    name: str
    channels: int

    def __call__(self, texts: list[str]) -> np.ndarray:
        """Return [len(texts), channels], float32."""


class HashingEmbedder:
    """Words hashed with random signs into `channels` cells, L2-normalised (a sparse projection)."""

    def __init__(self, channels: int = 64) -> None:
        self.channels = channels
        self.name = f"hashing-{channels}"
        self._vectorizer = HashingVectorizer(
            n_features=channels, token_pattern=r"(?u)\b\w+\b", norm="l2", dtype=np.float32
        )

    def __call__(self, texts: list[str]) -> np.ndarray:
        return self._vectorizer.transform(texts).toarray()


class Model2VecEmbedder:
    """A static model of the extra `text`, read from a local folder.

    Args:
        path: folder of a model2vec model.
    Raises: MissingExtra: model2vec is not installed.
    """

    def __init__(self, path: str) -> None:
        try:
            from model2vec import StaticModel
        except ImportError:
            raise MissingExtra("model2vec", "text", "embedding text with a model") from None
        self._model = StaticModel.from_pretrained(path)
        self.channels = int(self._model.dim)
        self.name = f"model2vec-{path}"

    def __call__(self, texts: list[str]) -> np.ndarray:
        return np.asarray(self._model.encode(texts), dtype=np.float32)


def embed_column(column: pa.Array, embedder: TextEmbedder) -> np.ndarray:
    """Embed a string column, each distinct string once.

    Returns: [len(column), channels], float32; zero where the string is null.
    """
    encoded = column.dictionary_encode()
    table = np.zeros((len(encoded.dictionary) + 1, embedder.channels), np.float32)
    if len(encoded.dictionary):
        table[:-1] = embedder(encoded.dictionary.to_pylist())
    return table[encoded.indices.fill_null(len(encoded.dictionary)).to_numpy(zero_copy_only=False)]
