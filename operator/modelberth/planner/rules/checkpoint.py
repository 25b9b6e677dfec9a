"""How a checkpoint is quantized, by its own quantization_config, and whether spec.quantization says the same."""

from collections.abc import Mapping
from typing import Any

NONE, OTHER = "none", "other"
AWQ, GPTQ, FP8, BITSANDBYTES = "awq", "gptq", "fp8", "bitsandbytes"
MODELOPT_FP8, NVFP4, MXFP4 = "modelopt fp8", "nvfp4", "mxfp4"
COMPRESSED_INT4, COMPRESSED_INT8 = "compressed-tensors int4", "compressed-tensors int8"
COMPRESSED_FP8, COMPRESSED_NVFP4 = "compressed-tensors fp8", "compressed-tensors nvfp4"

EIGHT_BIT_FLOAT = frozenset({FP8, MODELOPT_FP8, COMPRESSED_FP8})
FOUR_BIT_FLOAT = frozenset({NVFP4, COMPRESSED_NVFP4, MXFP4})

_WORDS = {
    "fp8": FP8,
    "fp8_per_tensor": FP8,
    "fp8_per_channel": FP8,
    "fp8_per_block": FP8,
    "w8a8_fp8": FP8,
    "bitsandbytes": BITSANDBYTES,
}
"""Values of spec.quantization that engines apply to an unquantized checkpoint while loading it."""

_FORMATS = {
    "pack-quantized": COMPRESSED_INT4,
    "marlin-24": COMPRESSED_INT4,
    "int-quantized": COMPRESSED_INT8,
    "float-quantized": COMPRESSED_FP8,
    "nvfp4-pack-quantized": COMPRESSED_NVFP4,
}
"""https://github.com/vllm-project/compressed-tensors, CompressionFormat."""


def quantization_section(config: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """quantization_config, of the text part where a multimodal model keeps it there."""
    text = config.get("text_config")
    for holder in (config, text if isinstance(text, Mapping) else {}):
        for key in ("quantization_config", "compression_config"):
            section = holder.get(key)
            if isinstance(section, Mapping) and section:
                return section
    return None


def method_of(section: Mapping[str, Any]) -> str:
    """quant_method as the engines read it: awq, gptq, fp8, compressed-tensors, modelopt, ..."""
    method = section.get("quant_method")
    if isinstance(method, str):
        return method.lower().replace("_", "-")
    # ModelOpt's own hf_quant_config.json has no quant_method.
    return "modelopt" if "quant_algo" in section or "quantization" in section else OTHER


def kind_of_checkpoint(section: Mapping[str, Any]) -> str:
    """What decides about hardware: the method, and for containers of many methods what is in them."""
    method = method_of(section)
    if method == "compressed-tensors":
        return _FORMATS.get(str(section.get("format")), OTHER)
    if method.startswith("modelopt"):
        return _modelopt(section)
    return method if method in (AWQ, GPTQ, FP8, BITSANDBYTES, MXFP4) else OTHER


def kind_of_word(quantization: str) -> str:
    """The same for spec.quantization on a checkpoint that is not quantized."""
    if quantization in ("auto", "none"):
        return NONE
    return _WORDS.get(quantization, OTHER)


def _modelopt(section: Mapping[str, Any]) -> str:
    inner = section.get("quantization")
    algorithm = str((inner if isinstance(inner, Mapping) else section).get("quant_algo")).upper()
    if algorithm.startswith("FP8"):
        return MODELOPT_FP8
    return NVFP4 if algorithm.startswith("NVFP4") else OTHER
