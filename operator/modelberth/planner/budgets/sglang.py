"""SGLang: a static share of the GPU holds weights and KV pool; activations and CUDA graphs live in the rest.

pool = free after loading - free before loading x (1 - mem_fraction_static)
https://github.com/sgl-project/sglang/blob/v0.5.4/python/sglang/srt/model_executor/model_runner.py
(profile_max_num_token)
"""

from dataclasses import dataclass

from modelberth.api.finding import Finding
from modelberth.planner.budgets.budget import Budget, Situation, does_not_fit, gib
from modelberth.planner.kv_cache import CacheType, state_bytes, token_bytes
from modelberth.planner.model import AttentionCache, Layer
from modelberth.planner.overheads import Batch, activation_bytes, device_class, graph_bytes, overhead_bytes
from modelberth.planner.plan import Launch
from modelberth.planner.quantization import element_bytes, kv_element_bytes, scheme_held
from modelberth.planner.weights import Held, Sharding, Stage, stages

STATE_RATIO = 0.9
"""Memory of Mamba states beside that of the KV cache: --mamba-full-memory-ratio."""
WINDOW_RATIO = 0.8
"""Tokens of sliding-window layers beside those of full attention: --swa-full-tokens-ratio."""
WINDOW_POOLS_SINCE = (0, 5)
_ONE_POOL = ("gemma2", "gemma3", "mistral", "phi3", "qwen2")
"""Families whose sliding windows share the pool of full attention."""
_SHARING = ("gemma3n", "gemma4")
"""Families whose layers share caches: SGLang makes one for each of them all the same."""

SHORT_KV_CACHE = "ShortKvCache"
"""Reason of a finding: no request of maxModelLen tokens fits, although SGLang starts."""

REQUESTS = (2048, 4096)
"""That may run at once, at least and at most (init_memory_pool in the file above)."""
AITER_PARTITION = 256

_PREFILL = ((35, 2048), (60, 4096), (160, 8192))
_PREFILL_LARGE = 16384
"""Chunks of prefill by memory in GiB.
https://github.com/sgl-project/sglang/blob/v0.5.4/python/sglang/srt/server_args.py (_handle_gpu_memory_settings)"""


def budget(situation: Situation) -> Budget:
    """Budget of the pipeline stage that has room for the fewest tokens."""
    found = [_stage_budget(situation, stage) for stage in _stages(situation)]
    return min(found, key=lambda budget: (budget.kv_tokens, budget.kv_cache))


def _attention_gpus(situation: Situation) -> int:
    """GPUs that share an attention layer: with data-parallel attention each data rank has its own part of them."""
    parallel = situation.spec.parallelism
    if situation.arguments.given("--enable-dp-attention"):
        return max(parallel.tensor // parallel.data, 1)
    return parallel.tensor


def _stages(situation: Situation) -> tuple[Stage, ...]:
    spec = situation.spec
    experts = situation.arguments.count("--ep-size", "--expert-parallel-size", "--ep") or 1
    sharding = Sharding(
        tensor=spec.parallelism.tensor,
        attention=_attention_gpus(situation),
        experts=min(experts, spec.parallelism.tensor),
        pipeline=spec.parallelism.pipeline,
    )
    held = Held(
        scheme=scheme_held(situation.model, spec.quantization),
        element_bytes=element_bytes(spec.dtype),
        sharding=sharding,
    )
    return stages(situation.model, held)


@dataclass(frozen=True)
class _Shares:
    """What takes memory besides weights and pool, in bytes."""

    context: int
    """Taken before weights are loaded."""
    loading: int
    """Buffers of collectives, which come while weights are loaded: SGLang logs them as weights."""
    activation: int
    graphs: int
    requests: int
    """Tables for every request that may run."""
    fraction: float
    """mem_fraction_static."""

    @property
    def outside(self) -> int:
        """What lives outside of the static share."""
        return self.activation + self.graphs + self.requests


def _shares(situation: Situation, stage: Stage) -> _Shares:
    spec, model = situation.spec, situation.model
    profile = situation.profiles.of("SGLang", situation.gpu, situation.version)
    context = overhead_bytes(profile, 1, situation.gpu)
    gpus = spec.parallelism.tensor * spec.parallelism.pipeline
    loading = overhead_bytes(profile, gpus, situation.gpu) - context
    activation = activation_bytes(model, _batch(situation), profile)
    graphs = 0 if situation.arguments.given("--disable-cuda-graph") else graph_bytes(model, profile)
    fraction = situation.memory_fraction
    most = int((situation.memory * (fraction or 1) - stage.weights) / _cell(situation, stage.layers))
    requests = _requests(situation, most) * _request_bytes(situation)
    if fraction is None:
        rest = (activation + graphs + requests) / situation.memory
        fraction = round(max(spec.gpu_memory_utilization - rest, 0.01), 4)
    return _Shares(context, loading, activation, graphs, requests, fraction)


def _requests(situation: Situation, tokens: int) -> int:
    """Requests that may run at once, by the tokens of the pool at most."""
    if situation.spec.max_num_seqs is not None:
        return situation.spec.max_num_seqs
    few, many = REQUESTS
    return min(max(tokens * 512 // situation.max_model_len, few), many)


def _request_bytes(situation: Situation) -> int:
    """A row of the table of token places and, on AMD, a workspace of the attention kernel.

    https://github.com/sgl-project/sglang/blob/v0.5.4/python/sglang/srt/layers/attention/aiter_backend.py
    """
    places = 4 * situation.max_model_len
    cache = next((layer.cache for layer in situation.model.layers if isinstance(layer.cache, AttentionCache)), None)
    if cache is None or device_class(situation.gpu) != "rocm":
        return places
    heads = -(-situation.model.attention_heads // _attention_gpus(situation))
    return places + heads * -(-situation.max_model_len // AITER_PARTITION) * (cache.value_dim + 2) * 4


def _batch(situation: Situation) -> Batch:
    spec = situation.spec
    memory = situation.memory / 2**30
    tokens = next((tokens for limit, tokens in _PREFILL if memory < limit), _PREFILL_LARGE)
    return Batch(
        tokens=situation.arguments.count("--chunked-prefill-size") or tokens,
        sequences=spec.max_num_seqs or 256,
        element_bytes=element_bytes(spec.dtype),
        tensor=spec.parallelism.tensor,
    )


def _stage_budget(situation: Situation, stage: Stage) -> Budget:
    shares = _shares(situation, stage)
    free = situation.memory - shares.context
    rest = int(free * shares.fraction) - stage.weights - shares.loading
    layers = stage.layers
    states = _states(situation, layers, rest)
    left = rest - states
    tokens = max(int(left / _cell(situation, layers)), 0)
    data = situation.spec.parallelism.data
    share = int(situation.memory * shares.fraction) + shares.outside
    return Budget(
        budget=share,
        weights=stage.weights,
        activation=shares.activation,
        overhead=share - shares.activation - stage.weights - left,
        kv_cache=left,
        kv_tokens=tokens * data,
        max_concurrency=tokens / situation.max_model_len * data,
        launch=Launch(memory_fraction=shares.fraction),
        problems=_problems(situation, shares, left) or _short(situation, tokens, asked=True),
        warnings=_short(situation, tokens, asked=False) if left > 0 else (),
    )


def _kind(situation: Situation) -> CacheType:
    spec = situation.spec
    size = element_bytes(spec.dtype)
    return CacheType(
        tensor=_attention_gpus(situation),
        element_bytes=kv_element_bytes(spec.kv_cache_dtype, size),
        element_size=size,
        packed_latent=_packs_latent(situation),
        default_state_bytes=4,
    )


def _packs_latent(situation: Situation) -> bool:
    """Sparse attention of DeepSeek V3.2 keeps its cache in fp8 on Blackwell, unless it is told otherwise.

    https://github.com/sgl-project/sglang/blob/v0.5.4/python/sglang/srt/server_args.py
    """
    dtype = situation.spec.kv_cache_dtype
    capability = situation.gpu.compute_capability if situation.gpu else None
    return dtype.startswith("fp8") or (dtype == "auto" and capability is not None and capability >= (10, 0))


def _cell(situation: Situation, layers: tuple[Layer, ...]) -> float:
    """Bytes that one token of the pool takes in all layers."""
    kind = _kind(situation)
    pools = situation.version >= WINDOW_POOLS_SINCE and not situation.model.model_type.startswith(_ONE_POOL)
    full = sum(token_bytes(layer.cache, kind) for layer in layers if not _window(layer))
    windows = sum(token_bytes(layer.cache, kind) for layer in layers if _window(layer))
    cell = full + windows * (WINDOW_RATIO if pools and full else 1)
    if situation.model.model_type.startswith(_SHARING):
        cell *= len(layers) / max(sum(layer.cache is not None for layer in layers), 1)
    return max(cell, 1)


def _window(layer: Layer) -> int:
    return (layer.cache.window or 0) if isinstance(layer.cache, AttentionCache) else 0


def _states(situation: Situation, layers: tuple[Layer, ...], rest: int) -> int:
    """Bytes of the pool of Mamba states."""
    kind = _kind(situation)
    per_sequence = sum(state_bytes(layer.cache, kind) for layer in layers)
    if not per_sequence or rest <= 0:
        return 0
    ratio = situation.arguments.number("--mamba-full-memory-ratio") or STATE_RATIO
    slots = situation.arguments.count("--max-mamba-cache-size")
    return slots * per_sequence if slots is not None else int(rest * ratio / (1 + ratio))


def _problems(situation: Situation, shares: _Shares, left: int) -> tuple[Finding, ...]:
    if left <= 0:
        message = f"weights and overheads leave nothing for the KV cache: {gib(-left)} too much"
        return (does_not_fit("spec.gpuMemoryUtilization", message),)
    if shares.requests > situation.memory * (1 - shares.fraction):
        message = f"tables for requests of this length take {gib(shares.requests)} besides the KV cache"
        return (does_not_fit("spec.maxModelLen", message),)
    return ()


def _short(situation: Situation, tokens: int, *, asked: bool) -> tuple[Finding, ...]:
    """SGLang starts with less KV cache than a request may need, and refuses such requests.

    Whoever asked for that length must not find out so; of the model's own length it is worth a warning.
    """
    if tokens >= situation.max_model_len or asked is not (situation.spec.max_model_len is not None):
        return ()
    message = f"the KV cache holds {tokens} tokens: requests longer than that would be refused"
    return (Finding("spec.maxModelLen", message, SHORT_KV_CACHE),)
