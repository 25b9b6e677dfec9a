"""Repositories of large models without their weights: config.json and the index say all that a plan needs."""

from __future__ import annotations

import json
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
_BYTES = {"Llama-3.1-8B": 16_060_522_496, "Llama-3.1-70B": 141_107_412_992}


def write_shapes(folder: Path) -> None:
    """One repository per shape. What the index names does not exist: nobody is meant to download it."""
    for name, shape in SHAPES.items():
        repository = folder / f"{name}-shape"
        repository.mkdir()
        index = {
            "metadata": {"total_size": _BYTES[name]},
            "weight_map": {"model.embed_tokens.weight": "model-00001-of-00002.safetensors"},
        }
        _write(repository / "config.json", _COMMON | shape)
        _write(repository / "model.safetensors.index.json", index)


def _write(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
