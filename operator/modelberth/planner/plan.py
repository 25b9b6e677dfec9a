"""What the planner says: does it fit, how many tokens does the KV cache hold, and what would fit instead."""

from dataclasses import dataclass
from typing import Any

from modelberth.api.finding import Finding

GIB = 2**30

DOES_NOT_FIT = "DoesNotFit"
"""Reason of a finding: weights, overheads and the KV cache of one request exceed the GPU."""
UNSUPPORTED = "UnsupportedHardware"
"""Reason of a finding: this GPU or this engine version cannot run that type or split."""
UNKNOWN_GPU = "UnknownGpu"
"""Reason of a finding: the memory of the GPU is not known, so nothing was judged."""
UNKNOWN_MODEL = "UnknownModel"
"""Reason of a finding: the model's files could not be read or understood, so nothing was judged."""


@dataclass(frozen=True)
class PerGpu:
    """Budget of the fullest GPU of a replica, in GiB (device CPU: of the container's memory limit).

    total x gpuMemoryUtilization = budget = weights + activation + overhead + kv_cache (vLLM before 0.21 keeps CUDA
    graphs outside its budget; they are part of ``overhead_gib`` only from there on). llama.cpp takes what its slots
    need and leaves the rest, so its parts may be less than the budget.
    """

    total_gib: float
    budget_gib: float
    weights_gib: float
    activation_gib: float
    overhead_gib: float
    kv_cache_gib: float
    """Not negative: 0 where nothing is left."""


@dataclass(frozen=True)
class Advice:
    """One change of the spec that was planned and fits."""

    change: str
    """In the words of the spec: "maxModelLen: 12288", "parallelism.tensor: 2", "gpu.type: NVIDIA-L40S"."""
    fits: bool
    kv_cache_tokens: int
    max_concurrency: float


@dataclass(frozen=True)
class Launch:
    """Numbers that engines are started with and that follow from the plan."""

    memory_fraction: float
    """Share of the GPU for weights and KV cache (SGLang's --mem-fraction-static)."""
    cpu_kv_bytes: int = 0
    """KV cache on device CPU in bytes; 0 on GPUs."""
    cpu_kv_tokens: int = 0
    """The same in tokens."""


@dataclass(frozen=True)
class Plan:
    """The planner's answer for one ModelDeployment."""

    fits: bool | None
    """None: not known (no GPU type, or no facts of the model)."""
    estimated: bool
    """Something had to be assumed."""
    gpus_per_replica: int
    """tensor x pipeline x data; 0 on device CPU."""
    per_gpu: PerGpu | None
    kv_cache_tokens: int | None
    """Per replica: all its data-parallel ranks together."""
    max_concurrency: float | None
    """Requests of maxModelLen tokens that the KV cache holds at once, per replica."""
    max_model_len: int | None
    """Tokens that concurrency was computed with: spec.maxModelLen, else what the model was made for."""
    launch: Launch
    findings: tuple[Finding, ...] = ()
    """Why it does not fit or could not be judged; also warnings about a plan that fits."""
    advice: tuple[Advice, ...] = ()
    """At most five, best first; each was planned and fits."""
    assumed: tuple[str, ...] = ()
    """What was assumed, in words for people."""

    def status(self) -> dict[str, Any]:
        """status.plan of the resource."""
        record: dict[str, Any] = {"gpusPerReplica": self.gpus_per_replica}
        if self.fits is not None:
            record["fits"] = self.fits
        if self.estimated:
            record["estimated"] = True
        if self.per_gpu is not None:
            record["perGpu"] = per_gpu_record(self.per_gpu)
        if self.kv_cache_tokens is not None:
            record["kvCacheTokens"] = self.kv_cache_tokens
        if self.max_concurrency is not None:
            record["maxConcurrency"] = round(self.max_concurrency, 2)
        if self.advice:
            record["advice"] = [advice_record(advice) for advice in self.advice]
        return record


def per_gpu_record(per_gpu: PerGpu) -> dict[str, float]:
    """As status.plan and `modelberth plan -o json` show it."""
    return {
        "totalGiB": round(per_gpu.total_gib, 2),
        "budgetGiB": round(per_gpu.budget_gib, 2),
        "weightsGiB": round(per_gpu.weights_gib, 2),
        "activationGiB": round(per_gpu.activation_gib, 2),
        "overheadGiB": round(per_gpu.overhead_gib, 2),
        "kvCacheGiB": round(per_gpu.kv_cache_gib, 2),
    }


def advice_record(advice: Advice) -> dict[str, Any]:
    """As status.plan and `modelberth plan -o json` show it."""
    return {
        "change": advice.change,
        "fits": advice.fits,
        "kvCacheTokens": advice.kv_cache_tokens,
        "maxConcurrency": round(advice.max_concurrency, 2),
    }
