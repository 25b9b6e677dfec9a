"""Headers of GGUF files: the model's key-values, type and size of every tensor, without the weights.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from modelberth.planner.files import MAX_COUNT
from modelberth.ports.model_files.gguf_types import TYPES, GgmlType
from modelberth.ports.model_files.problems import CorruptHeader, HeaderProblem

MAX_HEADER_BYTES = 64 << 20
"""Most that is read of a file, in bytes. A vocabulary of 262,144 words takes about 13 MB."""
_MAX_KEYS = 4096
_MAX_TENSORS = 1 << 16
_MAX_TEXTS = 1 << 21
"""Of one array. The largest vocabularies have 2^18 words, and half a million merges."""
_MAX_NAME = 1 << 16
_MAX_DIMENSIONS = 8
_KEPT_TEXT = 256
"""Longer values (chat templates, licences) are skipped."""
_KEPT_ITEMS = 1024
"""Arrays of numbers up to this length are kept: they have an item per layer."""
_KEPT_VALUES = 512
TOKENS = "tokenizer.ggml.tokens"
VOCABULARY = f"{TOKENS}.length"

_STRING, _ARRAY = 8, 9
_NUMBERS = {
    0: struct.Struct("<B"),
    1: struct.Struct("<b"),
    2: struct.Struct("<H"),
    3: struct.Struct("<h"),
    4: struct.Struct("<I"),
    5: struct.Struct("<i"),
    6: struct.Struct("<f"),
    7: struct.Struct("<?"),
    10: struct.Struct("<Q"),
    11: struct.Struct("<q"),
    12: struct.Struct("<d"),
}
_U32, _U64 = _NUMBERS[4], _NUMBERS[10]


@dataclass(frozen=True)
class GgufTensor:
    """One tensor as a file holds it."""

    name: str
    type: GgmlType
    elements: int

    @property
    def bytes(self) -> int:
        return self.elements // self.type.block * self.type.bytes


@dataclass(frozen=True)
class GgufHeader:
    """Of one file."""

    metadata: dict[str, Any]
    """Without the tokenizer's, long texts and arrays; VOCABULARY is the number of tokens."""
    tensors: tuple[GgufTensor, ...]


def read_gguf_header(file: BinaryIO) -> GgufHeader:
    """Reads a file that is open at its start, no further than its header. Raises HeaderProblem."""
    reader = _Reader(file)
    if reader.take(4) != b"GGUF":
        raise CorruptHeader("it does not begin with GGUF")
    version = reader.number(_U32)
    if version not in (2, 3):
        # A big-endian file shows up here as version 50331648.
        raise HeaderProblem(f"it has version {version} of the GGUF format; 2 and 3 are read (little endian)")
    tensors, keys = reader.number(_U64), reader.number(_U64)
    if keys > _MAX_KEYS or tensors > _MAX_TENSORS:
        raise CorruptHeader(f"its header would list {keys} values and {tensors} tensors")
    metadata: dict[str, Any] = {}
    for _ in range(keys):
        for key, value in _entry(reader):
            if len(metadata) < _KEPT_VALUES:
                metadata[key] = value
    return GgufHeader(metadata, tuple(_tensor(reader) for _ in range(tensors)))


def _entry(reader: "_Reader") -> Iterator[tuple[str, Any]]:
    """The next key-value, if it is one to keep."""
    key, kind = reader.text(), reader.number(_U32)
    ours = not key.startswith("tokenizer.") and len(key) <= _KEPT_TEXT
    if kind == _ARRAY:
        kind, count = reader.number(_U32), reader.number(_U64)
        if key == TOKENS:
            yield VOCABULARY, count
        if kind == _STRING:
            reader.skip_texts(count)
            return
        layout = _layout(kind)
        if not ours or count > _KEPT_ITEMS:
            reader.skip(count * layout.size)
            return
        items = [reader.number(layout) for _ in range(count)]
        if all(map(math.isfinite, items)):
            yield key, items
    elif kind == _STRING:
        value = reader.short_text()
        if ours and value is not None:
            yield key, value
    else:
        number = reader.number(_layout(kind))
        # JSON knows neither infinity nor NaN.
        if ours and math.isfinite(number):
            yield key, number


def _layout(kind: int) -> struct.Struct:
    if kind not in _NUMBERS:
        raise CorruptHeader(f"one of its values has type {kind}, which the GGUF format does not know")
    return _NUMBERS[kind]


def _tensor(reader: "_Reader") -> GgufTensor:
    name, dimensions = reader.text(), reader.number(_U32)
    if dimensions > _MAX_DIMENSIONS:
        raise CorruptHeader(f"its tensor {name[:100]!r} has {dimensions} dimensions")
    shape = [reader.number(_U64) for _ in range(dimensions)]
    elements = 1
    for size in shape:
        elements *= size
        if elements > MAX_COUNT:
            raise CorruptHeader(f"its tensor {name[:100]!r} has more elements than any disk holds")
    kind, _offset = reader.number(_U32), reader.number(_U64)
    stored = TYPES.get(kind)
    if stored is None:
        raise HeaderProblem(f"its tensor {name[:100]!r} has type {kind} of ggml, which is not known here")
    if shape and shape[0] % stored.block:
        raise CorruptHeader(f"the rows of its tensor {name[:100]!r} are no whole blocks of {stored.name}")
    return GgufTensor(name, stored, elements)


class _Reader:
    """Takes what the format says, and no more than MAX_HEADER_BYTES in all."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = MAX_HEADER_BYTES

    def take(self, count: int) -> bytes:
        self._left -= count
        if self._left < 0:
            raise HeaderProblem(f"its header is larger than {MAX_HEADER_BYTES} bytes")
        content = self._file.read(count)
        if len(content) < count:
            raise CorruptHeader("it ends within its header")
        return content

    def skip(self, count: int) -> None:
        while count > 0:
            count -= len(self.take(min(count, 1 << 16)))

    def number(self, layout: struct.Struct) -> Any:
        return layout.unpack(self.take(layout.size))[0]

    def text(self) -> str:
        """A key or a name."""
        length = self.number(_U64)
        if length > _MAX_NAME:
            raise CorruptHeader(f"one of its names has {length} bytes")
        return self.take(length).decode(errors="replace")

    def short_text(self) -> str | None:
        """A value; None where it is too long to be kept."""
        length = self.number(_U64)
        if length > _KEPT_TEXT:
            self.skip(length)
            return None
        return self.take(length).decode(errors="replace")

    def skip_texts(self, count: int) -> None:
        """An array of texts: tokens and merges, half a million of them."""
        if count > _MAX_TEXTS:
            raise HeaderProblem(f"it has a list of {count} texts; {_MAX_TEXTS} are read at most")
        take, unpack = self.take, _U64.unpack
        for _ in range(count):
            self.skip(unpack(take(8))[0])
