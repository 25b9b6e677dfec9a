"""Facts of a model from its own config.json."""

from collections.abc import Mapping
from typing import Any

KV_BYTES = 2
"""Bytes of one element of an unquantized KV cache (half and bfloat16)."""


def kv_bytes_per_token(config: Mapping[str, Any]) -> int | None:
    """KV cache of one token in bytes: 2 x layers x kv_heads x head_dim x bytes; None where config.json does not say.

    Source of the formula: the key and the value of every layer are cached (full attention).
    """
    text = config.get("text_config")
    if isinstance(text, Mapping):
        config = text
    layers, heads = _count(config, "num_hidden_layers"), _count(config, "num_attention_heads")
    kv_heads = _count(config, "num_key_value_heads") or heads
    head_dim = _count(config, "head_dim") or _count(config, "hidden_size") // max(heads, 1)
    return 2 * layers * kv_heads * head_dim * KV_BYTES or None


def _count(config: Mapping[str, Any], name: str) -> int:
    value = config.get(name)
    return value if isinstance(value, int) and value > 0 else 0
