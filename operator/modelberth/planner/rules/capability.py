"""Compute capability that an engine, and a kind of quantized weights, needs (NVIDIA)."""

from collections.abc import Iterator
from dataclasses import dataclass

from modelberth.api.engine_facts import Version
from modelberth.api.finding import Finding
from modelberth.planner.rules import checkpoint as kinds
from modelberth.planner.rules.case import Capability, Case, number, refused

WEIGHT_ONLY = "WeightOnly"
"""Reason of a finding: weights are kept small but computed with in 16 bit; it fits, without the speed."""


@dataclass(frozen=True)
class Need:
    """Weights of these kinds need the compute capability in versions [since, until)."""

    kinds: frozenset[str]
    capability: Capability
    since: Version = ()
    until: Version | None = None


_ENGINES: dict[str, tuple[Need, ...]] = {
    "vLLM": (
        # https://docs.vllm.ai/en/v0.6.1/getting_started/installation.html
        Need(frozenset(), (7, 0), until=(0, 20)),
        # https://github.com/vllm-project/vllm/pull/39878: images are built with CUDA 13, which has no Volta.
        Need(frozenset(), (7, 5), since=(0, 20)),
    ),
    # sglang/srt/model_executor/model_runner.py: "SGLang only supports sm75 and above."
    "SGLang": (Need(frozenset(), (7, 5)),),
}

# get_min_capability of the quantization configs and schemes in each release.
_WEIGHTS: dict[str, tuple[Need, ...]] = {
    "vLLM": (
        Need(frozenset({kinds.AWQ, kinds.COMPRESSED_INT8}), (7, 5)),
        Need(frozenset({kinds.BITSANDBYTES}), (7, 0)),
        Need(frozenset({kinds.FP8, kinds.COMPRESSED_INT4}), (8, 0), until=(0, 14)),
        Need(frozenset({kinds.FP8, kinds.COMPRESSED_INT4}), (7, 5), since=(0, 14)),
        Need(frozenset({kinds.COMPRESSED_FP8}), (8, 0), until=(0, 16)),
        Need(frozenset({kinds.COMPRESSED_FP8}), (7, 5), since=(0, 16)),
        Need(frozenset({kinds.MODELOPT_FP8}), (8, 9), until=(0, 27)),
        Need(frozenset({kinds.MODELOPT_FP8}), (8, 0), since=(0, 27)),
        Need(frozenset({kinds.NVFP4, kinds.COMPRESSED_NVFP4}), (10, 0), until=(0, 9)),
        Need(frozenset({kinds.NVFP4}), (8, 0), since=(0, 9), until=(0, 14)),
        Need(frozenset({kinds.NVFP4}), (7, 5), since=(0, 14)),
        Need(frozenset({kinds.COMPRESSED_NVFP4}), (8, 0), since=(0, 9), until=(0, 16)),
        Need(frozenset({kinds.COMPRESSED_NVFP4}), (7, 5), since=(0, 16)),
        Need(frozenset({kinds.MXFP4}), (8, 0)),
    ),
    "SGLang": (
        Need(frozenset({kinds.FP8, kinds.COMPRESSED_FP8, kinds.COMPRESSED_INT4, kinds.MXFP4}), (8, 0)),
        Need(frozenset({kinds.MODELOPT_FP8}), (8, 9)),
        Need(frozenset({kinds.NVFP4}), (10, 0), until=(0, 5, 13)),
        Need(frozenset({kinds.NVFP4}), (8, 0), since=(0, 5, 13)),
        Need(frozenset({kinds.COMPRESSED_NVFP4}), (10, 0), until=(0, 5, 22)),
        Need(frozenset({kinds.COMPRESSED_NVFP4}), (8, 0), since=(0, 5, 22)),
    ),
}


def engine_capability(case: Case) -> Iterator[Finding]:
    """The engine itself."""
    for need in _at(_ENGINES, case):
        below = case.below(need.capability)
        if below:
            yield refused(
                "spec.gpu.type",
                f"{case.engine_label} needs compute capability {number(need.capability)}, {below}; use a newer GPU"
                + (", or engine.type LlamaCpp" if case.engine == "SGLang" else ", or an older image or LlamaCpp"),
            )


def weight_capability(case: Case) -> Iterator[Finding]:
    """What the checkpoint (or the quantization at load) needs, and what runs without tensor cores for it."""
    for need in _at(_WEIGHTS, case):
        below = case.below(need.capability)
        if case.kind in need.kinds and below:
            yield refused(
                case.kind_field,
                f"{case.engine_label} runs {case.kind} weights from compute capability {number(need.capability)} on, "
                f"{below}; use a newer GPU or another variant of the model",
            )
            return
    if case.kind in kinds.EIGHT_BIT_FLOAT and (below := case.below((8, 9))):
        yield _fp8_before_ada(case, below)
    if case.kind in kinds.FOUR_BIT_FLOAT and (below := case.below((10, 0))):
        yield _weight_only(case, f"compute capability 10.0 (Blackwell), {below}")


def _fp8_before_ada(case: Case, below: str) -> Finding:
    """Without fp8 tensor cores the Marlin kernels read fp8 weights and compute in 16 bit; not every layer has one."""
    if case.engine == "vLLM" and case.version < (0, 9) and (case.model.experts or case.model.scheme.block):
        # vllm 0.8.5 quantization/fp8.py: no Marlin for experts and blocks, Triton then ends with "type fp8e4nv not
        # supported in this architecture" (https://github.com/vllm-project/vllm/issues/18182).
        what, way_out = "experts or blocks in fp8", "vLLM 0.9 or newer"
    elif case.engine == "SGLang" and case.model.experts:
        # https://github.com/sgl-project/sglang/issues/5871, /38291; Fp8MoEMethod has no Marlin for fp8 experts.
        what, way_out = "experts in fp8", "engine.type vLLM"
    elif case.engine == "SGLang" and (0, 4, 6) <= case.version < (0, 5, 6):
        # quantization/fp8.py: "marlin FP8 requires some operators from vllm. Please install vllm."
        what, way_out = "fp8 weights", "SGLang 0.5.6 or newer"
    else:
        return _weight_only(case, f"compute capability 8.9, {below}")
    return refused(
        case.kind_field,
        f"{case.engine_label} has no kernel for {what} before compute capability 8.9, {below}; use {way_out}, a newer "
        "GPU or another variant of the model",
    )


def _weight_only(case: Case, native: str) -> Finding:
    message = (
        f"{case.kind} is computed with natively from {native}: the weights stay small, but the work is done in 16 bit"
    )
    return Finding(case.kind_field, message, WEIGHT_ONLY)


def _at(needs: dict[str, tuple[Need, ...]], case: Case) -> Iterator[Need]:
    for need in needs.get(case.engine, ()):
        if need.since <= case.version and (need.until is None or case.version < need.until):
            yield need
