"""Write a safetensors file without torch: numpy has no bfloat16, the format does.

Format: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Tensor = NDArray[Any]

_DTYPES = {"bfloat16": "BF16", "float16": "F16", "float32": "F32", "int32": "I32"}


def write_safetensors(path: Path, tensors: Mapping[str, tuple[str, Tensor]]) -> None:
    """Write name -> (dtype, array), sorted by name; a bfloat16 array is given as its 16-bit patterns (uint16)."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, (dtype, array) in sorted(tensors.items()):
        start, end = end, end + array.nbytes
        header[name] = {"dtype": _DTYPES[dtype], "shape": list(array.shape), "data_offsets": [start, end]}
    encoded = json.dumps(header, separators=(",", ":")).encode()
    encoded += b" " * (-len(encoded) % 8)
    with path.open("wb") as file:
        file.write(len(encoded).to_bytes(8, "little") + encoded)
        for _, (_, array) in sorted(tensors.items()):
            file.write(np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
