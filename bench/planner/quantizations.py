"""Quantizations as people write them down, as the quantization_config that such checkpoints have."""

import re
from dataclasses import dataclass, field
from typing import Any

from modelberth.planner.model import Scheme

_BLOCKS = ("qwen3", "deepseek", "glm", "kimi", "minimax", "qwen/")
"""Families whose fp8 checkpoints have a scale per block of 128 x 128."""

_GGUF_BITS = {"q8_0": 8.5, "q6_k": 6.56, "q5_k": 5.5, "q4_k": 4.5, "q4_0": 4.5, "q5_0": 5.5, "f16": 16, "bf16": 16}
"""Bits of an element: https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-common.h."""
_NATIVE_INT4 = ("kimi-k2.5", "kimik25", "kimi-k2.6", "kimi-k2-thinking")
"""Checkpoints that exist in 4 bits only, with groups of 32: https://huggingface.co/moonshotai/Kimi-K2-Thinking."""


@dataclass(frozen=True)
class Quantization:
    """What a row says of it."""

    config: dict[str, Any] | None = None
    """quantization_config; None: the checkpoint is not quantized."""
    online: str | None = None
    """The engine quantizes while it loads: spec.quantization."""
    understood: bool = True
    scheme: Scheme | None = None
    """Of GGUF files, which have no quantization_config."""


@dataclass(frozen=True)
class _Words:
    text: str
    """Lower case: the quantization column, else the name of the model."""
    name: str
    numbers: dict[str, int] = field(default_factory=dict)

    def has(self, *words: str) -> bool:
        return any(word in self.text for word in words)


def quantization_of(row: dict[str, Any]) -> Quantization:
    """Reads the column, and the model's name where the column is empty."""
    name = str(row.get("model") or "").lower()
    column = str(row.get("quantization") or "").lower()
    if column.startswith("none") or column in ("no", "bf16", "fp16", "bfloat16", "float16"):
        return Quantization()
    words = _Words(column or name, name)
    if not column and any(model in name for model in _NATIVE_INT4):
        experts_only = ["re:.*self_attn.*", "re:.*shared_experts.*", "re:.*mlp\\.(gate|up|down)_proj.*", "lm_head"]
        return Quantization(_packed(4, 32) | {"ignore": experts_only})
    for rule in (_unknown, _gguf, _online, _bitsandbytes, _groups, _eight_bits, _four_bit_floats):
        found = rule(words)
        if found is not None:
            return found
    return Quantization(understood=not column)


def _unknown(words: _Words) -> Quantization | None:
    return Quantization(understood=False) if words.has("aqlm", "exl3", "exl2", "w4a8") else None


def _gguf(words: _Words) -> Quantization | None:
    match = re.search(r"\b(i?q\d_(?:\d|k)|bf16|f16)", words.text) if "gguf" in words.text else None
    bits = _GGUF_BITS.get(match[1]) if match else None
    return Quantization(scheme=Scheme("gguf", bits=bits, scale_bits=0)) if bits else None


def _online(words: _Words) -> Quantization | None:
    if not words.has("online", "inflight", "in-flight"):
        return None
    return Quantization(online="bitsandbytes" if words.has("bitsandbytes", "bnb") else "fp8")


def _bitsandbytes(words: _Words) -> Quantization | None:
    if not words.has("bitsandbytes", "bnb", "nf4"):
        return None
    if words.has("8bit", "8-bit", "int8"):
        return Quantization({"quant_method": "bitsandbytes", "load_in_8bit": True})
    if "bnb-4bit" in words.name:
        return Quantization({"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"})
    return Quantization(online="bitsandbytes")


def _groups(words: _Words) -> Quantization | None:
    """Whole numbers with a scale per group: AWQ, GPTQ, AutoRound, compressed-tensors."""
    bits = 8 if words.has("w8a16", "int8", "8bit", "8-bit") else 4
    size = _group(words.text)
    if words.has("w8a8", "fp8"):
        return None
    if words.has("compressed-tensors", "w4a16", "w8a16", "wna16") and not words.has("gptq", "nvfp4", "mxfp4"):
        return Quantization(_packed(bits, size))
    # "quantised" alone is how people call what AWQ and GPTQ do, and both hold the same bytes.
    if words.has("awq", "quantised", "quantized"):
        return Quantization({"quant_method": "awq", "bits": bits, "group_size": size, "zero_point": True})
    if words.has("gptq", "auto_round", "autoround", "auto-round", "int4", "int8"):
        symmetric = not words.has("asym")
        return Quantization(
            {"quant_method": "gptq", "bits": bits, "group_size": size, "sym": symmetric, "desc_act": False}
        )
    return None


def _group(text: str) -> int:
    match = re.search(r"(?:group[ _]?|\bg)(\d{2,4})\b", text)
    return int(match[1]) if match else 128


def _packed(bits: int, size: int) -> dict[str, Any]:
    weights = {"num_bits": bits, "type": "int", "strategy": "group", "group_size": size, "symmetric": True}
    return _compressed("pack-quantized", weights)


def _compressed(form: str, weights: dict[str, Any]) -> dict[str, Any]:
    return {
        "quant_method": "compressed-tensors",
        "format": form,
        "config_groups": {"group_0": {"targets": ["Linear"], "weights": weights}},
        "ignore": ["lm_head"],
    }


def _eight_bits(words: _Words) -> Quantization | None:
    if words.has("mxfp4", "nvfp4") and not words.has("fp8 + mxfp4 experts"):
        return None
    if words.has("w8a8") and not words.has("fp8"):
        weights = {"num_bits": 8, "type": "int", "strategy": "channel", "symmetric": True}
        return Quantization(_compressed("int-quantized", weights))
    if not words.has("fp8"):
        return None
    if words.has("dynamic", "compressed-tensors"):
        weights = {"num_bits": 8, "type": "float", "strategy": "channel", "symmetric": True}
        return Quantization(_compressed("float-quantized", weights))
    config: dict[str, Any] = {"quant_method": "fp8", "activation_scheme": "dynamic"}
    if words.has("block") or any(family in words.name for family in _BLOCKS):
        config["weight_block_size"] = [128, 128]
    return Quantization(config)


def _four_bit_floats(words: _Words) -> Quantization | None:
    if words.has("nvfp4"):
        return Quantization({"quant_method": "modelopt", "quant_algo": "NVFP4", "ignore": ["lm_head"]})
    if words.has("mxfp4") and not words.has("fp8"):
        return Quantization({"quant_method": "mxfp4"})
    return None
