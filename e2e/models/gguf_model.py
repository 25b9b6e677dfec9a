"""Read a Llama model from a GGUF file: float weights under Hugging Face names, and its configuration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFReader
from gguf.quants import dequantize
from numpy.typing import NDArray

Weights = dict[str, NDArray[np.float32]]

_BLOCK_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


@dataclass(frozen=True)
class GgufModel:
    """A GGUF file, read: `metadata` by its GGUF key, `weights` as (out, in) matrices by Hugging Face name."""

    metadata: dict[str, Any]
    weights: Weights


def read_gguf(path: Path) -> GgufModel:
    """Dequantize every tensor of a Llama GGUF file to float32."""
    reader = GGUFReader(path)
    metadata = {name: field.contents() for name, field in reader.fields.items()}
    heads = {"attn_q": metadata["llama.attention.head_count"], "attn_k": metadata["llama.attention.head_count_kv"]}
    weights: Weights = {}
    for tensor in reader.tensors:
        weight = np.asarray(dequantize(tensor.data, tensor.tensor_type), dtype=np.float32)
        kind = tensor.name.split(".")[-2]
        if kind in heads:
            weight = _undo_rope_permutation(weight, heads[kind])
        weights[_hugging_face_name(tensor.name)] = weight
    return GgufModel(metadata, weights)


def _hugging_face_name(name: str) -> str:
    """`blk.3.attn_q.weight` -> `model.layers.3.self_attn.q_proj.weight`."""
    if name == "token_embd.weight":
        return "model.embed_tokens.weight"
    if name == "output_norm.weight":
        return "model.norm.weight"
    _, layer, kind, suffix = name.split(".")
    return f"model.layers.{layer}.{_BLOCK_NAMES[kind]}.{suffix}"


def _undo_rope_permutation(weight: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Give the rows of a query or key projection their Hugging Face order back.

    llama.cpp rotates neighbouring pairs of a head's rows, transformers rotates row i with row i + head_dim / 2;
    convert_hf_to_gguf.py interleaves the halves (`LlamaModel.permute`), this is the inverse.
    """
    rows, columns = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)
