"""Types that an engine holds weights and KV cache in, from the checkpoint and the spec."""

from dataclasses import replace

from modelberth.planner.model import Model, Scheme

NF4 = Scheme("bitsandbytes", bits=4, group=64, scale_bits=8)
"""4 bits and a scale per 64 elements, which is quantized to 8 bits itself: https://arxiv.org/abs/2305.14314."""
FP8 = Scheme("fp8", bits=8, scale_bits=32)
INT8 = Scheme("int8", bits=8, scale_bits=32)

_ONLINE = {
    "bitsandbytes": NF4,
    "fp8": FP8,
    "fp8_per_tensor": FP8,
    "fp8_per_channel": FP8,
    "fp8_per_block": replace(FP8, group=128, block=True),
    "w8a8_fp8": FP8,
    "w8a8_int8": INT8,
    "experts_int8": replace(INT8, only_experts=True),
    "int8_per_channel_weight_only": INT8,
    "mxfp8": Scheme("mxfp8", bits=8, group=32, scale_bits=8),
    "mxfp4": Scheme("mxfp4", bits=4, group=32, scale_bits=8),
    "nvfp4_per_token": Scheme("nvfp4", bits=4, group=16, scale_bits=8),
}
"""Quantizations that engines apply while they load a checkpoint that is not quantized."""

_KV_BYTES = {"float32": 4.0, "half": 2.0, "float16": 2.0, "bfloat16": 2.0}


def scheme_held(model: Model, quantization: str) -> Scheme:
    """How linear layers are held: as in the checkpoint, or quantized while loading."""
    if model.scheme.method != "none":
        return model.scheme
    return _ONLINE.get(quantization, model.scheme)


def element_bytes(dtype: str) -> int:
    """Bytes of an activation and of a weight that is not quantized. Engines run float32 checkpoints in 16 bit."""
    return 4 if dtype == "float32" else 2


def kv_element_bytes(kv_cache_dtype: str, of_model: int) -> float:
    """Bytes of a key or value: "auto" is the model's own type."""
    if kv_cache_dtype in _KV_BYTES:
        return _KV_BYTES[kv_cache_dtype]
    if kv_cache_dtype.startswith(("nvfp4", "int4", "fp4")):
        return 0.5625
    return 1.0 if kv_cache_dtype.startswith(("fp8", "int8")) else float(of_model)
