"""Write Hugging Face checkpoints: configuration, tokenizer and one safetensors file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from e2e.models.gguf_model import GgufModel
from e2e.models.quantize import BITS, GROUP_SIZE, quantize_awq, quantize_gptq
from e2e.models.safetensors_file import Tensor, write_safetensors
from e2e.models.tokenizer import write_tokenizer


@dataclass(frozen=True)
class Format:
    """How the linear layers of a checkpoint are stored; `quantization` is config.json's quantization_config."""

    suffix: str
    dtype: str
    quantize: Callable[[NDArray[np.float32]], dict[str, Tensor]] | None = None
    quantization: Mapping[str, Any] | None = None


_QUANTIZED = {"bits": BITS, "group_size": GROUP_SIZE}
FORMATS = (
    Format("", "bfloat16"),
    Format(
        "-AWQ", "float16", quantize_awq, {"quant_method": "awq", "version": "gemm", "zero_point": True, **_QUANTIZED}
    ),
    Format("-GPTQ", "float16", quantize_gptq, {"quant_method": "gptq", "desc_act": False, "sym": True, **_QUANTIZED}),
)


def write_checkpoint(model: GgufModel, folder: Path, layout: Format) -> None:
    """Write `model` to `folder` as the files that `from_pretrained` reads."""
    folder.mkdir(parents=True)
    write_tokenizer(model.metadata, folder)
    _write_json(folder / "config.json", _config(model.metadata, layout))
    tokens = {
        name: model.metadata[f"tokenizer.ggml.{key}_token_id"]
        for name, key in (("bos_token_id", "bos"), ("eos_token_id", "eos"), ("pad_token_id", "padding"))
    }
    _write_json(folder / "generation_config.json", tokens)
    write_safetensors(folder / "model.safetensors", _stored_tensors(model, layout))


def _config(metadata: dict[str, Any], layout: Format) -> dict[str, Any]:
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": metadata["tokenizer.ggml.bos_token_id"],
        "eos_token_id": metadata["tokenizer.ggml.eos_token_id"],
        "pad_token_id": metadata["tokenizer.ggml.padding_token_id"],
        "hidden_act": "silu",
        "hidden_size": metadata["llama.embedding_length"],
        "initializer_range": 0.02,
        "intermediate_size": metadata["llama.feed_forward_length"],
        "max_position_embeddings": metadata["llama.context_length"],
        "mlp_bias": False,
        "num_attention_heads": metadata["llama.attention.head_count"],
        "num_hidden_layers": metadata["llama.block_count"],
        "num_key_value_heads": metadata["llama.attention.head_count_kv"],
        # The file has a float32; the model's own configuration says 1e-05.
        "rms_norm_eps": float(f"{metadata['llama.attention.layer_norm_rms_epsilon']:.6g}"),
        "rope_theta": metadata["llama.rope.freq_base"],
        "tie_word_embeddings": True,
        "torch_dtype": layout.dtype,
        "use_cache": True,
        "vocab_size": metadata["llama.vocab_size"],
    }
    if layout.quantization is not None:
        config["quantization_config"] = dict(layout.quantization)
    return config


def _stored_tensors(model: GgufModel, layout: Format) -> dict[str, tuple[str, Tensor]]:
    """Name -> (safetensors' name of the dtype, array); bfloat16, which numpy lacks, as its upper 16 bits."""
    stored: dict[str, tuple[str, Tensor]] = {}
    for name, exact in model.weights.items():
        layer = name.removesuffix(".weight")
        bfloat16 = _to_bfloat16(exact)
        # Everything else is made from the bf16 checkpoint, as a quantizer would that starts from the published one.
        weight = (bfloat16.astype(np.uint32) << np.uint32(16)).view(np.float32)
        if layout.quantize is not None and layer.endswith("_proj"):
            for part, tensor in layout.quantize(weight).items():
                stored[f"{layer}.{part}"] = (str(tensor.dtype), tensor)
        elif layout.dtype == "bfloat16":
            stored[name] = ("bfloat16", bfloat16)
        else:
            stored[name] = (layout.dtype, weight.astype(layout.dtype))
    return stored


def _to_bfloat16(weight: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Round to nearest, ties to even."""
    bits = np.ascontiguousarray(weight).view(np.uint32)
    return ((bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)).astype(np.uint16)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
