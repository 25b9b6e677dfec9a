"""vLLM: a share of the GPU, less weights, the activation peak of a profile run and libraries, is the KV cache.

https://github.com/vllm-project/vllm/blob/v0.10.2/vllm/v1/worker/gpu_worker.py (determine_available_memory)
"""

from dataclasses import dataclass, replace

from modelberth.api.finding import Finding
from modelberth.planner.budgets.budget import Budget, Situation, does_not_fit, gib
from modelberth.planner.kv_cache import BLOCK_TOKENS, CacheType, Lengths, Pool, full_pool, grouped_pool
from modelberth.planner.overheads import (
    Batch,
    Profile,
    activation_bytes,
    device_class,
    graph_bytes,
    image_tokens,
    overhead_bytes,
)
from modelberth.planner.plan import Launch
from modelberth.planner.quantization import element_bytes, kv_element_bytes, scheme_held
from modelberth.planner.weights import Held, Sharding, Stage, absorbed_bytes, lora_bytes, stages

GROUPS_SINCE = (0, 9, 2)
"""The hybrid KV cache manager: https://github.com/vllm-project/vllm/pull/13296."""
GRAPHS_COUNTED_SINCE = (0, 21)
"""CUDA graphs are estimated and taken off the budget, and "KV cache size" is concurrency x max_model_len."""
IN_FLIGHT_SINCE = (0, 22)
"""Sliding windows are reserved for two batches: one runs while the next is scheduled."""
STATES_CACHED_SINCE = (0, 14)
"""Prefixes of models with states are cached too, which takes two states of a sequence (mamba_cache_mode align)."""
SECTIONED_ROPE = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_5", "qwen2_5_omni", "qwen3_omni", "glm4v")
"""Families with rotary embeddings in sections (mrope)."""
LONG_ROPE_SINCE = (0, 7, 2)
"""Their tables are four times as long, for videos: https://github.com/vllm-project/vllm/pull/12604."""
ABSORBED_SINCE, ABSORBED_UNTIL = (0, 7, 1), (0, 8)
LARGE_GPU = 70 * 2**30
"""Larger batches are the default from here on: https://github.com/vllm-project/vllm/pull/15150."""
LONG_CONTEXT = 32 * 1024
"""V0 turns chunked prefill on above it."""
CONTEXT_BYTES = 2**29
"""Free memory that a fresh CUDA context leaves is so much less than the total."""


def budget(situation: Situation) -> Budget:
    """Budget of the pipeline stage that has room for the fewest blocks."""
    found = [_stage_budget(situation, stage) for stage in _stages(situation)]
    return min(found, key=lambda budget: (not budget.problems, budget.kv_tokens))


def _stages(situation: Situation) -> tuple[Stage, ...]:
    held = _held(situation)
    more = _more_weights(situation, held)
    found = stages(situation.model, held)
    return tuple(replace(stage, weights=max(stage.weights + more, 0)) for stage in found)


def _held(situation: Situation) -> Held:
    spec, model = situation.spec, situation.model
    parallel = spec.parallelism
    sharding = Sharding(
        tensor=parallel.tensor,
        attention=parallel.tensor,
        experts=parallel.tensor * parallel.data if situation.arguments.given("--enable-expert-parallel") else 1,
        pipeline=parallel.pipeline,
    )
    scheme = scheme_held(model, spec.quantization)
    padded = scheme.method == "mxfp4"
    return Held(
        scheme=scheme,
        element_bytes=element_bytes(spec.dtype, model.dtype),
        sharding=sharding,
        rope_copies=4 if situation.version >= LONG_ROPE_SINCE and model.model_type.startswith(SECTIONED_ROPE) else 1,
        hidden_multiple=256 if padded else 1,
        inner_multiple=128 if padded else 1,
    )


def _more_weights(situation: Situation, held: Held) -> int:
    """Adapters and absorbed projections beside a stage's weights, less what is moved to the host."""
    arguments = situation.arguments
    more = -int((arguments.number("--cpu-offload-gb") or 0) * 2**30)
    if arguments.given("--enable-lora"):
        more += lora_bytes(
            situation.model, held, arguments.count("--max-loras") or 1, arguments.count("--max-lora-rank") or 16
        )
    if ABSORBED_SINCE <= situation.version < ABSORBED_UNTIL:
        more += absorbed_bytes(situation.model, held)
    return more


def _stage_budget(situation: Situation, stage: Stage) -> Budget:
    run = run_of(situation)
    spec, model = situation.spec, situation.model
    share = int(situation.memory * spec.gpu_memory_utilization)
    activation = activation_bytes(model, run.batch, run.profile)
    overhead = overhead_bytes(run.profile, spec.parallelism.tensor * spec.parallelism.pipeline, situation.gpu)
    graphs = 0 if run.eager else graph_bytes(model, run.profile)
    if situation.version >= GRAPHS_COUNTED_SINCE:
        overhead += graphs
    fixed = situation.arguments.count("--kv-cache-memory-bytes")
    left = fixed if fixed is not None else share - stage.weights - activation - overhead
    pool = _pool(situation, stage, run)
    blocks = max(left // pool.block_bytes, 0)
    concurrency = blocks / pool.pages_per_sequence
    data = spec.parallelism.data
    return Budget(
        budget=share,
        weights=stage.weights,
        activation=activation,
        overhead=overhead,
        kv_cache=left,
        kv_tokens=_tokens(situation, pool, blocks) * data,
        max_concurrency=concurrency * data,
        launch=Launch(memory_fraction=spec.gpu_memory_utilization),
        problems=_problems(situation, left, pool, concurrency),
    )


@dataclass(frozen=True)
class Run:
    """How this version profiles itself."""

    v1: bool
    eager: bool
    batch: Batch
    profile: Profile


def run_of(situation: Situation) -> Run:
    v1 = _is_v1(situation)
    spec = situation.spec
    large = situation.memory >= LARGE_GPU and not _is_small(situation)
    sequences = spec.max_num_seqs or (1024 if v1 and large and situation.version >= (0, 8, 3) else 256)
    tokens = situation.arguments.count("--max-num-batched-tokens") or _default_tokens(situation, v1, large)
    batch = Batch(
        tokens=tokens,
        sequences=min(sequences, tokens),
        element_bytes=element_bytes(spec.dtype, situation.model.dtype),
        tensor=spec.parallelism.tensor,
        whole_experts=situation.arguments.given("--enable-expert-parallel"),
        images=_sees(situation),
    )
    profile = situation.profiles.of("vLLM", situation.gpu, situation.version)
    return Run(v1, situation.arguments.given("--enforce-eager"), batch, profile)


def _is_v1(situation: Situation) -> bool:
    """V1 is the default from 0.8 on, and all there is from 0.11 on."""
    if situation.version >= (0, 11):
        return True
    chosen = situation.arguments.variable("VLLM_USE_V1")
    if chosen is not None:
        return chosen == "1"
    capability = situation.gpu.compute_capability if situation.gpu else None
    return situation.version >= (0, 8) and (capability is None or capability >= (8, 0))


def _sees(situation: Situation) -> bool:
    """Whether images are profiled: not in text-only mode, nor with a limit of no image.

    Before 0.7 an image that is longer than the context was left out.
    """
    limits = situation.arguments.record("--limit-mm-per-prompt")
    if situation.arguments.given("--language-model-only") or limits.get("image") == 0:
        return False
    return situation.version >= (0, 7) or image_tokens(situation.model.model_type) <= situation.max_model_len


def _is_small(situation: Situation) -> bool:
    """A100 have the batches of small GPUs since 0.9.1, and those whose memory the driver does not tell (GB10)."""
    if device_class(situation.gpu) == "unified":
        return True
    return situation.version >= (0, 9, 1) and situation.gpu is not None and "A100" in situation.gpu.label


def _default_tokens(situation: Situation, v1: bool, large: bool) -> int:
    if v1:
        return 8192 if large else 2048
    if situation.max_model_len > LONG_CONTEXT and not situation.model.multimodal:
        return 2048
    return max(situation.max_model_len, 5120 if situation.model.multimodal else 2048)


def _pool(situation: Situation, stage: Stage, run: Run) -> Pool:
    spec = situation.spec
    kind = CacheType(
        tensor=spec.parallelism.tensor,
        element_bytes=kv_element_bytes(spec.kv_cache_dtype, run.batch.element_bytes),
        element_size=run.batch.element_bytes,
        packed_latent=_packs_latent(situation),
    )
    lengths = Lengths(
        longest=situation.max_model_len,
        in_flight=run.batch.tokens * (2 if situation.version >= IN_FLIGHT_SINCE else 1),
        block=situation.arguments.count("--block-size") or BLOCK_TOKENS,
        state_pages=2 if situation.version >= STATES_CACHED_SINCE and _caches_prefixes(situation) else 1,
    )
    if run.v1 and situation.version >= GROUPS_SINCE:
        return grouped_pool(stage.layers, kind, lengths)
    return full_pool(stage.layers, kind, lengths)


def _packs_latent(situation: Situation) -> bool:
    """DeepSeek V3.2's own layout of fp8, which was the only one before 0.26; 0.11 took it unasked.

    https://github.com/vllm-project/vllm/blob/v0.13.0/vllm/model_executor/models/config.py (DeepseekV32ForCausalLM)
    """
    dtype = situation.spec.kv_cache_dtype
    if dtype == "auto":
        return situation.version < (0, 12)
    return dtype == "fp8_ds_mla" or (dtype.startswith("fp8") and situation.version < (0, 26))


def _caches_prefixes(situation: Situation) -> bool:
    return not situation.arguments.given("--no-enable-prefix-caching")


def _tokens(situation: Situation, pool: Pool, blocks: int) -> int:
    """ "GPU KV cache size" as vLLM logs it."""
    if situation.version >= GRAPHS_COUNTED_SINCE:
        return int(blocks / pool.pages_per_sequence * situation.max_model_len)
    return blocks // pool.group_count * pool.block_tokens


def _problems(situation: Situation, left: int, pool: Pool, concurrency: float) -> tuple[Finding, ...]:
    if left <= 0:
        return (
            does_not_fit(
                "spec.gpuMemoryUtilization",
                f"weights, activations and overheads exceed {situation.spec.gpu_memory_utilization:g} of the GPU by "
                f"{gib(-left)}: nothing is left for the KV cache",
            ),
        )
    if concurrency < 1:
        need = pool.pages_per_sequence * pool.block_bytes
        return (
            does_not_fit(
                "spec.maxModelLen",
                f"the KV cache of one request of {situation.max_model_len} tokens needs {gib(need)}, "
                f"{gib(left)} is left",
            ),
        )
    return ()
