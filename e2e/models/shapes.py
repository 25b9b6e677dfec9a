"""Repositories of large models without their weights: config.json and the header say all that a plan needs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_COMMON: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "attention_bias": False,
    "bos_token_id": 128000,
    "eos_token_id": 128009,
    "hidden_act": "silu",
    "max_position_embeddings": 131072,
    "mlp_bias": False,
    "num_key_value_heads": 8,
    "rms_norm_eps": 1e-05,
    "rope_theta": 500000.0,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "vocab_size": 128256,
}

# As https://huggingface.co/meta-llama publishes them.
SHAPES: dict[str, dict[str, int]] = {
    "Llama-3.1-8B": {
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_attention_heads": 32,
        "num_hidden_layers": 32,
    },
    "Llama-3.1-70B": {
        "hidden_size": 8192,
        "intermediate_size": 28672,
        "num_attention_heads": 64,
        "num_hidden_layers": 80,
    },
}
_TYPE, _BYTES = "BF16", 2


def write_shapes(folder: Path) -> None:
    """One repository per shape: config.json, and a safetensors file that ends after its header."""
    for name, shape in SHAPES.items():
        repository = folder / f"{name}-shape"
        repository.mkdir()
        config = json.dumps(_COMMON | shape, indent=2) + "\n"
        (repository / "config.json").write_text(config, encoding="utf-8")
        header = json.dumps(_header(shape), separators=(",", ":")).encode()
        (repository / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)


def _header(shape: dict[str, int]) -> dict[str, Any]:
    header: dict[str, Any] = {}
    end = 0
    for name, sizes in _tensors(shape):
        start, end = end, end + math.prod(sizes) * _BYTES
        header[name] = {"dtype": _TYPE, "shape": sizes, "data_offsets": [start, end]}
    return header


def _tensors(shape: dict[str, int]) -> Iterator[tuple[str, list[int]]]:
    """Name and sizes of every tensor of a Llama."""
    hidden, inner, vocabulary = shape["hidden_size"], shape["intermediate_size"], _COMMON["vocab_size"]
    keys = hidden // shape["num_attention_heads"] * _COMMON["num_key_value_heads"]
    yield "model.embed_tokens.weight", [vocabulary, hidden]
    for layer in range(shape["num_hidden_layers"]):
        for name, sizes in (
            ("self_attn.q_proj", [hidden, hidden]),
            ("self_attn.k_proj", [keys, hidden]),
            ("self_attn.v_proj", [keys, hidden]),
            ("self_attn.o_proj", [hidden, hidden]),
            ("mlp.gate_proj", [inner, hidden]),
            ("mlp.up_proj", [inner, hidden]),
            ("mlp.down_proj", [hidden, inner]),
            ("input_layernorm", [hidden]),
            ("post_attention_layernorm", [hidden]),
        ):
            yield f"model.layers.{layer}.{name}.weight", sizes
    yield "model.norm.weight", [hidden]
    yield "lm_head.weight", [vocabulary, hidden]
