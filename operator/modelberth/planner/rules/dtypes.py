"""spec.dtype on this GPU, and with these weights."""

from collections.abc import Iterator

from modelberth.api.finding import Finding
from modelberth.planner.rules import checkpoint as kinds
from modelberth.planner.rules.case import Case, refused

CAST = "DtypeCast"
"""Reason of a finding: the engine computes in another type than the checkpoint's, or than was asked for."""

_FIELD = "spec.dtype"

_HALF_OVERFLOWS = frozenset({"gemma2", "gemma3", "gemma3_text", "plamo2", "glm4"})
"""model_type of models that vLLM refuses in float16 since 0.9 (_FLOAT16_NOT_SUPPORTED_MODELS, vllm/config/model.py)."""

_NO_FLOAT32 = frozenset({kinds.AWQ, kinds.GPTQ, kinds.MODELOPT_FP8, kinds.NVFP4, kinds.MXFP4, kinds.FP8})
"""get_supported_act_dtypes of these has 16-bit types only, in vLLM and SGLang alike."""


def dtypes(case: Case) -> Iterator[Finding]:
    """Types that the GPU, the model or its quantization cannot be computed in."""
    if case.engine == "LlamaCpp":
        return
    if case.spec.dtype == "float32":
        yield from _float32(case)
    elif case.spec.dtype == "half":
        yield from _half(case)
    elif _wants_bfloat16(case):
        yield from _bfloat16(case)


def _wants_bfloat16(case: Case) -> bool:
    return case.spec.dtype == "bfloat16" or case.model.dtype == "bfloat16"


def _bfloat16(case: Case) -> Iterator[Finding]:
    below = case.below((8, 0))
    if below:
        yield _before_ampere(case, below)
    elif case.amd and _half_only(case):
        # get_supported_act_dtypes of the plain AWQ and GPTQ kernels; Marlin, which takes both, is for NVIDIA.
        yield refused(
            _FIELD, f"{case.engine_label} runs {case.kind} weights on AMD GPUs in float16 only; set dtype: half"
        )


def _before_ampere(case: Case, below: str) -> Finding:
    overflows = case.model.model_type in _HALF_OVERFLOWS and case.version >= (0, 9)
    # load_model of sglang/srt/model_executor/model_runner.py; _resolve_auto_dtype of vllm/config/model.py since 0.9,
    # which takes float32 for models that overflow: better said than done.
    if case.engine == "SGLang" or (case.spec.dtype == "auto" and case.version >= (0, 9) and not overflows):
        return Finding(_FIELD, f"bfloat16 needs compute capability 8.0, {below}: it is computed in float16", CAST)
    # check_if_supports_dtype of vllm/platforms/cuda.py: "Bfloat16 is only supported on GPUs with compute capability of
    # at least 8.0."
    instead = "float32 (twice the memory)" if overflows else "half"
    return refused(_FIELD, f"bfloat16 needs compute capability 8.0, {below}; set dtype: {instead}, or use a newer GPU")


def _half(case: Case) -> Iterator[Finding]:
    if case.engine == "vLLM" and case.version >= (0, 9) and case.model.model_type in _HALF_OVERFLOWS:
        yield refused(
            _FIELD,
            f"vLLM refuses {case.model.model_type} in float16, where it overflows; use bfloat16, or float32 on GPUs "
            "below compute capability 8.0",
        )
    elif case.engine == "vLLM" and case.kind == kinds.MXFP4:
        # Mxfp4Config.get_supported_act_dtypes
        yield refused(_FIELD, "vLLM runs mxfp4 weights in bfloat16 only; use auto or bfloat16")


def _float32(case: Case) -> Iterator[Finding]:
    if case.kind in _NO_FLOAT32:
        yield refused(
            _FIELD, f"{case.engine} computes with {case.kind} weights in 16 bit only; use auto, half or bfloat16"
        )


def _half_only(case: Case) -> bool:
    if case.engine == "SGLang":
        return case.kind in (kinds.AWQ, kinds.GPTQ)
    # auto_gptq (0.22) and auto_awq (0.24) take bfloat16 everywhere.
    return (case.kind == kinds.AWQ and case.version < (0, 24)) or (case.kind == kinds.GPTQ and case.version < (0, 22))
