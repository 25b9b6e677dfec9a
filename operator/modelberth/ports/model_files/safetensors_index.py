"""What is said of safetensors without their headers: model.safetensors.index.json, and counts of elements by type."""

import re
from collections.abc import Mapping

from modelberth.planner.files import MAX_COUNT
from modelberth.ports.model_files.safetensors_header import is_drafter

INDEX = "model.safetensors.index.json"
MAX_INDEX_BYTES = 16 << 20
"""Largest index that is read, in bytes: that of a model with 100,000 tensors has 9 MB."""

# Machines write it; as Python objects it would take ten times its size. Some tools write the total as a float.
_TOTAL = re.compile(rb'"total_size"\s*:\s*(\d{1,19})(?:\.0*)?\s*[,}]')
_ENTRY = re.compile(rb'"([^"\\]{1,500})"\s*:\s*"([^"\\]{1,500}\.safetensors)"')

_BITS = {
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 64),
    **dict.fromkeys(("F32", "I32", "U32"), 32),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 16),
    **dict.fromkeys(("I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    "F4": 4,
}
"""Bits of an element: https://github.com/huggingface/safetensors/blob/main/safetensors/src/tensor.rs"""


def index_total(index: bytes) -> int | None:
    """Bytes of all tensors, as the index says; None where it does not."""
    match = _TOTAL.search(index)
    return int(match[1]) if match and int(match[1]) <= MAX_COUNT else None


def drafter_files(index: bytes, layers: int | None) -> set[str]:
    """The files that hold layers for drafting. ``layers``: num_hidden_layers, None where it is not known."""
    entries = ((match[1], match[2]) for match in _ENTRY.finditer(index))
    return {
        file.decode(errors="replace") for name, file in entries if is_drafter(name.decode(errors="replace"), layers)
    }


def bytes_of(parameters: Mapping[str, int]) -> int | None:
    """Bytes of so many elements by type; None where a type is not known."""
    if not all(dtype in _BITS for dtype in parameters):
        return None
    return sum(count * _BITS[dtype] // 8 for dtype, count in parameters.items())
