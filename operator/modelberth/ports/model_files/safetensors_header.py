"""Headers of safetensors files: type and size of every tensor, without the weights.

A file is the length of its header (8 bytes, little endian), the header as JSON, and the tensors:
https://github.com/huggingface/safetensors#format
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from modelberth.planner.files import MAX_COUNT, Tensors
from modelberth.ports.model_files.problems import CorruptHeader, HeaderProblem

MAX_HEADER_BYTES = 16 << 20
"""Largest header that is read, in bytes; the format allows 100 MB, real files stay below 5 MB."""
_MAX_ENTRY = 2 << 10
"""Characters of one tensor's entry; real ones have about a hundred."""
_MAX_METADATA = 1 << 20
_MAX_TYPES = 64

_SPACE = re.compile(r"[ \t\r\n]*")
_DTYPE = re.compile(r"[A-Z][A-Z0-9_]{0,15}")
_LAYER = re.compile(r"(?:model\.|language_model\.model\.|model\.language_model\.)?layers\.(\d{1,6})\.")
# Qwen3-Next: mtp.layers.0...; MiMo: model.mtp_layers.0...
_DRAFTER = re.compile(r"(?:model\.)?mtp(?:_\w+)?\.")
_DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class StoredTensor:
    """One tensor as a file holds it."""

    name: str
    dtype: str
    """As the header names it: BF16, F8_E4M3, I32, ..."""
    elements: int
    bytes: int


def read_header(file: BinaryIO) -> bytes:
    """The header of a file that is open at its start. Raises HeaderProblem."""
    prefix = file.read(8)
    if len(prefix) < 8:
        raise CorruptHeader("it ends within the first 8 bytes")
    length = int.from_bytes(prefix, "little")
    if length > MAX_HEADER_BYTES:
        # What is no safetensors file (an HTML page, a Git LFS pointer) shows up here: text is a huge number.
        problem = HeaderProblem if length <= 100_000_000 else CorruptHeader
        raise problem(f"its header would have {length} bytes; {MAX_HEADER_BYTES} are read at most")
    header = file.read(length)
    if len(header) < length:
        raise CorruptHeader(f"it ends within its header, after {len(header)} of {length} bytes")
    return header


def parse_safetensors_header(header: bytes) -> Iterator[StoredTensor]:
    """The tensors that the header lists. Raises CorruptHeader.

    One entry at a time: as Python objects, the JSON of a hostile header would take twenty times its size.
    """
    # Type names and numbers are ASCII. Latin-1 keeps one byte per character, whatever names hold.
    for name, entry in _members(header.decode("latin-1")):
        if name != "__metadata__":
            yield _tensor(name, entry)


def sum_tensors(tensors: Iterable[StoredTensor], layers: int | None) -> Tensors:
    """Sums over all tensors of a model. ``layers``: num_hidden_layers, None where it is not known."""
    parameters: dict[str, int] = {}
    total = drafter = 0
    for tensor in tensors:
        parameters[tensor.dtype] = parameters.get(tensor.dtype, 0) + tensor.elements
        if len(parameters) > _MAX_TYPES:
            raise CorruptHeader(f"its tensors have more than {_MAX_TYPES} types")
        total += tensor.bytes
        if is_drafter(tensor.name, layers):
            drafter += tensor.bytes
    return Tensors(parameters, total, drafter)


def is_drafter(name: str, layers: int | None) -> bool:
    """Whether the tensor belongs to multi-token prediction, by its name.

    DeepSeek and GLM append such layers to the model's own (model.layers.61 of 61).
    """
    if _DRAFTER.match(name):
        return True
    match = _LAYER.match(name)
    return match is not None and layers is not None and int(match[1]) >= layers


def _members(text: str) -> Iterator[tuple[str, Any]]:
    """(name, value) of a JSON object."""
    at = _after(text, 0, "{")
    if text.startswith("}", at):
        return _ended(text, at + 1)
    while True:
        name, at = _value(text, at, _MAX_ENTRY)
        if not isinstance(name, str):
            raise CorruptHeader(f"its header is no JSON object (at byte {at})")
        at = _after(text, at, ":")
        value, at = _value(text, at, _MAX_METADATA if name == "__metadata__" else _MAX_ENTRY)
        yield name, value
        if text.startswith("}", at):
            return _ended(text, at + 1)
        at = _after(text, at, ",")


def _ended(text: str, at: int) -> None:
    """Only spaces, which pad the header, may follow."""
    if _skip(text, at) != len(text):
        raise CorruptHeader(f"its header goes on after its JSON object (at byte {at})")


def _after(text: str, at: int, sign: str) -> int:
    """The position after the sign and spaces."""
    at = _skip(text, at)
    if not text.startswith(sign, at):
        raise CorruptHeader(f"its header is no JSON object (at byte {at})")
    return _skip(text, at + 1)


def _value(text: str, at: int, longest: int) -> tuple[Any, int]:
    """The JSON value at the position, and the position after it and spaces."""
    try:
        value, length = _DECODER.raw_decode(text[at : at + longest])
    except (ValueError, RecursionError) as error:
        raise CorruptHeader(f"its header is no JSON object (at byte {at})") from error
    return value, _skip(text, at + length)


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _tensor(name: str, entry: Any) -> StoredTensor:
    match entry:
        case {"dtype": str(dtype), "shape": [*shape], "data_offsets": [begin, end]} if _DTYPE.fullmatch(dtype):
            if all(map(_is_count, (*shape, begin, end))) and begin <= end:
                return StoredTensor(name, dtype, _product(shape), end - begin)
    raise CorruptHeader(f"its tensor {name[:100]!r} has no type, shape and offsets")


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT


def _product(shape: Iterable[int]) -> int:
    elements = 1
    for size in shape:
        elements *= size
        if elements > MAX_COUNT:
            raise CorruptHeader("one of its tensors has more elements than any disk holds")
    return elements
