"""KV cache: bytes per token and per sequence of each layer, and how vLLM puts layers of several kinds into one pool."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from modelberth.planner.model import AttentionCache, Cache, LatentCache, Layer, StateCache

FP8_LATENT_BYTES = 656
"""A token of DeepSeek's sparse attention in fp8: 512 values, 16 bytes of scales, 64 rotary values in 16 bit.
https://github.com/vllm-project/vllm/blob/v0.11.0/vllm/attention/backends/mla (fp8_ds_mla)"""
INDEX_SCALE_BYTES = 4
"""The indexer's key is fp8 with a float32 scale per 128 values."""
INDEX_GROUP = 128

BLOCK_TOKENS = 16
"""Tokens of a block, on vLLM's CUDA and ROCm platforms."""


@dataclass(frozen=True)
class CacheType:
    """How cached values are stored, and over how many GPUs."""

    tensor: int
    element_bytes: float
    """Of a key or value: 2, or 1 for fp8."""
    element_size: int
    """Of an element of a convolution state: the model's own type."""
    packed_latent: bool = False
    """Latent caches beside an indexer have DeepSeek's fp8 layout."""
    default_state_bytes: int | None = None
    """Of an element of a recurrent state whose type config.json does not tell; None: as the model says."""


def token_bytes(cache: Cache | None, kind: CacheType) -> int:
    """Bytes that one token adds to a layer on one GPU; 0 for states."""
    match cache:
        case AttentionCache():
            heads = -(-cache.kv_heads // kind.tensor)
            return int(heads * (cache.key_dim + cache.value_dim) * kind.element_bytes) + index_bytes(cache)
        case LatentCache():
            packed = kind.packed_latent and cache.index_dim > 0
            latent = FP8_LATENT_BYTES if packed else int(cache.dim * kind.element_bytes)
            return (latent // cache.tokens if cache.tokens else 0) + index_bytes(cache)
        case _:
            return 0


def index_bytes(cache: AttentionCache | LatentCache) -> int:
    """Bytes of the sparse-attention indexer's key of one token."""
    if not cache.index_dim:
        return 0
    return (cache.index_dim + blocks(cache.index_dim, INDEX_GROUP) * INDEX_SCALE_BYTES) // cache.index_tokens


def state_bytes(cache: Cache | None, kind: CacheType) -> int:
    """Bytes that one sequence takes in a layer with a state, on one GPU."""
    if not isinstance(cache, StateCache):
        return 0
    recurrent = kind.default_state_bytes if cache.ssm_default and kind.default_state_bytes else cache.ssm_bytes
    convolution = blocks(cache.conv_elements, kind.tensor) * kind.element_size
    return convolution + blocks(cache.ssm_elements, kind.tensor) * recurrent


@dataclass(frozen=True)
class Group:
    """Layers of one kind that share a block table."""

    pages: int
    """Blocks that a sequence of the longest length takes."""
    count: int = 1
    """So many groups of the kind."""


@dataclass(frozen=True)
class Pool:
    """vLLM's pool: blocks of one size, each of which belongs to one group of layers."""

    block_bytes: int
    block_tokens: int
    groups: tuple[Group, ...]

    @property
    def pages_per_sequence(self) -> int:
        """Blocks that one sequence of the longest length takes in all groups."""
        return max(sum(group.pages * group.count for group in self.groups), 1)

    @property
    def group_count(self) -> int:
        return sum(group.count for group in self.groups)


@dataclass(frozen=True)
class Lengths:
    """What decides how many blocks a sequence takes."""

    longest: int
    """maxModelLen, in tokens."""
    in_flight: int = 0
    """Tokens scheduled at once, which sliding windows keep besides the window."""
    block: int = BLOCK_TOKENS
    alignment: int = BLOCK_TOKENS
    """Step in which blocks grow to the size of a state."""
    state_pages: int = 1
    """Blocks of states that a sequence takes: one more where prefixes are cached."""


def full_pool(layers: Iterable[Layer], kind: CacheType, lengths: Lengths) -> Pool:
    """Every layer keeps every token: vLLM before 0.9.2."""
    per_token = sum(token_bytes(layer.cache, kind) for layer in layers)
    return Pool(max(per_token * lengths.block, 1), lengths.block, (Group(blocks(lengths.longest, lengths.block)),))


def grouped_pool(layers: Iterable[Layer], kind: CacheType, lengths: Lengths) -> Pool:
    """vLLM's hybrid KV cache manager: groups of as many layers as the rarest kind has, all with pages of one size.

    https://github.com/vllm-project/vllm/blob/v0.10.2/vllm/v1/core/kv_cache_utils.py
    """
    counts = Counter(layer.cache for layer in layers if layer.cache is not None)
    states = [cache for cache in counts if isinstance(cache, StateCache)]
    others = [cache for cache in counts if not isinstance(cache, StateCache)]
    if not states and len({_window(cache) for cache in others}) <= 1:
        return _one_group(counts, kind, lengths)
    block = _block_tokens(states, others, kind, lengths)
    per_token: dict[Cache, int] = {cache: token_bytes(cache, kind) for cache in others}
    page = max([*(size * block for size in per_token.values()), *(state_bytes(cache, kind) for cache in states)])
    fewest, most = min(counts.values()), max(counts.values())
    # https://github.com/vllm-project/vllm/pull/24338: little padding is better than many groups.
    size = most if most < fewest * 1.5 else fewest
    groups = tuple(
        Group(_pages(cache, _fitting_block(page, per_token.get(cache, 0), block), lengths), blocks(count, size))
        for cache, count in counts.items()
    )
    return Pool(page * size, block, groups)


def _one_group(counts: Mapping[Cache, int], kind: CacheType, lengths: Lengths) -> Pool:
    per_token = sum(token_bytes(cache, kind) * count for cache, count in counts.items())
    pages = max((_pages(cache, lengths.block, lengths) for cache in counts), default=1)
    return Pool(max(per_token * lengths.block, 1), lengths.block, (Group(pages),))


def _block_tokens(states: Iterable[Cache], others: Iterable[Cache], kind: CacheType, lengths: Lengths) -> int:
    """A block of attention holds at least one state.

    https://github.com/vllm-project/vllm/blob/v0.10.2/vllm/model_executor/models/config.py
    (HybridAttentionMambaModelConfig)
    """
    per_token = max((token_bytes(cache, kind) for cache in others), default=0)
    state = max((state_bytes(cache, kind) for cache in states), default=0)
    if not per_token:
        return lengths.block
    return max(lengths.block, lengths.alignment * blocks(state, lengths.alignment * per_token))


def _fitting_block(page: int, per_token: int, block: int) -> int:
    """Kinds with small tokens put more of them into a page, where they fill it without a rest."""
    own = per_token * block
    return block * (page // own) if own and page % own == 0 else block


def _pages(cache: Cache, block: int, lengths: Lengths) -> int:
    if isinstance(cache, StateCache):
        return lengths.state_pages
    window = _window(cache)
    if window is None:
        return blocks(lengths.longest, block)
    # One more, as a window need not begin where a block does.
    return blocks(min(window - 1 + lengths.in_flight, lengths.longest), block) + 1


def _window(cache: Cache) -> int | None:
    return cache.window if isinstance(cache, AttentionCache) else None


def blocks(amount: int, size: int) -> int:
    """``amount`` in pieces of ``size``, rounded up."""
    return -(-amount // size)
