"""What engines run on AMD GPUs."""

from collections.abc import Iterator

from modelberth.api.engine_facts import Supported, names_at
from modelberth.api.finding import Finding
from modelberth.planner.rules import checkpoint as kinds
from modelberth.planner.rules.case import Case, refused

# supported_quantization of vllm/platforms/rocm.py and rocm_supported_quantization of sglang/srt/configs/model_config.py
# in each release.
_METHODS = {
    "vLLM": (
        *(Supported(name) for name in ("awq", "gptq", "fp8", "compressed-tensors", "fbgemm-fp8", "quark", "gguf")),
        Supported("mxfp4"),
        Supported("torchao", since=(0, 11)),
        Supported("bitsandbytes", since=(0, 14)),
        Supported("modelopt", since=(0, 20)),
        Supported("inc", since=(0, 28)),
    ),
    "SGLang": (
        *(Supported(name) for name in ("awq", "fp8", "compressed-tensors")),
        Supported("gptq", until=(0, 5, 23)),
        Supported("quark", since=(0, 5, 1)),
        Supported("mxfp4"),
        Supported("auto-round", since=(0, 5, 5)),
        Supported("mxfp8", since=(0, 5, 16)),
    ),
}

_JUDGED = frozenset({"awq", "gptq", "fp8", "compressed-tensors", "mxfp4", "bitsandbytes", "modelopt"})
"""Methods that both tables tell of; others may have names of their own per version."""


def amd(case: Case) -> Iterator[Finding]:
    """Quantizations that the engine does not have on AMD GPUs, and fp8 on those without it."""
    if not case.amd or case.gpu is None or case.engine == "LlamaCpp":
        return
    method = kinds.method_of(case.section) if case.section is not None else case.kind
    known = names_at(_METHODS[case.engine], case.version)
    if method in _JUDGED and method not in known:
        yield refused(
            case.kind_field,
            f"{case.engine_label} does not run {method} on AMD GPUs; use one of {', '.join(known)}, or an NVIDIA GPU",
        )
    elif case.kind in kinds.EIGHT_BIT_FLOAT and not case.gpu.fp8:
        # https://github.com/pytorch/pytorch, aten ScaledGroupMM/Blas: torch._scaled_mm needs MI300 or newer on ROCm.
        yield refused(
            case.kind_field,
            f"fp8 needs an MI300 or newer, {case.gpu.label} has none; use an unquantized, AWQ or GPTQ variant",
        )
