"""vLLM's KV pool by version: what a block is, how many a request takes, and which tokens vLLM says it has."""

from modelberth.planner.budgets.budget import Situation
from modelberth.planner.budgets.vllm_profiling import Run
from modelberth.planner.compressed_cache import compressed_pool, is_compressed
from modelberth.planner.kv_cache import (
    BLOCK_TOKENS,
    CacheType,
    Lengths,
    Pool,
    full_pool,
    grouped_pool,
    state_bytes,
    token_bytes,
)
from modelberth.planner.model import Layer
from modelberth.planner.quantization import kv_element_bytes
from modelberth.planner.weights import Stage

GROUPS_SINCE = (0, 9, 2)
"""The hybrid KV cache manager: https://github.com/vllm-project/vllm/pull/13296."""
STATES_CACHED_SINCE = (0, 14)
"""Prefixes of models with states are cached too, which takes two states of a sequence (mamba_cache_mode align)."""
TOKENS_BY_CONCURRENCY_SINCE = (0, 20, 1)
"""The log's "KV cache size" is concurrency x max_model_len; before it was the blocks of one group of layers."""
IN_FLIGHT_SINCE = (0, 22)
"""Sliding windows are reserved for two batches: one runs while the next is scheduled."""


def pool_of(situation: Situation, layers: tuple[Layer, ...], run: Run) -> Pool:
    """The pool of all layers, on one GPU of a single stage."""
    lengths = Lengths(
        longest=situation.max_model_len,
        in_flight=run.batch.tokens * (2 if situation.version >= IN_FLIGHT_SINCE else 1),
        block=situation.arguments.count("--block-size") or BLOCK_TOKENS,
        state_pages=2 if situation.version >= STATES_CACHED_SINCE and _caches_prefixes(situation) else 1,
    )
    if is_compressed(layers):
        return compressed_pool(layers, lengths)
    make = grouped_pool if run.v1 and situation.version >= GROUPS_SINCE else full_pool
    return make(layers, cache_type(situation, run), lengths)


def cache_type(situation: Situation, run: Run) -> CacheType:
    """How keys, values and states are stored."""
    spec = situation.spec
    return CacheType(
        tensor=spec.parallelism.tensor,
        element_bytes=kv_element_bytes(spec.kv_cache_dtype, run.batch.element_bytes),
        element_size=run.batch.element_bytes,
        packed_latent=_packs_latent(situation),
    )


def stage_shares(situation: Situation, stages: tuple[Stage, ...], run: Run) -> list[float]:
    """The part of a block's bytes that lies in each pipeline stage."""
    if len(stages) == 1:
        return [1.0]
    kind = cache_type(situation, run)
    sizes = [
        sum(token_bytes(layer.cache, kind) or state_bytes(layer.cache, kind) for layer in stage.layers)
        for stage in stages
    ]
    return [size / max(sum(sizes), 1) for size in sizes]


def separate_states(situation: Situation, layers: tuple[Layer, ...], run: Run) -> int:
    """Bytes of states outside of the pool: V0 kept one for every sequence that may run."""
    if run.v1:
        return 0
    kind = cache_type(situation, run)
    return run.batch.sequences * sum(state_bytes(layer.cache, kind) for layer in layers)


def tokens_of(situation: Situation, pool: Pool, blocks: int) -> int:
    """ "GPU KV cache size" as vLLM logs it."""
    if situation.version >= TOKENS_BY_CONCURRENCY_SINCE:
        return int(blocks / pool.pages_per_sequence * situation.max_model_len)
    return blocks // pool.group_count * pool.block_tokens


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
