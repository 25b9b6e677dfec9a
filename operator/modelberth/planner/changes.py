"""Changes of a spec that may make a model fit. Each kind is a ladder of steps, the mildest first."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from modelberth.api.engine_facts import names_at
from modelberth.api.engine_tables import FACTS
from modelberth.api.quantity import amount
from modelberth.api.spec import Gpu as GpuSpec
from modelberth.api.spec import Spec
from modelberth.planner.budgets.llama_cpp_buffers import SLOTS as DEFAULT_SLOTS
from modelberth.planner.gpus import Gpu, bigger_than, gpu_of, resource_of
from modelberth.planner.plan import GIB, UNSUPPORTED, Plan
from modelberth.planner.request import PlanRequest


@dataclass(frozen=True)
class Step:
    """One change of the spec."""

    change: str
    """In the words of the spec: "maxModelLen: 12288"."""
    request: PlanRequest
    """The request with the spec (or the model's files) changed."""
    tells_weights: bool = False
    """Whether the size of the weights belongs to the change."""


@dataclass(frozen=True)
class Ladder:
    """Changes of one kind, the mildest first."""

    steps: tuple[Step, ...] = ()
    monotone: bool = False
    """Where one step fits, all later ones do: the mildest one is found by halving."""


Kind = Callable[[PlanRequest, Plan], Ladder]
"""Makes the ladder for a request, from its plan that does not fit."""

UTILIZATIONS = (0.92, 0.95)
"""Above 0.95 nothing is left for the driver and for what the engine does not count."""
LOWER_UTILIZATIONS = (0.95, 0.92, 0.9)
SEQUENCES = (512, 256, 128, 64, 32, 16, 8)
SLOTS = (64, 32, 16, 8, 4, 2, 1)
SHORTEST = 512
"""Tokens. With less nobody can ask a question and be answered."""
USEFUL = 8192
"""Tokens that do for most conversations."""
TENSORS = (1, 2, 4, 8)
"""GPUs of one node that share a model: powers of two divide the heads of nearly every model."""


def other_utilization(request: PlanRequest, plan: Plan) -> Ladder:
    """gpuMemoryUtilization up to 0.95, or from above down to it: the driver needs its part too."""
    asked = request.spec.gpu_memory_utilization
    above = asked > UTILIZATIONS[-1]
    shares = LOWER_UTILIZATIONS if above else tuple(share for share in UTILIZATIONS if share > asked)
    steps = (_step(request, f"gpuMemoryUtilization: {share}", gpu_memory_utilization=share) for share in shares)
    return Ladder(tuple(steps), monotone=not above)


def other_resource(request: PlanRequest, plan: Plan) -> Ladder:
    """gpu.resourceName of the GPU's own vendor, where the spec names another's."""
    gpu = gpu_in(request.spec)
    if gpu is None or not refuses(plan, "spec.gpu.resourceName"):
        return Ladder()
    resource = resource_of(gpu.vendor)
    changed = request.spec.gpu.model_copy(update={"resource_name": resource})
    return Ladder((_step(request, f"gpu.resourceName: {resource}", gpu=changed),))


def other_quantization(request: PlanRequest, plan: Plan) -> Ladder:
    """quantization: auto, which is what the checkpoint says, where the spec says something that cannot be."""
    if not refuses(plan, "spec.quantization"):
        return Ladder()
    return Ladder((_step(request, "quantization: auto", quantization="auto"),))


def fewer_sequences(request: PlanRequest, plan: Plan) -> Ladder:
    """maxNumSeqs: the sampler's warm-up, states of linear attention and llama.cpp's slots grow with it."""
    slots = request.spec.engine.type == "LlamaCpp"
    current = request.spec.max_num_seqs or (DEFAULT_SLOTS if slots else None)
    return Ladder(
        tuple(
            _step(request, f"maxNumSeqs: {count}", max_num_seqs=count)
            for count in (SLOTS if slots else SEQUENCES)
            if current is None or count < current
        ),
        monotone=True,
    )


def fewer_slots(request: PlanRequest, plan: Plan) -> Ladder:
    """The same for LlamaCpp only, whose KV cache is maxModelLen x slots."""
    return fewer_sequences(request, plan) if request.spec.engine.type == "LlamaCpp" else Ladder()


def shorter_context(request: PlanRequest, plan: Plan) -> Ladder:
    """maxModelLen down to SHORTEST, in numbers that people would write."""
    current = request.spec.max_model_len or plan.max_model_len
    if current is None:
        return Ladder()
    return Ladder(
        tuple(_step(request, f"maxModelLen: {length}", max_model_len=length) for length in lengths_below(current)),
        monotone=True,
    )


def context_of_use(request: PlanRequest, plan: Plan) -> Ladder:
    """The same, but no shorter than a quarter of what is asked for, or than USEFUL: beside another change a model with
    hardly any context is no way out."""
    if plan.per_gpu and plan.per_gpu.weights_gib > plan.per_gpu.budget_gib:
        return Ladder()
    asked = request.spec.max_model_len or plan.max_model_len or 0
    ladder = shorter_context(request, plan)
    least = min(asked // 4, USEFUL)
    return replace(
        ladder, steps=tuple(step for step in ladder.steps if (step.request.spec.max_model_len or 0) >= least)
    )


def lengths_below(length: int) -> tuple[int, ...]:
    """Human context lengths below ``length`` tokens, the longest first.

    Multiples of 1024 (from 32768 on of 4096, from 131072 on of 8192, from a million on of 65536), but the power of two
    where one is within a tenth below: 32768 instead of 33792.
    """
    found = [SHORTEST] if length > SHORTEST else []
    tokens = 1024
    while tokens < length:
        power = 1 << (tokens.bit_length() - 1)
        if tokens == power or power < 0.9 * tokens:
            found.append(tokens)
        tokens += next(step for below, step in _LENGTH_STEPS if tokens < below)
    return tuple(reversed(found))


_LENGTH_STEPS: tuple[tuple[float, int], ...] = (
    (32768, 1024),
    (131072, 4096),
    (1 << 20, 8192),
    (float("inf"), 65536),
)


def other_dtype(request: PlanRequest, plan: Plan) -> Ladder:
    """dtype, where the GPU lacks the type or where it is float32."""
    present = request.spec.dtype
    if request.spec.engine.type == "LlamaCpp" or not (refuses(plan, "spec.dtype") or present == "float32"):
        return Ladder()
    return Ladder(
        tuple(_step(request, f"dtype: {name}", dtype=name) for name in ("bfloat16", "half") if name != present)
    )


def smaller_kv_cache(request: PlanRequest, plan: Plan) -> Ladder:
    """kvCacheDtype in 8 bits, where the engine has it and the GPU computes with it; auto where the type is refused."""
    spec = request.spec
    if refuses(plan, "spec.kvCacheDtype"):
        return Ladder((_step(request, "kvCacheDtype: auto", kv_cache_dtype="auto"),))
    word = "q8_0" if spec.engine.type == "LlamaCpp" else "fp8"
    wide = spec.kv_cache_dtype in ("auto", "half", "bfloat16", "float16", "float32", "f16", "bf16", "f32")
    known = word in names_at(FACTS[spec.engine.type].kv_cache_dtypes, request.engine_version)
    gpu = gpu_in(spec)
    if not (wide and known and (word == "q8_0" or (gpu is not None and gpu.fp8))):
        return Ladder()
    return Ladder((_step(request, f"kvCacheDtype: {word}", kv_cache_dtype=word),))


def more_tensor(request: PlanRequest, plan: Plan) -> Ladder:
    """parallelism.tensor as a power of two up to 8. Smaller ones too: the present one may not divide the heads, and
    MIG slices do not work together at all."""
    spec = request.spec
    # A rule of the kind: LlamaCpp spreads by tensor or by pipeline, not by both.
    if spec.device == "CPU" or (spec.engine.type == "LlamaCpp" and spec.parallelism.pipeline > 1):
        return Ladder()
    refused = refuses(plan, "spec.parallelism.tensor")
    current = spec.parallelism.tensor
    return Ladder(
        tuple(
            _step(
                request,
                f"parallelism.tensor: {size}",
                parallelism=spec.parallelism.model_copy(update={"tensor": size}),
            )
            for size in TENSORS
            if size > current or (refused and size != current)
        )
    )


def bigger_gpu(request: PlanRequest, plan: Plan) -> Ladder:
    """gpu.type: current data-centre GPUs of the same vendor, the cheapest first, that hold the weights at least."""
    return _gpus(request, plan.per_gpu.weights_gib if plan.per_gpu else 0.0)


def bigger_node(request: PlanRequest, plan: Plan) -> Ladder:
    """The same, where all GPUs of a node together hold the weights."""
    weights = plan.per_gpu.weights_gib if plan.per_gpu else 0.0
    return _gpus(request, weights * request.spec.parallelism.tensor / TENSORS[-1])


def _gpus(request: PlanRequest, at_least_gib: float) -> Ladder:
    present = gpu_in(request.spec)
    if present is None:
        return Ladder()
    larger = bigger_than(present.memory_gib, present.vendor)
    return Ladder(tuple(_on(request, gpu) for gpu in larger if gpu.memory_gib > at_least_gib))


def _on(request: PlanRequest, gpu: Gpu) -> Step:
    old = request.spec.gpu
    new = on_gpu(old, gpu)
    change = f"gpu.type: {gpu.label}"
    if new.resource_name != old.resource_name:
        change += f" with gpu.resourceName: {new.resource_name}"
    if old.memory_gib is not None or old.compute_capability is not None:
        change += " without gpu.memoryGiB and gpu.computeCapability"
    return _step(request, change, gpu=new)


def on_gpu(old: GpuSpec, gpu: Gpu) -> GpuSpec:
    """spec.gpu for another product: what was said of the old one's memory is gone, and so is a MIG slice."""
    if gpu.vendor == "amd":
        return GpuSpec(type=gpu.label, resource_name=resource_of(gpu.vendor))
    whole = (
        resource_of(gpu.vendor) if old.resource_name.startswith(("nvidia.com/mig-", "amd.com/")) else old.resource_name
    )
    return GpuSpec(type=gpu.label, resource_name=whole)


def more_memory(request: PlanRequest, plan: Plan) -> Ladder:
    """resources.limits.memory, the budget of device CPU."""
    spec = request.spec
    if spec.device != "CPU":
        return Ladder()
    limits = spec.resources.limits
    present = float(amount(limits.get("memory", 0))) / GIB
    return Ladder(
        tuple(
            _step(
                request,
                f"resources.limits.memory: {size}Gi",
                resources=spec.resources.model_copy(update={"limits": {**limits, "memory": f"{size}Gi"}}),
            )
            for size in _memory_sizes()
            if size > present
        ),
        monotone=True,
    )


def _memory_sizes() -> Iterator[int]:
    """In GiB, a few per doubling."""
    yield from range(1, 16)
    yield from range(16, 64, 4)
    yield from range(64, 256, 16)
    yield from range(256, 4097, 128)


def refuses(plan: Plan, field: str) -> bool:
    """Whether this GPU or engine version cannot run what the field says."""
    return any(finding.field == field and finding.reason == UNSUPPORTED for finding in plan.findings)


def gpu_in(spec: Spec) -> Gpu | None:
    """The GPU of a spec, None on the CPU and where it is not known."""
    found = gpu_of(spec.gpu)
    return found if isinstance(found, Gpu) and spec.device == "GPU" else None


def _step(request: PlanRequest, change: str, **fields: Any) -> Step:
    return Step(change, replace(request, spec=request.spec.model_copy(update=fields)))
