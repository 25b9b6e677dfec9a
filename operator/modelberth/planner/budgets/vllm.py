"""vLLM: a share of the GPU, less weights, the activation peak of a profile run and libraries, is the KV cache.

https://github.com/vllm-project/vllm/blob/v0.10.2/vllm/v1/worker/gpu_worker.py (determine_available_memory)
"""

from dataclasses import dataclass

from modelberth.api.finding import Finding
from modelberth.planner.budgets.budget import Budget, Situation, does_not_fit, gib
from modelberth.planner.budgets.vllm_cache import pool_of, separate_states, stage_shares, tokens_of
from modelberth.planner.budgets.vllm_profiling import Run, run_of
from modelberth.planner.budgets.vllm_weights import drafts, loading_peak, stages_of
from modelberth.planner.compressed_cache import is_compressed
from modelberth.planner.kv_cache import Pool
from modelberth.planner.overheads import activation_bytes, device_class, graph_bytes, overhead_bytes
from modelberth.planner.plan import Launch
from modelberth.planner.weights import Stage

GRAPHS_COUNTED_SINCE = (0, 21)
"""CUDA graphs are estimated and taken off the budget: https://github.com/vllm-project/vllm/releases/tag/v0.21.0."""
FREE_CHECKED_SINCE = (0, 8)
LEAST_CONTEXT = 240 * 2**20
"""A fresh CUDA context takes at least so much of the memory that the driver tells (A10: 22.06 of which 21.83 free)."""


@dataclass(frozen=True)
class _Share:
    """One stage's part of the budget, in bytes."""

    stage: Stage
    activation: int
    overhead: int
    left: int
    block_bytes: int

    @property
    def blocks(self) -> int:
        return max(self.left // self.block_bytes, 0)


def budget(situation: Situation) -> Budget:
    """Budget of the pipeline stage that has room for the fewest blocks: vLLM gives every stage as many."""
    run = run_of(situation)
    found = stages_of(situation)
    layers = tuple(layer for stage in found for layer in stage.layers)
    pool = pool_of(situation, layers, run)
    parts = stage_shares(situation, found, run)
    shares = [
        _share(situation, stage, run, max(int(pool.block_bytes * part), 1))
        for stage, part in zip(found, parts, strict=True)
    ]
    fullest = min(shares, key=lambda share: (share.blocks, share.left))
    return _budget(situation, fullest, pool)


def _share(situation: Situation, stage: Stage, run: Run, block_bytes: int) -> _Share:
    spec, model = situation.spec, situation.model
    share = int(situation.memory * spec.gpu_memory_utilization)
    activation = activation_bytes(model, run.batch, run.profile)
    overhead = overhead_bytes(run.profile, _together(situation), situation.gpu)
    overhead += separate_states(situation, stage.layers, run)
    if _graphs_counted(situation) and not run.eager:
        overhead += graph_bytes(model, run.profile)
    fixed = situation.arguments.count("--kv-cache-memory-bytes")
    left = fixed if fixed is not None else share - stage.weights - activation - overhead
    return _Share(stage, activation, overhead, left, block_bytes)


def _together(situation: Situation) -> int:
    """GPUs that collectives join. Data ranks are on their own, unless they share experts."""
    parallel = situation.spec.parallelism
    return parallel.tensor * parallel.pipeline * (parallel.data if situation.model.experts else 1)


def _graphs_counted(situation: Situation) -> bool:
    chosen = situation.arguments.variable("VLLM_MEMORY_PROFILER_ESTIMATE_CUDAGRAPHS")
    return chosen == "1" if chosen is not None else situation.version >= GRAPHS_COUNTED_SINCE


def _budget(situation: Situation, share: _Share, pool: Pool) -> Budget:
    chosen = _chosen_blocks(situation)
    blocks = chosen or share.blocks
    concurrency = blocks / pool.pages_per_sequence
    data = situation.spec.parallelism.data
    return Budget(
        budget=int(situation.memory * situation.spec.gpu_memory_utilization),
        weights=share.stage.weights,
        activation=share.activation,
        overhead=share.overhead,
        kv_cache=chosen * share.block_bytes if chosen else share.left,
        kv_tokens=tokens_of(situation, pool, blocks) * data,
        max_concurrency=concurrency * data,
        launch=Launch(memory_fraction=situation.spec.gpu_memory_utilization),
        problems=_problems(situation, share, pool, concurrency),
        assumed=_assumed(situation),
    )


def _chosen_blocks(situation: Situation) -> int | None:
    return situation.arguments.count("--num-gpu-blocks-override")


def _assumed(situation: Situation) -> tuple[str, ...]:
    found = []
    if drafts(situation) and not situation.model.drafter:
        found.append("the drafter is taken as one layer like the last")
    if is_compressed(situation.model.layers):
        found.append("the KV cache of compressed attention is known from few logs")
    return tuple(found)


def _problems(situation: Situation, share: _Share, pool: Pool, concurrency: float) -> tuple[Finding, ...]:
    """Why vLLM would not start, in the order in which it would find out."""
    spec = situation.spec
    field = "spec.gpuMemoryUtilization"
    unused = situation.memory - int(situation.memory * spec.gpu_memory_utilization)
    checks_free = situation.version >= FREE_CHECKED_SINCE and device_class(situation.gpu) == "cuda"
    peak, chosen = loading_peak(situation), _chosen_blocks(situation)
    need = pool.pages_per_sequence * share.block_bytes
    if checks_free and unused < LEAST_CONTEXT:
        message = f"vLLM refuses to start where less than its share is free, and the driver takes {gib(LEAST_CONTEXT)}"
    elif peak > situation.memory:
        field = "spec.quantization"
        message = f"the model is loaded before it is quantized, and takes {gib(peak)} then"
    elif share.left <= 0:
        share_of = f"{spec.gpu_memory_utilization:g} of the GPU"
        message = f"weights, activations and overheads exceed {share_of} by {gib(-share.left)}: no KV cache is left"
    elif chosen is not None and (chosen * share.block_bytes > share.left + unused or concurrency < 1):
        field = "spec.engine.args"
        against = f"one request needs {gib(need)}" if concurrency < 1 else f"{gib(share.left)} is left"
        message = f"--num-gpu-blocks-override {chosen} makes a KV cache of {gib(chosen * share.block_bytes)}, {against}"
    elif concurrency < 1:
        field = "spec.maxModelLen"
        tokens = situation.max_model_len
        message = f"the KV cache of one request of {tokens} tokens needs {gib(need)}, {gib(share.left)} is left"
    else:
        return ()
    return (does_not_fit(field, message),)
