"""quantization_config for checkpoints that describe their quantization in a file of its own."""

from collections.abc import Mapping
from typing import Any

FILES = ("hf_quant_config.json", "quantize_config.json", "quant_config.json")
"""In the order in which they are looked at: NVIDIA ModelOpt before 0.31, AutoGPTQ, AutoAWQ and llm-awq.

vLLM reads the same: https://github.com/vllm-project/vllm/blob/main/vllm/transformers_utils/config.py and
get_config_filenames of vllm/model_executor/layers/quantization/.
"""


def is_quantized(config: Mapping[str, Any]) -> bool:
    """Whether config.json itself says how the checkpoint is quantized."""
    text = config.get("text_config")
    nested = text.get("quantization_config") if isinstance(text, Mapping) else None
    return bool(config.get("quantization_config") or nested or config.get("compression_config"))


def with_quantization(config: Mapping[str, Any], name: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """config.json with the quantization_config that newer tools would have written; ``name`` is one of FILES."""
    if name == "hf_quant_config.json":
        inner = content.get("quantization")
        found = {"quant_method": "modelopt", **(inner if isinstance(inner, Mapping) else content)}
    elif "w_bit" in content:
        # AutoAWQ and llm-awq; some conversions put it into quantize_config.json.
        renamed = {"bits": content["w_bit"], "group_size": content.get("q_group_size")}
        found = {"quant_method": "awq", **content, **renamed}
    else:
        found = {"quant_method": "awq" if name == "quant_config.json" else "gptq", **content}
    return {**config, "quantization_config": found}
