"""vLLM and SGLang on device CPU: what the memory limit leaves for the KV cache.

Both would plan for the node's memory, so the operator tells them the size of the KV cache: bytes for vLLM, tokens for
SGLang. limit x gpuMemoryUtilization = weights + activations + processes + pages of files + KV cache.
"""

from dataclasses import dataclass, replace

from modelberth.api.finding import Finding
from modelberth.planner.budgets.budget import Budget, Situation, does_not_fit, gib
from modelberth.planner.budgets.cpu_profiles import PROFILES, Profile
from modelberth.planner.budgets.vllm_weights import vllm_sharding
from modelberth.planner.kv_cache import CacheType, Lengths, Pool, grouped_pool, state_bytes, token_bytes
from modelberth.planner.plan import GIB, Launch
from modelberth.planner.quantization import element_bytes, kv_element_bytes, scheme_held
from modelberth.planner.weights import Held, Sharding, Stage, stages

BLOCK_TOKENS = 128
"""vLLM's block on the CPU: https://github.com/vllm-project/vllm/blob/v0.20.0/vllm/platforms/cpu.py."""
CGROUP_SINCE = (0, 23)
"""From here on vLLM takes the memory limit less what the cgroup holds, pages of files too, for what is available
(vllm/utils/cpu_resource_utils.py, get_memory_node_info); before it saw the node's memory only."""
BYTES_SINCE = (0, 20)
"""Before, VLLM_CPU_KVCACHE_SPACE sets the size of vLLM's KV cache in whole GiB."""
SAMPLER_COPIES = 3
"""Of the float32 logits of all sequences."""
DEFAULT_SEQUENCES = 128
"""https://github.com/vllm-project/vllm/blob/v0.20.0/vllm/engine/arg_utils.py (get_batch_defaults)"""


def vllm_budget(situation: Situation) -> Budget:
    """Budget of a vLLM replica: all of its processes together."""
    shares = _shares(situation)
    each = _whole(situation, shares.kv_cache // _ranks(situation))
    return _budget(situation, shares, each, vllm_room(situation, max(each, 0)))


def sglang_budget(situation: Situation) -> Budget:
    """Budget of an SGLang replica: all of its processes together."""
    shares = _shares(situation)
    each = shares.kv_cache // _ranks(situation)
    return _budget(situation, shares, each, sglang_room(situation, max(each, 0)))


@dataclass(frozen=True)
class Room:
    """What a KV cache holds, of one data rank."""

    tokens: int
    concurrency: float
    need: int
    """Bytes of one request of maxModelLen, in all ranks."""


def vllm_room(situation: Situation, size: int) -> Room:
    """What vLLM makes of --kv-cache-memory-bytes, which each rank gets: "CPU KV cache size" of its log."""
    pool = min((_pool(situation, stage) for stage in _stages(situation)), key=lambda pool: size // pool.block_bytes)
    concurrency = size // pool.block_bytes / pool.pages_per_sequence
    need = pool.pages_per_sequence * pool.block_bytes * _ranks(situation)
    return Room(int(concurrency * situation.max_model_len), concurrency, need)


def sglang_room(situation: Situation, size: int) -> Room:
    """Tokens that fit into ``size`` bytes of each rank. Pages are of one token: SGLang takes the number as it is."""
    kind = _kind(situation)
    layers = max(_stages(situation), key=lambda stage: len(stage.layers)).layers
    cell = max(sum(token_bytes(layer.cache, kind) for layer in layers), 1)
    states = sum(state_bytes(layer.cache, kind) for layer in layers) * _sequences(situation)
    tokens = max(size - states, 0) // cell
    need = (situation.max_model_len * cell + states) * _ranks(situation)
    return Room(tokens, tokens / situation.max_model_len, need)


@dataclass(frozen=True)
class _Shares:
    """Bytes of all processes of a replica."""

    budget: int
    weights: int
    repacked: int
    """Part of the weights: copies that kernels make."""
    activation: int
    processes: int
    pages: int
    """Of files that were read: kept free for them, as they count as used when the KV cache is made."""

    @property
    def kv_cache(self) -> int:
        return self.budget - self.weights - self.activation - self.processes - self.pages


def _shares(situation: Situation) -> _Shares:
    spec, profile = situation.spec, PROFILES[situation.spec.engine.type]
    share = int(situation.memory * spec.gpu_memory_utilization)
    ranks, data = _ranks(situation), spec.parallelism.data
    checkpoint = sum(stage.weights for stage in _stages(situation)) * spec.parallelism.tensor * data
    repacked = _repacked(situation, profile, checkpoint)
    shares = _Shares(
        budget=share,
        weights=checkpoint + repacked,
        repacked=repacked,
        activation=_activation(situation, profile) * ranks,
        processes=profile.front + profile.core * data + profile.worker * ranks,
        pages=0,
    )
    if spec.engine.type == "vLLM" and situation.version < CGROUP_SINCE:
        return shares
    unread = situation.memory - shares.weights - shares.processes - checkpoint - profile.files
    return replace(shares, pages=max(shares.kv_cache - unread, 0))


def _repacked(situation: Situation, profile: Profile, checkpoint: int) -> int:
    """Copies of matrices that kernels want in another layout, and what is left of the originals."""
    model, size = situation.model, _element_bytes(situation)
    head = model.vocab_size * model.hidden_size * size * situation.spec.parallelism.data
    plain = sum(matrix.elements for matrix in (*model.embedding, *model.head)) * size * situation.spec.parallelism.data
    quantized = scheme_held(model, situation.spec.quantization).method != "none"
    share = profile.remnants_quantized if quantized else profile.remnants
    return int(profile.packed_heads * head + share * max(checkpoint - plain, 0))


def _activation(situation: Situation, profile: Profile) -> int:
    """Of one rank: the widest layer over a batch of prompts, beside the logits of all sequences."""
    spec, model = situation.spec, situation.model
    sequences = _sequences(situation)
    tokens = min(_batch_tokens(situation, profile), sequences * situation.max_model_len)
    inner = max(model.intermediate_size, model.expert_inner_dim * model.experts_per_token)
    width = profile.inner * -(-inner // spec.parallelism.tensor) + profile.hidden * model.hidden_size
    logits = SAMPLER_COPIES * sequences * model.vocab_size * 4
    return int(tokens * width * _element_bytes(situation)) + logits


def _batch_tokens(situation: Situation, profile: Profile) -> int:
    given = situation.arguments.count("--max-num-batched-tokens", "--chunked-prefill-size")
    ranks = situation.spec.parallelism.tensor * situation.spec.parallelism.pipeline
    return given or profile.batch_tokens * (ranks if situation.spec.engine.type == "vLLM" else 1)


def _sequences(situation: Situation) -> int:
    return situation.spec.max_num_seqs or DEFAULT_SEQUENCES


def _budget(situation: Situation, shares: _Shares, each: int, room: Room) -> Budget:
    spec, data = situation.spec, situation.spec.parallelism.data
    return Budget(
        budget=shares.budget,
        weights=shares.weights,
        activation=shares.activation,
        overhead=shares.processes + shares.pages,
        kv_cache=each * _ranks(situation) if each > 0 else shares.kv_cache,
        kv_tokens=room.tokens * data,
        max_concurrency=room.concurrency * data,
        launch=Launch(spec.gpu_memory_utilization, cpu_kv_bytes=max(each, 0), cpu_kv_tokens=room.tokens),
        problems=_problems(situation, shares, room),
        assumed=_assumed(situation),
    )


def _assumed(situation: Situation) -> tuple[str, ...]:
    """SGLang binds each rank to a NUMA node of its own, and stops where there are too few of them."""
    bound = situation.arguments.variable("SGLANG_CPU_OMP_THREADS_BIND")
    if situation.spec.engine.type == "vLLM" or _ranks(situation) == 1 or bound:
        return ()
    return (f"the node has {_ranks(situation)} NUMA nodes, else SGLANG_CPU_OMP_THREADS_BIND is needed",)


def _problems(situation: Situation, shares: _Shares, room: Room) -> tuple[Finding, ...]:
    pages = f"the pages of files that were read ({gib(shares.pages)}, which count as used at start)"
    if shares.kv_cache <= 0:
        repacked = f", {gib(shares.repacked)} of it repacked for kernels" if shares.repacked else ""
        taken = [
            f"weights ({gib(shares.weights)}{repacked})",
            f"the engine's processes ({gib(shares.processes + shares.activation)})",
            *([pages] if shares.pages else []),
        ]
        message = (
            f"{', '.join(taken[:-1])} and {taken[-1]} leave nothing of the memory limit for the KV cache: "
            f"{gib(-shares.kv_cache)} too much"
        )
        return (does_not_fit("spec.resources.limits", message),)
    if room.concurrency < 1:
        beside = f" beside {pages}" if shares.pages else ""
        message = (
            f"the KV cache of one request of {situation.max_model_len} tokens needs {gib(room.need)}, "
            f"{gib(shares.kv_cache)} of the memory limit is left{beside}"
            f"{'; this version takes whole GiB' if _takes_whole_gib(situation) else ''}"
        )
        return (does_not_fit("spec.maxModelLen", message),)
    return ()


def _whole(situation: Situation, size: int) -> int:
    return size // GIB * GIB if _takes_whole_gib(situation) else size


def _takes_whole_gib(situation: Situation) -> bool:
    return situation.spec.engine.type == "vLLM" and situation.version < BYTES_SINCE


def _ranks(situation: Situation) -> int:
    """Processes that hold a part of the model."""
    parallel = situation.spec.parallelism
    return parallel.tensor * parallel.pipeline * parallel.data


def _element_bytes(situation: Situation) -> int:
    return element_bytes(situation.spec.dtype)


def _stages(situation: Situation) -> tuple[Stage, ...]:
    spec, model = situation.spec, situation.model
    parallel = spec.parallelism
    whole = Sharding(parallel.tensor, parallel.tensor, pipeline=parallel.pipeline)
    held = Held(
        scheme=scheme_held(model, spec.quantization),
        element_bytes=_element_bytes(situation),
        sharding=vllm_sharding(situation) if spec.engine.type == "vLLM" else whole,
    )
    return stages(model, held)


def _kind(situation: Situation) -> CacheType:
    spec, size = situation.spec, _element_bytes(situation)
    return CacheType(spec.parallelism.tensor, kv_element_bytes(spec.kv_cache_dtype, size), size)


def _pool(situation: Situation, stage: Stage) -> Pool:
    """vLLM's pool. Batches do not overlap on the CPU: windows keep the tokens of one per pipeline stage."""
    in_flight = _batch_tokens(situation, PROFILES["vLLM"]) * situation.spec.parallelism.pipeline
    block = situation.arguments.count("--block-size") or BLOCK_TOKENS
    return grouped_pool(stage.layers, _kind(situation), Lengths(situation.max_model_len, in_flight, block))
