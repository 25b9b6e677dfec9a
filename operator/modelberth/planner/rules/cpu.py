"""What vLLM runs on the CPU."""

from collections.abc import Iterator

from modelberth.api.engine_facts import Version
from modelberth.api.finding import Finding
from modelberth.planner.rules import checkpoint as kinds
from modelberth.planner.rules.case import Case, refused

# https://docs.vllm.ai/en/stable/features/quantization/#supported-hardware; CPU kernels in vllm/model_executor/kernels
# (quantization/kernels before) of each release.
_SINCE: dict[str, Version | None] = {
    kinds.BITSANDBYTES: None,
    kinds.MODELOPT_FP8: (0, 20),
    kinds.COMPRESSED_FP8: (0, 20),
    kinds.FP8: (0, 20),
    kinds.MXFP4: (0, 21),
    kinds.NVFP4: (0, 21),
    kinds.COMPRESSED_NVFP4: (0, 21),
}
"""Kinds of weights that came to the CPU late, or never."""


def cpu(case: Case) -> Iterator[Finding]:
    """Quantizations without a CPU kernel."""
    if case.spec.device != "CPU" or case.engine != "vLLM" or case.kind not in _SINCE:
        return
    since = _SINCE[case.kind]
    if since is None or case.version < since:
        yield refused(
            case.kind_field,
            f"{case.engine_label} has no CPU kernels for {case.kind} weights; use an unquantized, AWQ or GPTQ variant, "
            "or LlamaCpp with a GGUF file",
        )
