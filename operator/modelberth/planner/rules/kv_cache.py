"""kvCacheDtype on this GPU and with this model."""

from collections.abc import Iterator

from modelberth.api.finding import Finding
from modelberth.planner.model import LatentCache
from modelberth.planner.rules import checkpoint as kinds
from modelberth.planner.rules.case import Case, refused

_FIELD = "spec.kvCacheDtype"


def kv_cache(case: Case) -> Iterator[Finding]:
    """fp8 caches that vLLM has no attention kernel for. SGLang's default kernels convert them on every GPU."""
    name = case.spec.kv_cache_dtype
    if case.engine != "vLLM" or not name.startswith("fp8"):
        return
    if name == "fp8_e5m2" and case.kind in kinds.EIGHT_BIT_FLOAT:
        # vllm/attention/layer.py
        yield refused(_FIELD, "vLLM refuses fp8_e5m2 for fp8 checkpoints; use fp8_e4m3 or auto")
    elif (below := case.below((8, 9))) and not _has_kernel(case):
        yield refused(
            _FIELD,
            f"{case.engine_label} has attention kernels for an fp8 cache of this model from compute capability 8.9 on, "
            f"{below}; use auto or a newer GPU",
        )


def _has_kernel(case: Case) -> bool:
    """Whether one of vLLM's attention backends reads an fp8 cache on a GPU without fp8 tensor cores."""
    if case.version < (0, 11):
        return True  # the V0 engine, to which V1 fell back: https://github.com/vllm-project/vllm/pull/17870
    if any(isinstance(layer.cache, LatentCache) for layer in case.model.layers):
        return False  # "TritonMLA V1 with FP8 KV cache not yet supported"; FlashMLA needs Hopper
    if case.version < (0, 11, 1):
        return False  # Triton was taken: https://github.com/vllm-project/vllm/issues/26431
    # FlashInfer (supports_compute_capability in vllm/v1/attention/backends/flashinfer.py), which left out Turing in
    # 0.24: https://github.com/vllm-project/vllm/issues/47549
    return not case.below((8, 0) if case.version >= (0, 24) else (7, 5))
