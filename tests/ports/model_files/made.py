"""Small model files of every kind, as bytes."""

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gguf
import numpy as np

Stored = tuple[str, str, Sequence[int], int]
"""Name, type, shape, bytes."""


def safetensors(*tensors: Stored, **metadata: str) -> bytes:
    """A safetensors file without its weights: nothing here reads those."""
    header: dict[str, Any] = {"__metadata__": metadata} if metadata else {}
    at = 0
    for name, dtype, shape, size in tensors:
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    return headed(json.dumps(header).encode())


def headed(header: bytes) -> bytes:
    """The length of the header before it."""
    return struct.pack("<Q", len(header)) + header


def write_gguf(path: Path, tensors: Mapping[str, tuple[int, ...]], kind: str = "F16", **values: Any) -> None:
    """A real GGUF by the reference writer: a llama, tensors by name and shape (rows first), all of one type."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(2)
    writer.add_context_length(4096)
    writer.add_head_count_kv([8, 4])
    writer.add_token_list([f"token {number}" for number in range(300)])
    writer.add_token_scores([0.5] * 300)
    writer.add_chat_template("{{ messages }}" * 100)
    writer.add_array("general.tags", ["text", "small"])
    for key, value in values.items():
        writer.add_string(key, value)
    quantized = gguf.GGMLQuantizationType[kind]
    for name, shape in tensors.items():
        block, size = gguf.GGML_QUANT_SIZES[quantized]
        rows = (*shape[:-1], shape[-1] // block * size)
        writer.add_tensor(name, np.zeros(rows, dtype=np.uint8), raw_shape=rows, raw_dtype=quantized)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
