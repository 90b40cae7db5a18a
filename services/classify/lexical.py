"""BM25 over the wordings of myths, as one sparse matrix, so that a batch of posts is one product."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

import numpy as np
import numpy.typing as npt
from scipy import sparse

K1 = 1.2
B = 0.75
"""The usual BM25 constants (Robertson and Zaragoza, 2009); not tuned."""

STEM = 6
"""Words are compared by their first letters: a crude stem that serves every language written in letters."""

_WORD = re.compile(r"[^\W_]+")
_MASKS = re.compile(r"@USER|HTTPURL|EMAIL|PHONE|https?://\S+|@\w+")


def words(text: str) -> list[str]:
    """Lower-case stems without accents; mentions and addresses are left out."""
    plain = unicodedata.normalize("NFKD", _MASKS.sub(" ", text).lower())
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    return [word[:STEM] for word in _WORD.findall(plain) if len(word) > 1]


class LexicalIndex:
    """BM25 scores of posts against a fixed list of texts."""

    def __init__(self, texts: list[str]) -> None:
        counts = [Counter(words(text)) for text in texts]
        self._vocabulary = {word: place for place, word in enumerate(sorted({word for one in counts for word in one}))}
        lengths = np.array([sum(one.values()) for one in counts], dtype=np.float32)
        mean = float(lengths.mean()) if len(lengths) and lengths.sum() else 1.0
        frequency = Counter(word for one in counts for word in one)
        rows, columns, values = [], [], []
        for column, one in enumerate(counts):
            norm = K1 * (1 - B + B * lengths[column] / mean)
            for word, count in one.items():
                idf = np.log(1 + (len(texts) - frequency[word] + 0.5) / (frequency[word] + 0.5))
                rows.append(self._vocabulary[word])
                columns.append(column)
                values.append(idf * count * (K1 + 1) / (count + norm))
        shape = (len(self._vocabulary), len(texts))
        self._weights = sparse.csr_matrix((values, (rows, columns)), shape=shape, dtype=np.float32)

    def scores(self, posts: list[str]) -> npt.NDArray[np.float32]:
        """BM25 of each post against each text, [posts, texts]; each word of a post counts once."""
        rows, columns = [], []
        for row, post in enumerate(posts):
            for word in set(words(post)):
                place = self._vocabulary.get(word)
                if place is not None:
                    rows.append(row)
                    columns.append(place)
        ones = np.ones(len(rows), dtype=np.float32)
        asked = sparse.csr_matrix((ones, (rows, columns)), shape=(len(posts), self._weights.shape[0]))
        return np.asarray((asked @ self._weights).todense(), dtype=np.float32)
